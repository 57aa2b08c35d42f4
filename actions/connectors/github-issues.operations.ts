/** Tickets as GitHub issues, through Octokit as it is. Bundled and run in the sandbox; every call passes the broker. */
import type { Look, Operation } from '../../src/action.ts';
import type { Json, Result } from '../../src/model/request.ts';
import { saidThere, text, unclear, unsure } from './answer.ts';
import {
  at,
  attempt,
  type Comment,
  commentsOf,
  ISSUE,
  ISSUES,
  type Issue,
  issues,
  issuesOf,
  named,
  octokit,
  ownAccount,
  place,
  readAccountRule,
  readCommentsRule,
  readIssue,
  readIssueRule,
  readIssuesRule,
  readOpenedRule,
  readRepositoryRule,
  readWrittenRule,
  rule,
  withNumber,
} from './github-issues-calls.ts';
import { commentBody, issueBody } from './github-issues-words.ts';
import type { Answer } from './json-call.ts';
import {
  CANNOT_TELL,
  done,
  doneWith,
  happened,
  inSentence,
  listed,
  neverFollows,
  newestOf,
  numberOf,
  quoted,
  shownWords,
} from './ticket-words.ts';

const openedWith = (number: string, link: string) =>
  doneWith(`#${number}`, link, `Issue #${number} is open.`);
const commentedWith = (number: string, link: string) =>
  doneWith(`#${number}`, link, `The comment is on issue #${number}.`);
const closedWith = (number: string, link: string) =>
  doneWith(`#${number}`, link, `Issue #${number} is closed.`);

type Handle = Record<string, Json>;
/** How often what GitHub does not show yet is looked for, a second apart. */
const READ_BACK_LOOKS = 10;

/** Looks for what a run has written; `judge` says what it is, or null while it is not to be seen. */
function readBack<T>(
  handle: Handle,
  answer: Answer<T>,
  missing: string,
  judge: (found: T) => { result: Result } | { differs: string } | null,
): Look {
  const seen = answer.ok ? judge(answer.value) : null;
  if (seen !== null && 'result' in seen) return { kind: 'done', result: seen.result, output: '' };
  if (seen === null) {
    const looks = typeof handle.looks === 'number' ? handle.looks + 1 : 1;
    if (looks < READ_BACK_LOOKS) return { kind: 'running', handle: { ...handle, looks }, output: '' };
  }
  const said = `${seen?.differs ?? missing} Please look at it there.`;
  return { ...unsure(said, text(handle, 'link')), output: '' };
}

const create: Operation = {
  egress: [
    readRepositoryRule,
    rule('POST', ISSUES, { body: (values) => issueBody(values.args, values) }),
    readAccountRule,
    readIssuesRule,
    readOpenedRule,
  ],
  scope: issues('write'),
  writes: 1,
  idempotency: 'none',
  preview: async (_args, tools) => {
    const found = await attempt(() => octokit(tools).rest.repos.get(place(tools.settings)));
    if (!found.ok) return { refused: found.failure.result.message };
    if (found.value.has_issues === false) return { refused: 'Issues are switched off in that repository.' };
    return {
      summary: `Open an issue in ${named(tools.settings)} on GitHub.`,
      facts: [
        { label: 'Repository', value: named(tools.settings) },
        { label: 'Visible to', value: readers(found.value) },
        { label: 'Opened for', value: tools.requester },
      ],
      pinned: {},
    };
  },
  run: async (args, tools) => {
    const wanted = issueBody(args, tools);
    const made = await attempt(() =>
      octokit(tools).rest.issues.create({ ...place(tools.settings), ...wanted }),
    );
    if (!made.ok) return made.failure;
    const { number, html_url: link } = made.value;
    if (!Number.isInteger(number)) throw unclear('GitHub', 'no number');
    // Its number is GitHub's word; `follow` reads back what it holds before anybody is told that it is done.
    return {
      kind: 'running',
      handle: { number: String(number), link, ...wanted },
      message: `Issue #${number} is being read back.`,
    };
  },
  reconcile: async (args, tools) => {
    const wanted = issueBody(args, tools);
    const account = await ownAccount(tools);
    for await (const page of issuesOf(tools)) {
      if (!page.ok) return CANNOT_TELL;
      const found = page.value.find(
        (issue) =>
          issue.user?.login === account && issue.title === wanted.title && issue.body === wanted.body,
      );
      if (found === undefined) continue;
      const result = openedWith(String(found.number), found.html_url);
      return happened({ kind: 'done', result });
    }
    return CANNOT_TELL;
  },
  follow: async (handle, tools) => {
    const number = text(handle, 'number');
    const found = await attempt(() =>
      octokit(tools).rest.issues.get({ ...place(tools.settings), issue_number: Number(number) }),
    );
    return readBack(handle, found, `GitHub opened issue #${number} and does not show it.`, (issue) => {
      const others = [
        ...(issue.title === text(handle, 'title') ? [] : ['title']),
        ...(issue.body === text(handle, 'body') ? [] : ['text']),
      ];
      return others.length === 0
        ? { result: openedWith(number, issue.html_url) }
        : { differs: `GitHub opened issue #${number}, with another ${listed(others)}.` };
    });
  },
};

const readers = (repository: { private: boolean }): string =>
  repository.private ? 'members of the repository' : 'everybody';

const factsOf = ({ title, state }: Issue) => [saidThere('Issue', `“${title}”`), saidThere('State', state)];

const comment: Operation = {
  egress: [
    readRepositoryRule,
    readIssueRule,
    rule('POST', `${ISSUE}/comments`, {
      fill: withNumber,
      body: (values) => commentBody(values.args, values),
    }),
    readAccountRule,
    readCommentsRule,
    readWrittenRule,
  ],
  scope: issues('write'),
  writes: 1,
  idempotency: 'none',
  preview: async (args, tools) => {
    const found = await readIssue(args, tools);
    if (!found.ok) return { refused: found.failure.result.message };
    const repository = await attempt(() => octokit(tools).rest.repos.get(place(tools.settings)));
    if (!repository.ok) return { refused: repository.failure.result.message };
    return {
      summary: `Add a comment to issue #${numberOf(args)} of ${named(tools.settings)} on GitHub.`,
      facts: [
        ...factsOf(found.value),
        { label: 'Read by', value: readers(repository.value) },
        { label: 'Written for', value: tools.requester },
      ],
      pinned: {},
    };
  },
  run: async (args, tools) => {
    const found = await readIssue(args, tools);
    if (!found.ok) return found.failure;
    const wanted = commentBody(args, tools);
    const made = await attempt(() =>
      octokit(tools).rest.issues.createComment({ ...at(args, tools), ...wanted }),
    );
    if (!made.ok) return made.failure;
    const { id, html_url: link } = made.value;
    if (!Number.isInteger(id)) throw unclear('GitHub', 'no id');
    return {
      kind: 'running',
      handle: { number: numberOf(args), comment: String(id), link, ...wanted },
      message: 'The comment is being read back.',
    };
  },
  reconcile: async (args, tools) => {
    const found = await readIssue(args, tools);
    if (!found.ok) return CANNOT_TELL;
    const account = await ownAccount(tools);
    const { body } = commentBody(args, tools);
    const isThis = (entry: Comment): boolean => entry.user?.login === account && entry.body === body;
    for await (const page of commentsOf(found.value, tools)) {
      if (!page.ok) return CANNOT_TELL;
      const ours = page.value.find(isThis);
      if (ours === undefined) continue;
      const result = commentedWith(numberOf(args), ours.html_url);
      return happened({ kind: 'done', result });
    }
    return CANNOT_TELL;
  },
  follow: async (handle, tools) => {
    const number = text(handle, 'number');
    const found = await attempt(() =>
      octokit(tools).rest.issues.getComment({
        ...place(tools.settings),
        comment_id: Number(text(handle, 'comment')),
      }),
    );
    const missing = `GitHub took the comment on issue #${number} and does not show it.`;
    return readBack(handle, found, missing, (entry) =>
      entry.body === text(handle, 'body')
        ? { result: commentedWith(number, entry.html_url) }
        : { differs: `GitHub shows the comment on issue #${number} with another text.` },
    );
  },
};

/** Settled without work: what is taken back was never wanted. */
const CLOSED = { state: 'closed', state_reason: 'not_planned' } as const;

const close: Operation = {
  egress: [
    readIssueRule,
    rule('PATCH', ISSUE, { fill: withNumber, body: () => ({ ...CLOSED }) }),
    readOpenedRule,
  ],
  scope: issues('write'),
  writes: 1,
  idempotency: 'natural',
  preview: async (args, tools) => {
    const found = await readIssue(args, tools);
    if (!found.ok) return { refused: found.failure.result.message };
    if (found.value.state === 'closed') return { refused: `Issue #${numberOf(args)} is closed already.` };
    return {
      summary: `Close issue #${numberOf(args)} of ${named(tools.settings)} on GitHub.`,
      facts: [...factsOf(found.value), { label: 'Closed for', value: tools.requester }],
      pinned: {},
    };
  },
  run: async (args, tools) => {
    const found = await readIssue(args, tools);
    if (!found.ok) return found.failure;
    const made = await attempt(() => octokit(tools).rest.issues.update({ ...at(args, tools), ...CLOSED }));
    if (!made.ok) return made.failure;
    return {
      kind: 'running',
      handle: { number: numberOf(args), link: found.value.html_url },
      message: `Issue #${numberOf(args)} is being read back.`,
    };
  },
  reconcile: async (args, tools) => {
    const found = await readIssue(args, tools);
    if (!found.ok || found.value.state !== 'closed') return CANNOT_TELL;
    return happened({ kind: 'done', result: closedWith(numberOf(args), found.value.html_url) });
  },
  follow: async (handle, tools) => {
    const number = text(handle, 'number');
    const found = await readIssue({ ticket: number }, tools);
    const missing = `GitHub took issue #${number} as closed and does not show it so.`;
    return readBack(handle, found, missing, (issue) =>
      issue.state === 'closed' ? { result: closedWith(number, issue.html_url) } : null,
    );
  },
};

const status: Operation = {
  egress: [readIssueRule, readCommentsRule],
  scope: issues('read'),
  writes: 0,
  idempotency: 'natural',
  preview: async (args, tools) => ({
    summary: `Read issue #${numberOf(args)} of ${named(tools.settings)} on GitHub.`,
    facts: [],
    pinned: {},
  }),
  run: async (args, tools) => {
    const found = await readIssue(args, tools);
    if (!found.ok) return found.failure;
    const issue = found.value;
    const newest = await newestOf(commentsOf(issue, tools));
    if (!newest.ok) return newest.failure;
    const said = newest.value.map((entry) => `${entry.user?.login ?? 'somebody'}: ${entry.body ?? ''}`);
    const { number, state, title, comments } = issue;
    const owner = inSentence(listed(issue.assignees?.map(({ login }) => login) ?? [])) || 'nobody';
    const message = `Issue #${number} is ${state}, owner ${owner}; ${shownWords(said.length, 'comment')}.`;
    const { result } = done(`#${number}`, issue.html_url, message);
    return {
      kind: 'done',
      result: {
        ...result,
        output: quoted([title, issue.body ?? '', ...said]),
        data: { ticket: `#${number}`, state, title, owner, comments },
      },
    };
  },
  reconcile: async () => CANNOT_TELL,
  follow: neverFollows,
};

export const operations = { create, comment, close, status };

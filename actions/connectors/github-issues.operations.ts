/** Tickets as GitHub issues, through Octokit as it is. Bundled and run in the sandbox; every call passes the broker. */
import { Octokit } from '@octokit/rest';
import type { EgressRule, EgressValues, Look, Operation, RunResult, Tools } from '../../src/action.ts';
import type { Json, Result } from '../../src/model/request.ts';
import { isFields, text, unsure } from './answer.ts';
import { githubFailure } from './github-errors.ts';
import { type Args, neverFollows, numberOf } from './ticket-words.ts';

/** The host that rules name; the operator's upstreams say where it is (GitHub itself, or an own server). */
const HOST = 'api.github.com';
const CREDENTIAL = 'github';
const PER_PAGE = 100;
/** How far back reconciling looks, in pages: absence is never proof, so there is no need to read everything. */
const RECONCILE_PAGES = 3;
/** Comments of one issue, in pages: a thousand. */
const COMMENT_PAGES = 10;
/** The newest that a look at a ticket shows. */
const COMMENTS_SHOWN = 20;

type About = Pick<EgressValues, 'mark' | 'requester'>;

function place(settings: Json): { owner: string; repo: string } {
  const fields = isFields(settings) ? settings : {};
  return { owner: text(fields, 'owner'), repo: text(fields, 'repo') };
}

/** The configured account that writes; empty: it is asked for. */
const accountOf = (settings: Json) => (isFields(settings) ? text(settings, 'account') : '');

/** Invisible on GitHub's pages; keyed, so that nobody else can write it. */
const markOf = (mark: string) => `<!-- countersign:${mark} -->`;

function signed(words: string, { mark, requester }: About): string {
  const above = words === '' ? '' : `${words}\n\n`;
  return `${above}Written for ${requester} by Countersign.\n${markOf(mark)}`;
}

function issueBody(args: Args, about: About): { title: string; body: string } {
  const priority = text(args, 'priority');
  const words = [text(args, 'description'), priority === '' ? '' : `Priority: ${priority}`];
  return {
    title: text(args, 'title'),
    body: signed(words.filter((part) => part !== '').join('\n\n'), about),
  };
}

const commentBody = (args: Args, about: About) => ({ body: signed(text(args, 'comment'), about) });

type Shape = Partial<Pick<EgressRule, 'fill' | 'query' | 'body'>>;

function rule(method: 'GET' | 'POST' | 'PATCH', path: string, shape: Shape = {}): EgressRule {
  return {
    method,
    host: HOST,
    path,
    effect: method === 'GET' ? 'read' : 'write',
    fill: shape.fill ?? (({ settings }) => place(settings)),
    query: shape.query ?? (() => ({})),
    body: shape.body ?? (() => null),
    credential: CREDENTIAL,
  };
}

/** What a token is made for where the credential is an app's; reading the repository itself comes with it. */
const issues =
  (level: 'read' | 'write'): NonNullable<Operation['scope']> =>
  ({ settings }) => ({ repository: place(settings), permissions: { issues: level } });

const withNumber = ({ settings, args }: EgressValues) => ({ ...place(settings), number: numberOf(args) });
const ISSUE = '/repos/{owner}/{repo}/issues/{number}';
const LIST = { state: 'all', sort: 'created', direction: 'desc', per_page: PER_PAGE } as const;

const readRepository = rule('GET', '/repos/{owner}/{repo}');
/** The issue that a run has just opened, for reading it back. */
const readOpened = rule('GET', ISSUE, {
  fill: ({ settings, handle }) => ({ ...place(settings), number: text(handle, 'number') }),
});
const readIssue = rule('GET', ISSUE, { fill: withNumber });
const readAccount = rule('GET', '/user', { fill: () => ({}) });
const readIssues = rule('GET', '/repos/{owner}/{repo}/issues', {
  query: () => ({ ...LIST, per_page: String(PER_PAGE), page: null }),
});
const readComments = rule('GET', `${ISSUE}/comments`, {
  fill: withNumber,
  query: () => ({ per_page: String(PER_PAGE), page: null }),
});

function octokit(tools: Tools): Octokit {
  const quiet = () => {};
  return new Octokit({
    baseUrl: `https://${HOST}`,
    request: { fetch: tools.fetch },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
}

/** The pages of a list, until one is not full or enough were read. */
async function* pages<T>(read: (page: number) => Promise<{ data: T[] }>, most: number): AsyncGenerator<T[]> {
  for (let page = 1; page <= most; page += 1) {
    const { data } = await read(page);
    yield data;
    if (data.length < PER_PAGE) return;
  }
}

/** A call whose certain failures are results, and whose uncertain ones are thrown. */
async function attempt<T>(call: () => Promise<T>): Promise<{ value: T } | (RunResult & { kind: 'failed' })> {
  try {
    return { value: await call() };
  } catch (error) {
    return githubFailure(error);
  }
}

function doneWith(issue: { number: number; html_url: string }, message: string): Result {
  return { code: 'done', message, link: issue.html_url, data: { ticket: `#${issue.number}` } };
}
const done = (issue: { number: number; html_url: string }, message: string): RunResult => ({
  kind: 'done',
  result: doneWith(issue, message),
});
const opened = (number: number): string => `Issue #${number} is open.`;

async function ownAccount(github: Octokit, tools: Tools): Promise<string> {
  return accountOf(tools.settings) || (await github.rest.users.getAuthenticated()).data.login;
}

/** How often an issue that GitHub does not show yet is looked for, a second apart. */
const READ_BACK_LOOKS = 10;

/** Whether what GitHub shows is what was asked for; the handle holds both the number and the words. */
async function readBack(handle: Record<string, Json>, tools: Tools): Promise<Look> {
  const number = text(handle, 'number');
  const found = await attempt(() =>
    octokit(tools).rest.issues.get({ ...place(tools.settings), issue_number: Number(number) }),
  );
  if ('kind' in found) {
    const looks = typeof handle.looks === 'number' ? handle.looks + 1 : 1;
    if (looks < READ_BACK_LOOKS) return { kind: 'running', handle: { ...handle, looks }, output: '' };
    const said = `GitHub opened issue #${number} and does not show it. Please look at it there.`;
    return { ...unsure(said, text(handle, 'link')), output: '' };
  }
  const issue = found.value.data;
  const differing = [
    issue.title === text(handle, 'title') ? '' : 'title',
    issue.body === text(handle, 'body') ? '' : 'text',
  ].filter((name) => name !== '');
  if (differing.length === 0) {
    return { kind: 'done', result: doneWith(issue, opened(issue.number)), output: '' };
  }
  const said = `GitHub opened issue #${number}, with another ${differing.join(' and ')}. Please look at it there.`;
  return { ...unsure(said, issue.html_url), output: '' };
}

const create: Operation = {
  egress: [
    readRepository,
    rule('POST', '/repos/{owner}/{repo}/issues', { body: (values) => issueBody(values.args, values) }),
    readAccount,
    readIssues,
    readOpened,
  ],
  scope: issues('write'),
  writes: 1,
  idempotency: 'none',
  preview: async (_args, tools) => {
    const at = place(tools.settings);
    const found = await attempt(() => octokit(tools).rest.repos.get(at));
    if ('kind' in found) return { refused: found.result.message };
    if (found.value.data.has_issues === false)
      return { refused: 'Issues are switched off in that repository.' };
    return {
      summary: `Open an issue in ${at.owner}/${at.repo} on GitHub.`,
      facts: [
        { label: 'Repository', value: `${at.owner}/${at.repo}` },
        { label: 'Visible to', value: found.value.data.private ? 'members of the repository' : 'everybody' },
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
    if ('kind' in made) return made;
    const { number, html_url: link } = made.value.data;
    // Its number is GitHub's word; `follow` reads back what it holds before anybody is told that it is done.
    return {
      kind: 'running',
      handle: { number: String(number), link, ...wanted },
      message: `Issue #${number} is being read back.`,
    };
  },
  reconcile: async (args, tools) => {
    const github = octokit(tools);
    const wanted = issueBody(args, tools);
    const account = await ownAccount(github, tools);
    const read = (page: number) =>
      github.rest.issues.listForRepo({ ...place(tools.settings), ...LIST, page });
    for await (const issues of pages(read, RECONCILE_PAGES)) {
      const found = issues.find(
        (issue) =>
          issue.user?.login === account && issue.title === wanted.title && issue.body === wanted.body,
      );
      if (found) return { kind: 'happened', outcome: done(found, opened(found.number)) };
    }
    return { kind: 'cannot_tell' };
  },
  follow: readBack,
};

const at = (args: Args, tools: Tools) => ({ ...place(tools.settings), issue_number: Number(numberOf(args)) });

const comment: Operation = {
  egress: [
    readIssue,
    rule('POST', `${ISSUE}/comments`, {
      fill: withNumber,
      body: (values) => commentBody(values.args, values),
    }),
    readAccount,
    readComments,
  ],
  scope: issues('write'),
  writes: 1,
  idempotency: 'none',
  preview: async (args, tools) => {
    const found = await attempt(() => octokit(tools).rest.issues.get(at(args, tools)));
    if ('kind' in found) return { refused: found.result.message };
    const { owner, repo } = place(tools.settings);
    return {
      summary: `Add a comment to issue #${numberOf(args)} of ${owner}/${repo} on GitHub.`,
      facts: [
        { label: 'Issue', value: `“${found.value.data.title}”` },
        { label: 'State', value: found.value.data.state },
        { label: 'Written for', value: tools.requester },
      ],
      pinned: {},
    };
  },
  run: async (args, tools) => {
    const made = await attempt(() =>
      octokit(tools).rest.issues.createComment({ ...at(args, tools), ...commentBody(args, tools) }),
    );
    const number = Number(numberOf(args));
    return 'kind' in made
      ? made
      : done({ number, html_url: made.value.data.html_url }, `The comment is on issue #${number}.`);
  },
  reconcile: async (args, tools) => {
    const github = octokit(tools);
    const { body } = commentBody(args, tools);
    const account = await ownAccount(github, tools);
    const number = Number(numberOf(args));
    const read = (page: number) =>
      github.rest.issues.listComments({ ...at(args, tools), per_page: PER_PAGE, page });
    for await (const comments of pages(read, COMMENT_PAGES)) {
      const found = comments.find((entry) => entry.user?.login === account && entry.body === body);
      if (found) {
        const outcome = done({ number, html_url: found.html_url }, `The comment is on issue #${number}.`);
        return { kind: 'happened', outcome };
      }
    }
    return { kind: 'cannot_tell' };
  },
  follow: neverFollows,
};

/** Settled without work: what is taken back was never wanted. */
const CLOSED = { state: 'closed', state_reason: 'not_planned' } as const;

const close: Operation = {
  egress: [readIssue, rule('PATCH', ISSUE, { fill: withNumber, body: () => ({ ...CLOSED }) })],
  scope: issues('write'),
  writes: 1,
  idempotency: 'natural',
  preview: async (args, tools) => {
    const found = await attempt(() => octokit(tools).rest.issues.get(at(args, tools)));
    if ('kind' in found) return { refused: found.result.message };
    const { title, state } = found.value.data;
    if (state === 'closed') return { refused: `Issue #${numberOf(args)} is closed already.` };
    const { owner, repo } = place(tools.settings);
    return {
      summary: `Close issue #${numberOf(args)} of ${owner}/${repo} on GitHub.`,
      facts: [
        { label: 'Issue', value: `“${title}”` },
        { label: 'Closed for', value: tools.requester },
      ],
      pinned: {},
    };
  },
  run: async (args, tools) => {
    const made = await attempt(() => octokit(tools).rest.issues.update({ ...at(args, tools), ...CLOSED }));
    return 'kind' in made ? made : done(made.value.data, `Issue #${numberOf(args)} is closed.`);
  },
  reconcile: async (args, tools) => {
    const found = await attempt(() => octokit(tools).rest.issues.get(at(args, tools)));
    if ('kind' in found || found.value.data.state !== 'closed') return { kind: 'cannot_tell' };
    return { kind: 'happened', outcome: done(found.value.data, `Issue #${numberOf(args)} is closed.`) };
  },
  follow: neverFollows,
};

const status: Operation = {
  egress: [readIssue, readComments],
  scope: issues('read'),
  writes: 0,
  idempotency: 'natural',
  preview: async (args, tools) => {
    const { owner, repo } = place(tools.settings);
    return { summary: `Read issue #${numberOf(args)} of ${owner}/${repo} on GitHub.`, facts: [], pinned: {} };
  },
  run: async (args, tools) => {
    const github = octokit(tools);
    const answer = await attempt(async () => {
      const issue = (await github.rest.issues.get(at(args, tools))).data;
      const read = (page: number) =>
        github.rest.issues.listComments({ ...at(args, tools), per_page: PER_PAGE, page });
      const comments = (await Array.fromAsync(pages(read, COMMENT_PAGES))).flat();
      return { issue, comments };
    });
    if ('kind' in answer) return answer;
    const { issue, comments } = answer.value;
    const newest = comments.slice(-COMMENTS_SHOWN);
    const said = newest.map((entry) => `${entry.user?.login ?? 'somebody'}: ${entry.body ?? ''}`);
    return {
      kind: 'done',
      result: {
        code: 'done',
        message: `Issue #${issue.number} is ${issue.state} and has ${comments.length} comments.`,
        link: issue.html_url,
        // Other people's words: whoever shows them marks them as such.
        output: [issue.title, issue.body ?? '', ...said].join('\n').slice(0, 16_000),
        data: {
          ticket: `#${issue.number}`,
          state: issue.state,
          title: issue.title,
          comments: comments.length,
        },
      },
    };
  },
  reconcile: async () => ({ kind: 'cannot_tell' }),
  follow: neverFollows,
};

export const operations = { create, comment, close, status };

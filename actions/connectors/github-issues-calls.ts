/** How the connector reads one repository's issues: its rules, and what GitHub answers. Runs in the sandbox. */
import { Octokit } from '@octokit/rest';
import type { EgressRule, EgressValues, Operation, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { failed, isFields, text } from './answer.ts';
import { githubFailure } from './github-errors.ts';
import type { Answer } from './json-call.ts';
import { type Args, numberOf } from './ticket-words.ts';

/** The host that rules name; the operator's upstreams say where it is (GitHub itself, or an own server). */
const HOST = 'api.github.com';
const CREDENTIAL = 'github';
const PER_PAGE = 100;
/** How far back reconciling looks, in pages: absence is never proof, so there is no need to read everything. */
const RECONCILE_PAGES = 3;
/** Comments of one issue, in pages, from the newest back: a thousand. */
const COMMENT_PAGES = 10;

export function place(settings: Json): { owner: string; repo: string } {
  const fields = isFields(settings) ? settings : {};
  return { owner: text(fields, 'owner'), repo: text(fields, 'repo') };
}

export function named(settings: Json): string {
  const { owner, repo } = place(settings);
  return `${owner}/${repo}`;
}

/** The configured account that writes; empty: it is asked for. */
const accountOf = (settings: Json) => (isFields(settings) ? text(settings, 'account') : '');

type Shape = Partial<Pick<EgressRule, 'fill' | 'query' | 'body'>>;

export function rule(method: 'GET' | 'POST' | 'PATCH', path: string, shape: Shape = {}): EgressRule {
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
export const issues =
  (level: 'read' | 'write'): NonNullable<Operation['scope']> =>
  ({ settings }) => ({ repository: place(settings), permissions: { issues: level } });

export const withNumber = ({ settings, args }: EgressValues) => ({
  ...place(settings),
  number: numberOf(args),
});
export const ISSUES = '/repos/{owner}/{repo}/issues';
export const ISSUE = `${ISSUES}/{number}`;
const LIST = { state: 'all', sort: 'created', direction: 'desc', per_page: PER_PAGE } as const;

export const readRepositoryRule = rule('GET', '/repos/{owner}/{repo}');
export const readIssueRule = rule('GET', ISSUE, { fill: withNumber });
export const readAccountRule = rule('GET', '/user', { fill: () => ({}) });
export const readIssuesRule = rule('GET', ISSUES, {
  query: () => ({ ...LIST, per_page: String(PER_PAGE), page: null }),
});
export const readCommentsRule = rule('GET', `${ISSUE}/comments`, {
  fill: withNumber,
  query: () => ({ per_page: String(PER_PAGE), page: null }),
});
/** What a run has just written, for reading it back. */
export const readOpenedRule = rule('GET', ISSUE, {
  fill: ({ settings, handle }) => ({ ...place(settings), number: text(handle, 'number') }),
});
export const readWrittenRule = rule('GET', `${ISSUES}/comments/{comment}`, {
  fill: ({ settings, handle }) => ({ ...place(settings), comment: text(handle, 'comment') }),
});

export function octokit(tools: Tools): Octokit {
  const quiet = () => {};
  return new Octokit({
    baseUrl: `https://${HOST}`,
    request: { fetch: tools.fetch },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
}

/** A call whose certain failures are results, and whose uncertain ones are thrown. */
export async function attempt<T>(call: () => Promise<{ data: T }>): Promise<Answer<T>> {
  try {
    return { ok: true, value: (await call()).data };
  } catch (error) {
    return { ok: false, failure: githubFailure(error) };
  }
}

export async function ownAccount(tools: Tools): Promise<string> {
  return accountOf(tools.settings) || (await octokit(tools).rest.users.getAuthenticated()).data.login;
}

type Issues = Octokit['rest']['issues'];
type DataOf<Call extends (...args: never[]) => Promise<{ data: unknown }>> = Awaited<
  ReturnType<Call>
>['data'];
export type Issue = DataOf<Issues['get']>;
export type Comment = DataOf<Issues['getComment']>;

export const at = (args: Args, tools: Tools) => ({
  ...place(tools.settings),
  issue_number: Number(numberOf(args)),
});

/** One issue. At the same address GitHub also answers with a pull request, which is no ticket and never ours to change. */
export async function readIssue(args: Args, tools: Tools): Promise<Answer<Issue>> {
  const found = await attempt(() => octokit(tools).rest.issues.get(at(args, tools)));
  if (!found.ok || !found.value.pull_request) return found;
  const words = `#${numberOf(args)} of ${named(tools.settings)} is a pull request on GitHub, and no ticket.`;
  return { ok: false, failure: failed('not_found', words) };
}

type Listed = DataOf<Issues['listForRepo']>[number];

/** Pages of the repository's issues, newest first. */
export async function* issuesOf(tools: Tools): AsyncGenerator<Answer<Listed[]>> {
  for (let page = 1; page <= RECONCILE_PAGES; page += 1) {
    const about = { ...place(tools.settings), ...LIST, page };
    const answer = await attempt(() => octokit(tools).rest.issues.listForRepo(about));
    yield answer.ok ? { ok: true, value: answer.value.filter((issue) => !issue.pull_request) } : answer;
    if (!answer.ok || answer.value.length < PER_PAGE) return;
  }
}

/** Pages of an issue's comments, newest first. GitHub lists them oldest first: the issue's own count tells which page is the last. */
export async function* commentsOf(issue: Issue, tools: Tools): AsyncGenerator<Answer<Comment[]>> {
  const last = Math.max(1, Math.ceil(issue.comments / PER_PAGE));
  for (let page = last; page > Math.max(0, last - COMMENT_PAGES); page -= 1) {
    const about = { ...place(tools.settings), issue_number: issue.number, per_page: PER_PAGE, page };
    const answer = await attempt(() => octokit(tools).rest.issues.listComments(about));
    yield answer.ok ? { ok: true, value: answer.value.toReversed() } : answer;
    if (!answer.ok) return;
  }
}

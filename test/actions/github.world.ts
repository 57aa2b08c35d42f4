/** Issues of a repository on an emulated GitHub, as the contract of ticketing sees them. */
import { createEmulator } from 'emulate';
import { githubIssues } from '../../actions/connectors/github-issues.ts';
import { freePort } from '../support/free-port.ts';
import { seen } from '../support/github-issues/markdown.ts';
import { type Call, startFront } from '../support/ticketing/front.ts';
import type { Reply } from '../support/ticketing/wire.ts';
import { overHttp, type Subject, type Who, type World } from './ticketing-contract.world.ts';

const SETTINGS = githubIssues.settings.parse({ owner: 'acme', repo: 'web' });
const ISSUES = '/repos/acme/web/issues';
/** Its own words stand for whatever it says: none of them may reach a person. */
const SAID = 'the vendor says';
const refusal = (status: number): Reply => ({ status, body: { message: SAID, documentation_url: SAID } });

const LOGINS: Readonly<Record<Who, string>> = { ours: 'bot', other: 'eve', nobody: 'nobody' };
type Shown = { number: number; title: string; body: string | null; state: string };
type Said = { user: { login: string }; body: string };

async function startEmulator(tokens: Readonly<Record<Who, string>>) {
  const member = (login: string) => ({ login, role: 'admin' });
  const accounts = [LOGINS.ours, LOGINS.other];
  return createEmulator({
    service: 'github',
    port: await freePort(),
    seed: {
      tokens: Object.fromEntries(
        (['ours', 'other'] as const).map((who) => [tokens[who], { login: LOGINS[who], scopes: ['repo'] }]),
      ),
      github: {
        users: accounts.map((login) => ({ login })),
        orgs: [{ login: 'acme', members: accounts.map(member) }],
        repos: [{ owner: 'acme', name: 'web', auto_init: true }],
      },
    },
  });
}

/** The emulator keeps pull requests away from its issues; at GitHub they are issues with one field more. */
function withPulls(pulls: ReadonlySet<number>) {
  const marked = (issue: unknown): unknown => {
    const { number } = (issue ?? {}) as { number?: number };
    if (number === undefined || !pulls.has(number)) return issue;
    return {
      ...(issue as object),
      pull_request: { url: `https://api.github.com/repos/acme/web/pulls/${number}` },
    };
  };
  return ({ path }: Call, body: unknown): unknown => {
    if (!path.startsWith(ISSUES) || path.includes('/comments')) return body;
    return Array.isArray(body) ? body.map(marked) : marked(body);
  };
}

export type GithubWorld = World & {
  /** The emulator's own API, past everything of ours. */
  rest: (path: string, body?: unknown, method?: string) => Promise<unknown>;
  /** Opens what GitHub also shows as an issue. */
  pull: () => Promise<string>;
  /** Tells an answer otherwise than GitHub tells it, until it is undone. */
  retell: (told: ((call: Call, body: unknown) => unknown) | null) => void;
};

export async function startGithub(): Promise<GithubWorld> {
  const token = (who: Who) => ['ghp', LOGINS[who], crypto.randomUUID().replaceAll('-', '')].join('_');
  const tokens = { ours: token('ours'), other: token('other'), nobody: token('nobody') };
  const emulator = await startEmulator(tokens);
  const pulls = new Set<number>();
  const usual = withPulls(pulls);
  let told: ((call: Call, body: unknown) => unknown) | null = null;
  const front = await startFront(emulator.url, {
    refusal,
    // The emulator takes a token that it does not know for an administrator's.
    isKnown: (authorization) =>
      [tokens.ours, tokens.other].some((token) => authorization.endsWith(` ${token}`)),
    retold: (call, body) => usual(call, told === null ? body : told(call, body)),
  });

  const rest = async (path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST') => {
    const response = await fetch(`${emulator.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${tokens.other}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const at = (ticket: string) => `${ISSUES}/${ticket.slice(1)}`;
  const pull = async (): Promise<string> => {
    const { number } = (await rest(ISSUES, { title: 'Add a proxy', body: 'x' })) as Shown;
    pulls.add(number);
    return `#${number}`;
  };
  return {
    ...overHttp({
      host: 'api.github.com',
      credential: 'github',
      baseUrl: front.baseUrl,
      authorization: (who) => `Bearer ${tokens[who]}`,
    }),
    rest,
    pull,
    retell: (next) => {
      told = next;
    },
    async held(ticket) {
      const issue = (await rest(at(ticket))) as Shown;
      const comments = (await rest(`${at(ticket)}/comments?per_page=100`)) as Said[];
      return {
        title: issue.title,
        text: seen(issue.body ?? ''),
        requester: null,
        isDone: issue.state === 'closed',
        comments: comments.map(({ user, body }) => ({
          isOurs: user.login === LOGINS.ours,
          isPublic: true,
          text: seen(body),
        })),
      };
    },
    async count() {
      const newest = (await rest(`${ISSUES}?state=all&per_page=100`)) as Shown[];
      return Math.max(0, ...newest.map(({ number }) => number));
    },
    async saidByOthers(ticket, times) {
      for (let index = 0; index < times; index += 1)
        await rest(`${at(ticket)}/comments`, { body: `note ${index}` });
    },
    async ownedBy(ticket) {
      await rest(at(ticket), { assignees: [LOGINS.other] }, 'PATCH');
      return LOGINS.other;
    },
    elsewhere: pull,
    storesOtherwise: () => {
      told = ({ method, path }, body) => {
        if (method !== 'GET' || !path.startsWith(ISSUES) || path.includes('/comments')) return body;
        const title = 'Changed by a workflow';
        return Array.isArray(body)
          ? body.map((issue) => ({ ...issue, title }))
          : { ...(body as object), title };
      };
      return () => {
        told = null;
      };
    },
    calls: () => front.calls,
    refuseNext: front.refuseNext,
    async stop() {
      await front.stop();
      await emulator.close();
    },
  };
}

/** `take` is given every world that is started. */
export const githubSubject = (take: (world: GithubWorld) => void = () => {}): Subject => ({
  connector: githubIssues,
  settings: SETTINGS,
  async start() {
    const world = await startGithub();
    take(world);
    return world;
  },
  noun: 'Issue',
  ticket: { pattern: /^#\d+$/, unknown: '#999999', strange: ['INC0999999', 'INC99999', '#0', 'T-0', 'x'] },
  asked: ['title'],
  vendorWords: SAID,
  refusals: [
    [410, 'issues_disabled'],
    [422, 'upstream_rejected'],
  ],
  pages: 3,
  hostile: {
    text: 'Fixes #1 and GH-2, tell @acme/team\n```\n# ![x](https://evil.example/x.png) <img src=x>\n````text\n<!--',
    never: /<told|<linked|<loaded|countersign:/,
  },
  exceptions: {
    'internal comments': 'on GitHub whoever sees an issue sees all of its comments',
    people: 'an issue has an author, and nobody whom it is for',
  },
});

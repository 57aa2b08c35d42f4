/**
 * A pretended organisation with teams on GitHub, written from its public API description
 * (https://docs.github.com/en/rest/teams/members, .../rest/orgs/members). `coverage.ts` lists what it does.
 */
import { type Reply, type Routes, startWire, type Wire } from '../ticketing/wire.ts';

/** Its own words: none of them may reach a person. */
export const SAID = 'the vendor says';
const refused = (status: number, headers?: Record<string, string>): Reply => ({
  status,
  body: { message: SAID, documentation_url: 'https://docs.github.com/rest' },
  ...(headers === undefined ? {} : { headers }),
});

export class FakeGitHubTeams {
  wire!: Wire;
  readonly org = 'acme';
  /** Members of the organisation. */
  readonly members = new Set(['alice-gh', 'bob-gh']);
  readonly teams = new Map<string, Set<string>>([['dba', new Set(['bob-gh'])]]);
  /** Every change, in order: "PUT dba alice-gh". */
  readonly changes: string[] = [];

  /** While set every write is answered with 502, whether or not it was done; `silent`: every read after it is refused. */
  trouble: { done: boolean; silent: boolean } | null = null;
  #isSilent = false;

  readonly token: string;

  private constructor(token: string) {
    this.token = token;
  }

  static async start(token: string): Promise<FakeGitHubTeams> {
    const fake = new FakeGitHubTeams(token);
    fake.wire = await startWire(fake, ROUTES, {
      account: (authorization) => (authorization === `Bearer ${token}` ? 'bot' : null),
      refusal: (status) => (status === 403 ? refused(403, { 'retry-after': '42' }) : refused(status)),
    });
    return fake;
  }

  recover(): void {
    this.trouble = null;
    this.#isSilent = false;
  }

  read(answer: () => Reply): Reply {
    return this.#isSilent ? refused(403) : answer();
  }

  write(change: () => Reply): Reply {
    if (this.trouble === null) return change();
    if (this.trouble.done) change();
    this.#isSilent = this.trouble.silent;
    return refused(502);
  }

  membership(at: Record<string, string>): Reply {
    const isIn = this.teams.get(at.team ?? '')?.has(at.login ?? '') ?? false;
    return isIn ? { status: 200, body: { state: 'active', role: 'member' } } : refused(404);
  }

  stop = (): Promise<void> => this.wire.stop();
}

export const ROUTES: Routes<FakeGitHubTeams> = {
  'GET /orgs/:org/memberships/:login': (fake, { at }) =>
    fake.read(() =>
      fake.members.has(at.login ?? '')
        ? { status: 200, body: { state: 'active', role: 'member', user: { login: at.login } } }
        : refused(404),
    ),
  'GET /orgs/:org/teams/:team': (fake, { at }) =>
    fake.read(() => {
      const team = fake.teams.get(at.team ?? '');
      return team === undefined
        ? refused(404)
        : { status: 200, body: { slug: at.team, name: at.team, members_count: team.size } };
    }),
  'GET /orgs/:org/teams/:team/memberships/:login': (fake, { at }) => fake.read(() => fake.membership(at)),
  'PUT /orgs/:org/teams/:team/memberships/:login': (fake, { at }) =>
    fake.write(() => {
      const team = fake.teams.get(at.team ?? '');
      if (team === undefined) return refused(404);
      fake.changes.push(`PUT ${at.team} ${at.login}`);
      if (!fake.members.has(at.login ?? ''))
        return { status: 200, body: { state: 'pending', role: 'member' } };
      team.add(at.login ?? '');
      return fake.membership(at);
    }),
  'DELETE /orgs/:org/teams/:team/memberships/:login': (fake, { at }) =>
    fake.write(() => {
      const team = fake.teams.get(at.team ?? '');
      if (!team?.has(at.login ?? '')) return refused(404);
      fake.changes.push(`DELETE ${at.team} ${at.login}`);
      team.delete(at.login ?? '');
      return { status: 204 };
    }),
};

/**
 * The part of GitHub that keeps deployments, as its REST description says (docs.github.com/en/rest: "Deployments", "Deployment
 * statuses", "Commits"; version 2022-11-28). What deploys is a script of states: it reports the next one each time the statuses of
 * its deployment are looked at, so that nothing here waits for a clock.
 */

import { type Asked, paged, type Reply, type Route, startWire, type Wire } from '../ci-wire.ts';
import { asGithub } from '../github-actions/fake-github-actions.ts';
import { keepsTags, type Ruleset, rulesetRoutes } from '../github-actions/rulesets.ts';

type State = 'pending' | 'queued' | 'in_progress' | 'success' | 'failure' | 'error' | 'inactive';
type Status = { state: State; description: string };
export type Deployment = {
  id: number;
  sha: string;
  environment: string;
  production: boolean;
  creator: string;
  payload: unknown;
  description: string;
  /** Oldest first. */
  statuses: Status[];
  /** What its deployer still has to report. */
  script: State[];
};

const error = (status: number, message: string, more: object = {}): Reply => ({
  status,
  body: { message, documentation_url: 'https://docs.github.com/rest', status: String(status), ...more },
});
export const RATE_LIMITED: Reply = {
  ...error(403, 'API rate limit exceeded for installation ID 1.'),
  headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-limit': '5000' },
};

/** The n-th commit of the one branch there is, from 1. */
export const commitAt = (index: number): string => index.toString(16).padStart(4, '0').repeat(10);

export class FakeGithubDeployments {
  wire!: Wire;
  readonly token = ['ghs', crypto.randomUUID().replaceAll('-', '')].join('_');
  readonly account = 'countersign[bot]';
  readonly repo = 'acme/web';
  /** Titles of the commits of `main`, oldest first. */
  readonly titles = Array.from({ length: 40 }, (_, index) => `Change ${index + 1}`);
  readonly deployments: Deployment[] = [];
  /** What deploys reports of each new deployment; nothing: nobody listens. */
  script: State[] = ['queued', 'in_progress', 'success'];
  /** The state of the one workflow there is, `deploy.yml`. */
  workflow = 'active';
  rulesets: Ruleset[] = [keepsTags()];
  /** Contexts that have passed on every commit. */
  readonly passed = new Set<string>();

  static async start(): Promise<FakeGithubDeployments> {
    const fake = new FakeGithubDeployments();
    fake.wire = await startWire(fake.routes(), asGithub(fake.token));
    return fake;
  }

  routes(): Route[] {
    const at = (path: string) => new RegExp(`^/repos/(${this.repo})${path}$`);
    return [
      ['GET', at('/commits'), (asked) => this.#commits(asked)],
      ...rulesetRoutes(this.repo, () => this.rulesets),
      ['GET', at('/compare/([^/]+)'), (asked) => this.#compare(asked)],
      [
        'GET',
        at('/actions/workflows/([^/]+)'),
        ({ at: [, file = ''] }) =>
          file === 'deploy.yml'
            ? { status: 200, body: { id: 1, state: this.workflow } }
            : error(404, 'Not Found'),
      ],
      ['GET', at('/deployments'), (asked) => this.#list(asked)],
      ['POST', at('/deployments'), ({ body }) => this.#make(body)],
      ['GET', at('/deployments/(\\d+)/statuses'), (asked) => this.#statuses(asked)],
    ];
  }

  /** One that is there already, whoever made it; it ended with the last of `states`. */
  add(environment: string, commit: number, states: State[] = ['success'], more: Partial<Deployment> = {}) {
    const deployment: Deployment = {
      // As long as GitHub's own are by now.
      id: 2_700_000_001 + this.deployments.length,
      sha: commitAt(commit),
      environment,
      production: environment === 'production',
      creator: 'somebody',
      payload: {},
      description: '',
      statuses: [],
      script: [],
      ...more,
    };
    this.deployments.push(deployment);
    for (const state of states) this.report(deployment, state);
    return deployment;
  }

  /** Success takes the earlier ones away (`auto_inactive`), but none of a production environment. */
  report(deployment: Deployment, state: State): void {
    deployment.statuses.push({ state, description: `the deployer says ${state}` });
    if (state !== 'success') return;
    for (const other of this.deployments) {
      const isEarlier = other.id < deployment.id && other.environment === deployment.environment;
      if (isEarlier && !other.production && other.statuses.at(-1)?.state === 'success')
        other.statuses.push({ state: 'inactive', description: '' });
    }
  }

  #indexOf(ref: string): number {
    if (ref === 'main') return this.titles.length;
    return this.titles.findIndex((_, index) => commitAt(index + 1) === ref) + 1;
  }
  #commits({ query }: Asked): Reply {
    const index = this.#indexOf(query.get('sha') ?? 'main');
    return index === 0 ? error(404, 'Not Found') : { status: 200, body: [{ sha: commitAt(index) }] };
  }
  #compare({ at: [, span = ''], query }: Asked): Reply {
    const [from = 0, to = 0] = span.split('...').map((ref) => this.#indexOf(ref));
    if (from === 0 || to === 0) return error(404, 'Not Found');
    const all = this.titles.slice(from, to).map((title, index) => ({
      sha: commitAt(from + index + 1),
      commit: { message: `${title}\n\nand why` },
    }));
    const { items } = paged(all, query);
    const isFirst = (query.get('page') ?? '1') === '1';
    return {
      status: 200,
      body: {
        status: to > from ? 'ahead' : to < from ? 'behind' : 'identical',
        ahead_by: all.length,
        behind_by: Math.max(0, from - to),
        total_commits: all.length,
        html_url: `https://github.com/${this.repo}/compare/${span}`,
        commits: items,
        ...(isFirst ? { files: [{ filename: 'index.html', patch: '@@ -1 +1 @@' }] } : {}),
      },
    };
  }
  #shown({ id, sha, environment, creator, payload, description }: Deployment) {
    return {
      id,
      sha,
      ref: sha,
      task: 'deploy',
      environment,
      creator: { login: creator },
      payload,
      description,
    };
  }
  #list({ query }: Asked): Reply {
    const environment = query.get('environment');
    const found = this.deployments.filter((one) => environment === null || one.environment === environment);
    const { items, next } = paged(found.toReversed(), query);
    const link = `<${this.wire.baseUrl}/repos/${this.repo}/deployments?page=${next}>; rel="next"`;
    return {
      status: 200,
      body: items.map((one) => this.#shown(one)),
      ...(next === null ? {} : { headers: { link } }),
    };
  }
  #make(body: Record<string, unknown>): Reply {
    const index = this.#indexOf(String(body.ref));
    if (index === 0) return error(422, `No ref found for: ${body.ref}`);
    if (body.auto_merge !== false && index < this.titles.length)
      return { status: 202, body: { message: 'Auto-merged main into the ref on deployment.' } };
    const contexts = Array.isArray(body.required_contexts) ? body.required_contexts.map(String) : [];
    const missing = contexts.filter((context) => !this.passed.has(context));
    if (missing.length > 0) {
      const said = { contexts: missing.map((context) => ({ context, state: 'pending' })) };
      return error(409, `Conflict: Commit status checks failed for ${body.ref}.`, {
        errors: [{ ...said, resource: 'Deployment', field: 'required_contexts', code: 'invalid' }],
      });
    }
    const made = this.add(String(body.environment), index, [], {
      creator: this.account,
      production: body.production_environment === true,
      payload: body.payload,
      description: String(body.description ?? ''),
      script: [...this.script],
    });
    return { status: 201, body: this.#shown(made) };
  }
  /** Each look finds one more state reported. */
  #statuses({ at: [, id], query }: Asked): Reply {
    const deployment = this.deployments.find((one) => String(one.id) === id);
    if (deployment === undefined) return error(404, 'Not Found');
    const { items } = paged(deployment.statuses.toReversed(), query);
    const next = deployment.script.shift();
    if (next !== undefined) this.report(deployment, next);
    return { status: 200, body: items };
  }
}

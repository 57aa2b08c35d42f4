/**
 * The part of GitHub that runs workflows, as its REST description says (docs.github.com/en/rest: "Workflows", "Workflow runs",
 * "Workflow jobs", "Git references", "Commits"; version 2022-11-28, `return_run_details` since February 2026). Workflows are
 * scripts of steps, a job each; a run goes on each time it is looked at, so that nothing here waits for a clock. Logs lie on
 * another server, as GitHub's do on Azure's: whoever has the signed address may read them, and a credential there is an error.
 */

import { type Asked, paged, type Reply, type Route, startWire, type Wire } from '../ci-wire.ts';
import { keepsTags, type Ruleset, rulesetRoutes } from './rulesets.ts';

type Step = { name: string; conclusion: 'success' | 'failure'; log?: string };
/** `endless`: goes on until it is cancelled. `atOnce`: steps that end between two looks; absent: one. */
export type Workflow = {
  inputs: string[];
  steps: Step[];
  endless?: boolean;
  state?: string;
  atOnce?: number;
};
type Run = {
  id: number;
  workflow: string;
  repo: string;
  head_sha: string;
  head_branch: string;
  actor: string;
  attempt: number;
  /** Steps that have ended. */
  progress: number;
  cancelled: boolean;
  /** Waits for somebody's approval of its environment. */
  held: boolean;
  inputs: Record<string, string>;
};

const error = (status: number, message: string, more: Partial<Reply> = {}): Reply => ({
  status,
  body: { message, documentation_url: 'https://docs.github.com/rest', status: String(status) },
  ...more,
});
/** Who is let in, and what is said of an address that is not there. */
export const asGithub = (token: string): Parameters<typeof startWire>[1] => ({
  authorize: ({ authorization }) =>
    authorization === `Bearer ${token}` ? null : error(401, 'Bad credentials'),
  missing: error(404, 'Not Found'),
});
export const RATE_LIMITED = error(403, 'API rate limit exceeded for installation ID 1.', {
  headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-limit': '5000' },
});

export class FakeGithubActions {
  wire!: Wire;
  /** Where logs lie. */
  store!: Wire;
  readonly #signature = crypto.randomUUID();
  readonly token = ['ghs', crypto.randomUUID().replaceAll('-', '')].join('_');
  account = 'countersign[bot]';
  readonly branches = new Map<string, string>([
    ['main', '0123456789abcdef0123456789abcdef01234567'],
    ['feature/login', 'fedcba9876543210fedcba9876543210fedcba98'],
  ]);
  readonly tags = new Map<string, string>();
  readonly runs: Run[] = [];
  /** Answers 204 as it did before it told the run. */
  tellsRun = true;
  /** Moves a tag as soon as it is made: somebody else is at work. */
  movesTagsTo: string | null = null;
  readonly repo = 'acme/web';
  rulesets: Ruleset[] | null = [keepsTags()];
  /** Why no tag is made, where none is: a rule that our account may not bypass, or the workflow files of its commit. */
  refusesTags: 'rule' | 'workflows' | null = null;
  readonly workflows: Readonly<Record<string, Workflow>>;
  constructor(workflows: Readonly<Record<string, Workflow>>) {
    this.workflows = workflows;
  }

  static async start(workflows: Readonly<Record<string, Workflow>>): Promise<FakeGithubActions> {
    const fake = new FakeGithubActions(workflows);
    fake.wire = await startWire(fake.routes(), asGithub(fake.token));
    const logs: Route = ['GET', /^\/logs\/(\d+)$/, (asked) => fake.#file(asked)];
    fake.store = await startWire([logs], {
      // Azure takes a signed address or a header, never both ("InvalidAuthenticationInfo").
      authorize: ({ authorization }) => (authorization === undefined ? null : { status: 400, body: '' }),
      missing: { status: 404, body: 'BlobNotFound' },
    });
    return fake;
  }

  async stop(): Promise<void> {
    await Promise.all([this.wire.stop(), this.store.stop()]);
  }

  #job(id: string | undefined): { run: Run; step: Step; hasEnded: boolean } | null {
    const run = this.runs.find((one) => String(one.id) === id?.slice(0, -3));
    const index = Number(id?.slice(-3));
    const step = run && this.workflows[run.workflow]?.steps[index];
    if (run === undefined || step === undefined) return null;
    return { run, step, hasEnded: this.#hasEnded(run) || index < run.progress - 1 };
  }
  #logs(id: string | undefined): Reply {
    if (this.#job(id)?.hasEnded !== true) return error(404, 'Not Found');
    return {
      status: 302,
      headers: { location: `${this.store.baseUrl}/logs/${id}?rsct=text%2Fplain&sig=${this.#signature}` },
    };
  }
  #file({ at: [id], query }: Asked): Reply {
    if (query.get('sig') !== this.#signature) return { status: 403, body: 'AuthenticationFailed' };
    const printed = this.#job(id)?.step.log ?? 'nothing to do';
    const lines = printed.split('\n').map((line) => `2026-11-20T08:15:30.1234567Z ${line}`);
    return { status: 200, body: `\uFEFF${lines.join('\r\n')}\r\n` };
  }

  routes(): Route[] {
    const repo = `^/repos/(${this.repo})`;
    const at = (path: string) => new RegExp(`${repo}${path}$`);
    return [
      ['GET', at('/commits'), (asked) => this.#commits(asked)],
      ...rulesetRoutes(this.repo, () => this.rulesets),
      ['POST', at('/git/refs'), ({ body }) => this.#makeRef(body)],
      ['DELETE', at('/git/refs/tags/(.+)'), ({ at: [, tag = ''] }) => this.#dropTag(tag)],
      ['GET', at('/actions/workflows/([^/]+)'), ({ at: [, file = ''] }) => this.#workflow(file)],
      [
        'POST',
        at('/actions/workflows/([^/]+)/dispatches'),
        ({ at: [, file = ''], body }) => this.#dispatch(file, body),
      ],
      ['GET', at('/actions/workflows/([^/]+)/runs'), (asked) => this.#list(asked)],
      ['GET', at('/actions/jobs/(\\d+)/logs'), ({ at: [, id] }) => this.#logs(id)],
      ['GET', at('/actions/runs/(\\d+)'), ({ at: [, id] }) => this.#withRun(id, (run) => this.#look(run))],
      [
        'GET',
        at('/actions/runs/(\\d+)/jobs'),
        (asked) => this.#withRun(asked.at[1], (run) => this.#jobs(run, asked)),
      ],
      [
        'POST',
        at('/actions/runs/(\\d+)/cancel'),
        ({ at: [, id] }) => this.#withRun(id, (run) => this.#cancel(run)),
      ],
      [
        'POST',
        at('/actions/runs/(\\d+)/rerun'),
        ({ at: [, id] }) => this.#withRun(id, (run) => this.#rerun(run)),
      ],
    ];
  }

  #commitOf(ref: string): string | undefined {
    const known = [...this.branches.values()];
    return this.branches.get(ref) ?? this.tags.get(ref) ?? known.find((sha) => sha === ref);
  }
  #commits({ query }: Asked): Reply {
    const sha = this.#commitOf(query.get('sha') ?? 'main');
    return sha === undefined ? error(404, 'Not Found') : { status: 200, body: [{ sha }] };
  }
  #makeRef({ ref, sha }: Record<string, unknown>): Reply {
    const name = /^refs\/tags\/(.+)$/.exec(String(ref))?.[1];
    if (name === undefined) return error(422, 'Reference name must start with refs/');
    if (this.refusesTags === 'workflows') return error(403, 'Resource not accessible by integration');
    if (this.refusesTags === 'rule')
      return error(
        422,
        'Repository rule violations found\n\nCannot create ref due to creations being restricted.\n\n',
      );
    if (this.tags.has(name)) return error(422, 'Reference already exists');
    if (this.#commitOf(String(sha)) === undefined) return error(422, 'Object does not exist');
    this.tags.set(name, this.movesTagsTo ?? String(sha));
    return { status: 201, body: { ref, object: { type: 'commit', sha } } };
  }
  #dropTag(tag: string): Reply {
    return this.tags.delete(tag) ? { status: 204 } : error(422, 'Reference does not exist');
  }
  #workflow(file: string): Reply {
    const workflow = this.workflows[file];
    if (workflow === undefined) return error(404, 'Not Found');
    return {
      status: 200,
      body: { id: 1, path: `.github/workflows/${file}`, state: workflow.state ?? 'active' },
    };
  }
  #dispatch(file: string, { ref, inputs, return_run_details: tell }: Record<string, unknown>): Reply {
    const workflow = this.workflows[file];
    if (workflow === undefined) return error(404, 'Not Found');
    const branch = String(ref);
    const sha = this.branches.get(branch) ?? this.tags.get(branch);
    // Neither a branch nor a tag: a commit is no ref here.
    if (sha === undefined) return error(422, `No ref found for: ${branch}`);
    const given = (inputs ?? {}) as Record<string, string>;
    const unexpected = Object.keys(given).filter((name) => !workflow.inputs.includes(name));
    if (unexpected.length > 0)
      return error(422, `Unexpected inputs provided: ["${unexpected.join('", "')}"]`);
    const run = this.add(file, { head_sha: sha, head_branch: branch, inputs: given });
    if (tell !== true || !this.tellsRun) return { status: 204 };
    const url = `https://api.github.com/repos/${this.repo}/actions/runs/${run.id}`;
    return { status: 200, body: { workflow_run_id: run.id, run_url: url, html_url: this.#link(run) } };
  }
  /** A run that is there, whoever started it. */
  add(workflow: string, more: Partial<Run> = {}): Run {
    const run: Run = {
      // As long as GitHub's own are by now.
      id: 17_000_000_000 + this.runs.length,
      workflow,
      repo: this.repo,
      head_sha: this.branches.get('main') ?? '',
      head_branch: 'main',
      actor: this.account,
      attempt: 1,
      progress: 0,
      cancelled: false,
      held: false,
      inputs: {},
      ...more,
    };
    this.runs.push(run);
    return run;
  }
  #list({ at: [, file], query }: Asked): Reply {
    const found = this.runs.filter(
      (run) => run.workflow === file && run.head_branch === (query.get('branch') ?? run.head_branch),
    );
    const { items } = paged(found.toReversed(), query);
    return {
      status: 200,
      body: { total_count: found.length, workflow_runs: items.map((run) => this.#shown(run)) },
    };
  }
  #withRun(id: string | undefined, then: (run: Run) => Reply): Reply {
    const run = this.runs.find((one) => String(one.id) === id);
    return run === undefined ? error(404, 'Not Found') : then(run);
  }
  #hasEnded(run: Run): boolean {
    const workflow = this.workflows[run.workflow];
    return run.cancelled || (workflow?.endless !== true && run.progress >= (workflow?.steps.length ?? 0));
  }
  statusOf(run: Run): string {
    if (this.#hasEnded(run)) return 'completed';
    if (run.held) return 'waiting';
    return run.progress === 0 ? 'queued' : 'in_progress';
  }
  conclusionOf(run: Run): string | null {
    if (!this.#hasEnded(run)) return null;
    if (run.cancelled) return 'cancelled';
    return this.workflows[run.workflow]?.steps.some((step) => step.conclusion === 'failure')
      ? 'failure'
      : 'success';
  }
  #link = (run: Run): string => `https://github.com/${run.repo}/actions/runs/${run.id}`;
  #shown(run: Run) {
    return {
      id: run.id,
      name: run.workflow,
      path: `.github/workflows/${run.workflow}`,
      head_branch: run.head_branch,
      head_sha: run.head_sha,
      event: 'workflow_dispatch',
      status: this.statusOf(run),
      conclusion: this.conclusionOf(run),
      run_attempt: run.attempt,
      actor: { login: run.actor },
      triggering_actor: { login: run.actor },
      html_url: this.#link(run),
      // Moves as its jobs do.
      updated_at: new Date(Date.UTC(2026, 10, 20, 8, 15, run.progress)).toISOString(),
    };
  }
  /** Each look finds one more step done, or as many as end at once. */
  #look(run: Run): Reply {
    const body = this.#shown(run);
    if (!this.#hasEnded(run) && !run.held) run.progress += this.workflows[run.workflow]?.atOnce ?? 1;
    return { status: 200, body };
  }
  #jobs(run: Run, { query }: Asked): Reply {
    const steps = this.workflows[run.workflow]?.steps ?? [];
    const done = this.#hasEnded(run) ? steps.length : Math.max(0, run.progress - 1);
    const jobs = steps.map((step, index) => ({
      id: run.id * 1_000 + index,
      run_id: run.id,
      name: 'build',
      status: index < done ? 'completed' : 'in_progress',
      conclusion: index < done ? step.conclusion : null,
      steps:
        index < done
          ? [{ name: step.name, status: 'completed', conclusion: step.conclusion, number: 1 }]
          : [],
    }));
    const { items, next } = paged(jobs, query);
    const address = `${this.wire.baseUrl}/repos/${run.repo}/actions/runs/${run.id}/jobs?per_page=100&page=${next}`;
    return {
      status: 200,
      body: { total_count: jobs.length, jobs: items },
      ...(next === null ? {} : { headers: { link: `<${address}>; rel="next"` } }),
    };
  }
  #cancel(run: Run): Reply {
    if (this.#hasEnded(run)) return error(409, 'Cannot cancel a workflow run that is completed.');
    run.cancelled = true;
    return { status: 202, body: {} };
  }
  #rerun(run: Run): Reply {
    if (!this.#hasEnded(run)) return error(403, 'This workflow is already running');
    Object.assign(run, { attempt: run.attempt + 1, progress: 0, cancelled: false });
    return { status: 201, body: {} };
  }
}

/**
 * The part of GitLab that runs pipelines, as its REST description says (docs.gitlab.com/api: "Pipelines", "Jobs", "Commits", "Tags",
 * "Deployments", "Repositories";
 * `read_pipeline_variable` as in its PipelinePolicy: whoever started a pipeline, and maintainers). What runs is scripted by the
 * variable TARGET; a pipeline goes on each time it is looked at.
 */
import { type Asked, paged, type Reply, type Route, startWire, type Wire } from '../ci-wire.ts';

export type Script = {
  jobs: { name: string; stage: string; status: 'success' | 'failed'; trace: string }[];
  /** Goes on until it is cancelled. */
  endless?: boolean;
  /** Jobs that end between two looks; absent: one. */
  atOnce?: number;
};
type Pipeline = {
  id: number;
  project: number;
  sha: string;
  ref: string;
  username: string;
  variables: Record<string, string>;
  progress: number;
  cancelled: boolean;
  source: 'api' | 'push';
};

const error = (status: number, message: unknown): Reply => ({ status, body: { message } });
export const TOO_MANY: Reply = {
  status: 429,
  body: 'Retry later\n',
  headers: {
    'retry-after': '60',
    'ratelimit-remaining': '0',
    'ratelimit-name': 'throttle_authenticated_api',
  },
};

export class FakeGitlab {
  wire!: Wire;
  readonly token = ['glpat', crypto.randomUUID().replaceAll('-', '').slice(0, 20)].join('-');
  account = 'countersign';
  readonly project = 42;
  readonly branches = new Map<string, string>([
    ['main', '0123456789abcdef0123456789abcdef01234567'],
    ['feature/login', 'fedcba9876543210fedcba9876543210fedcba98'],
  ]);
  readonly tags = new Map<string, string>();
  /** In which they were made, whatever branch they are on. */
  readonly history: string[] = [...this.branches.values()];
  /** A commit with which every job fails. */
  fails = '';
  /** Whether pipelines can be asked for by what started them (since GitLab 14.3). */
  filtersSource = true;
  /** Nobody but others may create tags. */
  protectsTags = false;
  readonly pipelines: Pipeline[] = [];
  readonly scripts: Readonly<Record<string, Script>>;
  /** Somebody pushes between a look at the branch and the start. */
  movesTo: string | null = null;
  /** The project's `workflow: name` holds the mark. */
  names = true;
  constructor(scripts: Readonly<Record<string, Script>>) {
    this.scripts = scripts;
  }

  static async start(scripts: Readonly<Record<string, Script>>): Promise<FakeGitlab> {
    const fake = new FakeGitlab(scripts);
    fake.wire = await startWire(fake.#routes(), {
      authorize: ({ 'private-token': token }) =>
        token === fake.token ? null : error(401, '401 Unauthorized'),
      missing: error(404, '404 Not found'),
    });
    return fake;
  }

  #routes(): Route[] {
    const at = (path: string) => new RegExp(`^/api/v4/projects/${this.project}${path}$`);
    const one =
      (then: (pipeline: Pipeline, asked: Asked) => Reply) =>
      (asked: Asked): Reply => {
        const found = this.pipelines.find((pipeline) => String(pipeline.id) === asked.at[0]);
        return found === undefined ? error(404, '404 Not found') : then(found, asked);
      };
    return [
      ['GET', at('/repository/commits'), (asked) => this.#commits(asked)],
      ['GET', at('/repository/compare'), (asked) => this.#compare(asked)],
      ['POST', at('/repository/tags'), ({ body }) => this.#tag(body)],
      ['DELETE', at('/repository/tags/([^/]+)'), ({ at: [name = ''] }) => this.#untag(name)],
      ['GET', at('/deployments'), (asked) => this.#deployments(asked)],
      ['POST', at('/pipeline'), ({ body }) => this.#create(body)],
      ['GET', at('/pipelines'), (asked) => this.#list(asked)],
      ['GET', at('/pipelines/(\\d+)'), one((pipeline) => this.#look(pipeline))],
      ['GET', at('/pipelines/(\\d+)/variables'), one((pipeline) => this.#variables(pipeline))],
      ['GET', at('/pipelines/(\\d+)/jobs'), one((pipeline, asked) => this.#jobs(pipeline, asked))],
      ['POST', at('/pipelines/(\\d+)/cancel'), one((pipeline) => this.#cancel(pipeline))],
      ['GET', at('/jobs/(\\d+)/trace'), ({ at: [id] }) => this.#trace(Number(id))],
    ];
  }

  #commits({ query }: Asked): Reply {
    const sha = this.#commitAt(query.get('ref_name') ?? 'main');
    if (sha === undefined) return error(404, '404 Reference not found');
    return { status: 200, body: [{ id: sha, short_id: sha.slice(0, 8) }], headers: { 'x-next-page': '' } };
  }
  #refAt = (name: string): string | undefined => this.branches.get(name) ?? this.tags.get(name);
  #commitAt = (name: string): string | undefined =>
    this.#refAt(name) ?? this.history.find((sha) => sha === name);
  #tag({ tag_name: name, ref }: Record<string, unknown>): Reply {
    const sha = this.#commitAt(String(ref));
    if (this.protectsTags)
      return { status: 400, body: { message: 'You are not allowed to create this tag as it is protected.' } };
    if (this.tags.has(String(name)))
      return { status: 400, body: { message: `Tag ${String(name)} already exists` } };
    if (sha === undefined) return { status: 400, body: { message: `Target ${String(ref)} is invalid` } };
    this.tags.set(String(name), sha);
    // Rules that do not leave it out let the push of a tag start one too.
    this.add({ sha, ref: String(name), source: 'push', variables: { TARGET: 'endless' } });
    return { status: 201, body: { name, target: sha, commit: { id: sha }, protected: false } };
  }
  #untag(name: string): Reply {
    return this.tags.delete(name) ? { status: 204 } : error(404, '404 Tag Not Found');
  }
  #compare({ query }: Asked): Reply {
    const [from, to] = [query.get('from') ?? '', query.get('to') ?? ''].map((sha) =>
      this.history.indexOf(sha),
    );
    if (from === undefined || to === undefined || from < 0 || to < 0) return error(404, '404 Ref Not Found');
    const commits = this.history.slice(from + 1, Math.max(to, from) + 1);
    return {
      status: 200,
      body: {
        commits: commits.map((id) => ({ id, title: `Change ${id.slice(0, 4)}` })),
        diffs: [],
        compare_timeout: false,
        web_url: `https://gitlab.example.com/acme/web/-/compare/${query.get('from')}...${query.get('to')}`,
      },
    };
  }
  /** Jobs with `environment` make one each: here those of pipelines with the variable. */
  #deployments({ query }: Asked): Reply {
    const all = this.pipelines.filter(({ variables }) => variables.INPUT_ENVIRONMENT !== undefined);
    const found = all.filter(({ variables }) => variables.INPUT_ENVIRONMENT === query.get('environment'));
    const sorted = query.get('sort') === 'desc' ? found.toReversed() : found;
    const body = paged(sorted, query).items.map((pipeline) => ({
      id: 4_100 + pipeline.id,
      iid: all.indexOf(pipeline) + 1,
      ...{ ref: pipeline.ref, sha: pipeline.sha },
      status:
        pipeline.source === 'push' || this.#status(pipeline) === 'waiting_for_resource'
          ? 'created'
          : this.#status(pipeline),
      user: { id: 7, username: pipeline.username, name: 'Somebody' },
      environment: { id: 9, name: pipeline.variables.INPUT_ENVIRONMENT },
      deployable: { id: pipeline.id * 1_000, pipeline: { id: pipeline.id } },
    }));
    return { status: 200, body };
  }
  #create({ ref, variables }: Record<string, unknown>): Reply {
    const branch = String(ref);
    if (this.movesTo !== null) (this.tags.has(branch) ? this.tags : this.branches).set(branch, this.movesTo);
    const sha = this.#refAt(branch);
    // A commit is no ref here.
    if (sha === undefined) return error(400, { base: ['Reference not found'] });
    const given = (variables as { key: string; value: string }[]).map(({ key, value }) => [key, value]);
    const pipeline = this.add({ sha, ref: branch, variables: Object.fromEntries(given) });
    if (this.scripts[pipeline.variables.TARGET ?? ''] === undefined) {
      this.pipelines.pop();
      return error(400, {
        base: [
          'Pipeline will not run for the selected trigger. The rules configuration prevented any jobs from being added to the pipeline.',
        ],
      });
    }
    return { status: 201, body: this.#shown(pipeline) };
  }
  /** A pipeline that is there, whoever started it. */
  add(more: Partial<Pipeline>): Pipeline {
    const pipeline = {
      ...{
        id: 287 + this.pipelines.length,
        project: this.project,
        sha: this.branches.get('main') ?? '',
        ref: 'main',
      },
      ...{ username: this.account, variables: {}, progress: 0, cancelled: false },
      source: 'api' as const,
      ...more,
    };
    this.pipelines.push(pipeline);
    return pipeline;
  }
  #script(pipeline: Pipeline): Script {
    const script = this.scripts[pipeline.variables.TARGET ?? ''] ?? { jobs: [] };
    if (pipeline.sha !== this.fails) return script;
    return { ...script, jobs: script.jobs.map((job) => ({ ...job, status: 'failed' })) };
  }
  #hasEnded(pipeline: Pipeline): boolean {
    const { jobs, endless } = this.#script(pipeline);
    return pipeline.cancelled || (endless !== true && pipeline.progress >= jobs.length);
  }
  #status(pipeline: Pipeline): string {
    if (pipeline.cancelled) return 'canceled';
    if (!this.#hasEnded(pipeline)) return pipeline.progress === 0 ? 'waiting_for_resource' : 'running';
    return this.#script(pipeline).jobs.some(({ status }) => status === 'failed') ? 'failed' : 'success';
  }
  #shown(pipeline: Pipeline) {
    const { id, project, sha, ref, username, source } = pipeline;
    return {
      ...{ id, iid: id - 280, project_id: project, sha, ref, status: this.#status(pipeline), source },
      name: this.names ? `Asked for by Countersign ${pipeline.variables.COUNTERSIGN_MARK ?? ''}` : null,
      user: { id: 7, username, name: 'Countersign' },
      web_url: `https://gitlab.example.com/acme/web/-/pipelines/${id}`,
    };
  }
  #list({ query }: Asked): Reply {
    const isAsked = (name: 'sha' | 'ref' | 'username' | 'source', value: string): boolean =>
      !query.has(name) || query.get(name) === value;
    const found = this.pipelines.filter(
      ({ sha, ref, username, source }) =>
        isAsked('sha', sha) &&
        isAsked('ref', ref) &&
        isAsked('username', username) &&
        (!this.filtersSource || isAsked('source', source)),
    );
    const { items } = paged(found.toReversed(), query);
    return { status: 200, body: items.map((pipeline) => this.#shown(pipeline)) };
  }
  #look(pipeline: Pipeline): Reply {
    const body = this.#shown(pipeline);
    if (!this.#hasEnded(pipeline)) pipeline.progress += this.#script(pipeline).atOnce ?? 1;
    return { status: 200, body };
  }
  #variables({ username, variables }: Pipeline): Reply {
    if (username !== this.account) return error(403, '403 Forbidden');
    const body = Object.entries(variables).map(([key, value]) => ({
      variable_type: 'env_var',
      key,
      value,
      raw: false,
    }));
    return { status: 200, body };
  }
  #jobs(pipeline: Pipeline, { query }: Asked): Reply {
    const done = this.#hasEnded(pipeline) ? Number.POSITIVE_INFINITY : pipeline.progress - 1;
    const { jobs, endless } = this.#script(pipeline);
    const all = jobs.map(({ name, stage, status }, index) => ({
      id: pipeline.id * 1_000 + index,
      ...{ name, stage },
      status: pipeline.cancelled ? 'canceled' : index < done && !endless ? status : 'running',
      ...(status === 'failed' ? { failure_reason: 'script_failure' } : {}),
    }));
    // The newest first.
    const { items, next } = paged(all.toReversed(), query);
    return { status: 200, body: items, headers: { 'x-next-page': next === null ? '' : String(next) } };
  }
  #trace(id: number): Reply {
    const pipeline = this.pipelines.find((one) => one.id === Math.floor(id / 1_000));
    const job = pipeline && this.#script(pipeline).jobs[id % 1_000];
    if (job === undefined) return error(404, '404 Not found');
    const begin = `section_start:1560896352:step_script\r\u001b[0K`;
    const end = `section_end:1560896353:step_script\r\u001b[0K`;
    return { status: 200, body: `${begin}${job.trace}\r\n${end}` };
  }
  #cancel(pipeline: Pipeline): Reply {
    if (!this.#hasEnded(pipeline)) pipeline.cancelled = true;
    return { status: 200, body: this.#shown(pipeline) };
  }
}

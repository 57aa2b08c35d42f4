/**
 * The part of Jenkins that its remote access API shows (jenkins.io/doc/book/using/remote-access-api, "CSRF Protection"; the Javadoc
 * of Queue, Run, HttpResponses): crumbs bound to a session, a queue whose items are forgotten, parameters that a job does not
 * declare left out without a word, redirects after a stop, HTML for errors. Builds go on each time they are looked at. A log is read
 * from a byte on as Stapler's LargeText does it.
 */
import { type Asked, type Reply, type Route, startWire, type Wire } from '../ci-wire.ts';

/** `output`: a line for each look; `result` once they are all out. `endless`: until it is stopped. */
export type JenkinsJob = {
  parameters: string[];
  output: string[];
  result: 'SUCCESS' | 'FAILURE' | 'UNSTABLE';
  endless?: boolean;
  disabled?: boolean;
  /** What its source step reports; absent: the commit that it was given; null: it has no source step. */
  builds?: string | null;
  /** Waits for an executor for good. */
  stuck?: boolean;
  /** A commit with which it fails. */
  fails?: string;
  /** Is said to have ended before its last line is in its log. */
  lags?: boolean;
  /** Has printed its last line without an end. */
  unended?: boolean;
};
type Item = {
  id: number;
  path: string;
  parameters: Record<string, string>;
  user: string;
  cancelled: boolean;
  forgotten: boolean;
  number: number | null;
  looks: number;
  result: string | null;
};

/** Lines of a log that grows in one answer (LargeText.MAX_LINES_READ). */
const MAX_LINES_READ = 10_000;
/** What plugins put into a log for its pages; text leaves it out, and counts it (hudson.console.ConsoleNote). */
const NOTE = '\u001b[8mha:////AAAA\u001b[0m';

const html = (status: number, title: string): Reply => ({
  status,
  body: `<html><head><title>${title}</title></head><body>${title}</body></html>`,
  headers: { 'content-type': 'text/html;charset=iso-8859-1' },
});

export class FakeJenkins {
  wire!: Wire;
  readonly password = ['11', crypto.randomUUID().replaceAll('-', '')].join('');
  readonly items: Item[] = [];
  /** Its account may not see what waits. */
  hidesQueue = false;
  readonly commits = new Map<string, string>();
  readonly jobs: Readonly<Record<string, JenkinsJob>>;
  #crumb = crypto.randomUUID();
  constructor(jobs: Readonly<Record<string, JenkinsJob>>) {
    this.jobs = jobs;
  }

  static async start(jobs: Readonly<Record<string, JenkinsJob>>): Promise<FakeJenkins> {
    const fake = new FakeJenkins(jobs);
    fake.wire = await startWire(fake.#routes(), {
      authorize: () => null,
      missing: html(404, 'Not Found'),
    });
    return fake;
  }

  authorization(user = 'countersign'): string {
    return `Basic ${Buffer.from(`${user}:${this.password}`).toString('base64')}`;
  }
  #user({ headers }: Asked): string | null {
    const given = Buffer.from((headers.authorization ?? '').slice('Basic '.length), 'base64').toString();
    const [user = '', password] = given.split(':');
    return password === this.password ? user : null;
  }

  #routes(): Route[] {
    const job = '((?:/job/[^/]+)+)';
    const guarded =
      (handle: (asked: Asked, user: string) => Reply) =>
      (asked: Asked): Reply => {
        const user = this.#user(asked);
        if (user === null) return html(401, 'Unauthorized');
        if (asked.method === 'POST' && asked.headers['jenkins-crumb'] !== this.#crumb)
          return html(403, 'No valid crumb was included in the request');
        return handle(asked, user);
      };
    const at = (path: string) => new RegExp(`^${path}$`);
    return [
      [
        'GET',
        at('/crumbIssuer/api/json'),
        guarded(() => ({
          status: 200,
          body: { crumb: this.#crumb, crumbRequestField: 'Jenkins-Crumb' },
          headers: { 'set-cookie': 'JSESSIONID.1a2b3c4d=s1; Path=/; HttpOnly' },
        })),
      ],
      ['POST', at(`${job}/buildWithParameters`), guarded((asked, user) => this.#start(asked, user))],
      ['GET', at('/queue/item/(\\d+)/api/json'), guarded((asked) => this.#item(asked))],
      ['GET', at('/queue/api/json'), guarded(() => this.#queue())],
      ['POST', at('/queue/cancelItem'), guarded((asked) => this.#cancelItem(asked))],
      ['GET', at(`${job}/api/json`), guarded((asked) => this.#job(asked))],
      [
        'GET',
        at(`${job}/(\\d+)/api/json`),
        guarded((asked) => this.#withBuild(asked, (item) => this.#build(item))),
      ],
      [
        'GET',
        at(`${job}/(\\d+)/consoleText`),
        guarded((asked) =>
          this.#withBuild(asked, (item) => ({ status: 200, body: this.#text(this.#log(item)) })),
        ),
      ],
      [
        'GET',
        at(`${job}/(\\d+)/logText/progressiveText`),
        guarded((asked) => this.#withBuild(asked, (item) => this.#progress(item, asked.query))),
      ],
      [
        'POST',
        at(`${job}/(\\d+)/stop`),
        guarded((asked) => this.#withBuild(asked, (item) => this.#stop(item))),
      ],
      // GitHub, for whoever asks what a branch stands for.
      [
        'GET',
        at('/repos/acme/web/commits'),
        ({ query }) => {
          const sha = this.commits.get(query.get('sha') ?? '');
          return sha === undefined
            ? { status: 404, body: { message: 'Not Found' } }
            : { status: 200, body: [{ sha }] };
        },
      ],
    ];
  }

  #known(segments: string): [path: string, job: JenkinsJob] | null {
    const path = segments
      .split('/')
      .filter((_, index) => index % 2 === 0 && index > 0)
      .map(decodeURIComponent)
      .join('/');
    const job = this.jobs[path];
    return job === undefined ? null : [path, job];
  }
  #start({ at: [segments = ''], query }: Asked, user: string): Reply {
    const known = this.#known(segments);
    if (known === null) return html(404, 'Not Found');
    if (user === 'reader') return html(403, `${user} is missing the Job/Build permission`);
    const [path, job] = known;
    if (job.disabled) return html(409, `${path} is not buildable`);
    if (job.parameters.length === 0) return html(400, `${path} is not parameterized`);
    const item = this.add(
      path,
      Object.fromEntries([...query].filter(([name]) => job.parameters.includes(name))),
      user,
    );
    return { status: 201, headers: { location: `${this.wire.baseUrl}/queue/item/${item.id}/` } };
  }
  /** Something that is there, whoever started it. */
  add(path: string, parameters: Record<string, string>, user = 'countersign'): Item {
    const item = {
      ...{ id: 41 + this.items.length, path, parameters, user },
      ...{ cancelled: false, forgotten: false, number: null, looks: 0, result: null },
    };
    this.items.push(item);
    return item;
  }
  #url = (item: Item): string =>
    `${this.wire.baseUrl}/${item.path
      .split('/')
      .map((part) => `job/${part}`)
      .join('/')}/`;
  #actions(item: Item): object[] {
    const job = this.jobs[item.path];
    const commit = job?.builds === undefined ? item.parameters.COMMIT : job.builds;
    return [
      { parameters: Object.entries(item.parameters).map(([name, value]) => ({ name, value })) },
      { causes: [{ userId: item.user }] },
      {},
      ...(item.number === null || !commit ? [] : [{ lastBuiltRevision: { SHA1: commit } }]),
    ];
  }
  #item({ at: [id] }: Asked): Reply {
    const item = this.items.find((one) => String(one.id) === id && !one.forgotten);
    if (item === undefined) return html(404, 'Not Found');
    const job = this.jobs[item.path];
    const answer = {
      id: item.id,
      cancelled: item.cancelled,
      why: item.number === null ? 'Waiting for next available executor' : null,
      task: { url: this.#url(item) },
      actions: this.#actions(item),
      ...(item.number === null ? {} : { executable: { number: item.number } }),
    };
    if (item.number === null && !item.cancelled && !job?.stuck) this.begin(item);
    return { status: 200, body: answer };
  }
  #queue(): Reply {
    if (this.hidesQueue) return html(404, 'Not Found');
    const waiting = this.items.filter((item) => item.number === null && !item.cancelled);
    const items = waiting.map((item) => ({
      id: item.id,
      task: { url: this.#url(item) },
      actions: this.#actions(item),
    }));
    return { status: 200, body: { items } };
  }
  begin(item: Item): void {
    item.number = this.items.filter((one) => one.path === item.path && one.number !== null).length + 1;
  }
  /** The queue remembers for five minutes what has left it. */
  forget(): void {
    for (const item of this.items) if (item.number !== null) item.forgotten = true;
  }
  #cancelItem({ query }: Asked): Reply {
    const item = this.items.find((one) => String(one.id) === query.get('id') && one.number === null);
    if (item !== undefined) item.cancelled = true;
    return { status: 302, headers: { location: `${this.wire.baseUrl}/queue/` } };
  }
  #job({ at: [segments = ''] }: Asked): Reply {
    const known = this.#known(segments);
    if (known === null) return html(404, 'Not Found');
    const [path, job] = known;
    const builds = this.items.filter((item) => item.path === path && item.number !== null).toReversed();
    return {
      status: 200,
      body: {
        buildable: !job.disabled,
        property: [{}, { parameterDefinitions: job.parameters.map((name) => ({ name })) }],
        builds: builds.map((item) => this.#shown(item)),
      },
    };
  }
  #withBuild({ at: [segments = '', number] }: Asked, then: (item: Item) => Reply): Reply {
    const [path] = this.#known(segments) ?? [];
    const item = this.items.find((one) => one.path === path && String(one.number) === number);
    return item === undefined ? html(404, 'Not Found') : then(item);
  }
  #shown(item: Item) {
    return {
      number: item.number,
      queueId: item.id,
      building: item.result === null,
      result: item.result,
      url: `${this.#url(item)}${item.number}/`,
      actions: this.#actions(item),
    };
  }
  /** Each look finds one more line, and in the end the result. */
  #build(item: Item): Reply {
    const job = this.jobs[item.path];
    item.looks += 1;
    if (item.result === null && !job?.endless && item.looks >= (job?.output.length ?? 0))
      item.result =
        job?.fails !== undefined && job.fails === item.parameters.COMMIT
          ? 'FAILURE'
          : (job?.result ?? 'SUCCESS');
    return { status: 200, body: this.#shown(item) };
  }
  /** As it lies there, in bytes. */
  #log(item: Item): Buffer {
    const { output = [], lags, unended } = this.jobs[item.path] ?? {};
    const isBehind = lags === true && item.looks === output.length;
    const lines = output.slice(0, item.looks - (isBehind ? 1 : 0));
    const printed = lines.map((line) => `${NOTE}${line.replace('$COMMIT', item.parameters.COMMIT ?? '')}\n`);
    return Buffer.from(printed.join('').slice(0, unended ? -1 : undefined));
  }
  #text = (log: Buffer): string => log.toString().replaceAll(NOTE, '').replaceAll('\n', '\r\n');
  #progress(item: Item, query: URLSearchParams): Reply {
    const log = this.#log(item);
    const { output = [], lags } = this.jobs[item.path] ?? {};
    const isGrowing = item.result === null || (lags === true && item.looks <= output.length);
    const asked = Number(query.get('start') ?? '0');
    const start = asked > log.length ? 0 : asked;
    let end = log.length;
    if (isGrowing) {
      end = start;
      for (let lines = 0; lines < MAX_LINES_READ; lines += 1) {
        const next = log.indexOf('\n', end);
        if (next === -1) break;
        end = next + 1;
      }
    }
    return {
      status: 200,
      body: this.#text(log.subarray(start, end)),
      headers: { 'x-text-size': String(end), ...(isGrowing ? { 'x-more-data': 'true' } : {}) },
    };
  }
  #stop(item: Item): Reply {
    item.result ??= 'ABORTED';
    return { status: 302, headers: { location: '.' } };
  }
}

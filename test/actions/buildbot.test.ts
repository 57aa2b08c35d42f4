import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { operations } from '../../actions/connectors/buildbot.operations.ts';
import { buildbot as connector } from '../../actions/connectors/buildbot.ts';
import type { Look } from '../../src/action.ts';
import { createCredentials } from '../../src/credentials/credentials.ts';
import { CredentialEntry } from '../../src/credentials/entry.ts';
import { readGrants } from '../../src/credentials/grants.ts';
import { AppError } from '../../src/errors.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import type { DoorSpec } from '../../src/execution/broker/call.ts';
import type { Json } from '../../src/model/request.ts';
import { json, startUpstream } from '../execution/broker/upstream-server.ts';
import { type Buildbot, startBuildbot } from '../support/buildbot/buildbot.ts';
import { needs } from '../support/needs.ts';
import { ciContract } from './ci-contract.ts';
import { call, type Given } from './through-broker.ts';

const MISSING = [needs('buildbot'), needs('buildbot-worker')].find((program) => program.skip);
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const job = (builder: string, more: object = {}) => ({
  title: builder,
  repositories: ['web'],
  scheduler: 'force',
  builder,
  environment: 'test',
  ...more,
});
const DESCRIBED = {
  web: 'https://ci.example.com/',
  account: 'countersign',
  repositories: { web: {}, app: { github: { owner: 'acme', repo: 'app' } } },
  jobs: {
    checks: job('checks', { repositories: ['web', 'app'], inputs: ['channel'] }),
    release: job('release', { environment: 'production' }),
    long: job('long'),
    elsewhere: job('elsewhere'),
    fixed: job('checks', { scheduler: 'fixed' }),
    gone: job('checks', { scheduler: 'gone' }),
    stranger: job('stranger'),
    endless: job('endless'),
    merging: job('merging'),
    astray: job('astray'),
    'orderly-astray': job('orderly-astray'),
    late: job('late'),
    orderly: job('orderly'),
  },
};
/** Each job on a builder of its own: what a run is of can be told. */
const TOLD_APART = {
  ...DESCRIBED,
  jobs: {
    checks: job('checks', { inputs: ['channel'] }),
    release: job('release', { environment: 'staging' }),
    endless: job('endless'),
    merging: job('merging'),
    astray: job('astray'),
    late: job('late'),
    orderly: job('orderly'),
    long: job('long'),
  },
};
const SETTINGS = connector.settings.parse(DESCRIBED);

/** The broker as an operator's configuration makes it: one session at Buildbot. */
function upstream(baseUrl: string, password: string, user = 'countersign'): Partial<BrokerConfig> {
  const entry = CredentialEntry.parse({
    scheme: 'session',
    host: 'buildbot',
    user,
    env: 'BUILDBOT_PASSWORD',
  });
  const secret = () => ({ value: password, file: null });
  const grants = readGrants({ buildbot: entry }, { secret, hosts: ['buildbot'], hasVault: false });
  return {
    upstreams: { buildbot: { baseUrl, addresses: ['127.0.0.1/32'] } },
    credentials: createCredentials(grants, { vault: null, news: () => {} }),
  };
}
const PATIENCE = { timeout: 180_000 };
/** One thing that has to come about in a real system beside everything else on two cores. */
const WAIT = { timeout: 60_000, interval: 100 };
const given = (args: Record<string, unknown>): Given => ({
  args: { repo: 'web', ref: COMMIT, job: 'checks', ...args } as Record<string, string>,
  pinned: { commit: COMMIT },
  mark: crypto.randomUUID().replaceAll('-', ''),
  settings: SETTINGS,
});

describe.skipIf(MISSING)(`a real Buildbot ${MISSING?.reason ?? ''}`, PATIENCE, () => {
  let ci: Buildbot;
  beforeAll(async () => {
    ci = await startBuildbot();
  }, PATIENCE.timeout);
  afterAll(() => ci?.stop());
  const as = (user?: string) => upstream(ci.baseUrl, ci.password, user);

  /** Starts a job and looks at it to its end, as the executor does. */
  async function runToEnd(request: Given) {
    const { value } = await call(as(), operations.trigger, 'run', request);
    if (value.kind !== 'running') throw new Error(JSON.stringify(value));
    let handle = value.handle;
    let output = '';
    for (;;) {
      const look: Look = (await call(as(), operations.trigger, 'follow', { ...request, handle })).value;
      output += look.output;
      if (look.kind !== 'running') return { ...look, output, run: `R-${handle.request}` };
      handle = look.handle;
    }
  }

  it('runs a job on exactly the pinned commit, and shows it to its end', async () => {
    const request = given({ inputs: { channel: 'stable' } });
    const preview = await call(as(), operations.trigger, 'preview', request);
    expect(preview.value).toMatchObject({
      summary: 'Run checks of web on commit 0123456789ab, on Buildbot.',
      pinned: { commit: COMMIT },
    });
    const ended = await runToEnd(request);
    expect(ended).toMatchObject({
      kind: 'done',
      output: `checking ${COMMIT} for stable\na warning\n`,
      result: {
        code: 'done',
        exitCode: 0,
        message: `checks of web (${ended.run}) passed.`,
        link: expect.stringMatching(/^https:\/\/ci\.example\.com\/#\/builders\/\d+\/builds\/\d+$/),
        data: { commits: [COMMIT] },
      },
    });
    expect(
      await ci.rest(`builds/${(ended.result.data as { build: string }).build}/properties`),
    ).toMatchObject({
      properties: [
        {
          owner: ['countersign', 'Force Build Form'],
          reason: [
            `For alice (Alice Adams) by Countersign [countersign:${request.mark}]`,
            'Force Build Form',
          ],
          revision: [COMMIT, 'Build'],
          channel: ['stable', 'Force Build Form'],
        },
      ],
    });
  });

  it('shows the exit code and the end of the output of what failed', async () => {
    expect(await runToEnd(given({ job: 'release' }))).toMatchObject({
      kind: 'failed',
      output: 'preparing\nno right to publish\n',
      result: { code: 'build_failed', exitCode: 3, output: 'no right to publish' },
    });
  });

  it('shows long output once and whole, and nothing of the environment it ran in', async () => {
    const { output } = await runToEnd(given({ job: 'long' }));
    expect(output).toBe(Array.from({ length: 450 }, (_, index) => `${index + 1}\n`).join(''));
  });

  it('says when Buildbot built another commit than the approved one', async () => {
    expect(await runToEnd(given({ job: 'elsewhere' }))).toMatchObject({
      kind: 'failed',
      result: { code: 'other_commit', message: expect.stringContaining('ffffffffffff') },
    });
  });

  it('finds what it started by its mark, and nothing else', async () => {
    const request = given({});
    const { value } = await call(as(), operations.trigger, 'run', request);
    const found = await call(as(), operations.trigger, 'reconcile', request);
    expect(found.value).toEqual({ kind: 'happened', outcome: value });
    expect(found.heard.writes).toEqual([]);
    for (const other of [
      { ...request, mark: crypto.randomUUID() },
      { ...request, pinned: { commit: 'a'.repeat(40) } },
    ]) {
      expect((await call(as(), operations.trigger, 'reconcile', other)).value).toEqual({
        kind: 'cannot_tell',
      });
    }
  });

  it('does not take for ours what somebody else forced with our mark', async () => {
    const request = given({});
    await call(as('eve'), operations.trigger, 'run', request);
    expect((await call(as(), operations.trigger, 'reconcile', request)).value).toEqual({
      kind: 'cannot_tell',
    });
  });

  it('shows a run again by its number, those of other builders never', async () => {
    const { run } = await runToEnd(given({}));
    const asked = { ...given({}), args: { run } };
    const preview = (await call(as(), operations.status, 'preview', asked)).value;
    if ('refused' in preview) throw new Error(preview.refused);
    const shown = await call(as(), operations.status, 'run', { ...asked, pinned: preview.pinned });
    expect(shown.value).toMatchObject({
      kind: 'done',
      result: { message: `checks (${run}) passed.`, exitCode: 0 },
    });
    // It had not begun when it was previewed, and is over now.
    const late = await call(as(), operations.status, 'run', { ...asked, pinned: { builder: 'checks' } });
    expect(late.value).toMatchObject({ kind: 'done', result: { message: `checks (${run}) passed.` } });

    const settings = { ...DESCRIBED, jobs: { release: DESCRIBED.jobs.release } };
    const hidden = await call(as(), operations.status, 'preview', { ...asked, settings });
    expect(hidden.value).toEqual({
      refused: `${run} is no run of a job that the assistant knows on Buildbot.`,
    });
    const absent = await call(as(), operations.status, 'preview', { ...asked, args: { run: 'R-99999' } });
    expect(absent.value).toMatchObject({ refused: expect.stringContaining('R-99999') });
  });

  const starting = async (
    job: string,
    more: object = {},
  ): Promise<{ run: string; repo: string; job: string; commit: string }> => {
    const { value } = await call(as(), operations.trigger, 'run', given({ job, ...more }));
    if (value.kind !== 'running') throw new Error(JSON.stringify(value));
    return { run: `R-${value.handle.request}`, repo: 'web', job, commit: COMMIT };
  };
  const ended = async (job: string) => ({
    ...(await runToEnd(given({ job }))),
    repo: 'web',
    job,
    commit: COMMIT,
  });

  ciContract(connector, () => ({
    config: as(),
    settings: connector.settings.parse(TOLD_APART),
    going: () => starting('endless'),
    passed: async () => ({ ...(await ended('checks')), said: `checking ${COMMIT}` }),
    broken: async () => ({ ...(await ended('release')), said: '== publish\nno right to publish' }),
    other: { repo: 'web', job: 'long' },
    astray: async () => ({ repo: 'web', ref: COMMIT, job: 'astray' }),
    settled: async ({ request, run, stop }) => {
      if (stop !== 'asked') return;
      const number = request ?? String(run).slice(2);
      await isOver(`R-${number}`);
    },
    unknown: 'R-99999',
  }));

  it('asks a person what became of a run that Buildbot no longer knows', async () => {
    const handle = { request: '99999', name: 'checks of web' };
    const { value } = await call(as(), operations.trigger, 'follow', { ...given({}), handle });
    expect(value).toMatchObject({
      kind: 'unclear',
      result: { code: 'run_gone', message: expect.stringContaining('checks of web (R-99999)') },
    });
  });

  const stopping = async (run: string) => {
    const asked = { ...given({}), args: { run }, settings: connector.settings.parse(TOLD_APART) };
    const preview = (await call(as(), operations.cancel, 'preview', asked)).value;
    if ('refused' in preview) throw new Error(preview.refused);
    const approved = { ...asked, pinned: preview.pinned };
    const { value } = await call(as(), operations.cancel, 'run', approved);
    if (value.kind !== 'running') throw new Error(JSON.stringify(value));
    expect(value.message).toBe(`${run} is being stopped.`);
    return { approved, handle: value.handle };
  };
  const looked = async (run: string): Promise<Look> => {
    const handle = { request: run.slice(2), name: 'its run' };
    return (await call(as(), operations.trigger, 'follow', { ...given({}), handle })).value;
  };
  type Handle = Record<string, Json>;
  type Listed = {
    builds: { buildid: number }[];
    steps: { name: string; started_at: number; results: number }[];
  };
  const requestOf = async (run: string) => JSON.stringify(await ci.rest(`buildrequests/${run.slice(2)}`));
  const buildsOf = async (run: string) =>
    ((await ci.rest(`buildrequests/${run.slice(2)}/builds`)) as Listed).builds;
  const stepOf = async (run: string, name: string) => {
    const [build] = await buildsOf(run);
    const steps = build && ((await ci.rest(`builds/${build.buildid}/steps`)) as Listed).steps;
    return steps?.find((step) => step.name === name);
  };
  const isAt = (run: string, step: string) =>
    vi.waitUntil(async () => Boolean((await stepOf(run, step))?.started_at), WAIT);
  const isOver = (run: string) =>
    vi.waitUntil(async () => (await requestOf(run)).includes('"complete":true'), WAIT);
  /** One that the worker is busy with: what is asked for now waits behind it. */
  const busy = async (job: string) => {
    const first = await starting(job);
    await isAt(first.run, 'wait');
    return first;
  };
  /** Looks at it, as often as this at most. What each write has asked for is waited for. */
  async function looks(
    name: 'cancel' | 'trigger',
    given: Given,
    from: Handle,
    {
      atMost = Infinity,
      written = async (): Promise<unknown> => undefined,
      spec = (_look: number) => ({}),
    } = {},
  ) {
    let handle = from;
    const sent: string[] = [];
    for (let look = 0; look < atMost; look += 1) {
      const { value, heard } = await call(as(), operations[name], 'follow', { ...given, handle }, spec(look));
      const seen: Look = value;
      sent.push(...heard.writes.map(({ path }) => path));
      if (heard.writes.length > 0) await written();
      if (seen.kind !== 'running') return { end: seen, sent };
      handle = seen.handle;
    }
    return { end: null, sent };
  }
  const cancelOf = (run: string) => `/api/v2/buildrequests/${run.slice(2)}`;

  it('takes a run that no worker has begun yet from the queue', async () => {
    const first = await busy('endless');
    const second = await starting('endless');
    await stopping(second.run);
    await stopping(first.run);
    expect(await looked(second.run)).toMatchObject({
      kind: 'failed',
      result: {
        code: 'build_cancelled',
        message: `its run (${second.run}) was ended before it began.`,
      },
    });
  });

  it('is asked once more to stop what it was taking up when it was asked, and dropped the first', async () => {
    const { run } = await starting('late');
    await vi.waitUntil(async () => (await requestOf(run)).includes('"claimed":true'), WAIT);
    const { approved, handle } = await stopping(run);
    ci.open('late');
    await isAt(run, 'wait');
    const { end, sent } = await looks('cancel', approved, handle, { written: () => isOver(run) });
    const message = `late of web (${run}) was stopped.`;
    expect(end).toMatchObject({ kind: 'done', result: { code: 'done', message } });
    expect(sent).toEqual([cancelOf(run)]);
  });

  it('is not asked again while what it has stopped cleans up, however long that takes', async () => {
    const { run } = await busy('orderly');
    const { approved, handle } = await stopping(run);
    await isAt(run, 'tidy');
    const lost = (await call(as(), operations.cancel, 'reconcile', approved)).value;
    if (lost.kind !== 'happened' || lost.outcome.kind !== 'running') throw new Error(JSON.stringify(lost));
    for (const from of [handle, lost.outcome.handle])
      expect(await looks('cancel', approved, from, { atMost: 70 })).toEqual({ end: null, sent: [] });
    ci.open('orderly');
    await isOver(run);
    const { end } = await looks('cancel', approved, handle);
    expect(end).toMatchObject({ kind: 'done', result: { message: `orderly of web (${run}) was stopped.` } });
    expect(await stepOf(run, 'tidy')).toMatchObject({ results: 0 });
  });

  it('lets a run on another commit clean up, and says that it has not ended', async () => {
    const asked = given({ job: 'orderly-astray' });
    const { value } = await call(as(), operations.trigger, 'run', asked);
    if (value.kind !== 'running') throw new Error(JSON.stringify(value));
    const run = `R-${value.handle.request}`;
    await isAt(run, 'wait');
    const { end, sent } = await looks('trigger', asked, value.handle, { written: () => isAt(run, 'tidy') });
    const message = expect.stringContaining('was asked to stop, and has not ended');
    expect(end).toMatchObject({ kind: 'failed', result: { code: 'other_commit', message } });
    expect(sent).toEqual([cancelOf(run)]);
    ci.open('orderly-astray');
    await isOver(run);
    expect(await stepOf(run, 'tidy')).toMatchObject({ results: 0 });
  });

  it('is asked again once what refused the second stop is over; else a person is', async () => {
    const { run } = await busy('endless');
    const asked = { args: { run } };
    const handle = { run, name: `endless of web (${run})`, dropped: 'perhaps' };
    const isKilled = () => Promise.reject(new AppError('kill_switch', 'The kill switch is on.'));
    const killed = { hooks: { beforeWrite: isKilled } } as unknown as Partial<DoorSpec>;
    const never = await looks('cancel', asked, handle, { spec: () => killed });
    const message = `endless of web (${run}) was asked to stop, and has not ended. Please look, and stop it there.`;
    expect(never).toEqual({
      end: { kind: 'failed', result: { code: 'not_stopped', message }, output: '' },
      sent: [],
    });
    const spec = (look: number) => (look < 40 ? killed : {});
    const later = await looks('cancel', asked, handle, { spec, written: () => isOver(run) });
    expect(later).toMatchObject({ end: { kind: 'done' }, sent: [cancelOf(run)] });
  });

  it('says that a waiting run was merged into a later one of its commit', async () => {
    const first = await busy('merging');
    const waiting = await starting('merging');
    const later = await starting('merging');
    const words = 'did not run, as Buildbot merged it into a later run of the same commit';
    const ended = async () => (await looked(waiting.run)).kind !== 'running';
    await vi.waitUntil(ended, WAIT);
    expect(await looked(waiting.run)).toMatchObject({
      kind: 'failed',
      result: { code: 'build_merged', message: `its run (${waiting.run}) ${words}.` },
    });
    const asked = { ...given({}), args: { run: waiting.run } };
    const shown = await call(as(), operations.status, 'run', { ...asked, pinned: { builder: 'merging' } });
    expect(shown.value).toMatchObject({
      kind: 'done',
      result: { message: `merging (${waiting.run}) ${words}.` },
    });
    const settings = connector.settings.parse(TOLD_APART);
    const { value } = await call(as(), operations.cancel, 'preview', { ...asked, settings });
    expect(value).toEqual({ refused: `merging of web (${waiting.run}) has ended: ${words}.` });
    // It was merged while it was being stopped.
    const handle = { run: waiting.run, name: `merging of web (${waiting.run})` };
    const stopped = await call(as(), operations.cancel, 'follow', { ...asked, handle });
    const message = `${handle.name} had ended before it could be stopped: it ${words}.`;
    expect(stopped.value).toMatchObject({ kind: 'failed', result: { code: 'ended_before', message } });
    await stopping(later.run);
    await stopping(first.run);
  });

  it('runs again with the inputs of the first, under a mark of its own', async () => {
    const { run } = await runToEnd(given({ inputs: { channel: 'stable' } }));
    const settings = connector.settings.parse(TOLD_APART);
    const asked = { ...given({}), args: { run }, settings };
    const preview = (await call(as(), operations.rerun, 'preview', asked)).value;
    expect(preview).toMatchObject({
      pinned: { commit: COMMIT, inputs: '{"channel":"stable"}' },
      facts: expect.arrayContaining([{ label: 'Started for', value: 'alice (Alice Adams)', quoted: true }]),
    });
    if ('refused' in preview) return;
    const { value } = await call(as(), operations.rerun, 'run', { ...asked, pinned: preview.pinned });
    const found = await call(as(), operations.rerun, 'reconcile', { ...asked, pinned: preview.pinned });
    expect(found.value).toEqual({ kind: 'happened', outcome: value });
  });

  it('stops nothing where jobs of different environments share its builder', async () => {
    const { run } = await runToEnd(given({}));
    const jobs = { checks: job('checks'), deploy: job('checks', { environment: 'production' }) };
    const settings = connector.settings.parse({ ...DESCRIBED, jobs });
    const { value } = await call(as(), operations.rerun, 'preview', {
      ...given({}),
      args: { run },
      settings,
    });
    expect(value).toEqual({ refused: expect.stringContaining('Jobs of different environments') });
  });

  it.each([
    ['a branch of a repository that nobody can be asked about', { ref: 'main' }, 'Name a commit in full'],
    ['a job that is not described', { job: 'other' }, 'There is no job other of web on Buildbot.'],
    ['an input that the job does not have', { inputs: { shell: 'x' } }, 'The job checks has no input shell.'],
    ['a scheduler that fixes the revision itself', { job: 'fixed' }, 'does not take "revision"'],
    ['a scheduler that is not there', { job: 'gone' }, 'Buildbot knows nothing of that name'],
    ['a builder that the scheduler does not start', { job: 'stranger' }, 'does not start the builder'],
  ])('refuses %s', async (_what, args, words) => {
    const { value } = await call(as(), operations.trigger, 'preview', given(args));
    expect(value).toEqual({ refused: expect.stringContaining(words) });
  });

  it('says in our words that a right is missing, and sends nothing without a session', async () => {
    const forbidden = await call(as('reader'), operations.trigger, 'run', given({}));
    expect(forbidden.value).toMatchObject({ kind: 'failed', result: { code: 'upstream_forbidden' } });
    const wrong = upstream(ci.baseUrl, `${ci.password}-old`);
    const refused = await call(wrong, operations.trigger, 'run', given({}));
    expect(refused.value).toMatchObject({ kind: 'failed', result: { code: 'login_refused' } });
    expect(refused.heard.writes).toEqual([]);
  });
});

describe('where the repository is on GitHub', () => {
  const PASSWORD = ['pw', crypto.randomUUID()].join('-');
  const SCHEDULER = {
    enabled: true,
    builder_names: ['checks'],
    all_fields: ['reason', 'revision'].map((fullName) => ({ fullName, type: 'text' })),
  };

  async function previewed(ref: string, commits: unknown, status = 200) {
    const server = await startUpstream((response, { url }) => {
      if (url === '/auth/login') return response.writeHead(302, { 'set-cookie': 'S=session-1' }).end();
      if (url.startsWith('/repos/')) return json(response, commits, status);
      json(response, { forceschedulers: [SCHEDULER] });
    });
    const config = upstream(server.baseUrl, PASSWORD);
    const own = config.credentials!;
    const both: Partial<BrokerConfig> = {
      upstreams: {
        ...config.upstreams,
        'api.github.com': { baseUrl: server.baseUrl, addresses: ['127.0.0.1/32'] },
      },
      credentials: {
        get: async (name, host) => (name === 'github' ? 'Bearer some-token' : own.get(name, host)),
      },
    };
    const { value } = await call(both, operations.trigger, 'preview', given({ repo: 'app', ref }));
    await server.close();
    return { value, asked: server.seen.map(({ url }) => url) };
  }

  it('a branch is pinned to the commit that it stands for there', async () => {
    const { value, asked } = await previewed('feature/login', [{ sha: COMMIT }]);
    expect(value).toMatchObject({ pinned: { commit: COMMIT } });
    expect(asked).toContain('/repos/acme/app/commits?sha=feature%2Flogin&per_page=1');
  });

  it.each([
    ['nothing of that name', {}, 404],
    ['an empty list', [], 200],
    ['something that is no commit', [{ sha: 'main' }], 200],
  ])('%s is refused', async (_what, body, status) => {
    const { value } = await previewed('main', body, status);
    expect(value).toEqual({ refused: expect.stringMatching(/^GitHub /) });
  });
});

describe('the settings', () => {
  const facts = (args: Record<string, string>) => connector.facts('trigger', args, SETTINGS);

  it('say environment and risk of a job; what is not described counts as the worst', () => {
    expect(facts({ job: 'checks', repo: 'web' })).toEqual({ environment: 'test', risk: 'medium' });
    expect(facts({ job: 'release', repo: 'web' })).toEqual({ environment: 'production', risk: 'high' });
    for (const args of [
      { job: 'release', repo: 'app' },
      { job: 'toString', repo: 'web' },
    ])
      expect(facts(args)).toEqual({ environment: 'production', risk: 'high' });
  });

  it.each([
    ['an input that would choose the commit', { ...job('checks'), inputs: ['revision'] }],
    ['an input that would choose the commit of a codebase', { ...job('checks'), inputs: ['web_revision'] }],
    ['a repository that is not described', { ...job('checks'), repositories: ['other'] }],
  ])('are refused with %s', (_what, checks) => {
    expect(connector.settings.safeParse({ ...DESCRIBED, jobs: { checks } }).success).toBe(false);
  });
});

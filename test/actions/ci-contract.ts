/** What every CI connector does alike with a run that is there already. Each connector calls this with a system of its own. */
import { describe, expect, it } from 'vitest';
import type { Connector, Look, Operation, RunResult } from '../../src/action.ts';
import { AppError } from '../../src/errors.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import type { DoorSpec } from '../../src/execution/broker/call.ts';
import { declare } from '../../src/execution/broker/rules.ts';
import type { Json, Preview } from '../../src/model/request.ts';
import { json, startUpstream } from '../execution/broker/upstream-server.ts';
import { call, type Given } from './through-broker.ts';

type Which = { run: string; repo: string; job: string; commit: string };
export type CiUnderTest = {
  config: Partial<BrokerConfig>;
  settings: Json;
  /** A run that goes on until it is stopped. */
  going(): Promise<Which>;
  /** A run that waits for somebody to work on it, for good; absent: the system has one number for both. */
  waiting?: () => Promise<Which>;
  /** One that has ended well, and has printed `said`. */
  passed(): Promise<Which & { said: string }>;
  /** One of which a step has failed, and has printed `said`. */
  broken(): Promise<Which & { said: string }>;
  /** A job of the settings that none of these runs is of. */
  other: { repo: string; job: string };
  /** No run at all, or none of a job of the settings. */
  unknown: string;
  /**
   * Arguments of a start that turns out to be on another commit than the pinned one, and goes on until it is stopped. Absent: it
   * is started on a commit, and on nothing that could move.
   */
  astray?: () => Promise<Record<string, Json>>;
  /** Waits until what a look has asked for has come about; absent: at once. */
  settled?: (handle: Readonly<Record<string, Json>>) => Promise<void>;
  /** Where running again is not the same as a new run: it is the same one once more. */
  rerunsInPlace?: boolean;
};

type Ci = Pick<CiUnderTest, 'config' | 'settings' | 'settled'>;
type Performed = {
  preview: Preview;
  ran: RunResult;
  end: RunResult | Look;
  writes: number;
  /** Writes of all looks. */
  stops: number;
  output: string;
};

/** Preview, run and looks to the end, as the executor does; a refused preview ends it. */
export async function perform(
  ci: Ci,
  operation: Operation,
  args: Record<string, Json>,
  looking: Partial<DoorSpec> = {},
): Promise<Performed | { refused: string }> {
  const given = {
    args,
    settings: ci.settings,
    mark: crypto.randomUUID().replaceAll('-', ''),
    key: crypto.randomUUID(),
  };
  const previewed = await call(ci.config, operation, 'preview', given);
  expect(previewed.heard.writes).toEqual([]);
  const preview = previewed.value;
  if ('refused' in preview) return preview;
  const pinned = preview.pinned;
  const ran = await call(ci.config, operation, 'run', { ...given, pinned });
  const seen = await followed(ci, operation, { ...given, pinned }, ran.value, looking);
  return { preview, ran: ran.value, writes: ran.heard.writes.length, ...seen };
}

/** Looks to the end at what a run has answered. */
async function followed(
  ci: Ci,
  operation: Operation,
  given: Given,
  ran: RunResult,
  looking: Partial<DoorSpec> = {},
): Promise<Pick<Performed, 'end' | 'stops' | 'output'>> {
  let end: RunResult | Look = ran;
  let output = '';
  let stops = 0;
  while (end.kind === 'running') {
    const handle: Record<string, Json> = end.handle;
    await ci.settled?.(handle);
    const looked = await call(ci.config, operation, 'follow', { ...given, handle }, looking);
    const look: Look = looked.value;
    stops += looked.heard.writes.length;
    output += look.output;
    end = look;
  }
  return { end, stops, output };
}

async function performed(...given: Parameters<typeof perform>): Promise<Performed> {
  const answer = await perform(...given);
  if ('refused' in answer) throw new Error(answer.refused);
  return answer;
}

/** The same system, which lets in whoever asks and then answers nothing but this. */
async function refusing(config: Partial<BrokerConfig>, status: number) {
  const server = await startUpstream((response, { url }) => {
    if (url === '/auth/login') response.writeHead(302, { 'set-cookie': 'S=session-1' }).end();
    else json(response, {}, status);
  });
  const upstreams = Object.entries(config.upstreams ?? {}).map(
    ([host, upstream]) => [host, { ...upstream, baseUrl: server.baseUrl }] as const,
  );
  return { config: { ...config, upstreams: Object.fromEntries(upstreams) }, stop: () => server.close() };
}

/** `states`: how a run can be when it is stopped; one that waits, where the system knows it by another number until it begins. */
export function ciContract(
  connector: Connector,
  system: () => CiUnderTest,
  states: readonly ('going' | 'waiting')[] = ['going'],
): void {
  const operation = (name: string): Operation => connector.operations[name]!;
  const named = ({ run, repo, job }: Which) => ({ run, repo, job });

  /** Not of one that starts exactly what it is told. */
  const stops = describe.runIf((connector.operations.trigger?.followWrites ?? 0) > 0);
  const astray = (ci: CiUnderTest) => {
    if (!ci.astray) throw new Error(`How a run of ${connector.name} goes astray is not described.`);
    return ci.astray();
  };

  describe(`${connector.name}, as every CI connector,`, () => {
    it('stops a run that goes on, says whose it is, and that it has stopped', async () => {
      const ci = system();
      const run = await ci.going();
      const { preview, end, writes } = await performed(ci, operation('cancel'), named(run));
      expect(preview.facts.find(({ label }) => label === 'Started for')?.value).toBeTruthy();
      expect(preview.pinned).toMatchObject({ run: run.run, job: run.job, repository: run.repo });
      expect(end).toMatchObject({ kind: 'done', result: { code: 'done', data: { run: run.run } } });
      expect(writes).toBe(1);
      const again = await perform(ci, operation('cancel'), { run: run.run });
      expect(again).toEqual({ refused: expect.stringContaining('has ended') });
    });

    const outside = it.runIf(connector.builtIn !== true);
    const looks = states.flatMap((state) => [401, 403, 404, 429].map((status) => [state, status] as const));
    outside.each(looks)(
      'does not say how the stop of a run that was %s went where the system answers %i',
      async (state, status) => {
        const ci = system();
        const start = ci[state];
        if (!start) throw new Error(`How a run of ${connector.name} is ${state} is not described.`);
        const run = await start();
        const given = { args: named(run), settings: ci.settings };
        const { value: preview } = await call(ci.config, operation('cancel'), 'preview', given);
        if ('refused' in preview) throw new Error(preview.refused);
        const asked = { ...given, pinned: preview.pinned };
        const { value: ran } = await call(ci.config, operation('cancel'), 'run', asked);
        if (ran.kind !== 'running') throw new Error(JSON.stringify(ran));
        const closed = await refusing(ci.config, status);
        const look = call(closed.config, operation('cancel'), 'follow', { ...asked, handle: ran.handle });
        if (status === 404) {
          const words = expect.stringContaining(
            `no longer knows ${run.job} of ${run.repo} (${run.run}). Please look`,
          );
          expect((await look).value).toMatchObject({
            kind: 'unclear',
            result: { code: 'run_gone', message: words },
          });
        } else await expect(look).rejects.toThrow('gave no clear answer');
        await closed.stop();
        // It was stopped all the same, and nobody finds it at work.
        const { end } = await followed(ci, operation('cancel'), asked, ran);
        expect(end).toMatchObject({ kind: 'done', result: { code: 'done' } });
      },
    );

    it('runs a run again on the same commit', async () => {
      const ci = system();
      const run = await ci.passed();
      const { preview, end, writes } = await performed(ci, operation('rerun'), named(run));
      expect(preview.pinned).toMatchObject({ commit: run.commit, job: run.job, repository: run.repo });
      expect(end).toMatchObject({ kind: 'done', result: { code: 'done' } });
      if (!ci.rerunsInPlace) expect(end).not.toMatchObject({ result: { data: { run: run.run } } });
      expect(writes).toBe(1);
    });

    it('does not run again what has not ended', async () => {
      const ci = system();
      const run = await ci.going();
      expect(await perform(ci, operation('rerun'), named(run))).toEqual({
        refused: expect.stringContaining('has not ended yet'),
      });
      await performed(ci, operation('cancel'), { run: run.run });
    });

    it.each(['cancel', 'rerun'])(
      '%s refuses a run that is of another job than whoever asks says',
      async (name) => {
        const ci = system();
        const run = name === 'cancel' ? await ci.going() : await ci.passed();
        expect(await perform(ci, operation(name), { run: run.run, ...ci.other })).toEqual({
          refused: `${run.run} is a run of ${run.job} of ${run.repo}, not of what you named.`,
        });
        if (name === 'cancel') await performed(ci, operation('cancel'), { run: run.run });
      },
    );

    it('says that a run whose job is not named is judged as one of production', async () => {
      const ci = system();
      const run = await ci.passed();
      const seen = await call(ci.config, operation('rerun'), 'preview', {
        args: { run: run.run },
        settings: ci.settings,
      });
      const judged =
        'facts' in seen.value ? seen.value.facts.find(({ label }) => label === 'Judged as') : null;
      expect(judged?.value).toContain(`Name repo=${run.repo} job=${run.job}`);
      const worst = { environment: 'production', risk: 'high' };
      expect(connector.facts('rerun', { run: run.run }, ci.settings)).toEqual(worst);
      expect(connector.facts('rerun', { run: run.run, job: run.job }, ci.settings)).toEqual(worst);
      expect(connector.facts('cancel', named(run), ci.settings)).toEqual(
        connector.facts('trigger', { repo: run.repo, job: run.job, ref: 'main' }, ci.settings),
      );
    });

    it('shows the end of the output, and of what has failed', async () => {
      const ci = system();
      const good = await ci.passed();
      const whole = await performed(ci, operation('logs'), { run: good.run });
      expect(whole.end).toMatchObject({
        kind: 'done',
        result: { output: expect.stringContaining(good.said) },
      });
      expect(whole.writes).toBe(0);
      const bad = await ci.broken();
      const failed = await performed(ci, operation('logs'), { run: bad.run, part: 'failed' });
      expect(failed.end).toMatchObject({
        kind: 'done',
        result: { output: expect.stringContaining(bad.said) },
      });
      const none = await performed(ci, operation('logs'), { run: good.run, part: 'failed' });
      expect(none.end.kind === 'done' && none.end.result.output).toBe('');
    });

    it.each(['status', 'logs', 'cancel', 'rerun'])('%s of a run that is not there says so', async (name) => {
      const ci = system();
      const answer = await perform(ci, operation(name), { run: ci.unknown });
      if ('refused' in answer) expect(answer.refused).toContain(ci.unknown);
      else expect(answer.end).toMatchObject({ kind: 'failed', result: { code: 'not_found' } });
    });

    it('asks policy about each job that there is, and about a run whose job is not named', () => {
      const { settings } = system();
      for (const name of ['cancel', 'rerun']) {
        const examples = connector.examples(name, settings);
        expect(examples).toContainEqual({ run: 'R-1' });
        expect(examples.length).toBe(connector.examples('trigger', settings).length + 1);
      }
    });
  });

  stops(`${connector.name}, where a run can be on another commit,`, () => {
    it('stops a run that is on another commit than the approved one, and says that it was cancelled', async () => {
      const ci = system();
      const { end, stops } = await performed(ci, operation('trigger'), await astray(ci));
      expect(end).toMatchObject({
        kind: 'failed',
        result: {
          code: 'other_commit',
          message: expect.stringMatching(
            /began on another commit than the approved one \([0-9a-f]{12}\) and was cancelled\.$/,
          ),
          link: expect.stringMatching(/^https?:/),
        },
      });
      expect(stops).toBe(1);
    });

    it('says that such a run could not be cancelled, and where to look', async () => {
      const ci = system();
      const isKilled = () => Promise.reject(new AppError('kill_switch', 'The kill switch is on.'));
      const hooks = { beforeWrite: isKilled } as unknown as DoorSpec['hooks'];
      const { end, stops } = await performed(ci, operation('trigger'), await astray(ci), { hooks });
      if (end.kind !== 'failed') throw new Error(JSON.stringify(end));
      expect(end.result).toMatchObject({
        code: 'other_commit',
        message: expect.stringContaining('could not be cancelled. Please look, and stop it there.'),
        link: expect.stringMatching(/^https?:/),
      });
      expect(stops).toBe(0);
      const run = /R-\d+/.exec(end.result.message)?.[0] ?? '';
      // It goes on, and can be stopped by whoever looks.
      await performed(ci, operation('cancel'), { run });
    });

    it('stops nothing that is on the approved commit, and lets no other look send a stop', async () => {
      const ci = system();
      const run = await ci.passed();
      const rules = operation('trigger').egress.filter(({ phase }) => phase === 'follow');
      const values = {
        ...{ args: { repo: run.repo, job: run.job, ref: run.commit }, pinned: { commit: run.commit } },
        ...{ settings: ci.settings, mark: 'm', requester: 'r' },
      };
      const number = run.run.slice(2);
      const handle = {
        ...{ repo: run.repo, job: run.job, name: run.job },
        ...{ run: number, pipeline: number, item: number, build: number, request: number },
      };
      expect(rules.length).toBeGreaterThan(0);
      expect(declare(rules, { ...values, handle })).toEqual([]);
      expect(declare(rules, { ...values, handle: { ...handle, stop: 'asked' } })).toEqual([]);
      expect(declare(rules, { ...values, handle: { ...handle, stop: 'wanted' } })).toHaveLength(1);
    });
  });
}

/**
 * What every connector does whose deployments are runs of one job of a CI system, pretended or real: what runs where, what is
 * brought there, and the way back. Every call passes the real broker.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connector, Look, Operation } from '../../src/action.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import type { Json } from '../../src/model/request.ts';
import { call, type Given } from './through-broker.ts';

export const A = 'a'.repeat(40);
export const B = 'b'.repeat(40);
export const C = 'c'.repeat(40);
/** Its deployment fails. */
export const FAILS = 'f'.repeat(40);
/** Its deployment goes on until it is stopped. */
export const GOES_ON = 'e'.repeat(40);

export type DeployWorld = {
  way: (who: 'ours' | 'other') => Partial<BrokerConfig>;
  /** Eve deploys there by hand; seen to its end, but for `GOES_ON`. */
  byHand: (there: string, commit: string) => Promise<void>;
  /** What waits in a queue is taken up: there are systems where nothing is found before. */
  takenUp: () => Promise<void>;
  /** Whatever goes on is stopped, and is over. */
  endAll: () => Promise<void>;
  /** The environments, by the system's name for them, and commits of all runs, the newest last. */
  ran: () => Promise<{ there: string; commit: string }[]>;
  stop: () => Promise<void>;
};

export type DeploySubject = {
  connector: Connector;
  /** `there`: what the system calls the environment of that name. */
  settings: (there: (name: string) => string) => Json;
  start: () => Promise<DeployWorld>;
};

type Name = 'promote' | 'rollback';

export function deployingContract(subject: DeploySubject): void {
  let world: DeployWorld;
  beforeAll(async () => {
    world = await subject.start();
  }, 180_000);
  afterAll(() => world?.stop());

  /** Environments that nothing was ever deployed to. */
  function fresh() {
    const one = crypto.randomUUID().slice(0, 8);
    const there = (name: string): string => `${name}-${one}`;
    const settings = subject.settings(there);
    const given = (args: Record<string, Json>, pinned: Record<string, string> = {}): Given => ({
      ...{ args, settings, pinned },
      mark: crypto.randomUUID().replaceAll('-', ''),
      key: crypto.randomUUID(),
    });
    const operation = (name: Name): Operation => {
      const found = subject.connector.operations[name];
      if (found === undefined) throw new Error(`no ${name}`);
      return found;
    };
    const preview = async (name: Name, args: Record<string, Json>) =>
      (await call(world.way('ours'), operation(name), 'preview', given(args))).value;
    /** Asked for, approved and seen to its end, as the executor does. */
    async function deploy(name: Name, args: Record<string, Json>): Promise<Look> {
      const seen = await preview(name, args);
      if ('refused' in seen) throw new Error(seen.refused);
      const request = given(args, seen.pinned);
      const { value } = await call(world.way('ours'), operation(name), 'run', request);
      if (value.kind !== 'running') throw new Error(JSON.stringify(value));
      let look: Look = { kind: 'running', handle: value.handle, output: '' };
      while (look.kind === 'running') {
        const { handle }: { handle: Record<string, Json> } = look;
        look = (await call(world.way('ours'), operation(name), 'follow', { ...request, handle })).value;
      }
      return look;
    }
    return { there, settings, given, operation, preview, deploy };
  }
  const STAGING = { service: 'web', to: 'staging' };
  const LIVE = { service: 'web', to: 'production' };

  describe('a deployment', () => {
    it('brings a commit to the first environment, and from there to the next, told where to by the input', async () => {
      const { deploy, preview, there } = fresh();
      expect(await preview('promote', LIVE)).toEqual({
        refused: 'Nothing was ever deployed to staging of web.',
      });
      expect(await preview('promote', { ...STAGING, ref: A })).toMatchObject({
        facts: expect.arrayContaining([{ label: 'Commit', value: A }]),
      });
      const ended = await deploy('promote', { ...STAGING, ref: A });
      expect(ended).toMatchObject({
        kind: 'done',
        result: {
          code: 'done',
          message: expect.stringMatching(/^Deployed aaaaaaaaaaaa of web to staging \(R-\d+\)\.$/),
        },
      });
      const seen = await preview('promote', LIVE);
      expect(seen).toMatchObject({
        summary: expect.stringMatching(/^Deploy aaaaaaaaaaaa of web to production, through /),
        pinned: { commit: A, current: 'none', newest: 'none', environment: 'production' },
        facts: expect.arrayContaining([{ label: 'Commit', value: A }]),
      });
      expect(await deploy('promote', LIVE)).toMatchObject({ kind: 'done' });
      expect((await world.ran()).slice(-2)).toEqual([
        { there: there('staging'), commit: A },
        { there: there('production'), commit: A },
      ]);
      expect(await preview('promote', LIVE)).toEqual({
        refused: 'production of web runs aaaaaaaaaaaa already: there is nothing to promote.',
      });
    });

    it('that failed says so, runs nowhere, and is gone back from', async () => {
      const { deploy, preview } = fresh();
      await deploy('promote', { ...STAGING, ref: A });
      const ended = await deploy('promote', { ...STAGING, ref: FAILS });
      expect(ended).toMatchObject({ kind: 'failed', result: { message: expect.stringContaining('failed') } });
      expect(await preview('promote', LIVE)).toMatchObject({
        refused: expect.stringContaining('has not succeeded'),
      });
      expect(await preview('rollback', { service: 'web', environment: 'staging' })).toMatchObject({
        pinned: { commit: A },
      });
    });

    it('is gone back from to what ran there before, further at each step, or to what is named', async () => {
      const { deploy, preview } = fresh();
      const back = { service: 'web', environment: 'staging' };
      for (const ref of [A, B, C]) await deploy('promote', { ...STAGING, ref });
      expect(await deploy('rollback', back)).toMatchObject({
        kind: 'done',
        result: { message: expect.stringContaining('Deployed bbbbbbbbbbbb of web to staging') },
      });
      const further = await preview('rollback', back);
      expect(further).toMatchObject({ pinned: { commit: A } });
      const origin = 'refused' in further ? '' : (further.pinned.origin ?? '');
      expect(await preview('rollback', { ...back, to: origin })).toMatchObject({ pinned: { commit: A } });
      expect(await preview('rollback', { ...back, to: C })).toMatchObject({ pinned: { commit: C } });
    });

    it('made by hand counts, and says by whom', async () => {
      const { preview, there } = fresh();
      await world.byHand(there('staging'), C);
      expect(await preview('promote', LIVE)).toMatchObject({ pinned: { commit: C } });
      expect(await preview('promote', { ...STAGING, ref: A })).toMatchObject({
        pinned: { commit: A },
        facts: expect.arrayContaining([
          {
            label: 'Runs now',
            value: expect.stringMatching(/ of cccccccccccc \(.*\), deployed by eve$/),
            quoted: true,
          },
        ]),
      });
    });

    it('that goes on keeps others from that environment, and from no other', async () => {
      const { preview, there } = fresh();
      await world.byHand(there('staging'), GOES_ON);
      expect(await preview('promote', { ...STAGING, ref: A })).toMatchObject({
        refused: expect.stringContaining('A deployment of web to staging has not ended yet'),
      });
      expect(await preview('promote', { service: 'web', to: 'test', ref: A })).toMatchObject({
        pinned: { commit: A },
      });
      await world.endAll();
    });

    it('whose answer was lost is found again, if our account started it', async () => {
      const { given, operation } = fresh();
      const args = { ...STAGING, ref: A };
      const request = given(args, { commit: A });
      await call(world.way('ours'), operation('promote'), 'run', request);
      await world.takenUp();
      expect((await call(world.way('ours'), operation('promote'), 'reconcile', request)).value).toMatchObject(
        {
          kind: 'happened',
          outcome: { kind: 'running', handle: { service: 'web', environment: 'staging' } },
        },
      );
      const others = given(args, { commit: A });
      await call(world.way('other'), operation('promote'), 'run', others);
      await world.takenUp();
      for (const unknown of [others, given(args, { commit: A }), { ...request, pinned: { commit: B } }])
        expect((await call(world.way('ours'), operation('promote'), 'reconcile', unknown)).value).toEqual({
          kind: 'cannot_tell',
        });
    });

    it('is not started where no commit is pinned', async () => {
      const { given, operation } = fresh();
      const before = (await world.ran()).length;
      const request = given({ ...STAGING, ref: A });
      const { value, heard } = await call(world.way('ours'), operation('promote'), 'run', request);
      expect(value).toMatchObject({ kind: 'failed', result: { code: 'not_pinned' } });
      expect(heard.writes).toHaveLength(0);
      expect(await world.ran()).toHaveLength(before);
    });

    it('to an environment that is no longer configured is left to a person', async () => {
      const { given, operation } = fresh();
      const handle = { service: 'web', environment: 'gone' };
      const request = { ...given({ service: 'web', to: 'gone' }, { commit: A }), handle };
      expect((await call(world.way('ours'), operation('promote'), 'follow', request)).value).toMatchObject({
        kind: 'unclear',
        result: { code: 'run_gone', message: expect.stringContaining('gone of web is no longer configured') },
      });
    });
  });
}

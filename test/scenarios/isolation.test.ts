import { mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { locateBubblewrap } from '../../src/execution/sandbox/machine.ts';
import { settles, useAssistant } from '../support/assistant.ts';
import { needs } from '../support/needs.ts';

const { skip } = needs('bwrap');
/** Often: the test waits for what the self-attack finds. */
const ATTACK_EVERY_MS = 500;

describe.skipIf(skip)('isolation that falls while the assistant runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isolation-'));
  const bubblewrap = join(folder, 'bwrap');
  const install = async (): Promise<void> => symlinkSync((await locateBubblewrap()) ?? '', bubblewrap);
  await install();
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const house = useAssistant({
    level: 'kernel',
    isolation: { bubblewrap, attackEveryMs: ATTACK_EVERY_MS },
  });

  it('is noticed, told, and refuses what needs more, until it is mended', async () => {
    const { home, running, assistant, ask, done, until, verifiedLog } = house();
    const check = async () => (await running.checks()).find(({ name }) => name === 'isolation');
    const jobCheck = async () => (await running.checks()).find(({ name }) => name === 'job_isolation');
    const level = async () => {
      await running.refreshMetrics();
      const { isolation, jobIsolation } = running.metrics;
      const values = [await isolation.get(), await jobIsolation.get()].flatMap((gauge) => gauge.values);
      return values.filter(({ value }) => value === 1).map(({ labels }) => labels.level);
    };
    home.edit('policies/ci.cedar', (text) => text.replace('@approval', '@isolation("kernel")\n@approval'));
    await running.reload();
    expect(await check()).toMatchObject({ ok: true, code: 'kernel' });
    const before = await ask('alice', 'the VPN is down, please open a ticket');

    unlinkSync(bubblewrap);
    await settles(async () => (await check())?.code === 'kernel-lite', 'the fall is noticed');
    await settles(async () => (await jobCheck())?.code === 'kernel-lite', 'the fall of jobs is noticed');
    expect([await check(), await jobCheck()]).toMatchObject([{ ok: false }, { ok: false }]);
    expect(await level()).toEqual(['kernel-lite', 'kernel-lite']);
    expect((await assistant.operations('erin' as never)).isolation).toBe('kernel-lite');

    // What policy gives to the weaker level still runs, at that level, and its log says so.
    await done('alice', before, 'confirm');
    await until(before, 'succeeded');
    expect((await verifiedLog()).find((entry) => entry.type === 'execution.started')?.data?.level).toBe(
      'kernel-lite',
    );
    const refused = await ask('alice', 'run the checks of web on main');
    expect(refused).toMatchObject({ state: 'denied', result: { code: 'isolation_too_low' } });
    expect(refused.result?.message).toContain(
      'at least at level "kernel"; this machine reaches "kernel-lite"',
    );

    await install();
    await settles(async () => (await check())?.code === 'kernel', 'the repair is noticed');
    await settles(async () => (await jobCheck())?.code === 'kernel', 'the repair for jobs is noticed');
    expect([await check(), await jobCheck()]).toMatchObject([{ ok: true }, { ok: true }]);
    expect(await level()).toEqual(['kernel', 'kernel']);
    expect((await ask('alice', 'run the checks of web on main')).state).toBe('pending');
    const alerts = (await verifiedLog()).filter((entry) => entry.type === 'alert.raised');
    for (const of of ['actions', 'jobs'])
      expect(alerts.map(({ data }) => data).filter((data) => data?.of === of)).toEqual([
        { code: 'isolation_fell', of, from: 'kernel', to: 'kernel-lite' },
        { code: 'isolation_recovered', of, from: 'kernel-lite', to: 'kernel' },
      ]);
  });
});

describe.skipIf(skip)('a machine whose bubblewrap is too old for jobs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isolation-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const bubblewrap = join(folder, 'bwrap');
  const real = await locateBubblewrap();
  // As 0.6 was: it cannot bound a file system in memory.
  const script = `#!/bin/sh\n[ "$1" = --help ] && { ${real} --help | grep -v -- --size; exit 0; }\nexec ${real} "$@"\n`;
  writeFileSync(bubblewrap, script, { mode: 0o755 });
  const house = useAssistant({ level: 'kernel', isolation: { bubblewrap } });

  it('says of what runs a job the level of that job, in the log and on the card, and of all else its own', async () => {
    const { ask, done, until, verifiedLog, database } = house();
    const ticket = await ask('alice', 'the VPN is down, please open a ticket');
    await done('alice', ticket, 'confirm');
    await until(ticket, 'succeeded');
    const checks = await ask('alice', 'run the checks of web on main');
    await done('alice', checks, 'confirm');
    await done('bob', checks, 'approve');
    await until(checks, 'succeeded');
    const started = (await verifiedLog()).filter(({ type }) => type === 'execution.started');
    const levelOf = ({ id }: { id: string }) => started.find(({ request }) => request === id)?.data?.level;
    expect([levelOf(ticket), levelOf(checks)]).toEqual(['kernel', 'kernel-lite']);
    // What cards show.
    const shown = await database.owner.query('select level from requests order by created_at');
    expect(shown).toEqual([{ level: 'kernel' }, { level: 'kernel-lite' }]);
  });

  it('refuses at once, before anybody approves, what needs its job isolated better', async () => {
    const { home, running, ask } = house();
    home.edit('policies/ci.cedar', (text) => text.replace('@approval', '@isolation("kernel")\n@approval'));
    await running.reload();
    expect(await ask('alice', 'run the checks of web on main')).toMatchObject({
      state: 'denied',
      result: { code: 'isolation_too_low' },
    });
  });
});

describe('a machine that starts weaker than policy asks for', async () => {
  const house = useAssistant({ level: 'kernel-lite' });

  it('says so, of actions and of jobs, as long as a rule asks for more', async () => {
    const { home, running } = house();
    const found = async () =>
      (await running.checks()).filter(({ name }) => name === 'isolation' || name === 'job_isolation');
    const at = (ok: boolean) => ({ ok, code: 'kernel-lite', decides: false });
    expect(await found()).toMatchObject([at(true), at(true)]);
    // Runs no job.
    home.edit('policies/tickets.cedar', (text) =>
      text.replace('@approval', '@isolation("kernel")\n@approval'),
    );
    await running.reload();
    expect(await found()).toMatchObject([at(false), at(true)]);
    home.edit('policies/ci.cedar', (text) => text.replace('"kernel-lite"', '"kernel"'));
    await running.reload();
    expect(await found()).toMatchObject([at(false), at(false)]);
  });
});

import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { createIsolation, foundAtStart, sandboxInForce } from '../../src/execution/isolation.ts';
import type { SandboxOutcome } from '../../src/execution/sandbox/outcome.ts';
import type { Established } from '../../src/execution/sandbox/probe.ts';
import type { SandboxRun } from '../../src/execution/sandbox/sandbox.ts';
import type { IsolationLevel } from '../../src/model/request.ts';

const NEVER = new AbortController().signal;
const found = (level: IsolationLevel): Established => ({
  level,
  attempts: [
    { level: 'kernel', held: level === 'kernel', failures: level === 'kernel' ? [] : ['tcp', 'write_file'] },
  ],
});

/** An isolation whose next attacks find these. */
function finding(first: IsolationLevel, ...next: (IsolationLevel | Error)[]) {
  return createIsolation(first, async () => {
    const one = next.shift() ?? first;
    if (one instanceof Error) throw one;
    return found(one);
  });
}

describe('the level in force', () => {
  it('changes with what an attack finds, and says what did not hold', async () => {
    const isolation = finding('kernel', 'kernel', 'kernel-lite', 'kernel-lite', 'none', 'kernel');
    expect(await isolation.look(NEVER)).toBeNull();
    expect(await isolation.look(NEVER)).toEqual({
      kind: 'fell',
      from: 'kernel',
      to: 'kernel-lite',
      failures: ['kernel: tcp, write_file'],
    });
    expect([isolation.now(), isolation.isAtItsBest()]).toEqual(['kernel-lite', false]);
    expect(await isolation.look(NEVER)).toBeNull();
    expect(await isolation.look(NEVER)).toMatchObject({ kind: 'fell', from: 'kernel-lite', to: 'none' });
    expect(await isolation.look(NEVER)).toMatchObject({ kind: 'rose', from: 'none', to: 'kernel' });
    expect([isolation.now(), isolation.isAtItsBest()]).toEqual(['kernel', true]);
  });

  it('is none where the attack itself cannot be made', async () => {
    const full = new Error('no space left');
    const isolation = finding('kernel-lite', full, full);
    expect(await isolation.look(NEVER)).toMatchObject({
      to: 'none',
      failures: ['none: the self-attack could not be made: no space left'],
    });
  });

  it('is what a second attack finds where the first came to no end, and only then', async () => {
    const isolation = finding('kernel', new Error('too busy'), 'kernel', 'kernel-lite', 'kernel');
    expect(await isolation.look(NEVER)).toBeNull();
    expect(isolation.now()).toBe('kernel');
    expect(await isolation.look(NEVER)).toMatchObject({ kind: 'fell', to: 'kernel-lite' });
  });

  it('stays what it was where a stop ended the attack', async () => {
    const isolation = finding('kernel', 'none');
    expect(await isolation.look(AbortSignal.abort())).toBeNull();
    expect(isolation.now()).toBe('kernel');
  });
});

describe('the level at the start', () => {
  const unfinished: Established = {
    level: 'none',
    attempts: [{ level: 'none', held: false, failures: ['timeout'], unfinished: true }],
  };
  const atStart = (least: IsolationLevel, ...found: Established[]) =>
    foundAtStart(async () => found.shift()!, least);

  it('is what a second attack finds where the first came to no end', async () => {
    expect(await atStart('process', unfinished, found('kernel'))).toMatchObject({ level: 'kernel' });
    expect(await atStart('process', unfinished, unfinished)).toMatchObject({ level: 'none' });
  });

  it('is believed at once where a way was open, or where it is enough', async () => {
    expect(await atStart('kernel-lite', found('process'), found('kernel'))).toMatchObject({
      level: 'process',
    });
    expect(await atStart('process', found('kernel-lite'), found('kernel'))).toMatchObject({
      level: 'kernel-lite',
    });
  });
});

describe('a launch', () => {
  const RUN = {} as SandboxRun;
  const answer = (level: IsolationLevel): SandboxOutcome => ({
    kind: 'answered',
    value: level,
    durations: { wallMs: 0, firstByteMs: null },
  });
  const TOO_LOW = { kind: 'failed', code: 'isolation_too_low' };

  it('is made at the level in force, and refused below what it asks for', async () => {
    let level: IsolationLevel = 'kernel';
    const sandbox = sandboxInForce({ now: () => level }, async (at) => ({ run: async () => answer(at) }));
    expect(await sandbox.run(RUN, 'kernel')).toMatchObject({ value: 'kernel' });
    level = 'kernel-lite';
    expect(await sandbox.run(RUN, 'kernel')).toMatchObject(TOO_LOW);
    expect(await sandbox.run(RUN, 'kernel-lite')).toMatchObject({ value: 'kernel-lite' });
    level = 'none';
    expect(await sandbox.run(RUN, 'process')).toMatchObject(TOO_LOW);
  });

  it('is refused where the level falls while it is prepared, or cannot be prepared at all', async () => {
    let level: IsolationLevel = 'kernel';
    const falling = sandboxInForce({ now: () => level }, async (at) => {
      level = 'process';
      return { run: async () => answer(at) };
    });
    expect(await falling.run(RUN, 'kernel-lite')).toMatchObject(TOO_LOW);
    const gone = sandboxInForce({ now: () => 'kernel' }, async () => {
      throw new AppError('isolation_too_low', 'Bubblewrap is not installed.');
    });
    expect(await gone.run(RUN, 'kernel-lite')).toMatchObject({
      ...TOO_LOW,
      detail: 'Bubblewrap is not installed.',
    });
  });
});

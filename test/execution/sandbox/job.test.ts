import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Job, type JobOutcome, runJob } from '../../../src/execution/sandbox/job.ts';
import { KERNEL_LEVELS, openFolder } from './levels.ts';

const MIB = 2 ** 20;
const LIMITS = {
  cpuSeconds: 20,
  // What is stopped is stopped by another limit, and what ends by itself does so well before, on a busy machine too.
  wallSeconds: 60,
  memoryBytes: 256 * MIB,
  outputBytes: MIB,
  processes: 16,
  scratchBytes: 16 * MIB,
};

/** More than the job may hold, less than one process's own limit, so that it is the total that counts. */
const HOARD = 'Array.from({length: 300}, () => Buffer.alloc(1 << 20, 1))';

let folder: string;
let source: string;
beforeAll(() => {
  folder = openFolder();
  source = path.join(folder, 'source');
  mkdirSync(source);
  writeFileSync(path.join(source, 'sum.test.mjs'), "import test from 'node:test'; test('sums', () => {});");
  writeFileSync(path.join(source, 'greet.sh'), '#!/bin/sh\necho "hello $INPUT_WHO"\nexit 3\n');
  chmodSync(path.join(source, 'greet.sh'), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(
  level: Job['level'],
  command: string[],
  more: Partial<Job> = {},
): Promise<JobOutcome & { output: string }> {
  let output = '';
  const outcome = await runJob({
    level,
    source,
    command,
    inputs: { who: 'world' },
    limits: LIMITS,
    outFolder: folder,
    onOutput: (chunk) => {
      output += chunk.toString();
    },
    ...more,
  });
  return { ...outcome, output };
}

describe.each(KERNEL_LEVELS)('a job at $level', ({ level, skip }) => {
  const shell = (script: string, more: Partial<Job> = {}) => run(level, ['sh', '-c', script], more);

  it.skipIf(skip)('runs a script of its source with its inputs, and tells its exit code', async () => {
    const outcome = await run(level, ['./greet.sh']);
    expect(outcome).toMatchObject({ exitCode: 3, stopped: null, output: 'hello world\n' });
  });

  it.skipIf(skip)('has no descriptor but the three of every process', async () => {
    const { output } = await shell(
      'for i in 0 1 2 3 4 5 6 7 8 9; do (true >&$i) 2>/dev/null && echo $i; done; true',
    );
    expect(output).toBe('0\n1\n2\n');
  });

  it.skipIf(skip)('has this Node, its test runner included', async () => {
    const outcome = await run(level, ['node', '--test']);
    expect(outcome.output).toContain('pass 1');
    expect(outcome).toMatchObject({ exitCode: 0, stopped: null });
  });

  it.skipIf(skip)('knows nothing of our environment, accounts or files', async () => {
    const { output } = await shell(
      `env | sed 's/=.*//' | sort | tr '\\n' ' '; cat /etc/passwd /etc/shadow ${source}/greet.sh /proc/${process.pid}/environ 2>/dev/null; ls ${folder} 2>/dev/null`,
    );
    expect(output.trim()).toBe('HOME INPUT_WHO LANG OLDPWD OPENSSL_CONF PATH PWD TMPDIR');
  });

  it.skipIf(skip || process.getuid?.() !== 0)(
    'is no account of this machine, and not the next job either',
    async () => {
      const [first, second] = [await shell('id -u'), await shell('id -u')];
      expect(Number(first.output)).toBeGreaterThan(60_000);
      expect(second.output).not.toBe(first.output);
    },
  );

  it.skipIf(skip)('reaches no network and no process of ours', async () => {
    const script = `
      import net from 'node:net';
      const said = [];
      try { process.kill(${process.pid}, 0); said.push('signalled'); } catch (error) { said.push(error.code); }
      net.connect(9, '127.0.0.1').on('error', (error) => console.log(...said, error.code));`;
    const { output } = await run(level, ['node', '--input-type=module', '-e', script]);
    expect(output.trim()).toMatch(/^(ESRCH|EPERM) EPERM$/);
  });

  it.skipIf(skip)('writes into its scratch and nowhere else', async () => {
    const places = ['/usr/x', '/x', '/etc/x', '/dev/x', '/proc/x', `${folder}/x`, '/var/tmp/x'];
    const { output } = await shell(
      `echo 1 >"$HOME/x" && echo 1 >"$TMPDIR/x" && echo home; for f in ${places.join(' ')}; do (echo 1 >$f) 2>/dev/null && echo "$f"; done`,
    );
    expect(output).toBe('home\n');
  });

  it.skipIf(skip)('leaves nothing running and nothing lying about', async () => {
    // A place of its own: jobs of other tests come and go in the common one.
    const place = mkdtempSync(path.join(tmpdir(), 'countersign-jobs-'));
    chmodSync(place, 0o1777);
    vi.stubEnv('TMPDIR', place);
    try {
      const outcome = await shell('(sleep 300; echo late) & mkdir -m 000 closed; echo done');
      expect(outcome).toMatchObject({ exitCode: 0, output: 'done\n' });
      expect(readdirSync(place)).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
      rmSync(place, { recursive: true, force: true });
    }
  });

  it.skipIf(skip).each([
    ['timeout', 'while :; do :; done', { cpuSeconds: 1 }],
    ['timeout', 'sleep 30', { wallSeconds: 1 }],
    ['output', 'yes', {}],
    ['processes', 'for i in $(seq 40); do sleep 50 & done; wait', {}],
    ['memory', `node -e "globalThis.kept = ${HOARD}; setTimeout(() => {}, 50000)"`, {}],
  ])('is stopped for %s: %s', async (stopped, script, limits) => {
    const outcome = await shell(script, { limits: { ...LIMITS, ...limits } });
    expect(outcome).toMatchObject({ exitCode: null, stopped });
  });

  it.skipIf(skip)('that forks without end is ended, or ends for want of processes', async () => {
    const outcome = await shell('f() { f | f & }; f; sleep 2; echo "still here"');
    // Whichever comes first: the watch that counts them, or the shell that cannot go on without another process.
    expect(['processes', null]).toContain(outcome.stopped);
    if (outcome.stopped === null) expect(outcome.output).toContain('Cannot fork');
  });

  it.skipIf(skip)('cannot fill more than its scratch', async () => {
    const outcome = await shell(
      'for i in 1 2 3; do dd if=/dev/zero of=f$i bs=1M count=12 || exit 9; done; sleep 50',
    );
    if (level === 'kernel') expect(outcome).toMatchObject({ exitCode: 9, stopped: null });
    else expect(outcome).toMatchObject({ exitCode: null, stopped: 'scratch' });
  });

  it.skipIf(skip)('is stopped when it is cancelled', async () => {
    const abort = new AbortController();
    const outcome = await shell('echo started; sleep 30', {
      signal: abort.signal,
      onOutput: () => abort.abort(),
    });
    expect(outcome).toMatchObject({ exitCode: null, stopped: 'cancelled' });
  });

  it.skipIf(skip)('does not run on half a source', async () => {
    const broken = Readable.from(
      (async function* () {
        yield Buffer.alloc(512);
        throw new Error('the repository is gone');
      })(),
    );
    await expect(run(level, ['./greet.sh'], { source: broken })).rejects.toMatchObject({
      code: 'sandbox_failed',
    });
  });

  it.skipIf(skip)('unpacks nothing outside its source', async () => {
    const outcome = await run(level, ['ls', '..'], { source: Readable.from([tarOf('../escaped', 'x')]) });
    expect(outcome.output).not.toMatch(/^escaped$/m);
  });
});

/** One file as a tar archive: POSIX.1-1988's header of 512 bytes, the content, two empty blocks. */
function tarOf(name: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\0', 257);
  header.write('00', 263);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const body = Buffer.alloc(512);
  body.write(content);
  return Buffer.concat([header, body, Buffer.alloc(1024)]);
}

describe('a job', () => {
  it('does not run below kernel-lite', async () => {
    for (const level of ['process', 'none'] as const) {
      await expect(run(level, ['true'])).rejects.toMatchObject({ code: 'isolation_too_low' });
    }
  });

  it.each([{ 'a b': 'x' }, { LD: 'a\0b' }, { '': 'x' }])('takes no input like %j', async (inputs) => {
    await expect(run('kernel-lite', ['true'], { inputs })).rejects.toMatchObject({ code: 'malformed' });
  });
});

import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Home, makeHome, runProcess, settles, spawnAssistant } from '../support/assistant.ts';

/** Mounting is for root, and not for every root: a container's may not. */
function mayMount(): boolean {
  const home = makeHome();
  try {
    mount(home, 'try', '1m');
    execFileSync('umount', [home.file('try')]);
    return true;
  } catch {
    // Whatever forbids it, the reason to skip is the same.
    return false;
  } finally {
    home.remove();
  }
}

function mount(home: Home, name: string, size: string): void {
  mkdirSync(home.file(name), { mode: 0o700 });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', home.file(name)], {
    stdio: 'ignore',
  });
}

/** Writes until there is no room. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  const block = Buffer.alloc(64 * 1024);
  try {
    for (;;) writeSync(file, block);
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
  } finally {
    closeSync(file);
  }
}

/** Room for a cluster with its first write-ahead segments and little more. */
const ENOUGH = '400m';

describe.skipIf(!mayMount())('a disk that is full (needs root that may mount)', () => {
  let home: Home;
  let end: () => Promise<unknown> = async () => undefined;
  afterEach(async () => {
    await end();
    execFileSync('umount', ['-l', home.file('data')]);
    home.remove();
  });

  it('before the first start is told in a sentence', async () => {
    home = makeHome();
    mount(home, 'data', '8m');
    await home.repository();
    const started = runProcess(home, { database: null });
    expect(await started.exited()).toBe(1);
    expect(started.said.err).toMatch(/^countersign: The disk .*full\. Free some space and start again\.\n$/);
  });

  it('in the middle refuses what it cannot store, and loses nothing that it has', async () => {
    home = makeHome();
    mount(home, 'data', ENOUGH);
    const assistant = await spawnAssistant(home, { database: null });
    end = () => assistant.stop();
    const before = await assistant.say('alice', 'ticket create title="Before it was full"');
    expect(before.status).toBe(200);
    await assistant.until(before.body.requests[0], 'succeeded');

    fill(join(home.file('data'), 'ballast'));
    // Until the write-ahead log needs its next segment there is room; then the server says so, or stops to recover.
    const long = 'x'.repeat(7_000);
    const refused = await settles(async () => {
      const answer = await assistant.say(
        'alice',
        `ticket create title="While it is full" description="${long}"`,
      );
      return answer.status === 200 ? null : answer;
    }, 'the disk is full');
    expect(refused.status).toBe(503);
    expect(refused.body.error.code).toMatch(/^(disk_full|database_unavailable|audit_unwritable)$/);
    expect(refused.body.error.message).toMatch(/^[A-Z].*\.$/);
    expect((await assistant.call('GET', '/healthz')).status).toBe(200);

    rmSync(join(home.file('data'), 'ballast'));
    const after = await settles(async () => {
      const answer = await assistant.say('alice', 'ticket create title="After it was full"');
      return answer.status === 200 && answer;
    }, 'there is room again');
    await assistant.until(after.body.requests[0], 'succeeded');
    await assistant.until(before.body.requests[0], 'succeeded');
  });
});

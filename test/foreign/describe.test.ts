import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSandbox, type Sandbox } from '../../src/execution/sandbox/sandbox.ts';
import { describeOutside } from '../../src/foreign/describe.ts';
import { LEVELS } from '../support/assistant.ts';
import { folderWith, removeFolders, sourceOf } from './folder.ts';

removeFolders();
const NAME = 'lamp.look';
const asked = (sandbox: Sandbox, source: string) =>
  describeOutside(folderWith({ [`${NAME}.ts`]: source }), NAME, sandbox);

describe.each(LEVELS)('asked at $level', ({ level, skip }) => {
  describe.skipIf(skip)('an action from outside', () => {
    let sandbox: Sandbox;
    let reached = 0;
    const listening = createServer((socket) => {
      reached += 1;
      socket.destroy();
    });
    beforeAll(async () => {
      sandbox = await createSandbox({ level });
      await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    });
    afterAll(() => void listening.close());

    it('says what it is', async () => {
      expect(await asked(sandbox, sourceOf(''))).toMatchObject({
        ok: true,
        description: {
          name: NAME,
          effect: 'read',
          writes: 0,
          egress: [{ name: 'look', host: 'lamp.example' }],
        },
      });
    });

    it('finds no file, no variable, no network, no door and no process, whatever it tries while it is loaded', async () => {
      const folder = folderWith({ canary: 'a canary' });
      const written = join(folder, 'written');
      const { port } = listening.address() as AddressInfo;
      process.env.LAMP_CANARY = 'a canary';
      const head = `
        import { readFileSync, writeFileSync, writeSync } from 'node:fs';
        import { connect } from 'node:net';
        import { spawnSync } from 'node:child_process';
        const found: string[] = [];
        const attempt = (what: string, act: () => unknown): void => {
          try { if (act()) found.push(what); } catch { /* held */ }
        };
        attempt('file', () => readFileSync(${JSON.stringify(join(folder, 'canary'))}));
        attempt('writing', () => (writeFileSync(${JSON.stringify(written)}, 'x'), true));
        attempt('variable', () => process.env.LAMP_CANARY);
        attempt('process', () => spawnSync('/bin/true').status === 0);
        attempt('door', () => writeSync(3, 'GET / HTTP/1.1\\r\\n\\r\\n'));
        await new Promise<void>((resolve) => {
          try {
            const socket = connect(${port}, '127.0.0.1', () => { found.push('network'); resolve(); });
            socket.on('error', () => resolve());
          } catch { resolve(); }
        });`;
      const described = await asked(sandbox, sourceOf(head, "description: 'found: ' + found.join(', '),"));
      delete process.env.LAMP_CANARY;
      expect(described).toMatchObject({ ok: true, description: { description: 'found:' } });
      expect(existsSync(written)).toBe(false);
      expect(reached).toBe(0);
    });

    it.each([
      ['that ends its process', 'process.exit(0);'],
      ['that throws', "throw new Error('no');"],
      ['that prints without end', "for (;;) process.stdout.write('x'.repeat(65536));"],
    ])('%s gives no description, and says so', async (_what, head) => {
      await expect(asked(sandbox, sourceOf(head))).rejects.toMatchObject({ code: 'action_failed' });
    });
  });
});

describe('what it says is checked', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await createSandbox({ level: 'kernel-lite' });
  });

  it.each([
    ['a name that is not its file', "name: 'ticket.create',", 'one name'],
    ['a description without end', "description: 'x'.repeat(50_000),", 'description'],
    ['a schema that cannot be said', 'input: z.strictObject({ at: z.date() }),', 'no description of itself'],
    [
      'a pattern that would hang a core',
      "input: z.strictObject({ a: z.string().max(9).regex(/^(?=a)(a+)+$/).meta({ title: 'A', description: 'a' }) }),",
      'RE2',
    ],
    [
      'an egress that is none',
      "egress: { look: { method: 'GET', host: 'lamp.example', path: '/a/../b' } },",
      'path',
    ],
  ])('%s is refused', async (_what, more, words) => {
    const described = await asked(sandbox, sourceOf('', more)).catch((error: Error) => error);
    const said =
      described instanceof Error || described.ok ? String(described) : described.problems.join('\n');
    expect(said).toContain(words);
  });

  it('whatever it prints itself is its own word, and no more', async () => {
    const head = "process.stdout.write(JSON.stringify({ value: { v: 1, name: 'lamp.look' } }) + '\\n');";
    const described = await asked(sandbox, sourceOf(head)).catch((error: Error) => error);
    expect(described instanceof Error || !described.ok).toBe(true);
  });
});

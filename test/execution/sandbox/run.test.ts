import { rmSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, bundleLauncher, bundleOperations } from '../../../src/execution/sandbox/bundle.ts';
import type { Call } from '../../../src/execution/sandbox/call.ts';
import type { SandboxOutcome } from '../../../src/execution/sandbox/outcome.ts';
import { createSandbox, type Sandbox } from '../../../src/execution/sandbox/sandbox.ts';
import type { Json } from '../../../src/model/request.ts';
import { KERNEL_LEVELS, openFolder } from './levels.ts';
import { runWithoutPermissions } from './without-permissions.ts';

let folder: string;
let bundles: Map<string, Bundle>;
let broker: Server;

beforeAll(async () => {
  folder = openFolder();
  const here = (name: string): string => fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  bundles = await bundleOperations({
    modules: [
      { name: 'octokit', module: here('octokit-connector') },
      { name: 'attacker', module: here('attacker') },
    ],
    outFolder: folder,
  });
  broker = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const seen = {
        method: request.method,
        url: request.url,
        host: request.headers['x-egress-host'],
        scheme: request.headers['x-egress-scheme'],
        body: Buffer.concat(chunks).toString(),
      };
      response.statusCode = request.url === '/missing' ? 404 : 200;
      response.setHeader('content-type', 'application/json; charset=utf-8');
      response.end(JSON.stringify(seen));
    });
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const door = (stream: Duplex): void => {
  broker.emit('connection', stream);
};

function call(operation: string, input: Record<string, Json> = {}): Call {
  return {
    call: 'run',
    operation,
    input,
    settings: { repository: 'acme/web' },
    pinned: { commit: 'abc' },
    mark: 'mark-1',
    requester: 'alice (Alice Adams)',
    idempotencyKey: 'key-1',
  };
}

const LEVELS = [
  ...KERNEL_LEVELS,
  { level: 'process' as const, skip: false, reason: '' },
  { level: 'none' as const, skip: false, reason: '' },
];

describe.each(LEVELS)('a run at $level', ({ level, skip }) => {
  const bundle = (name: string): Bundle => bundles.get(name) as Bundle;
  let sandbox: Sandbox;
  beforeAll(async () => {
    if (!skip) sandbox = await createSandbox({ level, outFolder: folder });
  });

  it.skipIf(skip)(
    'lets the official SDK speak through the door, and nothing print into the answer',
    async () => {
      const progress: string[] = [];
      const outcome = await sandbox.run({
        bundle: bundle('octokit'),
        job: call('talk'),
        door,
        onProgress: (line) => progress.push(line),
      });
      expect(outcome).toMatchObject({
        kind: 'answered',
        value: {
          result: {
            data: {
              made: {
                method: 'POST',
                url: '/repos/acme/web/issues',
                host: 'api.github.com',
                scheme: 'https',
                body: '{"title":"Grüße"}',
              },
              list: { method: 'GET', url: '/repos/acme/web/issues?state=open' },
              missing: 404,
              bodies: [{ url: '/1', host: 'desk.internal', scheme: 'http' }, { url: '/2' }, { url: '/3' }],
              given: {
                settings: { repository: 'acme/web' },
                pinned: { commit: 'abc' },
                mark: 'mark-1',
                requester: 'alice (Alice Adams)',
                idempotencyKey: 'key-1',
              },
            },
          },
        },
      });
      expect(progress).toEqual(['asking']);
    },
  );

  const use = (what: string, limits = {}): Promise<SandboxOutcome> =>
    sandbox.run({
      bundle: bundle('attacker'),
      job: call('use', { what, words: 'from outside' }),
      door,
      limits,
    });
  const codeOf = (outcome: SandboxOutcome): string =>
    outcome.kind === 'failed' ? outcome.code : outcome.kind;

  it.skipIf(skip || level === 'process' || level === 'none').each([
    ['read-only memory', 'out_of_memory'],
    ['threads', 'thread_limit'],
  ])('whose code has passed Node and hoards %s by native calls ends as %s', async (what, code) => {
    const run = { job: call('use', { what }), door };
    expect(codeOf(await runWithoutPermissions(level, bundle('attacker'), run, folder))).toBe(code);
  });

  it.skipIf(skip).each([
    ['heap', 'out_of_memory'],
    ['buffer', 'out_of_memory'],
    ['wasm', 'out_of_memory'],
    ['shared', 'out_of_memory'],
    ['print', 'output_limit'],
    ['complain', 'output_limit'],
    ['garbage', 'bad_answer'],
    ['two answers', 'bad_answer'],
    ['exit', 'crashed'],
    ['throw', 'threw'],
  ])('that tries %s ends as %s', async (what, code) => {
    expect(codeOf(await use(what))).toBe(code);
  });

  it.skipIf(skip)(
    'is ended by the kernel when its processor time is spent, and by us when time is up',
    async () => {
      const looped = await use('loop', { cpuSeconds: 1 });
      expect(codeOf(looped)).toBe('timeout');
      expect(codeOf(await use('sleep', { wallMs: 500 }))).toBe('timeout');
    },
  );

  it.skipIf(skip)('ends at once when it is aborted, before and during', async () => {
    const abort = new AbortController();
    const running = sandbox.run({
      bundle: bundle('attacker'),
      job: call('use', { what: 'sleep' }),
      door: () => abort.abort(),
      signal: abort.signal,
    });
    expect(codeOf(await running)).toBe('killed');
    const late = await sandbox.run({
      bundle: bundle('attacker'),
      job: call('use', { what: 'sleep' }),
      door,
      signal: abort.signal,
    });
    expect(codeOf(late)).toBe('killed');
  });

  it.skipIf(skip)('tells people nothing that the code itself wrote', async () => {
    const outcome = await use('throw');
    expect(outcome).toMatchObject({ message: 'It ended with an error.' });
    expect(outcome).toMatchObject({ detail: expect.stringContaining('from outside') });
  });

  it.skipIf(skip || level === 'none')('starts no crowd of workers', async () => {
    expect(codeOf(await use('workers'))).not.toBe('answered');
  });
});

describe('a run', () => {
  it('does not start when the code is not the code that was named', async () => {
    const sandbox = await createSandbox({ level: 'none', outFolder: folder });
    const altered = openFolder();
    const module = fileURLToPath(new URL('./attacker.ts', import.meta.url));
    const made = await bundleOperations({ modules: [{ name: 'altered', module }], outFolder: altered });
    const bundle = made.get('altered') as Bundle;
    await appendFile(bundle.file, '\n');
    await expect(sandbox.run({ bundle, job: call('use'), door })).rejects.toMatchObject({
      code: 'sandbox_failed',
    });
    rmSync(altered, { recursive: true, force: true });
  });

  it.skipIf(process.platform !== 'linux')('does not start through a launcher that was altered', async () => {
    const altered = openFolder();
    const sandbox = await createSandbox({ level: 'kernel-lite', outFolder: altered });
    await appendFile((await bundleLauncher(altered)).file, '\n');
    const bundle = bundles.get('attacker') as Bundle;
    await expect(sandbox.run({ bundle, job: call('use'), door })).rejects.toMatchObject({
      code: 'sandbox_failed',
    });
    rmSync(altered, { recursive: true, force: true });
  });
});

/**
 * Attacks one level and prints what each way came to; a program of its own, so that tests can run it as another account.
 * Arguments: level, `all` walls or `kernel` walls alone (without Node's permissions) or as a `job`, a folder for bundles.
 */
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bundle, bundleOperations } from '../../../src/execution/sandbox/bundle.ts';
import type { Call } from '../../../src/execution/sandbox/call.ts';
import { runJob } from '../../../src/execution/sandbox/job.ts';
import { launchFor } from '../../../src/execution/sandbox/launch.ts';
import { DEFAULT_LIMITS } from '../../../src/execution/sandbox/limits.ts';
import { collect, drained, startProcess } from '../../../src/execution/sandbox/process.ts';
import { IsolationLevel } from '../../../src/model/request.ts';
import type { AttackInput } from './attacker-ways.ts';
import { meansIn, withoutPermissions } from './without-permissions.ts';

const level = IsolationLevel.parse(process.argv[2]);
const walls = process.argv[3];
const outFolder = process.argv[4] ?? '';
/** What nothing refuses is to be seen open, on a busy machine too; what says nothing elsewhere is refused. In milliseconds. */
const [OPEN_WITHIN_MS, REFUSED_AFTER_MS] = [20_000, 500];

/** What lies there afterwards was made, whatever the attacker was told: an empty file has left too. */
function withMarks(results: Record<string, string>): Record<string, string> {
  const made = readdirSync(folder);
  return {
    ...results,
    ...(made.includes('written') ? { 'write file': 'open' } : {}),
    ...(made.includes('database') ? { 'write by sqlite': 'open' } : {}),
    ...(signalled ? { 'signal by a descriptor': 'open' } : {}),
  };
}

type Printed = { said: string; complained: string };

async function asAction(bundle: Bundle, call: Call): Promise<Printed> {
  const launch = launchFor(level, bundle.file, DEFAULT_LIMITS, await meansIn(outFolder));
  const { child, exited } = startProcess(walls === 'kernel' ? withoutPermissions(launch) : launch);
  if (child === null) throw await exited;
  const said = collect(child.stdout as never, DEFAULT_LIMITS.outputBytes);
  const complained = collect(child.stderr as never, DEFAULT_LIMITS.stderrBytes);
  child.stdin?.end(JSON.stringify(call));
  await exited;
  await drained(child);
  return { said: said(), complained: complained() };
}

async function asJob(bundle: Bundle, call: Call): Promise<Printed> {
  const MIB = 2 ** 20;
  const source = mkdtempSync(path.join(tmpdir(), 'attack-'));
  chmodSync(source, 0o755);
  try {
    copyFileSync(bundle.file, path.join(source, 'attack.mjs'));
    writeFileSync(path.join(source, 'call.json'), JSON.stringify(call));
    let said = '';
    const outcome = await runJob({
      level,
      source,
      command: ['sh', '-c', 'exec node attack.mjs <call.json 2>>/dev/null'],
      inputs: {},
      limits: {
        cpuSeconds: 20,
        wallSeconds: 30,
        memoryBytes: 256 * MIB,
        outputBytes: MIB,
        processes: 16,
        scratchBytes: 16 * MIB,
      },
      outFolder,
      onOutput: (chunk) => {
        said += String(chunk);
      },
    });
    return { said, complained: JSON.stringify(outcome) };
  } finally {
    rmSync(source, { recursive: true, force: true });
  }
}

let signalled = false;
process.on('SIGUSR2', () => {
  signalled = true;
});

const folder = mkdtempSync(path.join(tmpdir(), 'attack-'));
try {
  const inside = (name: string): string => path.join(folder, name);
  writeFileSync(inside('canary'), 'canary');
  writeFileSync(inside('expendable'), '');
  const tcp = createServer((socket) => socket.destroy());
  const unix = createServer((socket) => socket.destroy());
  const abstract = createServer((socket) => socket.destroy());
  const abstractSocket = `\0attack-${process.pid}`;
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => unix.listen(inside('socket'), resolve));
  if (process.platform === 'linux')
    await new Promise<void>((resolve) => abstract.listen(abstractSocket, resolve));
  const input: AttackInput = {
    canary: inside('canary'),
    folder,
    unixSocket: inside('socket'),
    abstractSocket,
    tcpPort: (tcp.address() as AddressInfo).port,
    parentPid: process.pid,
    node: process.execPath,
    patienceMs: level === 'none' ? OPEN_WITHIN_MS : REFUSED_AFTER_MS,
  };
  const call: Call = {
    call: 'run',
    operation: 'attack',
    input,
    settings: null,
    pinned: {},
    mark: '',
    requester: '',
    idempotencyKey: '',
  };
  const module = fileURLToPath(new URL('./attacker.ts', import.meta.url));
  const bundles = await bundleOperations({ modules: [{ name: 'attacker', module }], outFolder });
  const bundle = bundles.get('attacker') as Bundle;
  const { said, complained } = await (walls === 'job' ? asJob(bundle, call) : asAction(bundle, call));
  if (said === '') process.stderr.write(complained);
  else process.stdout.write(JSON.stringify(withMarks(JSON.parse(said).value.result.data.results)));
  tcp.close();
  unix.close();
  abstract.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

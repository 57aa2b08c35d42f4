/**
 * Establishes the isolation level by attacking it: from the strongest down, a probe really tries to get out, and
 * the first level that it cannot leave is the one we have. The same attack must succeed with no isolation, or
 * its failure would prove nothing.
 */
import { createSocket } from 'node:dgram';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../errors.ts';
import { IsolationLevel } from '../../model/request.ts';
import { type Bundle, bundleOperations } from './bundle.ts';
import type { Call } from './call.ts';
import { locateBubblewrap } from './machine.ts';
import { ATTACKS, type Attack, type Targets } from './probe-attack.ts';
import { createSandbox } from './sandbox.ts';

export type Attempt = {
  level: IsolationLevel;
  held: boolean;
  /** Ways out that were open, or why the probe did not run; in our words or a tool's, for operators. */
  failures: string[];
  /** No way out was open, but the probe did not come to its end: what it was to show was not shown. */
  unfinished?: true;
};

export type Established = {
  level: IsolationLevel;
  /** In the order they were made; those below the established level are not made. */
  attempts: Attempt[];
  /** What would give a stronger level, and the command that installs it. */
  missing?: string;
};

/** Node's permission model closes these; signals and node:sqlite pass it, which its documentation says. */
const CLOSED_BY_PERMISSIONS: ReadonlySet<Attack> = new Set([
  'read_file',
  'read_environ',
  'write_file',
  'tcp',
  'udp',
  'unix_socket',
  'spawn',
]);

const BUBBLEWRAP_MISSING = 'bubblewrap (apt-get install -y bubblewrap)';
const PROBE_WALL_MS = 10_000;
export const PROBE_MODULE = {
  name: 'isolation-probe',
  module: fileURLToPath(new URL('./probe-attack.ts', import.meta.url)),
};

/**
 * Takes about 200 ms. A level whose probe cannot run does not hold; `none` is left when even Node's permissions
 * do not, or when the attack fails without any isolation.
 */
export async function establishLevel({
  node = process.execPath,
  bubblewrap,
  outFolder,
  strongest = 'kernel',
  signal,
}: {
  node?: string;
  /** Bubblewrap's program, where it is not where systems put it. */
  bubblewrap?: string;
  outFolder?: string;
  /** Ends it early; what it answers then says nothing. */
  signal?: AbortSignal;
  /** Where to begin; stronger levels are not tried. */
  strongest?: IsolationLevel;
} = {}): Promise<Established> {
  const folder = outFolder === undefined ? {} : { outFolder };
  const where = bubblewrap === undefined ? {} : { bubblewrap };
  const bundles = await bundleOperations({ modules: [PROBE_MODULE], ...folder });
  const bundle = bundles.get(PROBE_MODULE.name) as Bundle;
  const try_ = (level: IsolationLevel): Promise<Seen> =>
    attackAt(level, { bundle, sandbox: { node, ...folder, ...where }, ...(signal ? { signal } : {}) });

  const attacks = ATTACKS.filter((attack) => process.platform === 'linux' || attack !== 'read_environ');
  const control = await try_('none');
  const blunt = attacks.filter((attack) => !control.open.includes(attack));
  if (blunt.length > 0 || control.problem !== null) {
    const failures = blunt.map((attack) => `the attack ${attack} fails without isolation, so proves nothing`);
    if (control.problem !== null) failures.push(control.problem);
    const unfinished = control.problem === null ? {} : { unfinished: true as const };
    return { level: 'none', attempts: [{ level: 'none', held: false, failures, ...unfinished }] };
  }

  const attempts: Attempt[] = [];
  for (const level of levelsFrom(strongest)) {
    const seen = await try_(level);
    const failures: string[] = seen.open.filter(
      (attack) => level !== 'process' || CLOSED_BY_PERMISSIONS.has(attack),
    );
    const unfinished = failures.length === 0 && seen.problem !== null ? { unfinished: true as const } : {};
    if (seen.problem !== null) failures.push(seen.problem);
    attempts.push({ level, held: failures.length === 0, failures, ...unfinished });
    if (failures.length === 0) break;
  }
  const reached = attempts.find(({ held }) => held)?.level ?? 'none';
  const missing = process.platform === 'linux' && (await locateBubblewrap(bubblewrap)) === null;
  return { level: reached, attempts, ...(missing ? { missing: BUBBLEWRAP_MISSING } : {}) };
}

function levelsFrom(strongest: IsolationLevel): IsolationLevel[] {
  const all = IsolationLevel.options.filter((level) => level !== 'none');
  const from = strongest === 'none' ? all.length : all.indexOf(strongest);
  // The kernel levels are made of Linux's own means.
  return all.slice(from).filter((level) => process.platform === 'linux' || level === 'process');
}

/** What came of one attack: the ways that were open, and what kept the probe from answering at all. */
type Seen = { open: Attack[]; problem: string | null };

async function attackAt(
  level: IsolationLevel,
  {
    bundle,
    sandbox: means,
    signal,
  }: {
    bundle: Bundle;
    sandbox: { node: string; bubblewrap?: string; outFolder?: string };
    signal?: AbortSignal;
  },
): Promise<Seen> {
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-probe-'));
  const outside = await prepareTargets(folder, means.node);
  try {
    const sandbox = await createSandbox({ level, ...means });
    const outcome = await sandbox.run({
      bundle,
      job: callWith(outside.targets),
      door: outside.door,
      limits: { wallMs: PROBE_WALL_MS },
      ...(signal ? { signal } : {}),
    });
    const marks = await outside.marks();
    if (outcome.kind === 'failed') {
      return { open: marks, problem: `${outcome.code}: ${outcome.detail.slice(0, 500).trim()}` };
    }
    const said = outcome.value as { result: { data: { open: Attack[]; door: boolean } } };
    const { open, door } = said.result.data;
    return { open: [...new Set([...open, ...marks])], problem: door ? null : 'the door does not open' };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { open: [], problem: error.message };
  } finally {
    await outside.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Things to reach, and what they saw for themselves: the probe's word alone would not do. */
async function prepareTargets(folder: string, node: string) {
  const seen = new Set<Attack>();
  const inside = (name: string): string => path.join(folder, name);
  await writeFile(inside('canary'), 'canary');
  const tcp = createTcpServer((socket) => socket.destroy()).on('connection', () => seen.add('tcp'));
  const unix = createTcpServer((socket) => socket.destroy()).on('connection', () => seen.add('unix_socket'));
  const udp = createSocket('udp4').on('message', () => seen.add('udp'));
  const broker = createServer((_request, response) => response.end('open'));
  await Promise.all([
    new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve)),
    new Promise<void>((resolve) => unix.listen(inside('socket'), resolve)),
    new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve)),
  ]);
  const targets: Targets = {
    canaryFile: inside('canary'),
    newFile: inside('written'),
    newDatabase: inside('written.db'),
    tcpPort: (tcp.address() as AddressInfo).port,
    udpPort: udp.address().port,
    unixSocket: inside('socket'),
    parentPid: process.pid,
    node,
  };
  return {
    targets,
    door: (stream: unknown): void => {
      broker.emit('connection', stream);
    },
    marks: async (): Promise<Attack[]> => {
      const files = await readdir(folder);
      if (files.includes('written')) seen.add('write_file');
      if (files.some((name) => name.startsWith('written.db'))) seen.add('write_sqlite');
      return [...seen];
    },
    close: async (): Promise<void> => {
      udp.close();
      await Promise.all([tcp, unix].map((server: Server) => new Promise((done) => server.close(done))));
    },
  };
}

function callWith(targets: Targets): Call {
  return {
    call: 'run',
    operation: 'attack',
    input: targets,
    settings: null,
    pinned: {},
    mark: '',
    requester: '',
    idempotencyKey: '',
  };
}

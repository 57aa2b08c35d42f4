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
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../errors.ts';
import { IsolationLevel, type Json } from '../../model/request.ts';
import { type Bundle, bundleOperations } from './bundle.ts';
import type { Call } from './call.ts';
import { locateBubblewrap } from './machine.ts';
import { ATTACKS, type Attack, type Targets } from './probe-attack.ts';
import { probeAsJob } from './probe-job.ts';
import { createSandbox } from './sandbox.ts';

export type Attempt = {
  level: IsolationLevel;
  held: boolean;
  /** Ways out that were open, or why the probe did not run; in our words or a tool's, for operators. */
  failures: string[];
  /** No way out was open, but the probe did not come to its end, or proves nothing: what it was to show was not shown. */
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

const ATTACKS_HERE = ATTACKS.filter((attack) => process.platform === 'linux' || attack !== 'read_environ');

const BUBBLEWRAP_MISSING = 'bubblewrap (apt-get install -y bubblewrap)';
const PROBE_WALL_MS = 10_000;
export const PROBE_MODULE = {
  name: 'isolation-probe',
  module: fileURLToPath(new URL('./probe-attack.ts', import.meta.url)),
};

export type ProbeOptions = {
  node?: string;
  /** Bubblewrap's program, where it is not where systems put it. */
  bubblewrap?: string;
  outFolder?: string;
  /** Ends it early; what it answers then says nothing. */
  signal?: AbortSignal;
  /** Where to begin; stronger levels are not tried. */
  strongest?: IsolationLevel;
};

/**
 * Of actions. Takes about 200 ms. A level whose probe cannot run does not hold; `none` is left when even Node's permissions
 * do not, or when the attack fails without any isolation.
 */
export async function establishLevel(options: ProbeOptions = {}): Promise<Established> {
  const established = await establish(options, AS_ACTION, levelsFrom(options.strongest ?? 'kernel'));
  const missing = process.platform === 'linux' && (await locateBubblewrap(options.bubblewrap)) === null;
  return { ...established, ...(missing ? { missing: BUBBLEWRAP_MISSING } : {}) };
}

/** Of jobs, which may do what an action may not, and are launched in another way: shown by itself. Below `kernel-lite` none run. */
export function establishJobLevel(options: ProbeOptions = {}): Promise<Established> {
  const levels = levelsFrom(options.strongest ?? 'kernel').filter((level) => level !== 'process');
  return establish(options, AS_JOB, levels);
}

/** What the probe printed as its answer, or what kept it from answering. */
type Said = { value: Json } | { problem: string };

/** How code of one kind is launched, and what of the attack must fail there. */
type Kind = {
  attacks: readonly Attack[];
  /** Whether it has a door; then it must open, and otherwise not be there. */
  door: boolean;
  launch(
    level: IsolationLevel,
    what: { bundle: Bundle; call: Call; door: (stream: Duplex) => void },
    options: ProbeOptions,
  ): Promise<Said>;
};

const AS_ACTION: Kind = {
  attacks: ATTACKS_HERE,
  door: true,
  async launch(level, { bundle, call, door }, { signal, strongest: _, ...means }) {
    const sandbox = await createSandbox({ level, ...means });
    const outcome = await sandbox.run({
      bundle,
      job: call,
      door,
      limits: { wallMs: PROBE_WALL_MS },
      ...(signal ? { signal } : {}),
    });
    if (outcome.kind === 'answered') return { value: outcome.value };
    return { problem: `${outcome.code}: ${outcome.detail.slice(0, 500).trim()}` };
  },
};

const AS_JOB: Kind = {
  // It may start processes.
  attacks: ATTACKS_HERE.filter((attack) => attack !== 'spawn'),
  door: false,
  launch: (level, { bundle, call }, { strongest: _, ...means }) => probeAsJob(level, bundle, call, means),
};

async function establish(
  options: ProbeOptions,
  kind: Kind,
  levels: readonly IsolationLevel[],
): Promise<Established> {
  const { outFolder } = options;
  const bundles = await bundleOperations({
    modules: [PROBE_MODULE],
    ...(outFolder === undefined ? {} : { outFolder }),
  });
  const bundle = bundles.get(PROBE_MODULE.name) as Bundle;
  const control = await attackAt('none', bundle, AS_ACTION, options);
  const blunt = ATTACKS_HERE.filter((attack) => !control.open.includes(attack));
  if (blunt.length > 0 || control.problem !== null) {
    const failures = blunt.map((attack) => `the attack ${attack} fails without isolation, so proves nothing`);
    if (control.problem !== null) failures.push(control.problem);
    return { level: 'none', attempts: [{ level: 'none', held: false, failures, unfinished: true }] };
  }

  const attempts: Attempt[] = [];
  for (const level of levels) {
    const seen = await attackAt(level, bundle, kind, options);
    const failures: string[] = seen.open.filter(
      (attack) => level !== 'process' || CLOSED_BY_PERMISSIONS.has(attack),
    );
    const unfinished = failures.length === 0 && seen.problem !== null ? { unfinished: true as const } : {};
    if (seen.problem !== null) failures.push(seen.problem);
    attempts.push({ level, held: failures.length === 0, failures, ...unfinished });
    if (failures.length === 0) break;
  }
  return { level: attempts.find(({ held }) => held)?.level ?? 'none', attempts };
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
  bundle: Bundle,
  kind: Kind,
  options: ProbeOptions,
): Promise<Seen> {
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-probe-'));
  const outside = await prepareTargets(folder, options.node ?? process.execPath);
  try {
    const call = callWith({ ...outside.targets, attacks: [...kind.attacks] });
    const said = await kind.launch(level, { bundle, call, door: outside.door }, options);
    const marks = await outside.marks();
    if ('problem' in said) return { open: marks, problem: said.problem };
    const { open, door } = (said.value as { result: { data: { open: Attack[]; door: boolean } } }).result
      .data;
    const doorProblem = kind.door ? 'the door does not open' : 'there is a door, and should be none';
    return { open: [...new Set([...open, ...marks])], problem: door === kind.door ? null : doorProblem };
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
  const targets: Omit<Targets, 'attacks'> = {
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
    door: (stream: Duplex): void => {
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

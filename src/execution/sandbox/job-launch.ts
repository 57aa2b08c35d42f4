/** The command line of one job: shells and processes, the system's programs read-only, scratch, nothing else. */
import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { release } from 'node:os';
import path from 'node:path';
import { type JobLimits, jobProcessLimits, maxTasks } from './job-limits.ts';
import type { PathRule } from './landlock.ts';
import type { Launch, Means } from './launch.ts';
import { FILTER_DESCRIPTOR } from './launch.ts';
import type { LaunchPlan } from './launch-plan.ts';
import { limitLine } from './limits.ts';
import { SHELL } from './machine.ts';
import { JOB_IN_NAMESPACES, seccompFilter, supportedArch } from './seccomp.ts';

export type JobCommand = {
  command: readonly string[];
  inputs: Readonly<Record<string, string>>;
  limits: JobLimits;
  /** See `jobAccount`. */
  account: number | null;
};

/** Programs and libraries; no `/etc`, no `/home`, no `/var`. */
const SYSTEM_FOLDERS = ['/usr', '/bin', '/sbin', '/lib', '/lib64', '/lib32'];
/** What programs in them need besides: Debian's links to chosen variants, the loader's list of libraries. */
const SYSTEM_FILES = ['/etc/alternatives', '/etc/ld.so.cache'];
const DEVICES = ['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom'];
const SETPRIV = '/usr/bin/setpriv';
const SCRATCH = '/scratch';
const RUNTIME = '/runtime';
const NOBODY = '65534';
const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin';

/** Unpacks the source from stdin inside the sandbox, where a hostile archive can do no harm, and runs the job. */
function entry(scratch: string, tasks: number | null): string {
  // dash says -p where others say -u. Appended to, as an old Landlock lets a job truncate nothing.
  const processes =
    tasks === null
      ? []
      : [`{ if (ulimit -u ${tasks}) 2>>/dev/null; then ulimit -u ${tasks}; else ulimit -p ${tasks}; fi; }`];
  return [
    ...processes,
    `mkdir ${scratch}/source ${scratch}/home ${scratch}/tmp`,
    `cd ${scratch}/source`,
    'tar -x -f - --no-same-owner --no-same-permissions -m',
    'exec "$@" </dev/null',
  ].join(' && ');
}

function environment(job: JobCommand, scratch: string, nodeFolder: string): Record<string, string> {
  const env: Record<string, string> = {
    PATH: `${nodeFolder}:${SYSTEM_PATH}`,
    HOME: `${scratch}/home`,
    TMPDIR: `${scratch}/tmp`,
    LANG: 'C.UTF-8',
    // An openssl.cnf that may not be read is fatal to Node.
    OPENSSL_CONF: '/dev/null',
  };
  for (const [name, value] of Object.entries(job.inputs)) {
    env[`INPUT_${name.toUpperCase().replaceAll('-', '_')}`] = value;
  }
  return env;
}

function limited(
  job: JobCommand,
  command: string[],
  env: Record<string, string>,
  filter: Buffer | null,
): Launch {
  return {
    program: SHELL,
    args: ['-c', limitLine(jobProcessLimits(job.limits)), ...command],
    env,
    door: false,
    filter,
  };
}

export function jobInNamespaces(job: JobCommand, { nodeFiles, bubblewrap }: Means): Launch {
  const dropping = job.account !== null && existsSync(SETPRIV);
  const who = dropping
    ? // Root needs no user namespace for the others, and then a real id can be taken inside.
      [
        ...['--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
        ...['--cap-drop', 'ALL'],
        ...['--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID', '--cap-add', 'CAP_SETPCAP'],
      ]
    : ['--unshare-all', '--cap-drop', 'ALL', '--uid', NOBODY, '--gid', NOBODY];
  const become = dropping
    ? [
        SETPRIV,
        ...[`--reuid=${job.account}`, `--regid=${job.account}`, '--clear-groups'],
        ...['--inh-caps=-all', '--bounding-set=-all', '--no-new-privs'],
      ]
    : [];
  const tasks = dropping || countsPerNamespace() ? maxTasks(job.limits) : null;
  const command = [
    bubblewrap ?? 'bwrap',
    ...who,
    '--die-with-parent',
    '--new-session',
    ...['--hostname', 'job'],
    // Made open by us: bubblewrap's own parent folders are root's alone.
    ...['/dev', '/etc', RUNTIME].flatMap((folder) => ['--perms', '0755', '--dir', folder]),
    ...SYSTEM_FOLDERS.flatMap(systemFolder),
    ...SYSTEM_FILES.flatMap((file) => ['--ro-bind-try', file, file]),
    ...['--proc', '/proc'],
    ...DEVICES.flatMap((device) => ['--dev-bind', device, device]),
    ...['--symlink', '/proc/self/fd', '/dev/fd'],
    ...['--ro-bind', nodeFiles.node, `${RUNTIME}/node`],
    ...['--perms', '1777', '--size', String(job.limits.scratchBytes), '--tmpfs', SCRATCH],
    ...['--symlink', `${SCRATCH}/tmp`, '/tmp'],
    ...['--remount-ro', '/'],
    ...['--chdir', SCRATCH],
    ...['--seccomp', String(FILTER_DESCRIPTOR)],
    '--',
    ...become,
    ...[SHELL, '-c', entry(SCRATCH, tasks), 'job', ...job.command],
  ];
  const filter = seccompFilter(JOB_IN_NAMESPACES, supportedArch(process.arch));
  return limited(job, command, environment(job, SCRATCH, RUNTIME), filter);
}

/** Where `/bin` is a link into `/usr`, as on every current system, it is made one inside too. */
function systemFolder(folder: string): string[] {
  if (!existsSync(folder)) return [];
  if (lstatSync(folder).isSymbolicLink()) return ['--symlink', readlinkSync(folder), folder];
  return ['--ro-bind', folder, folder];
}

/** From Linux 5.14 on a user namespace's processes are counted by themselves, not with the account's others. */
function countsPerNamespace(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 14);
}

/** `scratch`: a folder that belongs to the job's account, and to nobody else. */
export function jobUnderLandlock(job: JobCommand, scratch: string, { nodeFiles, launcher }: Means): Launch {
  const { node } = nodeFiles;
  const tasks = job.account === null ? null : maxTasks(job.limits);
  const paths: PathRule[] = [
    ...SYSTEM_FOLDERS.map((folder) => ({ path: folder, use: 'runTree' as const })),
    { path: '/etc/alternatives', use: 'readTree' as const },
    { path: '/etc/ld.so.cache', use: 'read' as const },
    ...DEVICES.map((device) => ({ path: device, use: 'device' as const })),
    { path: node, use: 'run' as const },
    { path: scratch, use: 'scratch' as const },
  ].filter((rule) => existsSync(rule.path));
  const plan: LaunchPlan = {
    command: [SHELL, '-c', entry(scratch, tasks), 'job', ...job.command],
    paths,
    calls: {
      processes: 'fork',
      sockets: 'pairs',
      // An id of its own can signal only itself; below Landlock ABI 6 our own account's job signals nobody.
      signals: job.account === null ? 'none' : 'any',
      // The process group is what we end it by.
      newSessions: false,
      watching: false,
      // Files of our own account lie outside, and Landlock does not govern their attributes.
      attributes: job.account !== null,
      uncountedMemory: true,
    },
    door: false,
    uid: job.account,
    parent: process.pid,
  };
  const command = [node, '--disable-warning=ExperimentalWarning', launcher.file, JSON.stringify(plan)];
  return limited(job, command, environment(job, scratch, path.dirname(node)), null);
}

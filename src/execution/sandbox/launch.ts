/** The command line of one run at each level. All levels limit resources; what differs is who keeps it in. */
import type { IsolationLevel } from '../../model/request.ts';
import type { Bundle } from './bundle.ts';
import type { LaunchPlan } from './launch-plan.ts';
import { limitLine, processLimits, type RunLimits } from './limits.ts';
import { type NodeFiles, SHELL } from './machine.ts';
import { ACTION_IN_NAMESPACES, seccompFilter, supportedArch } from './seccomp.ts';

/** What a level is made of; established once. */
export type Means = { nodeFiles: NodeFiles; bubblewrap: string | null; launcher: Bundle };

export type Launch = {
  program: string;
  args: string[];
  env: Record<string, string>;
  /** Whether it is given descriptor 3. */
  door: boolean;
  /** Written to descriptor 4, which the level's own tool reads to its end; null for none. */
  filter: Buffer | null;
};

/** Where a bundle lies inside bubblewrap's root, which holds it, Node and Node's libraries, nothing else. */
const INSIDE_BUNDLE = '/app/action.mjs';
const INSIDE_NODE = '/node';
/** `nobody`: no account of this machine. */
const NOBODY = '65534';
export const FILTER_DESCRIPTOR = 4;

/** The second wall, at every level but `none`: it is documented not to stop hostile code by itself. */
function nodeFlags(limits: RunLimits, bundle: string): string[] {
  return [
    '--permission',
    `--allow-fs-read=${bundle}`,
    '--disallow-code-generation-from-strings',
    ...memoryFlags(limits),
  ];
}

function memoryFlags(limits: RunLimits): string[] {
  // A small young generation: a run is short, and two of its halves are held at once.
  return [`--max-old-space-size=${limits.heapMib}`, '--max-semi-space-size=2'];
}

export function launchFor(level: IsolationLevel, bundle: string, limits: RunLimits, means: Means): Launch {
  const { node } = means.nodeFiles;
  switch (level) {
    case 'kernel':
      return inNamespaces(bundle, limits, means);
    case 'kernel-lite': {
      const plan = litePlan([node, ...nodeFlags(limits, bundle), bundle], bundle, means.nodeFiles);
      const command = [
        node,
        '--disable-warning=ExperimentalWarning',
        means.launcher.file,
        JSON.stringify(plan),
      ];
      // An unreadable openssl.cnf is fatal to Node, an empty one is not.
      return limited(command, limits, { OPENSSL_CONF: '/dev/null' }, null);
    }
    case 'process':
      return limited([node, ...nodeFlags(limits, bundle), bundle], limits, {}, null);
    case 'none':
      return limited([node, ...memoryFlags(limits), bundle], limits, {}, null);
    default:
      return level satisfies never;
  }
}

function limited(
  command: string[],
  limits: RunLimits,
  env: Record<string, string>,
  filter: Buffer | null,
): Launch {
  const args = ['-c', limitLine(processLimits(limits)), ...command];
  return { program: SHELL, args, env, door: true, filter };
}

function inNamespaces(bundle: string, limits: RunLimits, { nodeFiles, bubblewrap }: Means): Launch {
  const { node, libraries } = nodeFiles;
  const command = [
    bubblewrap ?? 'bwrap',
    '--unshare-all',
    '--die-with-parent',
    '--new-session',
    ...['--cap-drop', 'ALL'],
    '--clearenv',
    ...['--hostname', 'sandbox'],
    ...['--uid', NOBODY, '--gid', NOBODY],
    ...['--ro-bind', node, INSIDE_NODE],
    ...libraries.flatMap((file) => ['--ro-bind', file, file]),
    ...['--ro-bind', bundle, INSIDE_BUNDLE],
    ...['--chdir', '/app'],
    ...['--dev-bind', '/dev/null', '/dev/null'],
    ...['--remount-ro', '/'],
    ...['--seccomp', String(FILTER_DESCRIPTOR)],
    '--',
    INSIDE_NODE,
    ...nodeFlags(limits, INSIDE_BUNDLE),
    INSIDE_BUNDLE,
  ];
  const filter = seccompFilter(ACTION_IN_NAMESPACES, supportedArch(process.arch));
  return limited(command, limits, {}, filter);
}

function litePlan(command: string[], bundle: string, { node, libraries }: NodeFiles): LaunchPlan {
  return {
    command,
    paths: [
      { path: node, use: 'run' },
      // Exact files, not the folders they lie in.
      ...libraries.map((path) => ({ path, use: 'run' as const })),
      { path: bundle, use: 'read' },
      { path: '/dev/null', use: 'device' },
    ],
    calls: {
      processes: 'threads',
      sockets: 'none',
      signals: 'self',
      newSessions: false,
      watching: false,
      attributes: false,
      uncountedMemory: false,
    },
    door: true,
    uid: null,
    parent: process.pid,
  };
}

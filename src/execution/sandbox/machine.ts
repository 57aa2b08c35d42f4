/** What of this machine a sandbox is made from: Node with its libraries, bubblewrap, the descriptors we hold. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { promisify } from 'node:util';
import { AppError } from '../../errors.ts';

/** Node's binary and the shared objects it needs to start, as absolute paths. */
export type NodeFiles = { node: string; libraries: readonly string[] };

/** POSIX: on every system we run on; it sets the limits and becomes the next program. */
export const SHELL = '/bin/sh';

/** Where systems put it; the search path is not asked, which whoever started us may have set. */
const BUBBLEWRAP_PATHS = ['/usr/bin/bwrap', '/bin/bwrap', '/usr/local/bin/bwrap'];

/** Asked of Node itself, in a fresh process, as addons loaded here would be listed too. */
const LIST_LIBRARIES =
  'process.report.excludeNetwork = true; process.report.excludeEnv = true; ' +
  'console.log(JSON.stringify(process.report.getReport().sharedObjects))';

const located = new Map<string, Promise<NodeFiles>>();

/**
 * Asked once per Node: it does not change under a running process.
 * @throws AppError `sandbox_failed` if this Node does not start
 */
export function locateNode(node: string = process.execPath): Promise<NodeFiles> {
  const known = located.get(node);
  if (known !== undefined) return known;
  const asked = askNode(node);
  located.set(node, asked);
  // One that could not start for a moment is asked again.
  asked.catch(() => located.delete(node));
  return asked;
}

async function askNode(node: string): Promise<NodeFiles> {
  try {
    const { stdout } = await promisify(execFile)(node, ['-e', LIST_LIBRARIES], { env: {} });
    const objects = JSON.parse(stdout) as string[];
    return { node, libraries: objects.filter((file) => file.startsWith('/') && file !== node) };
  } catch (cause) {
    throw new AppError('sandbox_failed', 'The Node that runs actions does not start.', { cause });
  }
}

/** Null where bubblewrap is not installed; `only` is looked for instead of where systems put it. */
export async function locateBubblewrap(only?: string): Promise<string | null> {
  for (const path of only === undefined ? BUBBLEWRAP_PATHS : [only]) {
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    ) {
      return path;
    }
  }
  return null;
}

let descriptorsKept = false;

/**
 * Marks every descriptor that we inherited ourselves (a lock, a terminal, a supervisor's socket) as not to be
 * handed on: Node marks only the first sixteen, and bubblewrap hands on what it gets. Once per process, Linux only.
 */
export function keepDescriptorsHome(): void {
  if (descriptorsKept || process.platform !== 'linux') return;
  const CLOSE_RANGE = 436n;
  const FIRST_INHERITED = 3n;
  const LAST = 0xffffffffn;
  const CLOSE_RANGE_CLOEXEC = 4n;
  if (openSyscall()(CLOSE_RANGE, FIRST_INHERITED, LAST, CLOSE_RANGE_CLOEXEC) < 0n) {
    throw new AppError(
      'sandbox_failed',
      'Descriptors could not be kept from sandboxes (Linux 5.11 or newer).',
    );
  }
  descriptorsKept = true;
}

/** libc's `syscall`. Node warns once that its FFI is experimental; an operator can do nothing with that. */
function openSyscall(): (...args: bigint[]) => bigint {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    const { functions } = process.getBuiltinModule('node:ffi').dlopen('libc.so.6', {
      syscall: { arguments: ['i64', 'i64', 'i64', 'i64'], return: 'i64' },
    });
    return (functions as { syscall: (...args: bigint[]) => bigint }).syscall;
  } finally {
    process.emitWarning = emitWarning;
  }
}

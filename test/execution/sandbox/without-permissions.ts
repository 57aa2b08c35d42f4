/** Launches without Node's own wall, to see what the kernel's, and our limits, hold by themselves. */
import { type Bundle, bundleLauncher } from '../../../src/execution/sandbox/bundle.ts';
import { type Launch, launchFor, type Means } from '../../../src/execution/sandbox/launch.ts';
import { DEFAULT_LIMITS } from '../../../src/execution/sandbox/limits.ts';
import { keepDescriptorsHome, locateBubblewrap, locateNode } from '../../../src/execution/sandbox/machine.ts';
import type { SandboxOutcome } from '../../../src/execution/sandbox/outcome.ts';
import { runLaunched } from '../../../src/execution/sandbox/sandbox.ts';
import type { IsolationLevel } from '../../../src/model/request.ts';

const NODES_OWN = ['--permission', '--allow-fs-read', '--disallow-code-generation-from-strings'];
const isNodesOwn = (flag: string): boolean => NODES_OWN.some((own) => flag.startsWith(own));

/** The same launch without Node's permissions. */
export function withoutPermissions(launch: Launch): Launch {
  const strip = (flags: string[]): string[] => flags.filter((flag) => !isNodesOwn(flag));
  const args = strip(launch.args).map((arg) => {
    if (!arg.startsWith('{')) return arg;
    const plan = JSON.parse(arg) as { command: string[] };
    return JSON.stringify({ ...plan, command: strip(plan.command) });
  });
  return { ...launch, args };
}

export async function meansIn(outFolder: string): Promise<Means> {
  keepDescriptorsHome();
  return {
    nodeFiles: await locateNode(),
    bubblewrap: await locateBubblewrap(),
    launcher: await bundleLauncher(outFolder),
  };
}

/** A run as the product supervises it, but for Node's permissions. */
export async function runWithoutPermissions(
  level: IsolationLevel,
  bundle: Bundle,
  run: Parameters<typeof runLaunched>[1],
  outFolder: string,
): Promise<SandboxOutcome> {
  const launch = launchFor(level, bundle.file, DEFAULT_LIMITS, await meansIn(outFolder));
  return runLaunched(withoutPermissions(launch), run, DEFAULT_LIMITS);
}

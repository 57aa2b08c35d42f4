/** Node, the data folder, the port, the sandbox. */

import { lstat, readFile, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { servesJobs } from '../../built-ins.ts';
import type { Config } from '../../config.ts';
import { type Established, establishJobLevel, establishLevel } from '../../execution/sandbox/probe.ts';
import { bad, type Finding, note, ok } from './finding.ts';

/** The database stops in order when its disk is full, but it stops: below this it is soon. */
const LITTLE_SPACE_BYTES = 200 * 2 ** 20;
const SOME_SPACE_BYTES = 2 ** 30;
const ANSWER_WITHIN_MS = 2_000;

export async function lookAtNode(): Promise<Finding[]> {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');
  const pinned = (JSON.parse(text) as { dependencies: { node: string } }).dependencies.node;
  const is = process.versions.node;
  if (is === pinned) return [ok('node', `${is}, as pinned`)];
  const mend = 'Run it as "npx countersign" or by an npm script: those find the pinned one first.';
  const isOlder = Number(is.split('.')[0]) < Number(pinned.split('.')[0]);
  return [(isOlder ? bad : note)('node', `${is}; ${pinned} is what this was tested with`, mend)];
}

export async function lookAtFolder({ dataFolder, database }: Config): Promise<Finding[]> {
  const name = 'data folder';
  const found = await lstat(dataFolder).catch(() => null);
  if (found === null) return [note(name, `${dataFolder} does not exist yet; the first start makes it`)];
  if (!found.isDirectory()) return [bad(name, `${dataFolder} is not a folder`, 'Set COUNTERSIGN_DATA.')];
  const findings: Finding[] = [];
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
  if (process.getuid !== undefined && found.uid !== process.getuid())
    findings.push(
      bad(name, `${dataFolder} belongs to another account`, 'Set COUNTERSIGN_DATA, or run as its owner.'),
    );
  else if (mode !== '0700')
    findings.push(
      note(name, `${dataFolder} has mode ${mode}; the next start tightens it`, `chmod 700 ${dataFolder}`),
    );
  else findings.push(ok(name, `${dataFolder}, mode 0700`));
  const { bavail, bsize } = await statfs(dataFolder);
  const free = bavail * bsize;
  const words = `${Math.floor(free / 2 ** 20)} MiB free`;
  if (free < LITTLE_SPACE_BYTES)
    findings.push(
      (database === null ? bad : note)('disk', words, 'Free some space: a full disk stops the database.'),
    );
  else findings.push((free < SOME_SPACE_BYTES ? note : ok)('disk', words));
  return findings;
}

/** Free, or taken by our own assistant, which then answers. */
export async function lookAtPort({ host, port }: Config): Promise<Finding[]> {
  if (port === 0) return [ok('port', 'any free one')];
  const problem = await tryListening(host, port);
  if (problem === null) return [ok('port', `${port} on ${host} is free; no assistant runs there`)];
  if (problem !== 'EADDRINUSE')
    return [bad('port', `${host}:${port} cannot be listened on (${problem})`, 'Set HOST and PORT.')];
  return (await isAssistant(host, port))
    ? [ok('port', `an assistant answers on ${host}:${port}`)]
    : [bad('port', `${port} on ${host} is taken by something else`, `Choose another one: PORT=${port + 1}`)];
}

function tryListening(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'failed'));
    probe.listen(port, host.replace(/^\[|\]$/g, ''), () => probe.close(() => resolve(null)));
  });
}

export async function isAssistant(host: string, port: number): Promise<boolean> {
  const open: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '[::1]', '::1': '[::1]' };
  try {
    const response = await fetch(`http://${open[host] ?? host}:${port}/healthz`, {
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    return ((await response.json()) as { alive?: unknown }).alive === true;
  } catch {
    // Whatever answers otherwise, or not at all, is not ours.
    return false;
  }
}

/** Jobs of the built-in runner are launched in a way of their own, which is attacked by itself; nothing where there are none. */
export async function lookAtJobSandbox(config: Config): Promise<Finding[]> {
  if (!servesJobs(config)) return [];
  const { level, attempts } = await establishJobLevel();
  const name = 'job sandbox';
  const words = `level ${level}, by a self-attack just now`;
  if (level === 'kernel') return [ok(name, words)];
  return level === 'kernel-lite'
    ? [note(name, words, failuresOf(attempts))]
    : [bad(name, 'no isolation could be established for jobs; none will run', failuresOf(attempts))];
}

export async function lookAtSandbox(config: Config | null): Promise<Finding[]> {
  const { level, attempts, missing } = await establishLevel();
  const better = missing === undefined ? undefined : `For the strongest level install ${missing}.`;
  switch (level) {
    case 'kernel':
      return [ok('sandbox', 'level kernel, by a self-attack just now')];
    case 'kernel-lite':
      return [
        note('sandbox', 'level kernel-lite, by a self-attack just now', better ?? failuresOf(attempts)),
      ];
    case 'process': {
      const what = 'level process: no kernel isolation';
      const mend = better ?? failuresOf(attempts);
      return config?.acceptProcess
        ? [note('sandbox', `${what}; accepted by SANDBOX_ALLOW_PROCESS for low and medium risk`, mend)]
        : [bad('sandbox', `${what}; nothing that writes will run`, mend)];
    }
    case 'none':
      return [bad('sandbox', 'no isolation could be established; nothing will run', failuresOf(attempts))];
  }
}

/** Why each stronger level did not hold. */
function failuresOf(attempts: Established['attempts']): string {
  const failed = attempts.filter(({ held }) => !held);
  return failed.map(({ level, failures }) => `${level} did not hold: ${failures.join(', ')}`).join('\n');
}

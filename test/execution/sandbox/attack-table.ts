/**
 * The whole attack suite against every level that this machine has, as a page: `npm run attacks` prints it, with
 * `--write` it goes into the documentation.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bundle, bundleOperations } from '../../../src/execution/sandbox/bundle.ts';
import type { FailureCode } from '../../../src/execution/sandbox/outcome.ts';
import { createSandbox } from '../../../src/execution/sandbox/sandbox.ts';
import { IsolationLevel } from '../../../src/model/request.ts';
import { GROUPS, type Row } from './attack-rows.ts';
import { attack, type Seen } from './attacking.ts';
import { KERNEL_LEVELS, openFolder } from './levels.ts';
import { runWithoutPermissions } from './without-permissions.ts';

export const ATTACKS_FILE = path.join(import.meta.dirname, '../../../docs/attacks.md');

/** A cell begins with its verdict; what is in brackets after it is this machine's word. */
export type Verdict = 'refused' | 'stopped' | 'succeeds' | 'not tried';

/** What of a table holds on every machine. */
export type Verdicts = Record<string, Partial<Record<IsolationLevel, Verdict>>>;

const NATIVE = 'native calls';

const WORDS: Record<string, string> = {
  ENOENT: 'not there',
  EACCES: 'no access',
  EPERM: 'not permitted',
  EROFS: 'read-only',
  ESRCH: 'no such process',
};

const STOPPED: Partial<Record<FailureCode, string>> = {
  out_of_memory: 'memory limit',
  timeout: 'time limit',
  thread_limit: 'thread limit',
  output_limit: 'output limit',
};

/** Levels that this machine can be attacked at, strongest first. */
export const LEVELS = IsolationLevel.options.filter(
  (level) => !KERNEL_LEVELS.some((known) => known.level === level && known.skip),
);

/** One column: what each row came to. */
export async function column(level: IsolationLevel): Promise<Map<Row, string>> {
  const isKernel = level === 'kernel' || level === 'kernel-lite';
  const all = attack(level, 'all');
  const alone = isKernel ? attack(level, 'kernel') : null;
  const cells = new Map<Row, string>();
  const folder = openFolder();
  try {
    const module = fileURLToPath(new URL('./attacker.ts', import.meta.url));
    const bundles = await bundleOperations({ modules: [{ name: 'attacker', module }], outFolder: folder });
    const sandbox = await createSandbox({ level, outFolder: folder });
    for (const row of Object.values(GROUPS).flat()) {
      if ('way' in row.try) {
        cells.set(row, ofWay(row.try.way, all, alone));
        continue;
      }
      const { use, limits, thrown, native } = row.try;
      const run = { job: callOf(use), door: () => undefined };
      const bundle = bundles.get('attacker') as Bundle;
      const outcome =
        isKernel && native
          ? await runWithoutPermissions(level, bundle, run, folder)
          : await sandbox.run({ bundle, ...run, ...(limits ? { limits } : {}) });
      cells.set(row, outcome.kind === 'answered' ? 'succeeds' : ofFailure(outcome.code, thrown));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return cells;
}

function callOf(what: string) {
  return {
    call: 'run' as const,
    operation: 'use',
    input: { what },
    settings: null,
    pinned: {},
    mark: '',
    requester: '',
    idempotencyKey: '',
  };
}

/** The kernel's word counts first: Node's is the second wall. */
function ofWay(name: string, all: Seen, alone: Seen | null): string {
  if (all[name] === 'NOT_GIVEN') return 'refused (never given)';
  if (all[name] === 'EFBIG') return 'stopped (file size limit)';
  const inner = alone?.[name];
  if (inner !== undefined && inner !== 'open') return `refused (${words('kernel', inner)})`;
  const outer = all[name];
  if (outer === 'open') return 'succeeds';
  if (outer !== undefined) return `refused (${words('Node', outer)})`;
  // Calls are made by way of Node, which does not let them.
  return all[NATIVE] !== undefined && all[NATIVE] !== 'open' ? 'refused (Node)' : 'not tried';
}

function words(who: 'kernel' | 'Node', code: string): string {
  const said = WORDS[code];
  return said === undefined ? who : `${who}: ${said}`;
}

function ofFailure(code: FailureCode, thrown: string | undefined): string {
  if (code === 'threw' && thrown !== undefined) return thrown;
  return `stopped (${STOPPED[code] ?? code})`;
}

const row = (...cells: string[]): string => `| ${cells.join(' | ')} |`;

/** The whole file. */
export function attacksPage(columns: ReadonlyMap<IsolationLevel, ReadonlyMap<Row, string>>): string {
  const levels = [...columns.keys()];
  const tables = Object.entries(GROUPS).flatMap(([group, rows]) => [
    `## ${group}`,
    '',
    row('the attacker tries to', ...levels.map((level) => `\`${level}\``)),
    row('---', ...levels.map(() => '---')),
    ...rows.map((it) => row(it.what, ...levels.map((level) => columns.get(level)?.get(it) ?? 'not tried'))),
    '',
  ]);
  return [...HEAD, ...tables].join('\n');
}

const HEAD = [
  '# The attack suite, by level',
  '',
  'Made by `npm run attacks -- --write`; please do not edit it by hand. A test runs the suite again and fails where a verdict (the',
  'first word of a cell) is no longer the one that stands here. What the levels are: [isolation.md](isolation.md).',
  '',
  'Hostile code is bundled and launched exactly like an action and tries each of these. `refused (kernel)`: also with Node’s own',
  'permissions taken away, native calls included, the kernel’s walls alone refuse it. `refused (Node)`: Node’s permission model',
  'does, which its documentation says is no boundary against hostile code. `stopped`: a limit ended it; rows that say “by native',
  'calls” are tried at the kernel levels with Node’s permissions taken away. The words after the colon are those of the machine that',
  'wrote this page. At `none` limits still hold, and nothing of the environment is given.',
  '',
  'Not tried here, as a try that succeeds would do harm or needs a terminal, and shown by an emulator of the filter alone',
  '(`seccomp.test.ts`): becoming another program by `execveat`, typing into a terminal by `TIOCSTI`, and every other call that the',
  'filter names.',
  '',
  'The same attack is made by a job too (`attack.test.ts`): there everything is refused at both kernel levels but what a job may do, which',
  'is to start processes, to run code and native calls of its own, and at `kernel` to list its own processes.',
  '',
];

/** What of a page must be the same on another machine with these levels. */
export function verdictsOf(page: string, levels: readonly IsolationLevel[]): Verdicts {
  const verdicts: Verdicts = {};
  let named: string[] = [];
  for (const line of page.split('\n').filter((it) => it.startsWith('| '))) {
    const [what = '', ...cells] = line.slice(2, -2).split(' | ');
    if (what === 'the attacker tries to') named = cells.map((cell) => cell.replaceAll('`', ''));
    if (what === 'the attacker tries to' || what === '---') continue;
    const varies = Object.values(GROUPS)
      .flat()
      .some((it) => it.what === what && it.varies);
    verdicts[what] = Object.fromEntries(
      levels
        .filter((level) => !varies || level === 'kernel' || level === 'kernel-lite')
        .map((level) => [level, (cells[named.indexOf(level)] ?? '').split(' (')[0]]),
    );
  }
  return verdicts;
}

export async function attackHere(): Promise<string> {
  const columns = new Map<IsolationLevel, Map<Row, string>>();
  for (const level of LEVELS) columns.set(level, await column(level));
  return attacksPage(columns);
}

if (import.meta.main) {
  const page = await attackHere();
  process.stdout.write(page);
  if (process.argv.includes('--write')) {
    if (LEVELS.length < IsolationLevel.options.length) {
      process.stderr.write('Not written: this machine lacks a level (apt-get install -y bubblewrap).\n');
      process.exit(1);
    }
    writeFileSync(ATTACKS_FILE, page);
  }
}

export const writtenPage = (): string => readFileSync(ATTACKS_FILE, 'utf8');

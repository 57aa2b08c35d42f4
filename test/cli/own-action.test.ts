/** The author's commands: what they write, what they refuse, and that what they wrote works. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandIn, MEANT, rulesIn } from '../foreign/own-action.ts';
import { countersign } from './cli.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NOBODY = 65_534;
let folder = '';
const file = (name: string): string => join(folder, name);
const run = (...args: string[]) => commandIn(folder)(...args);
/** As an account that may write nothing that it was not given: whoever runs the tests, unless they are root. */
const runElsewhere = (...args: string[]) =>
  countersign(join(folder, 'data'), args, {
    ...{ cwd: folder, env: MEANT },
    ...(process.getuid?.() === 0 ? { uid: NOBODY } : {}),
  });
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'author-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Standard output and the exit code of a program in the folder, or in one below it. */
async function runIn(
  below: string,
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ exit: number; output: string }> {
  const child = spawn(program, args, {
    cwd: file(below),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  const [exit] = (await once(child, 'close')) as [number];
  return { exit, output };
}
const runNode = (...args: string[]) => runIn('.', process.execPath, args);

/** With a package of the machine's own; nothing is asked of anybody. */
async function npmInstall(below: string, what: string): Promise<number> {
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error', what];
  const env = { npm_config_registry: 'http://127.0.0.1:9', npm_config_cache: file('npm-cache') };
  return (await runIn(below, 'npm', args, env)).exit;
}

describe('action new', () => {
  it('writes an action whose own test passes, in a sandbox and through a broker', async () => {
    const made = await run('action', 'new', 'report.weekly', '--in', 'own');
    expect(made).toMatchObject({ exit: 0, stdout: expect.stringContaining('own/report.weekly.test.ts\n') });
    expect(made.stderr).toContain('npx countersign action review own/report.weekly --write');
    const { exit, output } = await runNode('--test', 'own/report.weekly.test.ts');
    expect(output).toContain('pass 3');
    expect(exit).toBe(0);
  });

  it('shows in a test what the action prints, and where it fails', async () => {
    await run('action', 'new', 'report.weekly', '--in', 'own');
    const source = readFileSync(file('own/report.weekly.ts'), 'utf8');
    const [before = ''] = source.split("const added = await tools.send('add');");
    writeFileSync(
      file('own/report.weekly.ts'),
      source
        .replace(
          "const found = await tools.send('team');",
          "const found = await tools.send('team'); console.log('asked', team);",
        )
        .replace("const added = await tools.send('add');", "const added = await tools.send('adds');"),
    );
    const { exit, output } = await runNode('--test', 'own/report.weekly.test.ts');
    expect(exit).toBe(1);
    expect(output).toContain('asked web');
    expect(output).toContain('egress has no call adds.');
    expect(output).toMatch(new RegExp(`report\\.weekly\\.ts:${before.split('\n').length}:[0-9]+`));
  });

  it('writes a folder into which packages can be installed', async () => {
    await run('action', 'new', 'report.weekly', '--in', 'own');
    mkdirSync(file('words'));
    writeFileSync(file('words/package.json'), '{"name": "words", "version": "1.0.0"}');
    expect(await npmInstall('own', '../words')).toBe(0);
    expect(existsSync(file('own/node_modules/words'))).toBe(true);
    const { exit, output } = await runNode('--test', 'own/report.weekly.test.ts');
    expect(output).toContain('pass 3');
    expect(exit).toBe(0);
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    expect(await runNode(tsc, '--project', 'own')).toEqual({ exit: 0, output: '' });
  });

  it("mends a folder that does not lead here any more, and keeps what is the author's in it", async () => {
    mkdirSync(file('own/node_modules'), { recursive: true });
    symlinkSync(file('gone'), file('own/node_modules/countersign'));
    const mine = { name: 'mine', type: 'module', dependencies: { words: 'file:../words' } };
    writeFileSync(file('own/package.json'), JSON.stringify(mine));
    expect(await run('action', 'new', 'report.weekly', '--in', 'own')).toMatchObject({ exit: 0 });
    expect(JSON.parse(readFileSync(file('own/package.json'), 'utf8'))).toEqual({
      ...mine,
      devDependencies: { countersign: 'file:.countersign-link' },
    });
    const finds = "await import('countersign/testing')";
    expect(await runIn('own', process.execPath, ['--eval', finds])).toMatchObject({ exit: 0 });
    writeFileSync(file('own/package.json'), '{');
    expect((await run('action', 'new', 'report.daily', '--in', 'own')).stderr).toContain(
      'own/package.json cannot be read',
    );
    expect(existsSync(file('own/report.daily.ts'))).toBe(false);
  });

  it('prints steps that can be followed as they stand, here in local mode', async () => {
    const { stderr } = await run('action', 'new', 'report.weekly');
    const copied = /cp -r (\S+) (\S+)/.exec(stderr);
    cpSync(join(folder, copied?.[1] ?? ''), join(folder, copied?.[2] ?? ''), { recursive: true });
    const yaml = stderr.split('\n').filter((words) => /^ {7}(policies|actions|upstreams): /.test(words));
    expect(yaml).toHaveLength(3);
    writeFileSync(file('countersign.yaml'), yaml.map((words) => `${words.trim()}\n`).join(''));
    const [, review = ''] = /npx countersign (action review .*)/.exec(stderr) ?? [];
    const unmeant = commandIn(folder, { LOCAL_MODE_WITH_CONNECTORS: '' });
    expect((await unmeant(...review.split(' '))).stderr).toContain('Set LOCAL_MODE_WITH_CONNECTORS=1');
    expect(stderr).toContain('export LOCAL_MODE_WITH_CONNECTORS=1');
    const reviewed = await run(...review.split(' '));
    expect(reviewed, reviewed.stderr).toMatchObject({ exit: 0 });
    expect(reviewed.stderr).toContain('Written to own-actions/reviewed.json: commit it.');
    expect(existsSync(file('own-actions/reviewed.json'))).toBe(true);
    const { schema, policy, cases } = rulesIn(reviewed);
    const policies = join(folder, copied?.[2] ?? '');
    appendFileSync(join(policies, 'schema.cedarschema'), schema);
    writeFileSync(join(policies, 'reports.cedar'), policy);
    const untested = await run('policy', 'test');
    expect([untested.exit, untested.stdout]).toEqual([
      1,
      expect.stringContaining('FAIL no test sees "engineers-report-weekly" decide'),
    ]);
    writeFileSync(join(policies, 'tests/reports.yaml'), cases);
    const tested = await run('policy', 'test');
    expect(tested.stdout).toContain('ok   an engineer asks for report.weekly');
    expect(tested.exit, tested.stdout).toBe(0);
    // Writing another one reaches nothing, so nobody is asked whether it is meant.
    const another = await unmeant('action', 'new', 'report.daily');
    expect(another).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining('own-actions/report.daily.ts'),
    });
    expect(another.stderr).not.toMatch(/^ {7}(policies|actions): /m);
  });

  it('overwrites nothing', async () => {
    await run('action', 'new', 'report.weekly', '--in', 'own');
    writeFileSync(file('own/report.weekly.ts'), 'mine');
    rmSync(file('own/report.weekly.test.ts'));
    expect(await run('action', 'new', 'report.weekly', '--in', 'own')).toMatchObject({ exit: 1 });
    expect(readFileSync(file('own/report.weekly.ts'), 'utf8')).toBe('mine');
    expect(existsSync(file('own/report.weekly.test.ts'))).toBe(false);
  });

  it('says of a folder that it is none, or that this account may not write there', async () => {
    writeFileSync(file('taken'), '');
    expect(await run('action', 'new', 'report.weekly', '--in', 'taken')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining(`${file('taken')} is not a folder.`),
    });
    chmodSync(folder, 0o755);
    mkdirSync(file('own'), { mode: 0o555 });
    const made = await runElsewhere('action', 'new', 'report.weekly', '--in', 'own');
    expect(made.stderr).toContain(`${file('own/package.json')} may not be written by this account.`);
    expect(made.exit).toBe(2);
  });

  it.each([
    ['Report.weekly', 2],
    ['report', 2],
    ['../report.weekly', 2],
    ['ticket.create', 1],
  ])('refuses the name %s', async (name, exit) => {
    expect((await run('action', 'new', name, '--in', 'own')).exit).toBe(exit);
    expect(existsSync(file('own'))).toBe(false);
  });
});

describe('action review', () => {
  beforeEach(async () => {
    await run('action', 'new', 'report.weekly', '--in', 'own');
    writeFileSync(file('countersign.yaml'), 'actions: {folder: own}\n');
  });

  it('shows what it would do and writes nothing, before it is told to', async () => {
    const { exit, stdout } = await run('action', 'review', 'own/report.weekly');
    expect(exit).toBe(0);
    expect(stdout).toContain('write  POST https://board.example/teams/{args.team}/notes');
    expect(existsSync(file('actions.reviewed.json'))).toBe(false);
    expect((await run('action', 'review', 'report.weekly', '--write')).stderr).toContain(
      'action "report.weekly"',
    );
    const { sha256, description } = JSON.parse(readFileSync(file('actions.reviewed.json'), 'utf8')).reviewed[
      'report.weekly'
    ];
    expect(stdout).toContain(sha256);
    expect(description).toMatchObject({ name: 'report.weekly', effect: 'write', risk: 'low' });
  });

  it('is no failure for what is wrong with other actions, also where one of them would take it back', async () => {
    const source = readFileSync(file('own/report.weekly.ts'), 'utf8');
    const undo = "  undo: { action: 'report.remove', withinSeconds: 900, arguments: {} },\n";
    writeFileSync(
      file('own/report.weekly.ts'),
      source.replace("  idempotency: 'none',\n", (line) => line + undo),
    );
    writeFileSync(file('countersign.yaml'), 'actions: {folder: own, assign: {gone.away: {risk: high}}}\n');
    const broken = { sha256: 'f'.repeat(64), description: {} };
    const beside = async (reviewed: object) => {
      writeFileSync(file('actions.reviewed.json'), JSON.stringify({ v: 1, reviewed }));
      return run('action', 'review', 'report.weekly', '--write');
    };
    const others = [
      [{ 'report.daily': broken }, 'no action report.remove of the folder is reviewed.'],
      [
        { 'report.remove': broken },
        'what was reviewed of report.remove, or is assigned to it, does not hold.',
      ],
      [{ 'report.remove': {} }, 'what was reviewed of report.remove, or is assigned to it, does not hold.'],
    ] as const;
    for (const [reviewed, why] of others) {
      const { exit, stderr } = await beside(reviewed);
      expect(stderr).toContain('Written to actions.reviewed.json');
      expect(stderr).toContain(`Its undo is not offered yet: ${why}`);
      expect(stderr).toContain('The Cedar schema needs:');
      expect(exit).toBe(0);
    }
  });

  it('says that there is no such file, and how to have one', async () => {
    for (const place of ['nope.nope', 'elsewhere/nope.nope']) {
      const { exit, stderr } = await run('action', 'review', place);
      const where = file(place === 'nope.nope' ? 'own' : 'elsewhere');
      expect(stderr).toBe(
        `countersign: There is no nope.nope.ts in ${where}: countersign action new nope.nope --in ${where} writes one.\n`,
      );
      expect(exit).toBe(2);
    }
  });

  it('says that this account may not read the file, and names no place in a library', async () => {
    chmodSync(folder, 0o755);
    chmodSync(file('own/report.weekly.ts'), 0);
    const { exit, stderr } = await runElsewhere('action', 'review', 'report.weekly');
    expect(stderr).toContain(
      'report.weekly could not be bundled: report.weekly.ts may not be read by this account',
    );
    expect(stderr).not.toContain('node_modules');
    expect(exit).toBe(1);
  });

  // Whoever runs the tests can write where bundles are kept.
  it.skipIf(process.getuid?.() !== 0)(
    'is no reason for doctor to blame the policies where bundles cannot be kept (needs root)',
    async () => {
      const { schema } = rulesIn(await run('action', 'review', 'report.weekly', '--write'));
      cpSync(join(ROOT, 'policies'), file('policies'), { recursive: true });
      appendFileSync(file('policies/schema.cedarschema'), schema);
      appendFileSync(file('countersign.yaml'), 'policies: policies\n');
      chmodSync(folder, 0o755);
      const { stdout } = await runElsewhere('doctor', '--json');
      const { findings } = JSON.parse(stdout) as { findings: { name: string; what: string }[] };
      const what = (name: string) => findings.filter((one) => one.name === name).map((one) => one.what);
      expect(what('actions')).toEqual([
        expect.stringMatching(/actions may not be written by this account: run it as the account that /),
      ]);
      expect(what('policies')).toContainEqual(expect.stringMatching(/^[0-9]+ in [0-9]+ files, for /));
    },
  );

  it('believes no reviewed file that others may write, any more than the start does', async () => {
    await run('action', 'review', 'report.weekly', '--write');
    chmodSync(file('actions.reviewed.json'), 0o666);
    const { exit, stdout, stderr } = await run('action', 'review', 'report.weekly');
    expect(stderr).toContain(`may be written by others; run: chmod o-w ${file('actions.reviewed.json')}`);
    expect([exit, stdout]).toEqual([2, '']);
  });

  it('says what must be mended first', async () => {
    const source = readFileSync(file('own/report.weekly.ts'), 'utf8');
    writeFileSync(file('own/report.weekly.ts'), source.replace('.max(200)', ''));
    expect(await run('action', 'review', 'report.weekly', '--write')).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('input.note is text without a bound: add .max(…)'),
    });
    expect(existsSync(file('actions.reviewed.json'))).toBe(false);
  });

  it('says why an action does not load, and where in its own file', async () => {
    const source = readFileSync(file('own/report.weekly.ts'), 'utf8');
    const broken = "\nfunction broken(): string {\n  throw new Error('no \\u001b[31m day');\n}\n";
    writeFileSync(
      file('own/report.weekly.ts'),
      `${source.replace("title: 'Add a note'", 'title: broken()')}${broken}`,
    );
    const line = source.split('\n').length + 2;
    const { exit, stderr } = await run('action', 'review', 'report.weekly');
    expect(exit).toBe(1);
    expect(stderr).toContain('report.weekly said, in words of its own:\n  | ');
    expect(stderr).toContain('  | Error: no ␛[31m day\n');
    expect(stderr).toContain(`report.weekly.ts:${line}:9`);
    expect(stderr).toMatch(/report.weekly gives no description of itself .*\n$/);
    const tried = await runNode('--test', 'own/report.weekly.test.ts');
    expect(tried.output).toContain(`report.weekly.ts:${line}:9`);
  });

  it('takes days and addresses of mail as the page says to write them', async () => {
    const page = readFileSync(join(ROOT, 'docs/action-author.md'), 'utf8');
    const written = ['z.iso.date()', 'z.string()'].map(
      (start) => page.split('`').find((code) => code.startsWith(`${start}.max(`)) ?? '',
    );
    const source = readFileSync(file('own/report.weekly.ts'), 'utf8');
    const meta = ".meta({ title: 'X', description: 'X.' })";
    const more = written.map((code, index) => `more${index}: ${code}${meta}, `).join('');
    writeFileSync(file('own/report.weekly.ts'), source.replace('note: z', `${more}note: z`));
    const reviewed = await run('action', 'review', 'report.weekly');
    expect(reviewed, reviewed.stderr).toMatchObject({ exit: 0 });
    expect(reviewed.stdout).toMatch(/more0 .*"maxLength":10.*\n.*more1 .*"maxLength":254/);
  });

  it("refuses what the operator's file would lower, and a folder that it does not name", async () => {
    writeFileSync(
      file('countersign.yaml'),
      'actions: {folder: own, assign: {report.weekly: {effect: read}}}\n',
    );
    expect((await run('action', 'review', 'report.weekly')).stderr).toContain('cannot be lowered');
    writeFileSync(file('countersign.yaml'), 'actions: {folder: other}\n');
    expect(await run('action', 'review', 'own/report.weekly', '--write')).toMatchObject({ exit: 2 });
  });
});

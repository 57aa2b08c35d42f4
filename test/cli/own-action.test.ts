/** The author's commands: what they write, what they refuse, and that what they wrote works. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandIn } from '../foreign/own-action.ts';

let folder = '';
const file = (name: string): string => join(folder, name);
const run = (...args: string[]) => commandIn(folder)(...args);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'author-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Standard output and the exit code of a program in the folder. */
async function runNode(...args: string[]): Promise<{ exit: number; output: string }> {
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  const [exit] = (await once(child, 'close')) as [number];
  return { exit, output };
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

  it('overwrites nothing', async () => {
    await run('action', 'new', 'report.weekly', '--in', 'own');
    writeFileSync(file('own/report.weekly.ts'), 'mine');
    rmSync(file('own/report.weekly.test.ts'));
    expect(await run('action', 'new', 'report.weekly', '--in', 'own')).toMatchObject({ exit: 1 });
    expect(readFileSync(file('own/report.weekly.ts'), 'utf8')).toBe('mine');
    expect(existsSync(file('own/report.weekly.test.ts'))).toBe(false);
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

  it('says what must be mended first', async () => {
    const source = readFileSync(file('own/report.weekly.ts'), 'utf8');
    writeFileSync(file('own/report.weekly.ts'), source.replace('.max(200)', ''));
    expect(await run('action', 'review', 'report.weekly', '--write')).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('input.note is text without a bound: add .max(…)'),
    });
    expect(existsSync(file('actions.reviewed.json'))).toBe(false);
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

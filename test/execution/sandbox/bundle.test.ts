import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bundle, bundleOperations } from '../../../src/execution/sandbox/bundle.ts';

let outFolder: string;
let other: string;
beforeEach(() => {
  outFolder = mkdtempSync(path.join(tmpdir(), 'bundle-'));
  other = mkdtempSync(path.join(tmpdir(), 'bundle-'));
});
afterEach(() => {
  rmSync(outFolder, { recursive: true });
  rmSync(other, { recursive: true });
});

const OCTOKIT = 'test/execution/sandbox/octokit-connector.ts';
const build = async (module: string, folder: string): Promise<Bundle> => {
  const bundles = await bundleOperations({ modules: [{ name: 'one', module }], outFolder: folder });
  return bundles.get('one') as Bundle;
};

describe('bundling', () => {
  it('gives the same bytes wherever they are written, and names no place of this machine', async () => {
    const [first, second] = [await build(OCTOKIT, outFolder), await build(OCTOKIT, other)];
    expect(second.sha256).toBe(first.sha256);
    expect(second.file).not.toBe(first.file);
    const code = await readFile(first.file, 'utf8');
    const root = fileURLToPath(new URL('../../../', import.meta.url));
    expect(code).not.toContain(root);
    expect(code).not.toContain(outFolder);
    expect(code).toContain('doorFetch');
  });

  it('leaves nothing to load but what Node has built in', async () => {
    const { file } = await build(OCTOKIT, outFolder);
    const code = await readFile(file, 'utf8');
    const imported = [...code.matchAll(/^import .* from ["'](.+)["'];$/gm)].map((match) => match[1]);
    expect(imported.length).toBeGreaterThan(0);
    expect(imported.filter((name) => !name?.startsWith('node:'))).toEqual([]);
  });

  it('is done again when what a source says has changed, whatever its time, and not otherwise', async () => {
    const source = path.join(other, 'connector.ts');
    writeFileSync(source, 'export const operations = {};');
    const first = await build(source, outFolder);
    const { ino } = statSync(first.file);
    const tomorrow = new Date(Date.now() + 86_400_000);
    utimesSync(source, tomorrow, tomorrow);
    expect((await build(source, outFolder)).sha256).toBe(first.sha256);
    expect(statSync(first.file).ino).toBe(ino);
    writeFileSync(source, 'export const operations = { added: undefined };');
    // As an upgrade that keeps its files' times would leave it.
    const longAgo = new Date('2020-01-01');
    utimesSync(source, longAgo, longAgo);
    expect((await build(source, outFolder)).sha256).not.toBe(first.sha256);
  });

  it('is done again when its file is not what it was made as', async () => {
    const first = await build(OCTOKIT, outFolder);
    appendFileSync(first.file, '\n');
    const second = await build(OCTOKIT, outFolder);
    expect(second).toEqual(first);
    expect(createHash('sha256').update(readFileSync(second.file)).digest('hex')).toBe(first.sha256);
  });

  it('does not depend on the order of modules, on what else is bundled, or on the process', async () => {
    const here = (name: string) => ({ name, module: `actions/connectors/${name}.operations.ts` });
    const names = ['desk', 'runner', 'github-issues'];
    const digests = async (order: string[], folder: string) =>
      [...(await bundleOperations({ modules: order.map(here), outFolder: folder }))]
        .map(([name, { sha256 }]) => `${name} ${sha256}`)
        .sort();
    const forwards = await digests(names, outFolder);
    expect(await digests([...names].reverse(), other)).toEqual(forwards);
    const program = `
      import { bundleOperations } from './src/execution/sandbox/bundle.ts';
      const module = 'actions/connectors/runner.operations.ts';
      const outFolder = process.argv[1];
      const made = await bundleOperations({ modules: [{ name: 'runner', module }], outFolder });
      process.stdout.write('runner ' + made.get('runner').sha256);`;
    const elsewhere = mkdtempSync(path.join(tmpdir(), 'bundle-'));
    const alone = execFileSync(process.execPath, ['--input-type=module', '-e', program, elsewhere], {
      cwd: fileURLToPath(new URL('../../../', import.meta.url)),
      env: { TZ: 'Pacific/Auckland', LANG: 'C' },
    });
    rmSync(elsewhere, { recursive: true });
    expect(forwards).toContain(String(alone));
  });

  it('leaves no draft behind', async () => {
    await build(OCTOKIT, outFolder);
    expect(readdirSync(outFolder).sort()).toEqual([
      expect.stringMatching(/^one-[0-9a-f]{64}\.mjs$/),
      'one.sources',
    ]);
  });

  it('refuses what cannot be bundled, and names that are no file names', async () => {
    const broken = path.join(other, 'broken.ts');
    writeFileSync(broken, 'import "./absent.ts"; export const operations = {};');
    await expect(build(broken, outFolder)).rejects.toMatchObject({ code: 'catalogue_invalid' });
    const modules = [{ name: '../escape', module: OCTOKIT }];
    await expect(bundleOperations({ modules, outFolder })).rejects.toMatchObject({
      code: 'catalogue_invalid',
    });
  });
});

import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundleOutside } from '../../src/foreign/bundle.ts';
import { folderWith, removeFolders, sourceOf } from './folder.ts';

removeFolders();
const NAME = 'lamp.look';
const digestOf = async (folder: string): Promise<string> =>
  createHash('sha256')
    .update((await bundleOutside(folder, NAME)).code)
    .digest('hex');
const bundled = async (folder: string): Promise<string> =>
  Buffer.from((await bundleOutside(folder, NAME)).code).toString();

const FILES = {
  [`${NAME}.ts`]: sourceOf(
    "import { words } from './words.ts'; import bulb from 'bulb'; import facts from './facts.json';",
    'cases: [],',
  ),
  'words.ts': "export const words: string = 'bright';",
  'facts.json': '{"watts": 7}',
  'node_modules/bulb/package.json': '{"name": "bulb", "version": "1.0.0", "main": "lib/index.js"}',
  'node_modules/bulb/lib/index.js': "module.exports = require('./inner'); require('node:crypto');",
  'node_modules/bulb/lib/inner.js': "module.exports = { colour: 'warm' };",
};
const using = (head: string) => ({
  ...FILES,
  [`${NAME}.ts`]: sourceOf(`${head}; globalThis.used = [words, bulb, facts];`),
});
const GOOD = using(
  "import { words } from './words.ts'; import bulb from 'bulb'; import facts from './facts.json'",
);

describe('a bundle of an action from outside', () => {
  it('is the same bytes wherever the folder lies, and names no folder of this machine', async () => {
    const [one, other] = [folderWith(GOOD), folderWith(GOOD)];
    expect(await digestOf(one)).toBe(await digestOf(other));
    const code = await bundled(one);
    expect(code).not.toContain(one);
    expect(code).not.toContain(process.cwd());
    expect(code).toContain('warm');
  });

  it.each(['words.ts', 'facts.json', 'node_modules/bulb/lib/inner.js'])(
    'is another one when %s changes',
    async (file) => {
      const changed = {
        ...GOOD,
        [file]: file.endsWith('.json') ? '{"watts": 8}' : `${GOOD[file as never]}\nconsole.log(1);`,
      };
      expect(await digestOf(folderWith(changed))).not.toBe(await digestOf(folderWith(GOOD)));
    },
  );

  it('runs none of it', async () => {
    const folder = folderWith({ [`${NAME}.ts`]: sourceOf('(globalThis as any).lampWasLoaded = true;') });
    await bundled(folder);
    expect(globalThis).not.toHaveProperty('lampWasLoaded');
  });

  it("reads no settings of compilers, and takes our schemas instead of the folder's", async () => {
    const folder = folderWith({
      ...GOOD,
      'tsconfig.json': '{"compilerOptions": {"paths": {"./words.ts": ["/etc/hostname"]}, "target": "es5"}}',
      'node_modules/zod/package.json': '{"name": "zod", "main": "index.js"}',
      'node_modules/zod/index.js': "exports.z = 'forged';",
      [`${NAME}.ts`]: sourceOf("import { z as other } from 'zod'; globalThis.z = other;"),
    });
    expect(await bundled(folder)).not.toContain('forged');
  });
});

describe('nothing else is read', () => {
  const outside = folderWith({ 'secret.ts': "export const secret = 'leaked';", 'secret.json': '"leaked"' });

  it.each([
    ['an absolute path', `import '${outside}/secret.ts';`],
    ['a path out of the folder', "import '../secret.ts';"],
    ['a URL of a file', `import 'file://${outside}/secret.ts';`],
    ['data in its address', "import 'data:text/javascript,1';"],
    ['another machine', "import 'https://example.com/x.js';"],
    ['a package that is not in the folder', "import 'esbuild';"],
    ['a module of the core', "import 'countersign/src/house.ts';"],
    ['another part of what is published', "import 'countersign/testing';"],
    ['the space of our own modules', "import 'countersign:src/house.ts';"],
    [
      'a file as text',
      "import passwords from '/etc/passwd' with { type: 'text' }; globalThis.p = passwords;",
    ],
    ['compiled code', "import './lamp.node';"],
  ])('%s is refused', async (_what, head) => {
    const folder = folderWith({ [`${NAME}.ts`]: sourceOf(head), 'lamp.node': 'x' });
    await expect(bundled(folder)).rejects.toMatchObject({ code: 'catalogue_invalid' });
  });

  it.each(['words.ts', 'facts.json', 'node_modules/bulb'])(
    'a link that leads out of the folder is refused: %s',
    async (link) => {
      const elsewhere = folderWith(GOOD);
      const { [link]: _, ...rest } = GOOD as Record<string, string>;
      const kept = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith(`${link}/`)));
      const folder = folderWith(kept);
      mkdirSync(join(folder, 'node_modules'), { recursive: true });
      symlinkSync(join(elsewhere, link), join(folder, link));
      await expect(bundled(folder)).rejects.toMatchObject({ code: 'catalogue_invalid' });
    },
  );

  it('what is wrong is said with its place, in one line', async () => {
    const folder = folderWith({ [`${NAME}.ts`]: 'export const action = {' });
    await expect(bundled(folder)).rejects.toThrow(
      /lamp\.look could not be bundled: .*\(.*lamp\.look\.ts:1\)$/,
    );
  });
});

/** `action new`: an action of one's own that works, with a test that passes, in a folder outside this repository. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ACTIONS } from '../../actions/catalogue.ts';
import { readConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { ACTION_NAME } from '../foreign/description.ts';
import { type Command, line } from './command.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TEMPLATE = join(ROOT, 'templates', 'action');
/** What the template is called, wherever its name stands. */
const TEMPLATE_NAME = 'note.add';
const FILES = ['.ts', '.system.ts', '.test.ts'] as const;
/** Where no folder is named and none is configured. */
const USUAL_FOLDER = 'own-actions';
/** Says how the folder's modules are read; what is in it is the author's from then on. */
const PACKAGE = { private: true, type: 'module' };
const TYPES = {
  compilerOptions: {
    ...{ target: 'esnext', module: 'nodenext', types: ['node'], strict: true, noEmit: true },
    ...{ erasableSyntaxOnly: true, verbatimModuleSyntax: true, allowImportingTsExtensions: true },
    skipLibCheck: true,
  },
};

export const create: Command = async ({ env, cwd, words, options, json, terminal }) => {
  const name = words[0] ?? '';
  if (!ACTION_NAME.test(name))
    throw new AppError(
      'usage',
      `"${name}" is no name for an action: two words in small letters, such as report.weekly.`,
    );
  if (ACTIONS.some((action) => action.name === name))
    throw new AppError('conflict', `There is an action called ${name} already; choose another name.`);
  const configured = readConfig(env, cwd).actions?.folder ?? null;
  const folder =
    options.in === undefined ? (configured ?? resolve(cwd, USUAL_FOLDER)) : resolve(cwd, options.in);
  const files = FILES.map((ending) => join(folder, `${name}${ending}`));
  const taken = files.find((file) => existsSync(file));
  if (taken !== undefined) throw new AppError('conflict', `${taken} is there already; nothing was written.`);

  mkdirSync(folder, { recursive: true });
  for (const [index, ending] of FILES.entries()) {
    const text = readFileSync(join(TEMPLATE, `${TEMPLATE_NAME}${ending}`), 'utf8');
    // Never over a file that came in between.
    writeFileSync(files[index]!, text.replaceAll(TEMPLATE_NAME, name), { flag: 'wx' });
  }
  furnish(folder);
  if (json) await terminal.write(line({ ok: true, name, folder, files }));
  else await terminal.write(`${files.map((file) => relative(cwd, file) || file).join('\n')}\n`);
  terminal.say(nextSteps(name, relative(cwd, folder) || '.', configured === folder));
  return 0;
};

/** What editors and Node need to find `countersign/action` from there; what is there already stays. */
function furnish(folder: string): void {
  writeOnce(join(folder, 'package.json'), `${JSON.stringify(PACKAGE, null, 2)}\n`);
  writeOnce(join(folder, 'tsconfig.json'), `${JSON.stringify(TYPES, null, 2)}\n`);
  writeOnce(join(folder, '.gitignore'), 'node_modules/\n');
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@types'), { recursive: true });
  linkOnce(ROOT, join(modules, 'countersign'));
  linkOnce(join(ROOT, 'node_modules', '@types', 'node'), join(modules, '@types', 'node'));
}

function writeOnce(file: string, text: string): void {
  if (!existsSync(file)) writeFileSync(file, text, { flag: 'wx' });
}

function linkOnce(target: string, link: string): void {
  if (existsSync(target) && !existsSync(link)) symlinkSync(target, link, 'dir');
}

function nextSteps(name: string, folder: string, isConfigured: boolean): string {
  const yaml = `actions: {folder: ${folder}, reviewed: actions.reviewed.json}`;
  return [
    'What comes next:',
    `  1. Make it yours, and run its test:   npx node --test ${folder}/${name}.test.ts`,
    isConfigured
      ? '  2. Say where its hosts are under "upstreams" in countersign.yaml, if they are new.'
      : `  2. Name the folder in countersign.yaml:   ${yaml}`,
    `  3. Read what it may do, and let it count:   npx countersign action review ${folder}/${name} --write`,
    'docs/action-author.md tells it from the beginning.',
  ].join('\n');
}

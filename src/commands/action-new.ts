/** `action new`: an action of one's own that works, with a test that passes, in a folder outside this repository. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ACTIONS } from '../../actions/catalogue.ts';
import { type ConfigFile, readConfigFile } from '../config/file.ts';
import { AppError } from '../errors.ts';
import { ACTION_NAME } from '../foreign/action-name.ts';
import { furnish } from './action-folder.ts';
import { type Command, line } from './command.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const POLICIES = join(ROOT, 'policies');
const TEMPLATE = join(ROOT, 'templates', 'action');
/** What the template is called, wherever its name stands. */
const TEMPLATE_NAME = 'note.add';
const FILES = ['.ts', '.system.ts', '.test.ts'] as const;
/** Where no folder is named and none is configured. */
const USUAL_FOLDER = 'own-actions';
/** Where the template's board listens when it runs by itself, as its `.system.ts` says. */
const BOARD = '{board.example: {base_url: "http://127.0.0.1:4711", addresses: [127.0.0.1/32]}}';

export const create: Command = async ({ env, cwd, words, options, json, terminal }) => {
  const name = words[0] ?? '';
  if (!ACTION_NAME.test(name))
    throw new AppError(
      'usage',
      `"${name}" is no name for an action: two words in small letters, such as report.weekly.`,
    );
  if (ACTIONS.some((action) => action.name === name))
    throw new AppError('conflict', `There is an action called ${name} already; choose another name.`);
  // Of the file only what is asked for here: writing an action leads to no system, whatever the rest of it says.
  const { value: file, path } = readConfigFile(env, cwd, env.NODE_ENV === 'production');
  const configured = path(file.actions?.folder);
  const folder =
    options.in === undefined ? (configured ?? resolve(cwd, USUAL_FOLDER)) : resolve(cwd, options.in);
  const files = FILES.map((ending) => join(folder, `${name}${ending}`));
  const taken = files.find((file) => existsSync(file));
  if (taken !== undefined) throw new AppError('conflict', `${taken} is there already; nothing was written.`);

  furnish(folder);
  for (const [index, ending] of FILES.entries()) {
    const text = readFileSync(join(TEMPLATE, `${TEMPLATE_NAME}${ending}`), 'utf8');
    // Never over a file that came in between.
    writeFileSync(files[index]!, text.replaceAll(TEMPLATE_NAME, name), { flag: 'wx' });
  }
  if (json) await terminal.write(line({ ok: true, name, folder, files }));
  else await terminal.write(`${files.map((file) => relative(cwd, file) || file).join('\n')}\n`);
  terminal.say(nextSteps(name, { folder, cwd, isConfigured: configured === folder, file }).join('\n'));
  return 0;
};

/** `file`: countersign.yaml, as it is now. */
function nextSteps(
  name: string,
  {
    folder,
    cwd,
    isConfigured,
    file,
  }: { folder: string; cwd: string; isConfigured: boolean; file: Pick<ConfigFile, 'policies'> },
): string[] {
  const at = relative(cwd, folder) || '.';
  const copy = join(dirname(at), 'own-policies');
  const needed = isConfigured
    ? ['  2. Say under "upstreams" in countersign.yaml where its hosts are, if they are new:']
    : [
        '  2. Say in countersign.yaml where it is, and where its hosts are:',
        ...(file.policies === undefined
          ? [`       policies: ${copy}   # your copy: cp -r ${relative(cwd, POLICIES)} ${copy}`]
          : []),
        `       actions: {folder: ${at}, reviewed: ${join(at, 'reviewed.json')}}`,
      ];
  return [
    'What comes next:',
    `  1. Make it yours, and run its test:   npx node --test ${join(at, `${name}.test.ts`)}`,
    ...needed,
    `       upstreams: ${BOARD}`,
    '  3. In local mode say that you mean it, wherever you go on:   export LOCAL_MODE_WITH_CONNECTORS=1',
    `  4. Read what it may do, and let it count:   npx countersign action review ${join(at, name)} --write`,
    'docs/action-author.md tells it from the beginning.',
  ];
}

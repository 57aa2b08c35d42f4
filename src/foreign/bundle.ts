/**
 * One file of an action from a folder outside, made without running any of it: esbuild reads text. What it may read is
 * decided here for every import: the folder itself with its `node_modules`, and what we publish. The same source gives the same
 * bytes wherever the folder and this repository lie, so that a digest reviewed on one machine holds on another.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Loader, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild';
import { AppError } from '../errors.ts';
import { BUNDLING } from '../execution/sandbox/bundle.ts';
import { cleanText } from '../screening/text.ts';

const ROOT = realpathSync(fileURLToPath(new URL('../../', import.meta.url)));
const PUBLISHED: Readonly<Record<string, string>> = {
  'countersign/action': 'src/foreign/published/action.ts',
  // The one that we publish, whatever the folder has: its schemas are read by ours.
  zod: 'node_modules/zod/index.js',
};
const CHILD = 'src/foreign/child.ts';
/** Where a module stands in the bundle's comments: relative to its folder, so that the folder's place changes nothing. */
const OURS = 'countersign';
const THEIRS = 'outside';
const CODE = 'bundle.mjs';
/** Resolved by esbuild itself, for us to judge. */
const ASKING = Symbol('asking');
/** Text that becomes code; nothing is copied in as a file, and nothing compiled is loaded. */
const LOADERS: Readonly<Record<string, Loader>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.json': 'json',
};
/** Larger ones nobody reviews. */
const MAX_FILE_BYTES = 2_000_000;
const MAX_BUNDLE_BYTES = 5_000_000;
const MAX_PROBLEM_CHARS = 500;

/** `map`: a source map of the code (https://tc39.es/ecma426/), which is no part of it. */
export type Bundled = { code: Uint8Array; map: string };

/**
 * `folder`/`name`.ts and everything it imports.
 * @throws AppError `catalogue_invalid` with the first problem, in words for the author
 */
export async function bundleOutside(folder: string, name: string): Promise<Bundled> {
  // Loaded only when something must be built: it is 10 MB of another program.
  const esbuild = await import('esbuild');
  const entry = [
    `import { serveOutside } from '${OURS}:${CHILD}';`,
    `import { action } from '${THEIRS}:${name}.ts';`,
    'await serveOutside(action);',
  ].join('\n');
  try {
    const result = await esbuild.build({
      ...BUNDLING,
      stdin: { contents: entry, resolveDir: ROOT, sourcefile: `${name}.entry.js`, loader: 'js' },
      absWorkingDir: ROOT,
      // The folder's own settings of compilers are not read.
      tsconfigRaw: '{}',
      plugins: [fences(realpathSync(folder))],
      // Nothing is written; an external map is named after the file that it would lie beside.
      ...{ outfile: CODE, sourcemap: 'external', sourcesContent: false },
    });
    const made = (ending: string) => result.outputFiles.find(({ path: file }) => file.endsWith(ending));
    const code = made(CODE)?.contents ?? new Uint8Array();
    if (code.length > MAX_BUNDLE_BYTES)
      throw new Error(`It has more than ${MAX_BUNDLE_BYTES} bytes with all that it imports.`);
    return { code, map: made(`${CODE}.map`)?.text ?? '' };
  } catch (cause) {
    throw new AppError('catalogue_invalid', `${name} could not be bundled: ${problemOf(cause)}`, { cause });
  }
}

/** Their names for things are untrusted text. */
function problemOf(cause: unknown): string {
  const [first] =
    (cause as { errors?: { text: string; location?: { file: string; line: number } | null }[] }).errors ?? [];
  const place = first?.location ? ` (${first.location.file}:${first.location.line})` : '';
  const words = first === undefined ? (cause as Error).message : `${first.text}${place}`;
  return cleanText(words).replaceAll('\n', ' ').slice(0, MAX_PROBLEM_CHARS).toWellFormed();
}

function fences(folder: string): Plugin {
  const roots: Readonly<Record<string, string>> = { [OURS]: ROOT, [THEIRS]: folder };
  return {
    name: 'fences',
    setup(build) {
      build.onResolve({ filter: /.*/ }, (args) => {
        if (args.pluginData === ASKING) return undefined;
        if (args.namespace === OURS) return within(build, args, OURS, ROOT);
        if (args.namespace === THEIRS) return resolveTheirs(build, args, folder);
        // The entry, which is our text.
        const [space = '', file = ''] = args.path.split(':');
        return { path: file, namespace: space };
      });
      for (const [namespace, root] of Object.entries(roots))
        build.onLoad({ filter: /.*/, namespace }, ({ path: file }) => load(root, file));
    },
  };
}

async function resolveTheirs(
  build: PluginBuild,
  args: OnResolveArgs,
  folder: string,
): Promise<OnResolveResult> {
  const published = Object.hasOwn(PUBLISHED, args.path) ? PUBLISHED[args.path] : undefined;
  if (published !== undefined) return { path: published, namespace: OURS };
  if (args.path.startsWith('/') || (/^[a-z-]+:/i.test(args.path) && !isBuiltin(args.path)))
    return refused(`"${args.path}" is no import of this folder or of its node_modules`);
  return within(build, args, THEIRS, folder);
}

/** Asks esbuild where it is, then refuses what lies outside, links followed. */
async function within(
  build: PluginBuild,
  { path: wanted, kind, importer, resolveDir }: OnResolveArgs,
  namespace: string,
  root: string,
): Promise<OnResolveResult> {
  if (isBuiltin(wanted))
    return { path: wanted.startsWith('node:') ? wanted : `node:${wanted}`, external: true };
  const found = await build.resolve(wanted, { kind, importer, resolveDir, pluginData: ASKING });
  if (found.errors.length > 0 || found.external || found.namespace !== 'file')
    return refused(`"${wanted}" is not in this folder or in its node_modules`);
  const inside = insideOf(root, found.path);
  if (inside === null) return refused(`"${wanted}" lies outside of this folder`);
  return { path: inside, namespace, sideEffects: found.sideEffects };
}

const refused = (words: string): OnResolveResult => ({ errors: [{ text: words }] });

/** Relative to the root, in slashes; null for anywhere else. */
function insideOf(root: string, file: string): string | null {
  const relative = path.relative(root, realpathSync(file));
  return relative === '' || relative.startsWith('..') || path.isAbsolute(relative)
    ? null
    : relative.split(path.sep).join('/');
}

/** Null where this account may not read it. */
function contentsOf(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return null;
    throw error;
  }
}

function load(root: string, file: string) {
  const whole = path.join(root, file);
  const loader = LOADERS[path.extname(file)];
  if (loader === undefined)
    return {
      errors: [{ text: `${file} is of a kind that is not bundled: TypeScript, JavaScript and JSON are` }],
    };
  if (insideOf(root, whole) === null) return { errors: [{ text: `${file} lies outside of this folder` }] };
  const contents = contentsOf(whole);
  if (contents === null) return { errors: [{ text: `${file} may not be read by this account` }] };
  if (contents.length > MAX_FILE_BYTES) return { errors: [{ text: `${file} is too large` }] };
  return { contents, loader, resolveDir: path.dirname(whole) };
}

/**
 * Turns each connector module into one plain JavaScript file that holds everything it needs, the child runtime
 * included: what runs in the sandbox, and what a request's code digest is taken of. The same sources give the
 * same bytes wherever the repository lies.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../errors.ts';

/** Our repository's root: what paths in bundles are relative to. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const HERE = fileURLToPath(new URL('.', import.meta.url));
const CHILD = path.join(HERE, 'child.ts');
const LAUNCHER = path.join(HERE, 'launcher.ts');

export type Bundle = {
  file: string;
  /** Hex, of the file's bytes. */
  sha256: string;
};

/** A connector's name and its module, from the repository's root or absolute; it exports `operations`. */
export type ConnectorModule = { name: string; module: string };

/** Where bundles are kept unless told otherwise; ignored by git. */
const BUNDLE_FOLDER = path.join(ROOT, '.build', 'actions');

/**
 * Bundles every module, sorted by name; a bundle that was made of the very sources that lie here is taken as it is.
 * @throws AppError `catalogue_invalid` if a module cannot be bundled
 */
export async function bundleOperations({
  modules,
  outFolder = BUNDLE_FOLDER,
}: {
  modules: readonly ConnectorModule[];
  outFolder?: string;
}): Promise<Map<string, Bundle>> {
  const bundles = new Map<string, Bundle>();
  const sorted = [...modules].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, module } of sorted) {
    if (!/^[a-z0-9][a-z0-9._-]*$/.test(name)) {
      throw new AppError('catalogue_invalid', `The connector name ${JSON.stringify(name)} is no file name.`);
    }
    bundles.set(name, await freshBundle(name, entryFor(path.resolve(ROOT, module)), outFolder));
  }
  return bundles;
}

/** The launcher of `kernel-lite`, bundled the same way: starting it from TypeScript would double its time. */
export function bundleLauncher(outFolder: string = BUNDLE_FOLDER): Promise<Bundle> {
  return freshBundle('.launcher', `import ${importable(LAUNCHER)};`, outFolder);
}

function entryFor(module: string): string {
  return [
    `import { serve } from ${importable(CHILD)};`,
    `import { operations } from ${importable(module)};`,
    'await serve(operations);',
  ].join('\n');
}

/** Relative to the root, so that the entry's text is the same in every checkout. */
function importable(file: string): string {
  const relative = path.relative(ROOT, file).split(path.sep).join('/');
  return JSON.stringify(relative.startsWith('.') ? relative : `./${relative}`);
}

/**
 * A bundle's file is named by its digest and never written again, so that a process that is running keeps the code
 * it was started with while another one builds newer sources beside it.
 */
async function freshBundle(name: string, entry: string, outFolder: string): Promise<Bundle> {
  const note = path.join(outFolder, `${name}.sources`);
  const known = await upToDate(note, entry, outFolder);
  if (known !== null) return known;
  const { code, sources } = await build(name, entry);
  const bundle = await keepBundle(name, code, outFolder);
  // What esbuild is and which versions are installed shapes the bytes as much as our own sources.
  const madeOf = await Promise.all([...sources, 'package-lock.json'].map(sourceOf));
  await writeNew(note, JSON.stringify({ entry, sources: madeOf, file: path.basename(bundle.file) }));
  return bundle;
}

type Source = { path: string; sha256: string };

/** By its content, never by its time: an upgrade may bring older times than the bundle's. */
async function sourceOf(source: string): Promise<Source> {
  return { path: source, sha256: digest(await readFile(path.join(ROOT, source))) };
}

/** @throws AppError `sandbox_failed` if the file is no longer what was bundled */
export async function checkBundle({ file, sha256 }: Bundle): Promise<void> {
  if (digest(await readFile(file)) !== sha256)
    throw new AppError('sandbox_failed', 'The code to run is not the code that was named.');
}

/**
 * Writes code that was bundled, named by its digest.
 * @throws AppError `sandbox_failed` where this account may not write there
 */
export async function keepBundle(
  name: string,
  code: Uint8Array,
  outFolder: string = BUNDLE_FOLDER,
): Promise<Bundle> {
  const sha256 = digest(code);
  const file = path.join(outFolder, `${name}-${sha256}.mjs`);
  const there = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    // One that may not be read is written anew, or its folder says why not.
    if (error.code === 'ENOENT' || NOT_OURS.has(error.code ?? '')) return null;
    throw error;
  });
  if (there !== null && digest(there) === sha256) return { file, sha256 };
  try {
    await mkdir(outFolder, { recursive: true });
    await writeNew(file, code);
  } catch (cause) {
    if (!NOT_OURS.has((cause as NodeJS.ErrnoException).code ?? '')) throw cause;
    throw new AppError(
      'sandbox_failed',
      `${outFolder} may not be written by this account: run it as the account that runs the assistant.`,
      { cause },
    );
  }
  return { file, sha256 };
}

/** What a folder of another account, or one that is read-only, answers to whoever writes. */
const NOT_OURS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS']);

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The bundle if everything it was made of is unchanged; anything unreadable means it is not. */
async function upToDate(note: string, entry: string, outFolder: string): Promise<Bundle | null> {
  try {
    const made = JSON.parse(await readFile(note, 'utf8')) as {
      entry: string;
      sources: Source[];
      file: string;
    };
    if (made.entry !== entry) return null;
    for (const source of made.sources) {
      if ((await sourceOf(source.path)).sha256 !== source.sha256) return null;
    }
    const file = path.join(outFolder, path.basename(made.file));
    const sha256 = digest(await readFile(file));
    // Its name says what it was when it was made: what was altered since is made again.
    return path.basename(file).endsWith(`-${sha256}.mjs`) ? { file, sha256 } : null;
  } catch {
    return null;
  }
}

/** What shapes the bytes of every bundle, whoever wrote the action. */
export const BUNDLING = {
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  target: 'node26',
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'silent',
  // CommonJS dependencies call require() for Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire('file:///');",
  },
} as const;

async function build(name: string, entry: string): Promise<{ code: Uint8Array; sources: string[] }> {
  // Loaded only when something must be built: it is 10 MB of another program.
  const esbuild = await import('esbuild');
  try {
    const result = await esbuild.build({
      stdin: { contents: entry, resolveDir: ROOT, sourcefile: `${name}.entry.js`, loader: 'js' },
      absWorkingDir: ROOT,
      ...BUNDLING,
      metafile: true,
    });
    const [output] = result.outputFiles;
    if (output === undefined) throw new Error('esbuild made no file.');
    const sources = Object.keys(result.metafile.inputs).filter((input) => !input.endsWith('.entry.js'));
    return { code: output.contents, sources: sources.sort() };
  } catch (cause) {
    throw new AppError('catalogue_invalid', `The connector ${name} could not be bundled.`, { cause });
  }
}

/** Whole or not at all, and never into a file that a running process has open. */
async function writeNew(file: string, content: Uint8Array | string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, content, { mode: 0o644 });
  await rename(draft, file);
}

/** Builds the client where it is missing or older than what it is made of; called at start and by tests. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const HERE = dirname(fileURLToPath(import.meta.url));
const REPOSITORY = join(HERE, '../..');
/** Everything that the built files depend on. */
const SOURCES = [
  ...['client', 'client-build.ts', 'pages.ts'].map((name) => join(HERE, name)),
  ...['unseen.ts', 'lookalikes.ts'].map((name) => join(REPOSITORY, 'src/surface', name)),
];
const LOCKED_VERSIONS = join(REPOSITORY, 'package-lock.json');
/** In the built folder: the digest of the sources it was made of. */
const STAMP = 'sources.sha256';
/** A build takes a second or two; a minute means that it hangs. */
const BUILD_TIMEOUT_MS = 60_000;

async function filesUnder(path: string): Promise<string[]> {
  if (path.endsWith('.ts')) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** By content, as a clone or a checkout gives files any time it likes. */
async function digestOfSources(): Promise<string> {
  const files = (await Promise.all(SOURCES.map(filesUnder))).flat().sort();
  const hash = createHash('sha256');
  for (const file of [...files, LOCKED_VERSIONS]) {
    const content = await readFile(file);
    hash.update(`${file.slice(REPOSITORY.length)}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

async function stampOf(folder: string): Promise<string | null> {
  try {
    return await readFile(join(folder, STAMP), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Makes `outFolder` hold the built client; answers whether it had to build. The build runs in a process of its own,
 * without our environment: Vite sets NODE_ENV for whoever hosts it, and has no business with our secrets.
 * Throws with the builder's words as cause; the old build stays in that case.
 */
export async function buildClient({ outFolder }: { outFolder: string }): Promise<{ built: boolean }> {
  const digest = await digestOfSources();
  if ((await stampOf(outFolder)) === digest) return { built: false };
  const fresh = `${outFolder}.${process.pid}`;
  await mkdir(dirname(outFolder), { recursive: true });
  try {
    await promisify(execFile)(process.execPath, [join(HERE, 'client-build.ts'), fresh], {
      cwd: REPOSITORY,
      env: { NODE_ENV: 'production' },
      timeout: BUILD_TIMEOUT_MS,
    });
    await writeFile(join(fresh, STAMP), digest);
    await rm(outFolder, { recursive: true, force: true });
    await rename(fresh, outFolder);
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true });
    throw new Error('the web workspace could not be built', { cause });
  }
  return { built: true };
}

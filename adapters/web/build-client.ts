/** Builds the client where it is missing or older than what it is made of; called at start and by tests. */
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
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
/** A build takes a second or two, on a machine with much else to do a minute; this means that it hangs. */
const BUILD_TIMEOUT_MS = 300_000;

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

/** Puts a build in the place of an older one. Another process may do the same at this moment: then one of the two stays. */
async function putInPlace(fresh: string, outFolder: string, digest: string): Promise<void> {
  const old = `${fresh}.old`;
  let isThere = false;
  while (!isThere && (await stampOf(outFolder)) !== digest) {
    const wasThere = await renamed(outFolder, old, ['ENOENT']);
    try {
      isThere = await renamed(fresh, outFolder, ['ENOTEMPTY', 'EEXIST']);
    } catch (error) {
      if (wasThere) await rename(old, outFolder);
      throw error;
    }
    await rm(old, { recursive: true, force: true });
  }
}

/** False where it fails for one of these reasons. */
async function renamed(from: string, to: string, reasons: readonly string[]): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (!reasons.includes(String((error as NodeJS.ErrnoException).code))) throw error;
    return false;
  }
}

/**
 * Makes `outFolder` hold the built client; answers whether it had to build, and says so before it does. The build runs in a process of its own,
 * without our environment: Vite sets NODE_ENV for whoever hosts it, and has no business with our secrets.
 * Throws with the builder's words as cause; the old build stays in that case.
 */
export async function buildClient({
  outFolder,
  onBuild,
}: {
  outFolder: string;
  onBuild?: () => void;
}): Promise<{ built: boolean }> {
  const digest = await digestOfSources();
  if ((await stampOf(outFolder)) === digest) return { built: false };
  onBuild?.();
  const fresh = `${outFolder}.${randomUUID()}`;
  await mkdir(dirname(outFolder), { recursive: true });
  try {
    await promisify(execFile)(process.execPath, [join(HERE, 'client-build.ts'), fresh], {
      cwd: REPOSITORY,
      env: { NODE_ENV: 'production' },
      timeout: BUILD_TIMEOUT_MS,
    });
    await writeFile(join(fresh, STAMP), digest);
    await putInPlace(fresh, outFolder, digest);
  } catch (cause) {
    throw new Error('the web workspace could not be built', { cause });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return { built: true };
}

/**
 * Reads commits of a local repository without ever checking one out. Neither the machine's git configuration nor the
 * repository's own (filters, hooks, monitors: all of them commands) has a say in what runs here.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { AppError } from '../../src/errors.ts';

const run = promisify(execFile);

/** A local repository answers in milliseconds; a disk that hangs must not hold a preview. */
const GIT_TIMEOUT_MS = 10_000;
const COMMIT = /^[0-9a-f]{40}$/;

/** Only what git needs; nothing of ours, nothing that names another config, helper or terminal. */
export function gitEnvironment(extra: Record<string, string> = {}): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: 'none',
    ...extra,
  };
}

/** Said on the command line, so that it outranks the repository's config. */
const SAFE = [
  ...['-c', 'core.hooksPath=/dev/null'],
  ...['-c', 'core.fsmonitor=false'],
  ...['-c', 'core.attributesFile=/dev/null'],
  ...['-c', 'core.pager=cat'],
  ...['-c', 'safe.directory=*'],
];

/**
 * True for a name that can only be a branch, a tag or a commit: no revision syntax, no option, nothing that climbs.
 * Stricter than `git check-ref-format`.
 */
export function isRefName(ref: string): boolean {
  return (
    ref.length <= 200 &&
    /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(ref) &&
    !/\.\.|\/\/|\.lock(?:\/|$)|\/\.|[/.]$/.test(ref)
  );
}

async function gitFolder(path: string): Promise<string> {
  try {
    const { stdout } = await run('git', [...SAFE, '-C', path, 'rev-parse', '--absolute-git-dir'], {
      env: gitEnvironment(),
      timeout: GIT_TIMEOUT_MS,
    });
    return stdout.trim();
  } catch (cause) {
    throw new AppError('upstream_failed', 'The repository cannot be read.', { cause });
  }
}

async function verify(folder: string, revision: string): Promise<string | null> {
  const args = [
    '--git-dir',
    folder,
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${revision}^{commit}`,
  ];
  try {
    const { stdout } = await run('git', [...SAFE, ...args], {
      env: gitEnvironment(),
      timeout: GIT_TIMEOUT_MS,
    });
    const commit = stdout.trim();
    return COMMIT.test(commit) ? commit : null;
  } catch (error) {
    // 1: there is no such revision. Anything else is a repository that cannot be read.
    if (error instanceof Error && 'code' in error && error.code === 1) return null;
    throw new AppError('upstream_failed', 'The repository cannot be read.', { cause: error });
  }
}

/** The commit that a branch, a tag or a full commit id stands for now; null where there is none. */
export async function resolveRef(path: string, ref: string): Promise<string | null> {
  if (!isRefName(ref)) return null;
  const folder = await gitFolder(path);
  if (COMMIT.test(ref)) return verify(folder, ref);
  return (await verify(folder, `refs/heads/${ref}`)) ?? (await verify(folder, `refs/tags/${ref}`));
}

/** How many commits `to` has more and fewer than `from`, and the titles of the newest of those more, the newest last. */
export type Between = { ahead: number; behind: number; titles: string[] };

/** Null where one of them is not there. Read by plumbing, which runs no program that a repository's config names. */
export async function commitsBetween(
  path: string,
  from: string,
  to: string,
  maxTitles: number,
): Promise<Between | null> {
  if (!COMMIT.test(from) || !COMMIT.test(to)) return null;
  const folder = await gitFolder(path);
  if ((await verify(folder, from)) === null || (await verify(folder, to)) === null) return null;
  const revList = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('git', [...SAFE, '--git-dir', folder, 'rev-list', ...args], {
      env: gitEnvironment(),
      timeout: GIT_TIMEOUT_MS,
    });
    return stdout;
  };
  const ahead = Number(await revList('--count', `${from}..${to}`));
  const behind = Number(await revList('--count', `${to}..${from}`));
  // Two lines each: "commit ID", and the title.
  const lines = (
    await revList('--format=%s', `--max-count=${maxTitles}`, '--reverse', `${from}..${to}`)
  ).split('\n');
  const titles = lines.filter((_, index) => index % 2 === 1).slice(0, Math.min(ahead, maxTitles));
  return { ahead, behind, titles };
}

/**
 * The tree of one commit as a tar stream. It is read through an empty repository of our own that borrows the objects, so
 * that no filter of the repository's config can run. Stop it by destroying the stream.
 */
export async function archive(path: string, commit: string): Promise<Readable> {
  if (!COMMIT.test(commit)) throw new AppError('malformed', 'A pinned commit has 40 hexadecimal digits.');
  const folder = await gitFolder(path);
  const { stdout } = await run('git', [...SAFE, '--git-dir', folder, 'rev-parse', '--git-path', 'objects'], {
    env: gitEnvironment(),
    timeout: GIT_TIMEOUT_MS,
    cwd: folder,
  });
  const empty = await emptyRepository();
  const child = spawn(
    'git',
    [...SAFE, '--git-dir', empty, 'archive', '--format=tar', '--end-of-options', commit],
    {
      env: gitEnvironment({ GIT_OBJECT_DIRECTORY: resolve(folder, stdout.trim()) }),
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const tar = new PassThrough();
  // Node throws away what nobody reads from a child that has exited; and only its exit code says that it was all.
  child.stdout.pipe(tar, { end: false });
  const finish = (problem: AppError | null) => {
    rm(empty, { recursive: true, force: true }).then(
      () => (problem === null ? tar.end() : tar.destroy(problem)),
      (error: unknown) => tar.destroy(error as Error),
    );
  };
  child.on('error', (cause) => finish(new AppError('upstream_failed', 'git cannot be started.', { cause })));
  child.on('close', (code) => {
    finish(code === 0 ? null : new AppError('upstream_failed', 'The commit cannot be read.'));
  });
  tar.on('close', () => child.kill('SIGKILL'));
  return tar;
}

async function emptyRepository(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-archive-'));
  await mkdir(join(folder, 'refs'));
  await mkdir(join(folder, 'objects'));
  await writeFile(join(folder, 'HEAD'), 'ref: refs/heads/none\n');
  await writeFile(join(folder, 'config'), '[core]\n\trepositoryformatversion = 0\n\tbare = true\n');
  return folder;
}

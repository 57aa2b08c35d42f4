/** The sample repository `web`: made from `samples/web` at the first start, the same to the byte everywhere. */
import { execFile } from 'node:child_process';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '../../src/errors.ts';
import { gitEnvironment } from './git.ts';

const run = promisify(execFile);
const AUTHOR = { name: 'Countersign Samples', email: 'samples@example.com', date: '2026-01-01T00:00:00Z' };

/**
 * Makes a bare repository with one commit on `main` from the files of a folder; answers its path. Leaves one alone
 * that is there. Throws `data_folder`.
 */
export async function makeSampleRepository(files: string, target: string): Promise<string> {
  if (await exists(target)) return target;
  const building = `${target}.${process.pid}`;
  const git = async (args: string[], extra: Record<string, string> = {}): Promise<string> => {
    const env = gitEnvironment({ GIT_DIR: building, ...extra });
    const options = [
      '-c',
      'core.autocrlf=false',
      '-c',
      'core.fileMode=false',
      '-c',
      'core.excludesFile=/dev/null',
    ];
    return (await run('git', [...options, ...args], { env, cwd: files })).stdout.trim();
  };
  try {
    await mkdir(dirname(target), { recursive: true });
    await rm(building, { recursive: true, force: true });
    await git(['init', '--quiet', '--bare', '--template=', '--initial-branch=main', building]);
    const index = { GIT_WORK_TREE: files, GIT_INDEX_FILE: join(building, 'index.tmp') };
    await git(['add', '--all', '--force', '.'], index);
    const tree = await git(['write-tree'], index);
    const commit = await git(['commit-tree', '-m', 'Begin the sample project', tree], {
      GIT_AUTHOR_NAME: AUTHOR.name,
      GIT_AUTHOR_EMAIL: AUTHOR.email,
      GIT_AUTHOR_DATE: AUTHOR.date,
      GIT_COMMITTER_NAME: AUTHOR.name,
      GIT_COMMITTER_EMAIL: AUTHOR.email,
      GIT_COMMITTER_DATE: AUTHOR.date,
    });
    await git(['update-ref', 'refs/heads/main', commit]);
    await rename(building, target);
  } catch (cause) {
    await rm(building, { recursive: true, force: true });
    // Another process may have been quicker.
    if (await exists(target)) return target;
    throw new AppError('data_folder', 'The sample repository cannot be made; is git installed?', { cause });
  }
  return target;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

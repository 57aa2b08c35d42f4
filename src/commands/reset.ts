/** `reset`: empties the local data folder. What it destroys cannot be had back, so it asks, and looks twice where it is. */
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { readConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { hasPrivateFolder } from '../store/embedded/folder.ts';
import { resetLocalData } from '../store/embedded.ts';
import { type Command, line } from './command.ts';

/** A folder with none of these was never ours. */
const OURS = ['postgres', 'master.key', 'audit-signing.key', 'checkpoints', 'repositories'];

export const reset: Command = async ({ env, cwd, flags, json, terminal }) => {
  const { dataFolder, database } = readConfig(env, cwd);
  if (database !== null)
    throw new AppError(
      'conflict',
      'DATABASE_URL is set: a database server is not emptied by this, and its keys are not thrown away.',
    );
  const done = async (emptied: boolean, words: string): Promise<0> => {
    await terminal.write(json ? line({ folder: dataFolder, emptied }) : `${words}\n`);
    return 0;
  };
  const names = namesIn(dataFolder);
  if (names.length === 0) return done(false, `There is nothing in ${dataFolder}.`);
  refuseStrange(dataFolder, cwd, names);
  terminal.say(`This deletes all of ${dataFolder}: ${names.join(', ')}.`);
  terminal.say('Requests, tickets, the audit log and the keys are gone then, and no backup is made.');
  if (!flags.has('yes')) {
    const answer = await terminal.ask('Type "reset" to go on: ');
    if (answer === null) throw new AppError('usage', 'Nobody can be asked here: run it with --yes.');
    if (answer.trim() !== 'reset') throw new AppError('conflict', 'Nothing was deleted.');
  }
  await resetLocalData(dataFolder);
  return done(true, `${dataFolder} is empty.`);
};

function namesIn(folder: string): string[] {
  if (!hasPrivateFolder(folder)) return [];
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw new AppError('data_folder', `The data folder ${folder} cannot be read.`, { cause });
  }
}

/** COUNTERSIGN_DATA may point at a home or a project by mistake. */
function refuseStrange(folder: string, cwd: string, names: readonly string[]): void {
  const holds = (path: string): boolean => !relative(folder, path).startsWith('..');
  const isOurs = names.some((name) => OURS.includes(name));
  if (isOurs && !holds(cwd) && !holds(homedir()) && !existsSync(join(folder, '.git'))) return;
  throw new AppError(
    'data_folder',
    `${folder} does not look like a data folder of ours: nothing was deleted.`,
  );
}

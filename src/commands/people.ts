/** Who a person's id names, for commands that take one. */
import { readConfig } from '../config.ts';
import { loadDirectory } from '../directory/file.ts';
import { AppError } from '../errors.ts';
import { SAMPLE_PEOPLE } from '../house.ts';
import { PrincipalId } from '../model/ids.ts';
import type { Principal } from '../model/principal.ts';
import type { Invocation } from './command.ts';

/** `unreadable` where the directory cannot be read: what a command is for may matter more than its comfort. */
export function findPerson(
  { env, cwd, terminal }: Invocation,
  id: string,
): Principal | 'inactive' | 'stranger' | 'unreadable' {
  const config = readConfig(env, cwd);
  try {
    const { people, inactive } = loadDirectory(config.peopleFile ?? SAMPLE_PEOPLE, {
      production: config.production,
      localIssuer: config.local,
    });
    const known = people.find((person) => person.id === id);
    return known ?? (inactive.has(id as PrincipalId) ? 'inactive' : 'stranger');
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    terminal.say(`The directory cannot be read, so that "${id}" was not looked up: ${error.message}`);
    return 'unreadable';
  }
}

/** @throws AppError('usage') where the directory can be read and names nobody so */
export function refuseStranger(invocation: Invocation, id: string): void {
  if (findPerson(invocation, id) === 'stranger')
    throw new AppError('usage', `There is nobody "${id}" in the directory.`);
}

/** @throws AppError('usage') where the word cannot be a person's id */
export function personId(word: string | undefined): PrincipalId {
  const parsed = PrincipalId.safeParse(word);
  if (parsed.success) return parsed.data;
  throw new AppError('usage', "P is a person's id of the directory, such as alice.");
}

/** `privacy export P` and `privacy erase P`: what the log and the tables hold of one person. */
import { privacyErase, privacyExport } from '../audit/privacy.ts';
import { AppError } from '../errors.ts';
import { accountName, type Command, type Invocation, line } from './command.ts';
import { type House, withHouse } from './open.ts';
import { findPerson, personId } from './people.ts';
import { eraseStored, readStored, whatStays } from './privacy-tables.ts';

const depsOf = (house: House, { terminal }: Invocation) => ({
  ...terminal,
  db: house.db,
  log: house.audit,
  personKeys: house.personKeys,
  sequence: house.sequence,
  account: accountName(),
});

/** Lines of the log first, then `{"stored": TABLE, "row": {...}}`, then `{"stored": "directory", ...}`. */
export const exportPerson: Command = async (invocation) => {
  const person = personId(invocation.words[0]);
  const listed = findPerson(invocation, person);
  return withHouse(invocation, async (house) => {
    let count = 0;
    const write = async (text: string): Promise<void> => {
      count += 1;
      await invocation.terminal.write(text);
    };
    const { exit } = await privacyExport({ ...depsOf(house, invocation), write }, { person });
    for await (const stored of readStored(house.db, person)) await write(line(stored));
    if (typeof listed === 'object') await write(line({ stored: 'directory', row: listed }));
    if (count === 0) throw new AppError('unknown_principal', `Nothing is held of "${person}".`);
    invocation.terminal.say(`${count} lines; that they were read is in the audit log.`);
    return exit;
  });
};

export const erasePerson: Command = async (invocation) => {
  const { terminal, json } = invocation;
  const person = personId(invocation.words[0]);
  return withHouse(invocation, async (house) => {
    const deps = { ...depsOf(house, invocation), eraseElsewhere: eraseStored };
    const { exit } = await privacyErase(deps, { person, json });
    for (const stays of await whatStays(house.db, person)) terminal.say(stays);
    return exit;
  });
};

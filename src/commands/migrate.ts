/** `migrate`: brings the schema up to date with the owner's role. */
import { readConfig } from '../config.ts';
import { migrateSchema, reachDatabase } from '../storage.ts';
import { type Command, type Exit, line } from './command.ts';
import { opened, untilEnded } from './ending.ts';

export const migrate: Command = async ({ env, cwd, json, terminal }) => {
  const access = await opened(reachDatabase(readConfig(env, cwd), (words) => terminal.say(words)));
  return untilEnded<Exit>(access.stop, async () => {
    const applied = await migrateSchema(access);
    const words = applied.length === 0 ? 'The schema is up to date.' : `Applied:\n  ${applied.join('\n  ')}`;
    await terminal.write(json ? line({ applied }) : `${words}\n`);
    return 0;
  });
};

/** `links list` and `links remove`: the chat accounts that people linked to themselves, for an operator. */
import { z } from 'zod';
import { loadDirectory } from '../directory/file.ts';
import { linkCounts } from '../directory/linked.ts';
import { type AccountLink, linksOf } from '../directory/links.ts';
import { AppError } from '../errors.ts';
import { SAMPLE_PEOPLE } from '../house.ts';
import { unlink } from '../linking.ts';
import { accountInWords } from '../saying.ts';
import { legible } from '../surface/unseen.ts';
import { accountName, type Command, type Exit, line } from './command.ts';
import { withGround, withHouse } from './open.ts';
import { personId, refuseStranger } from './people.ts';

export const list: Command = (invocation) =>
  withGround<Exit>(invocation, async ({ config, db }) => {
    const { principal } = invocation.options;
    const links = await linksOf(db, principal === undefined ? null : personId(principal));
    // Whoever has left the directory may have links yet.
    if (principal !== undefined && links.length === 0) refuseStranger(invocation, principal);
    const file = loadDirectory(config.peopleFile ?? SAMPLE_PEOPLE, {
      production: config.production,
      localIssuer: config.local,
    });
    const counting = (link: AccountLink): boolean => config.accountLinks && linkCounts(file, link);
    const shown = links.map((link) => ({ ...link, counts: counting(link) }));
    const words = shown.map(
      ({ id, principal, account, name, linkedAt, counts }) =>
        `${id} ${principal}: ${accountInWords(account)}, which calls itself "${legible(name)}", since ${linkedAt.toISOString()}${counts ? '' : '; it counts for nothing'}\n`,
    );
    await invocation.terminal.write(
      invocation.json
        ? line({ links: shown })
        : words.join('') || `${principal ?? 'Nobody'} has linked no account.\n`,
    );
    return 0;
  });

function linkId(word: string | undefined): string {
  const parsed = z.uuid().safeParse(word);
  if (parsed.success) return parsed.data;
  throw new AppError('usage', 'LINK is the id of a link, as countersign links list shows it.');
}

export const remove: Command = (invocation) =>
  withHouse<Exit>(invocation, async (house) => {
    const id = linkId(invocation.words[0]);
    const removed = await unlink(house, id, accountName(), null);
    if (removed === null)
      throw new AppError('not_found', `There is no link "${id}": see countersign links list.`);
    const message = `${accountInWords(removed.account)} is not linked to ${removed.principal} any more.`;
    await invocation.terminal.write(invocation.json ? line({ removed, message }) : `${message}\n`);
    await house.sequence();
    return 0;
  });

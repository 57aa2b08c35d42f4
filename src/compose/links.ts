/** The directory with the accounts that people linked to themselves, where they may; otherwise the file's alone. */
import type { FileDirectory } from '../directory/file.ts';
import { linkedDirectory } from '../directory/linked.ts';
import { type AccountLink, linkOf, linksOf } from '../directory/links.ts';
import type { Change } from '../model/ports.ts';
import type { Database } from '../store/database.ts';

export type LinkedPeople = {
  directory: FileDirectory;
  /** Reads again where else people can be reached, after a change that may concern it. */
  hear(change: Change): void;
};

/** `intake`: connections that only what arrives uses, as it is then that an account must be known. */
export async function openLinkedPeople(parts: {
  isOn: boolean;
  file: FileDirectory;
  db: Database;
  intake: Database;
  failed(error: unknown): void;
}): Promise<LinkedPeople> {
  const { isOn, file, db, intake, failed } = parts;
  if (!isOn) return { directory: file, hear: () => undefined };
  let known: readonly AccountLink[] = await linksOf(db, null);
  let reading = Promise.resolve();
  return {
    directory: linkedDirectory(file, { find: (account) => linkOf(intake, account), known: () => known }),
    hear({ kind }) {
      // "Gate" follows a lost connection as well: something may have changed.
      if (kind !== 'links' && kind !== 'gate') return;
      // One after the other: an older answer never replaces a newer one.
      reading = reading.then(async () => {
        try {
          known = await linksOf(db, null);
        } catch (error) {
          failed(error);
        }
      });
    },
  };
}

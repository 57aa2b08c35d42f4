/**
 * The directory of the operator's file together with the chat accounts that people linked to themselves. The file comes first: what
 * it says of an account or a person holds, and a link adds only what the file leaves open.
 */
import type { PrincipalId } from '../model/ids.ts';
import type { ChatAccount } from '../model/links.ts';
import type { Account, Identification, Principal } from '../model/principal.ts';
import { accountKey, type DirectoryFile, type FileDirectory } from './file.ts';
import type { AccountLink } from './links.ts';

export type Links = {
  /** As stored at this moment: who somebody is, is never remembered. */
  find(account: ChatAccount): Promise<AccountLink | null>;
  /** Every link, as last read: where else a person can be reached. */
  known(): readonly AccountLink[];
};

/**
 * Whether a link counts under this file: it says nothing of the account, and the sign-in that said yes is still this person's.
 * Whoever leaves the file, or whose sign-in is taken from them there, has no links from that moment on. Pure.
 */
export function linkCounts(
  file: DirectoryFile,
  link: Omit<AccountLink, 'id' | 'name' | 'linkedAt'>,
): boolean {
  const { account, issuer, subject, principal } = link;
  if (file.accounts.has(accountKey(account))) return false;
  return file.accounts.get(accountKey({ platform: 'web', issuer, subject })) === principal;
}

/** The same directory, which knows people by their links as well, everywhere that accounts are looked at. */
export function linkedDirectory(file: FileDirectory, links: Links): FileDirectory {
  const withLinks = (people: readonly Principal[]): Principal[] => {
    const more = new Map<PrincipalId, Account[]>();
    for (const link of links.known()) {
      if (linkCounts(file.current, link))
        more.set(link.principal, [...(more.get(link.principal) ?? []), link.account]);
    }
    return people.map((person) => {
      const linked = more.get(person.id);
      return linked === undefined ? person : { ...person, accounts: [...person.accounts, ...linked] };
    });
  };
  return {
    get current() {
      return file.current;
    },
    reload: (accept) => file.reload(accept),
    async identify(account): Promise<Identification> {
      const said = await file.identify(account);
      if (said.kind !== 'unknown' || account.platform === 'web') return said;
      const link = await links.find(account);
      if (link === null || !linkCounts(file.current, link)) return said;
      const principal = await file.byId(link.principal);
      // Switched off in the file: linked or not, that account is theirs.
      if (principal === null) return { kind: 'inactive', principal: link.principal };
      return { kind: 'known', principal: withLinks([principal])[0] ?? principal };
    },
    async byId(id) {
      const person = await file.byId(id);
      return person && (withLinks([person])[0] ?? null);
    },
    members: async (group) => withLinks(await file.members(group)),
    people: async () => withLinks(await file.people()),
  };
}

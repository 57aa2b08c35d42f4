/** The directory as a file: people, their groups and their linked accounts. The root of every identity here. */
import { AppError } from '../errors.ts';
import type { PrincipalId } from '../model/ids.ts';
import type { Directory } from '../model/ports.ts';
import type { Account, Identification, Principal } from '../model/principal.ts';
import { parseTrustedYaml, readTrusted } from '../trusted-file.ts';
import { type AccountEntry, DirectoryYaml, LOCAL_ISSUER } from './shape.ts';

/** A group as declared: its title for people, and whom to ask about joining it. */
export type DirectoryGroup = { id: string; title: string; contact: string };

export type DirectoryFile = {
  file: string;
  groups: readonly DirectoryGroup[];
  /** Active people only. */
  people: readonly Principal[];
  inactive: ReadonlySet<PrincipalId>;
  /** Every linked account, inactive people's included, by {@link accountKey}. */
  accounts: ReadonlyMap<string, PrincipalId>;
};

export type DirectoryOptions = {
  /** `NODE_ENV=production`: a group-writable file is refused too. */
  production: boolean;
  /** Local mode: everybody speaks as the web account `{issuer: 'local', subject: <their id>}`. */
  localIssuer?: boolean;
};

export type FileDirectory = Directory & {
  /** What is in force now. */
  readonly current: DirectoryFile;
  /**
   * Reads the file again. Refused files change nothing: what was in force stays in force. `accept` sees the new
   * file before it holds and may refuse it by throwing: rules may name a group that is gone.
   * @throws AppError('directory_invalid')
   */
  reload(accept?: (next: DirectoryFile) => void): DirectoryFile;
};

/**
 * Reads and checks the whole file; one mistake refuses all of it.
 * @throws AppError('directory_invalid') naming file, line and reason
 */
export function loadDirectory(file: string, options: DirectoryOptions): DirectoryFile {
  const code = 'directory_invalid';
  const text = readTrusted(file, { production: options.production, code });
  const { value, at } = parseTrustedYaml(text, file, DirectoryYaml, code);
  const refuse = (path: PropertyKey[], reason: string): never => {
    throw new AppError(code, `${file}:${at(path)}: ${reason}`);
  };
  const groups = Object.entries(value.groups).map(([id, group]) => ({ id, ...group }));
  const declared = new Set(groups.map((group) => group.id));
  const accounts = new Map<string, PrincipalId>();
  const seen = new Set<string>();
  const people: Principal[] = [];
  const inactive = new Set<PrincipalId>();
  for (const [index, person] of value.people.entries()) {
    const here = ['people', index];
    if (seen.has(person.id)) refuse([...here, 'id'], `the person "${person.id}" is listed twice`);
    seen.add(person.id);
    for (const [n, group] of person.groups.entries()) {
      if (!declared.has(group))
        refuse([...here, 'groups', n], `the group "${group}" is not declared under groups`);
    }
    const linked = person.accounts.map(toAccount);
    if (options.localIssuer) linked.push({ platform: 'web', issuer: LOCAL_ISSUER, subject: person.id });
    for (const [n, account] of linked.entries()) {
      const owner = accounts.get(accountKey(account));
      if (owner !== undefined)
        refuse([...here, 'accounts', n], `this account is linked to "${owner}" already`);
      accounts.set(accountKey(account), person.id);
    }
    if (person.active) {
      people.push({
        id: person.id,
        name: person.name,
        groups: [...new Set(person.groups)],
        accounts: linked,
      });
    } else inactive.add(person.id);
  }
  return { file, groups, people, inactive, accounts };
}

/**
 * The directory port over a file. Whoever is not listed (a guest, another workspace's member, a stranger) is `unknown`.
 * @throws AppError('directory_invalid')
 */
export function fileDirectory(file: string, options: DirectoryOptions): FileDirectory {
  let current = loadDirectory(file, options);
  const find = (id: PrincipalId) => current.people.find((person) => person.id === id) ?? null;
  return {
    get current() {
      return current;
    },
    reload(accept) {
      const next = loadDirectory(file, options);
      accept?.(next);
      current = next;
      return current;
    },
    async identify(account): Promise<Identification> {
      const id = current.accounts.get(accountKey(account));
      if (id === undefined) return { kind: 'unknown' };
      const principal = find(id);
      return principal === null ? { kind: 'inactive', principal: id } : { kind: 'known', principal };
    },
    byId: async (id) => find(id),
    members: async (group) => current.people.filter((person) => person.groups.includes(group)),
    people: async () => [...current.people],
  };
}

/** One account's identity as a string: every id of it, so that the same user id elsewhere is somebody else. */
export function accountKey(account: Account): string {
  switch (account.platform) {
    case 'web':
      return JSON.stringify(['web', account.issuer, account.subject]);
    case 'slack':
      return JSON.stringify(['slack', account.enterprise, account.team, account.user]);
    case 'teams':
      // Microsoft writes the same GUID in either case.
      return JSON.stringify(['teams', account.tenant.toLowerCase(), account.user.toLowerCase()]);
  }
}

function toAccount(entry: AccountEntry): Account {
  switch (entry.platform) {
    case 'teams':
      return { platform: 'teams', tenant: entry.tenant, user: entry.oid };
    case 'slack':
    case 'web':
      return entry;
  }
}

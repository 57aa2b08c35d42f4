/** PostgreSQL refuses to run as root. Under which account does it run then? */
import { type SpawnOptions, spawnSync } from 'node:child_process';

/** `nobody` and `nogroup` on Debian and its kin; an id without an entry in the password file does not do. */
const NOBODY = 65_534;

export type Account =
  /** We are an ordinary user. */
  | { kind: 'self' }
  /** Root outside, `nobody` inside a user namespace: the files stay ours and need no other account. */
  | { kind: 'namespace' }
  /** Namespaces are forbidden, as in most containers: really become `nobody`. */
  | { kind: 'nobody'; uid: number; gid: number };

const UNSHARE = ['--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];

/** Tries what works instead of guessing from the system's name. */
export function chooseAccount(): Account {
  if (process.getuid?.() !== 0) return { kind: 'self' };
  const tried = spawnSync('unshare', [...UNSHARE, 'true'], { stdio: 'ignore' });
  return tried.status === 0 ? { kind: 'namespace' } : { kind: 'nobody', uid: NOBODY, gid: NOBODY };
}

/** A command line and spawn options that run `program` under the account. */
export function under(
  account: Account,
  program: string,
  args: readonly string[],
): { command: string; args: string[]; options: SpawnOptions } {
  switch (account.kind) {
    case 'self':
      return { command: program, args: [...args], options: {} };
    case 'namespace':
      return { command: 'unshare', args: [...UNSHARE, program, ...args], options: {} };
    case 'nobody':
      return { command: program, args: [...args], options: { uid: account.uid, gid: account.gid } };
  }
}

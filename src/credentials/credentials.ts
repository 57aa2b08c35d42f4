/** Hands out exactly what was granted, by name and by host, as it is now. */

import type { Credential, Credentials } from '../execution/broker/credential.ts';
import { EgressRefused } from '../execution/broker/refusal.ts';
import type { Grant } from './grants.ts';
import type { Vault } from './vault.ts';
import { VaultRefused } from './vault-answer.ts';
import { type Watched, watchSecret } from './watched.ts';

/** What operators and the log hear; never a value. `problem` follows the variable's name. */
export type CredentialNews =
  | { kind: 'rotated'; name: string; variable: string }
  | { kind: 'kept'; name: string; variable: string; problem: string }
  | { kind: 'unavailable'; name: string; code: string };

export type HeldCredentials = Credentials & {
  /** Looks at every file at once, as on SIGHUP. */
  lookNow(): Promise<void>;
};

type Held = { grant: Grant; value(): Promise<string>; watched: Watched | null };

export function createCredentials(
  grants: readonly Grant[],
  deps: { vault: Vault | null; news(news: CredentialNews): void; nowMs?: () => number },
): HeldCredentials {
  const held = grants.map((grant) => hold(grant, deps));

  async function get(name: string, host: string): Promise<Credential | null> {
    const found = held.find(({ grant }) => grant.name === name && grant.host === host);
    if (found === undefined) return null;
    try {
      const value = await found.value();
      if (found.grant.source.kind === 'vault' && found.grant.problem(value) !== null)
        throw new VaultRefused('vault_value');
      return found.grant.shape(value);
    } catch (cause) {
      if (!(cause instanceof VaultRefused)) throw cause;
      deps.news({ kind: 'unavailable', name, code: cause.reason });
      throw new EgressRefused('credential_unavailable', cause.reason, { cause });
    }
  }

  return {
    get,
    refused(name, host) {
      for (const { grant } of held)
        if (grant.name === name && grant.host === host && grant.source.kind === 'vault')
          deps.vault?.forget(grant.source);
    },
    lookNow: async () => void (await Promise.all(held.map(({ watched }) => watched?.lookNow()))),
  };
}

function hold(grant: Grant, deps: Parameters<typeof createCredentials>[1]): Held {
  const { name, source } = grant;
  if (source.kind === 'vault') {
    const value = async () => {
      if (deps.vault === null) throw new VaultRefused('vault_absent');
      return deps.vault.read(source);
    };
    return { grant, value, watched: null };
  }
  const { variable, file, value } = source;
  if (file === null) return { grant, value: async () => value, watched: null };
  const watched = watchSecret({
    path: file,
    first: value,
    problem: grant.problem,
    news: (news) => deps.news({ ...news, name, variable: `${variable}_FILE` }),
    ...(deps.nowMs === undefined ? {} : { nowMs: deps.nowMs }),
  });
  return { grant, value: () => watched.current(), watched };
}

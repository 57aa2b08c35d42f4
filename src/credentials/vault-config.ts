/** `vault` of countersign.yaml: where it is and how we sign in there. */
import { BlockList } from 'node:net';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { ReadSecret } from './grants.ts';

const Mount = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/, 'is the path of an auth method');
/** Where Kubernetes puts the token of the pod's service account. */
const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

export const VaultYaml = z.strictObject({
  address: z.url({ protocol: /^https?$/ }),
  namespace: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/, 'is the path of a namespace')
    .optional(),
  ca_file: z.string().optional(),
  auth: z.discriminatedUnion('method', [
    /** VAULT_TOKEN, or VAULT_TOKEN_FILE, which may be one that Vault Agent writes. */
    z.strictObject({ method: z.literal('token') }),
    /** VAULT_ROLE_ID and VAULT_SECRET_ID, or their files. */
    z.strictObject({ method: z.literal('approle'), mount: Mount.default('approle') }),
    z.strictObject({
      method: z.literal('kubernetes'),
      mount: Mount.default('kubernetes'),
      role: z.string().min(1).max(200),
      jwt_file: z.string().default(SERVICE_ACCOUNT_TOKEN),
    }),
  ]),
});

/** A secret of ours for signing in; from a file it is read anew at each login. */
export type OwnSecret = { variable: string; value: string; file: string | null };

export type VaultAuth =
  | { method: 'token'; token: OwnSecret }
  | { method: 'approle'; mount: string; roleId: OwnSecret; secretId: OwnSecret }
  | { method: 'kubernetes'; mount: string; role: string; jwtFile: string };

export type VaultConfig = { address: URL; namespace: string | null; ca: string | null; auth: VaultAuth };

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether it is this machine itself, by address: a name could come to stand for another one. */
function isThisMachine(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return LOOPBACK.check(bare, bare.includes(':') ? 'ipv6' : 'ipv4');
}

function fail(what: string): never {
  throw new AppError('config_invalid', what);
}

/** Errors: `config_invalid`, naming the variable or the key, never a value. */
export function readVault(
  yaml: z.output<typeof VaultYaml>,
  given: { secret: ReadSecret; certificate(path: string): string; path(relative: string): string },
): VaultConfig {
  const address = new URL(yaml.address);
  if (address.username !== '' || address.search !== '' || address.hash !== '')
    fail('vault.address is a plain address, without user, query and fragment.');
  if (address.protocol === 'http:' && !isThisMachine(address.hostname))
    fail(
      'vault.address must be https: plain http would give the secrets away, and is taken for 127.0.0.1 and [::1] only.',
    );
  const own = (variable: string): OwnSecret => {
    const found = given.secret(variable);
    if (found === null)
      return fail(`${variable} is missing: vault.auth.method is ${yaml.auth.method}, and needs it.`);
    return { variable, ...found };
  };
  return {
    address,
    namespace: yaml.namespace ?? null,
    ca: yaml.ca_file === undefined ? null : given.certificate(yaml.ca_file),
    auth: authOf(yaml.auth, own, given.path),
  };
}

function authOf(
  auth: z.output<typeof VaultYaml>['auth'],
  own: (variable: string) => OwnSecret,
  path: (relative: string) => string,
): VaultAuth {
  switch (auth.method) {
    case 'token':
      return { method: 'token', token: own('VAULT_TOKEN') };
    case 'approle':
      return {
        method: 'approle',
        mount: auth.mount,
        roleId: own('VAULT_ROLE_ID'),
        secretId: own('VAULT_SECRET_ID'),
      };
    case 'kubernetes':
      return { method: 'kubernetes', mount: auth.mount, role: auth.role, jwtFile: path(auth.jwt_file) };
  }
}

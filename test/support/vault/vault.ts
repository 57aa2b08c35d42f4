/**
 * A Vault, as far as we call one: written from HashiCorp's API documentation (developer.hashicorp.com/vault/api-docs: auth/token,
 * auth/approle, auth/kubernetes, secret/kv, system/leases). Every refusal is `{"errors": [...]}`.
 */
import type { ServerResponse } from 'node:http';
import { json, type Seen, startUpstream } from '../../execution/broker/upstream-server.ts';

type Token = { untilMs: number; renewable: boolean; ttlSeconds: number };

export type VaultFaults = {
  sealed?: boolean;
  /** Answers every read and login with this status instead. */
  status?: number;
};

export type VaultSetting = {
  namespace?: string;
  /** Seconds that a token of a login lives; 0: for ever. */
  tokenTtl?: number;
  renewable?: boolean;
  /** The clock by which tokens end. */
  nowMs?: () => number;
  /** Seconds of the lease of a secret that is made on demand. */
  lease?: number;
};

const ROLE_ID = '7f4a3c9e-role';
const SERVICE_ROLE = 'countersign';

/** One Vault with `kv/data/ci` (version 2), `secret/ci` (version 1) and `database/creds/ci`, made anew at each read. */
export async function startVault(setting: VaultSetting = {}) {
  const tokens = new Map<string, Token>();
  const { nowMs = () => performance.now() } = setting;
  const faults: VaultFaults = {};
  const state = {
    secretId: crypto.randomUUID() as string,
    jwt: `${crypto.randomUUID()}.${crypto.randomUUID()}.x`,
    kv: { token: `kv-${crypto.randomUUID()}` } as Record<string, unknown> | null,
    made: 0,
    forbidden: false,
  };
  const refuse = (response: ServerResponse, status: number, ...errors: string[]) =>
    json(response, { errors }, status);

  function issue(): { client_token: string } & Record<string, unknown> {
    const ttlSeconds = setting.tokenTtl ?? 3600;
    const renewable = setting.renewable ?? true;
    const client_token = `hvs.${crypto.randomUUID()}`;
    const untilMs = ttlSeconds === 0 ? Number.POSITIVE_INFINITY : nowMs() + ttlSeconds * 1000;
    tokens.set(client_token, { untilMs, renewable, ttlSeconds });
    return { client_token, accessor: 'a', policies: ['ci'], lease_duration: ttlSeconds, renewable };
  }

  const answer = (data: unknown, more: object = {}) => ({
    request_id: crypto.randomUUID(),
    lease_id: '',
    renewable: false,
    lease_duration: 0,
    data,
    wrap_info: null,
    warnings: null,
    auth: null,
    ...more,
  });

  function logIn(response: ServerResponse, isRight: boolean): void {
    if (!isRight) refuse(response, 400, 'invalid role or secret ID');
    else json(response, { ...answer(null), auth: issue() });
  }

  function withToken(response: ServerResponse, path: string, name: string, token: Token) {
    switch (path) {
      case 'auth/token/lookup-self': {
        const left = Number.isFinite(token.untilMs) ? Math.ceil((token.untilMs - nowMs()) / 1000) : 0;
        return json(response, answer({ id: name, ttl: left, renewable: token.renewable }));
      }
      case 'auth/token/renew-self':
        if (!token.renewable) return refuse(response, 400, 'lease is not renewable');
        token.untilMs = nowMs() + token.ttlSeconds * 1000;
        return json(response, {
          ...answer(null),
          auth: { client_token: name, lease_duration: token.ttlSeconds, renewable: true },
        });
      case 'auth/token/revoke-self':
        tokens.delete(name);
        return void response.writeHead(204).end();
      default:
        return read(response, path);
    }
  }

  function read(response: ServerResponse, path: string) {
    if (state.forbidden) return refuse(response, 403, '1 error occurred:\n\t* permission denied\n\n');
    const metadata = { version: 3, created_time: new Date().toISOString(), destroyed: false };
    if (path === 'kv/data/ci') {
      if (state.kv !== null) return json(response, answer({ data: state.kv, metadata }));
      return json(response, answer({ data: null, metadata: { ...metadata, deletion_time: 'now' } }), 404);
    }
    if (path === 'secret/ci' && state.kv !== null)
      return json(response, answer(state.kv, { lease_duration: 2_764_800 }));
    if (path === 'database/creds/ci') {
      state.made += 1;
      const lease = {
        lease_id: `${path}/${state.made}`,
        renewable: true,
        lease_duration: setting.lease ?? 3600,
      };
      return json(
        response,
        answer({ username: 'v-ci', password: `made-${state.made}-${crypto.randomUUID()}` }, lease),
      );
    }
    refuse(response, 404);
  }

  const upstream = await startUpstream((response, seen: Seen) => {
    const path = seen.url.replace(/^\/v1\//, '');
    const body = seen.body === '' ? {} : JSON.parse(seen.body);
    if (seen.headers['x-vault-request'] !== 'true')
      return refuse(response, 412, "missing 'X-Vault-Request' header");
    if ((seen.headers['x-vault-namespace'] ?? '') !== (setting.namespace ?? '')) return refuse(response, 404);
    if (faults.sealed) return refuse(response, 503, 'Vault is sealed');
    if (faults.status !== undefined) return refuse(response, faults.status, 'internal error');
    if (path === 'auth/approle/login')
      return logIn(response, body.role_id === ROLE_ID && body.secret_id === state.secretId);
    if (path === 'auth/kubernetes/login') {
      if (body.role !== SERVICE_ROLE || body.jwt !== state.jwt)
        return refuse(response, 403, 'permission denied');
      return logIn(response, true);
    }
    const name = String(seen.headers['x-vault-token'] ?? '');
    const token = tokens.get(name);
    if (token === undefined || nowMs() >= token.untilMs) return refuse(response, 403, 'permission denied');
    withToken(response, path, name, token);
  });
  return {
    ...upstream,
    address: new URL(upstream.baseUrl),
    faults,
    state,
    roleId: ROLE_ID,
    role: SERVICE_ROLE,
    /** Makes a token, as an operator would. */
    newToken: () => issue().client_token,
    revokeAll: () => tokens.clear(),
    valid: () => tokens.size,
    asked: (path: string) => upstream.seen.filter(({ url }) => url === `/v1/${path}`).length,
  };
}
export type FakeVault = Awaited<ReturnType<typeof startVault>>;

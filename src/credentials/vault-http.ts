/** One call of Vault's HTTP API. Its address is the operator's word; no redirect is followed, no proxy used. */
import { Agent, type Dispatcher, request } from 'undici';
import { type VaultAnswer, VaultRefused } from './vault-answer.ts';
import type { VaultConfig } from './vault-config.ts';

/** An execution waits for it, with a door open. */
const ANSWER_WITHIN_MS = 5_000;
const MAX_ANSWER_BYTES = 256 * 1024;

export type VaultCall = {
  method: 'GET' | 'POST';
  /** Below `/v1/`. */
  path: string;
  token: string | null;
  body?: object;
  withinMs?: number;
};

export type VaultHttp = { ask(call: VaultCall): Promise<VaultAnswer>; close(): Promise<void> };

async function readJson(body: Dispatcher.ResponseData['body']): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new VaultRefused('vault_answer');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return null;
  }
}

export function createVaultHttp({ address, namespace, ca }: VaultConfig): VaultHttp {
  const dispatcher = new Agent({
    connections: 4,
    connect: {
      timeout: ANSWER_WITHIN_MS,
      // Said outright, so that no variable of the environment can switch it off.
      rejectUnauthorized: true,
      ...(ca === null ? {} : { ca }),
    },
  });
  const prefix = address.pathname.replace(/\/$/, '');
  return {
    /** Throws `vault_unreachable`, `vault_answer`. */
    async ask({ method, path, token, body, withinMs = ANSWER_WITHIN_MS }) {
      try {
        const answer = await request(new URL(`${prefix}/v1/${path}`, address), {
          method,
          headers: {
            accept: 'application/json',
            'user-agent': 'countersign',
            // Vault's own guard against requests that somebody was made to forge.
            'x-vault-request': 'true',
            ...(namespace === null ? {} : { 'x-vault-namespace': namespace }),
            ...(token === null ? {} : { 'x-vault-token': token }),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          body: body === undefined ? null : JSON.stringify(body),
          dispatcher,
          signal: AbortSignal.timeout(withinMs),
        });
        return { status: answer.statusCode, json: await readJson(answer.body) };
      } catch (cause) {
        if (cause instanceof VaultRefused) throw cause;
        throw new VaultRefused('vault_unreachable', { cause });
      }
    },
    close: () => dispatcher.destroy(),
  };
}

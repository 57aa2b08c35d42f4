/** One declared call on its way out and back: credential, address, intent, sending, reading, masking. */
import { createHash } from 'node:crypto';
import type { BuiltInHost } from '../../action.ts';
import { AppError } from '../../errors.ts';
import type { BrokerAnswer, BrokerCall, BrokerHooks, Budgets } from './call.ts';
import type { DoorCarrying } from './carrying.ts';
import type { Carried, Credentials } from './credential.ts';
import { incomingHeaders, outgoingHeaders } from './headers.ts';
import { MCP_SESSION_HEADER, type McpSessions } from './mcp-session.ts';
import { type Redactor, redactorFor } from './redaction.ts';
import { EgressRefused } from './refusal.ts';
import type { Outgoing } from './rules.ts';
import { type Answer, type Router, refusalOf, send, type Upstream } from './upstream.ts';

export type ExchangeDeps = {
  upstreams: ReadonlyMap<string, Upstream>;
  builtIns: ReadonlyMap<string, BuiltInHost>;
  credentials: Credentials;
  router: Router;
  carrying: DoorCarrying;
  sessions: McpSessions;
};

export type Exchanged = { answer: BrokerAnswer; headers: Record<string, string>; bytes: Buffer };

export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function describe(outgoing: Outgoing): BrokerCall {
  const body = Buffer.from(outgoing.body ?? '', 'utf8');
  return {
    method: outgoing.method,
    host: outgoing.host,
    path: outgoing.path,
    effect: outgoing.effect,
    requestBytes: body.length,
    requestSha256: sha256(body),
  };
}

async function readBody(answer: Answer, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body) {
    length += chunk.length;
    if (length > maxBytes) throw new EgressRefused('response_too_large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function* chunksOf(response: Response): AsyncIterable<Uint8Array> {
  if (response.body !== null) yield* response.body;
}

async function askBuiltIn(
  host: BuiltInHost,
  outgoing: Outgoing,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Answer> {
  const url = `http://${outgoing.host}${outgoing.path}${outgoing.search}`;
  const request = new Request(url, { method: outgoing.method, headers, body: outgoing.body, signal });
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  const response = await Promise.race([host(request), stopped]);
  return {
    status: response.status,
    header: (name) => response.headers.get(name),
    body: chunksOf(response),
  };
}

async function gate(hooks: BrokerHooks, call: BrokerCall): Promise<void> {
  try {
    await hooks.beforeWrite(call);
  } catch (error) {
    // Our own refusals are sentences; anything else is a defect, and closes the door.
    if (error instanceof AppError) throw new EgressRefused('gate', error.code, { cause: error });
    throw error;
  }
}

type Way = {
  /** Its address, for the places that an answer names. */
  base: URL;
  credential: Carried | null;
  ask: (headers: Record<string, string>) => Promise<Answer>;
  /** The upstream did not know who we are: what is cached of that is dropped. */
  unknown: () => void;
};

/** Finds the upstream and its credential. All that can be refused is refused here, before any intent is committed. */
async function findWay(deps: ExchangeDeps, outgoing: Outgoing, signal: AbortSignal): Promise<Way> {
  const { host } = outgoing;
  const builtIn = deps.builtIns.get(host);
  if (builtIn !== undefined) {
    const ask = (headers: Record<string, string>) => askBuiltIn(builtIn, outgoing, headers, signal);
    return { base: new URL(`http://${host}/`), credential: null, ask, unknown: () => undefined };
  }
  const upstream = deps.upstreams.get(host);
  if (upstream === undefined) throw new EgressRefused('no_upstream', host);
  const { credential: name, effect } = outgoing;
  const granted = name === null ? null : await deps.credentials.get(name, host);
  if (granted === null && name !== null) throw new EgressRefused('no_credential', name);
  const route = await deps.router.route(upstream, effect);
  const credential =
    granted === null || name === null
      ? null
      : await deps.carrying.headersFor({ name, host, effect }, granted, route, signal);
  return {
    base: upstream.base,
    credential,
    ask: (headers) => send(route, { ...outgoing, headers, signal }),
    unknown: () => {
      deps.carrying.forget(host);
      if (name !== null) deps.credentials.refused?.(name, host);
    },
  };
}

/**
 * Carries one call out and back. Throws `EgressRefused`, whose `sent` says whether the upstream may have seen it;
 * `answered` hears of an answer that came but is refused.
 */
export async function exchange(
  deps: ExchangeDeps,
  outgoing: Outgoing,
  spec: {
    childHeaders: ReadonlyMap<string, string>;
    idempotencyKey: string | null;
    budgets: Budgets;
    hooks: BrokerHooks;
    signal: AbortSignal;
    attempt: number;
    answered: (answer: BrokerAnswer) => Promise<void>;
  },
): Promise<Exchanged> {
  const startedMs = performance.now();
  const call = describe(outgoing);
  const way = await findWay(deps, outgoing, spec.signal);
  const headers = outgoingHeaders(spec.childHeaders, {
    effect: outgoing.effect,
    hasBody: outgoing.body !== null,
    declared: outgoing.headers,
    idempotencyKey: spec.idempotencyKey,
    session: deps.sessions.of(outgoing.host),
    credential: way.credential,
  });
  if (outgoing.effect === 'write') await gate(spec.hooks, call);
  const finish = (status: number, bytes: Buffer, credentialEchoed: boolean): BrokerAnswer => ({
    ...call,
    attempt: spec.attempt,
    status,
    responseBytes: bytes.length,
    responseSha256: sha256(bytes),
    durationMs: Math.round(performance.now() - startedMs),
    credentialEchoed,
  });
  let answer: Answer | null = null;
  try {
    answer = await way.ask(headers);
    if (answer.status >= 300 && answer.status < 400 && answer.status !== 304) {
      throw new EgressRefused('redirect', String(answer.status));
    }
    if (!/^(?:|identity)$/.test(answer.header('content-encoding') ?? ''))
      throw new EgressRefused('response_encoded');
    const raw = await readBody(answer, spec.budgets.responseBytes);
    if (answer.status === 401 || answer.status === 403) way.unknown();
    const redact = redactorFor(way.credential?.secrets ?? []);
    const { bytes, found } = redact(raw);
    const read = answer.header;
    const clean = incomingHeaders((name) => read(name), way.base);
    const session = read(MCP_SESSION_HEADER);
    // One that holds our credential is none: masked it would not be the upstream's any more.
    const isOurs = session !== null && redact(Buffer.from(session, 'latin1')).found;
    const kept = isOurs ? null : deps.sessions.heard(outgoing.host, session);
    if (kept !== null) clean[MCP_SESSION_HEADER] = kept;
    maskHeaders(clean, redact);
    return { answer: finish(answer.status, bytes, found), headers: clean, bytes };
  } catch (error) {
    if (answer !== null) {
      await spec.answered(finish(answer.status, Buffer.alloc(0), false));
      void drop(answer);
    }
    throw refusalOf(error);
  }
}

function maskHeaders(headers: Record<string, string>, redact: Redactor): void {
  for (const [name, value] of Object.entries(headers)) {
    headers[name] = redact(Buffer.from(value, 'latin1')).bytes.toString('latin1');
  }
}

/** Lets go of a body that nobody will read, so that its connection is freed. */
async function drop(answer: Answer): Promise<void> {
  try {
    await answer.body[Symbol.asyncIterator]().return?.();
  } catch {
    // It was already broken off: that is what was wanted.
  }
}

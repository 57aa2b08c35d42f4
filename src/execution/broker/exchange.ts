/** One declared call on its way out and back: credential, address, intent, sending, reading, masking. */
import type { BuiltInHost } from '../../action.ts';
import { AppError } from '../../errors.ts';
import { counted, readBody } from './answer-body.ts';
import type { BrokerAnswer, BrokerCall, BrokerHooks, Budgets } from './call.ts';
import type { DoorCarrying } from './carrying.ts';
import type { Carried, Credentials } from './credential.ts';
import { fileAt } from './files.ts';
import { incomingHeaders, outgoingHeaders } from './headers.ts';
import { MCP_SESSION_HEADER, type McpSessions } from './mcp-session.ts';
import type { Answered, Pauses } from './pause.ts';
import { type Redactor, redactorFor } from './redaction.ts';
import { EgressRefused } from './refusal.ts';
import type { Outgoing } from './rules.ts';
import { type Answer, refusalOf, send } from './sending.ts';
import { sha256 } from './sha256.ts';
import { ownCallsOf, type Route, type Router, storeOf, type Upstream } from './upstream.ts';

export type ExchangeDeps = {
  upstreams: ReadonlyMap<string, Upstream>;
  builtIns: ReadonlyMap<string, BuiltInHost>;
  credentials: Credentials;
  router: Router;
  carrying: DoorCarrying;
  sessions: McpSessions;
  pauses: Pauses;
};

export type Exchanged = {
  answer: BrokerAnswer;
  headers: Record<string, string>;
  bytes: Buffer;
  /** Where the upstream says that the file lies which was asked for: read next, instead of this answer. Null otherwise. */
  file: FileElsewhere | null;
};

export type FileElsewhere = { outgoing: Outgoing; store: Upstream; secrets: readonly string[] };

export type ExchangeSpec = {
  childHeaders: ReadonlyMap<string, string>;
  idempotencyKey: string | null;
  budgets: Budgets;
  hooks: BrokerHooks;
  signal: AbortSignal;
  attempt: number;
  answered: (answer: BrokerAnswer) => Promise<void>;
};

function describe(outgoing: Outgoing): BrokerCall {
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

/**
 * What is waited for before a call leaves is ours: a credential, an entry, an intent. A time that it used up says nothing of the
 * upstream, and nothing has left.
 */
function checkTime({ aborted, reason }: AbortSignal): void {
  if (!aborted) return;
  throw reason instanceof EgressRefused ? reason : new EgressRefused('time_budget', null, { cause: reason });
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

/** Its bytes are not the text that whoever undoes the coding reads: our credential in it could not be found. */
const isEncoded = ({ header }: Answer): boolean =>
  !/^(?:|identity)$/.test(header('content-encoding') ?? '') ||
  !/^(?:|chunked)$/i.test(header('transfer-encoding') ?? '');

const isRedirect = (status: number): boolean => status >= 300 && status < 400 && status !== 304;

/** Its bytes, masked. Throws where it is a redirect, encoded or too large. */
async function readAnswer(
  answer: Answer,
  bounds: { responseBytes: number; endBytes: number | null },
  redact: Redactor,
): Promise<ReturnType<Redactor>> {
  if (isRedirect(answer.status)) throw new EgressRefused('redirect', String(answer.status));
  if (isEncoded(answer)) throw new EgressRefused('response_encoded');
  return redact(await readBody(answer.body, bounds.responseBytes, bounds.endBytes));
}

type Way = {
  /** Null where it is served in this process. */
  upstream: Upstream | null;
  /** Its address, for the places that an answer names. */
  base: URL;
  credential: Carried | null;
  ask: (headers: Record<string, string>) => Promise<Answer>;
  /** The upstream did not know who we are: what is cached of that is dropped. */
  unknown: (status: number) => void;
};

/** Finds the upstream and its credential. All that can be refused is refused here, before any intent is committed. */
async function findWay(
  deps: ExchangeDeps,
  outgoing: Outgoing,
  { signal, hooks }: Pick<ExchangeSpec, 'signal' | 'hooks'>,
): Promise<Way> {
  const { host } = outgoing;
  const builtIn = deps.builtIns.get(host);
  if (builtIn !== undefined) {
    const ask = (headers: Record<string, string>) => askBuiltIn(builtIn, outgoing, headers, signal);
    const base = new URL(`http://${host}/`);
    return { upstream: null, base, credential: null, ask, unknown: () => undefined };
  }
  const upstream = deps.upstreams.get(host);
  if (upstream === undefined) throw new EgressRefused('no_upstream', host);
  const { credential: name, effect } = outgoing;
  const granted = name === null ? null : await deps.credentials.get(name, host);
  if (granted === null && name !== null) throw new EgressRefused('no_credential', name);
  checkTime(signal);
  const way = await deps.router.route(upstream, effect, signal);
  const own = { ...ownCallsOf(host, hooks), paused: (said: Answered) => deps.pauses.note(host, name, said) };
  const route: Route = { ...way, own };
  const credential =
    granted === null || name === null
      ? null
      : await deps.carrying.headersFor({ name, host, effect }, granted, route, signal);
  return {
    upstream,
    base: upstream.base,
    credential,
    ask: (headers) => send(route, { ...outgoing, headers, signal }),
    unknown: (status) => {
      deps.carrying.forget(host);
      // 403 is mostly a right that is missing: a new secret would not have it either.
      if (name !== null && status === 401) deps.credentials.refused?.(name, host);
    },
  };
}

/**
 * Carries one call out and back. Throws `EgressRefused`, whose `sent` says whether the upstream may have seen it;
 * `answered` hears of an answer that came but is refused.
 */
export function exchange(deps: ExchangeDeps, outgoing: Outgoing, spec: ExchangeSpec): Promise<Exchanged> {
  return conduct(deps, outgoing, spec, () => findWay(deps, outgoing, spec));
}

/**
 * Reads a file at the store that an upstream redirected to: a call of its own, without anything of the one before. Its address
 * is signed: the query is neither recorded nor told to the action.
 */
export function readFile(deps: ExchangeDeps, file: FileElsewhere, spec: ExchangeSpec): Promise<Exchanged> {
  return conduct(deps, file.outgoing, { ...spec, childHeaders: new Map() }, async () => {
    const route = await deps.router.route(file.store, 'read', spec.signal);
    return {
      upstream: null,
      base: file.store.base,
      credential: { headers: {}, secrets: file.secrets },
      ask: (headers) => send(route, { ...file.outgoing, headers, signal: spec.signal }),
      unknown: () => undefined,
    };
  });
}

/** The file that an answer's redirect leads to. Throws `redirect` where the operator lists no such store. */
function fileBehind(answer: Answer, outgoing: Outgoing, { upstream, credential }: Way): FileElsewhere | null {
  if (!isRedirect(answer.status) || !outgoing.fileElsewhere || upstream === null) return null;
  const url = fileAt(upstream.files, answer.header('location') ?? '');
  return {
    outgoing: {
      ...outgoing,
      host: url.host,
      path: url.pathname,
      search: url.search,
      headers: { accept: '*/*' },
      credential: null,
      fileElsewhere: false,
    },
    store: storeOf(url, upstream),
    secrets: credential?.secrets ?? [],
  };
}

async function conduct(
  deps: ExchangeDeps,
  outgoing: Outgoing,
  spec: ExchangeSpec,
  find: () => Promise<Way>,
): Promise<Exchanged> {
  const startedMs = performance.now();
  const call = describe(outgoing);
  const way = await find();
  const headers = outgoingHeaders(spec.childHeaders, {
    effect: outgoing.effect,
    hasBody: outgoing.body !== null,
    declared: outgoing.headers,
    idempotencyKey: spec.idempotencyKey,
    session: deps.sessions.of(outgoing.host),
    credential: way.credential,
  });
  checkTime(spec.signal);
  if (outgoing.effect === 'write') {
    await gate(spec.hooks, call);
    checkTime(spec.signal);
  }
  const finish = (
    status: number,
    read: Pick<BrokerAnswer, 'responseBytes' | 'responseSha256' | 'credentialEchoed'>,
  ): BrokerAnswer => ({
    ...call,
    attempt: spec.attempt,
    status,
    ...read,
    durationMs: Math.round(performance.now() - startedMs),
  });
  let answer: Answer | null = null;
  let bytesRead = () => 0;
  const unread = () => ({ responseBytes: bytesRead(), responseSha256: null, credentialEchoed: false });
  try {
    answer = await way.ask(headers);
    const reading = counted(answer.body);
    bytesRead = reading.bytesRead;
    const file = fileBehind(answer, outgoing, way);
    if (file !== null) {
      void drop(answer);
      return { answer: finish(answer.status, unread()), headers: {}, bytes: Buffer.alloc(0), file };
    }
    const redact = redactorFor(way.credential?.secrets ?? []);
    const { responseBytes } = spec.budgets;
    const bounds = { responseBytes, endBytes: outgoing.endBytes };
    const { bytes, found } = await readAnswer({ ...answer, body: reading.body }, bounds, redact);
    if (answer.status === 401 || answer.status === 403) way.unknown(answer.status);
    const read = answer.header;
    const clean = incomingHeaders((name) => read(name), way.base);
    const session = read(MCP_SESSION_HEADER);
    // One that holds our credential is none: masked it would not be the upstream's any more.
    const isOurs = session !== null && redact(Buffer.from(session, 'latin1')).found;
    const kept = isOurs ? null : deps.sessions.heard(outgoing.host, session);
    if (kept !== null) clean[MCP_SESSION_HEADER] = kept;
    maskHeaders(clean, redact);
    const whole = { responseBytes: bytes.length, responseSha256: sha256(bytes), credentialEchoed: found };
    return { answer: finish(answer.status, whole), headers: clean, bytes, file: null };
  } catch (error) {
    if (answer !== null) {
      await spec.answered({ ...finish(answer.status, unread()), unread: true });
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

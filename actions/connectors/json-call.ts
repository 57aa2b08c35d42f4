/**
 * How connectors speak JSON with outside systems. What certainly changed nothing becomes a failure in our words; what
 * may have changed something is thrown, and left to the crash rules. Runs in the sandbox.
 */
import type { EgressRule, EgressValues, RunResult, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import {
  againWords,
  type BrokerRefused,
  type Fields,
  failed,
  isFields,
  refusedBy,
  unclear,
  waitingWords,
} from './answer.ts';

export type Failure = RunResult & { kind: 'failed' };
export type Answer<T> = { ok: true; value: T } | { ok: false; failure: Failure };

/** An outside system as its connector describes it. */
export type System = {
  /** As people know it: "Request Tracker". */
  name: string;
  /** The host of its rules; the operator's upstreams say where it is. */
  host: string;
  credential: string;
  /** Code and sentence of a refusal by status; what is missing here is said in general words. */
  refusals: Readonly<Record<number, Refusal>>;
  /** Reads more out of a refusal's body than its status says, in words of ours; null where it says no more. */
  explain?: (status: number, body: Fields) => Refusal | null;
};
export type Refusal = readonly [code: string, message: string];

/** For systems that say what is wrong in a sentence only: what may stand in it, and what that means in our words. */
export type KnownTexts = readonly (readonly [pattern: RegExp, refusal: Refusal])[];
export const refusalFor = (texts: KnownTexts, said: string): Refusal | null =>
  texts.find(([pattern]) => pattern.test(said))?.[1] ?? null;

type Query = Readonly<Record<string, string>>;

/** A refusal's body where it is an object; systems also refuse with text, or with nothing. */
async function refusedBody(response: Response): Promise<Fields> {
  try {
    const body: unknown = JSON.parse(await response.text());
    return isFields(body) ? body : {};
  } catch {
    // Its status says enough.
    return {};
  }
}

async function refusal(system: System, response: Response): Promise<Failure> {
  const { status } = response;
  const explained = system.explain?.(status, await refusedBody(response)) ?? null;
  const known = explained ?? system.refusals[status];
  if (known !== undefined) return failed(...known);
  const header = (name: string) => response.headers.get(name);
  // Some say with 403 that it was too much.
  const isLimit = status === 429 || (status === 403 && header('retry-after') !== null);
  switch (isLimit ? 429 : status) {
    case 401:
      return failed(
        'upstream_unauthorized',
        `${system.name} does not accept the assistant's credential; an operator must renew it.`,
      );
    case 403:
      return failed('upstream_forbidden', `${system.name} does not let the assistant's account do this.`);
    case 429:
      return failed(
        'rate_limited',
        `${system.name} takes no more calls from the assistant for now; ${againWords(header)}.`,
      );
    default:
      return failed('upstream_rejected', `${system.name} does not accept these values.`);
  }
}

/** An empty answer (204, and some 201 and 202) is `null`. */
async function bodyOf(system: System, response: Response): Promise<Json> {
  const body = await response.text();
  if (body === '') return null;
  try {
    return JSON.parse(body) as Json;
  } catch (cause) {
    throw Object.assign(unclear(system.name, 'not JSON'), { cause });
  }
}

/** The broker's reasons that only an operator can mend. */
const NOT_SET_UP = new Set([
  'no_upstream',
  'no_credential',
  'login_refused',
  'address_refused',
  'plain_http',
]);

function wordsFor(system: System, refused: BrokerRefused): string {
  const { reason, sent } = refused;
  const waiting = waitingWords(system.name, refused);
  if (waiting !== null) return waiting;
  if (NOT_SET_UP.has(reason))
    return `The way to ${system.name} is not set up as it should be (${reason}); an operator must look.`;
  if (sent) return `The call to ${system.name} did not get through.`;
  return `The call to ${system.name} was refused before it left.`;
}

/** Throws `upstream_failed` where it may have happened without our knowing, and on every server error. */
export async function ask(
  tools: Tools,
  url: string,
  init: RequestInit,
  system: System,
): Promise<Answer<Response>> {
  const response = await tools.fetch(url, init);
  const refused = refusedBy((name) => response.headers.get(name));
  if (refused !== null) {
    // A read that was stopped on its way changed nothing either.
    if (refused.sent && init.method !== 'GET') throw unclear(system.name, refused.reason);
    return { ok: false, failure: failed(refused.reason, wordsFor(system, refused)) };
  }
  if (response.status >= 500) throw unclear(system.name, String(response.status));
  if (!response.ok) return { ok: false, failure: await refusal(system, response) };
  return { ok: true, value: response };
}

function urlOf(system: System, path: readonly string[], query: Query): string {
  const search = new URLSearchParams(query);
  const encoded = path.map(encodeURIComponent).join('/');
  return `https://${system.host}/${encoded}${search.size === 0 ? '' : `?${search}`}`;
}

const asked = (tools: Tools, system: System, path: readonly string[], query: Query) =>
  ask(tools, urlOf(system, path, query), { method: 'GET' }, system);

async function jsonOf(system: System, answer: Answer<Response>): Promise<Answer<Json>> {
  return answer.ok ? { ok: true, value: await bodyOf(system, answer.value) } : answer;
}

/** `path`: segments, encoded here. Throws `upstream_failed` on a server error. */
export async function readList(
  tools: Tools,
  system: System,
  path: readonly string[],
  query: Query = {},
): Promise<Answer<Json>> {
  return jsonOf(system, await asked(tools, system, path, query));
}

/** The same for an answer that must be an object. */
export async function read(
  tools: Tools,
  system: System,
  path: readonly string[],
  query: Query = {},
): Promise<Answer<Fields>> {
  return asFields(system, await readList(tools, system, path, query));
}

/** The same for text as it is: a log. Its rule declares `accept` where the system would answer something else. */
export async function readText(
  tools: Tools,
  system: System,
  path: readonly string[],
  query: Query = {},
): Promise<Answer<string>> {
  const answer = await asked(tools, system, path, query);
  return answer.ok ? { ok: true, value: await answer.value.text() } : answer;
}

/** The same as it came, for a system that says more in its headers. */
export const readResponse = asked;

/** One page of a list; `next`: the number of the page that follows where the system says so (`x-next-page`, `link`). */
export async function readPage(
  tools: Tools,
  system: System,
  path: readonly string[],
  query: Query = {},
): Promise<Answer<{ value: Json; next: string | null }>> {
  const answer = await asked(tools, system, path, query);
  if (!answer.ok) return answer;
  return { ok: true, value: { value: await bodyOf(system, answer.value), next: nextPage(answer.value) } };
}

function nextPage(response: Response): string | null {
  const named = response.headers.get('x-next-page');
  if (named) return named;
  const link = /<([^<>]*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  return link === undefined ? null : new URL(link, 'https://upstream').searchParams.get('page');
}

export type WriteMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

function sent(
  tools: Tools,
  system: System,
  path: readonly string[],
  body: Json,
  method: WriteMethod,
  query: Query,
): Promise<Answer<Response>> {
  const carried =
    body === null ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return ask(tools, urlOf(system, path, query), { method, ...carried }, system);
}

/** Sends a write once; `body` null sends none. Throws `upstream_failed` wherever it may have happened without our knowing. */
export async function write(
  tools: Tools,
  system: System,
  path: readonly string[],
  body: Json,
  method: WriteMethod = 'POST',
  query: Query = {},
): Promise<Answer<Json>> {
  return jsonOf(system, await sent(tools, system, path, body, method, query));
}

/**
 * The same for a system that says in `Location` where what was made can be found: path and query at that system, or
 * null where it says none, or another place.
 */
export async function writeForLocation(
  tools: Tools,
  system: System,
  path: readonly string[],
  body: Json,
  method: WriteMethod = 'POST',
  query: Query = {},
): Promise<Answer<{ location: string | null }>> {
  const answer = await sent(tools, system, path, body, method, query);
  return answer.ok ? { ok: true, value: { location: answer.value.headers.get('location') } } : answer;
}

function asFields(system: System, answer: Answer<Json>): Answer<Fields> {
  if (!answer.ok) return answer;
  if (!isFields(answer.value)) throw unclear(system.name, 'another shape');
  return { ok: true, value: answer.value };
}

/** The objects of a list inside an answer; whatever else stands there is left out. */
export function listOf(fields: Fields, name: string): Fields[] {
  const list = fields[name];
  return Array.isArray(list) ? list.filter(isFields) : [];
}

type Shape = {
  fill?: (values: EgressValues) => Record<string, string>;
  free?: NonNullable<EgressRule['free']>;
  query?: EgressRule['query'];
  /** From the list in the broker's headers.ts. */
  headers?: NonNullable<EgressRule['headers']>;
} & Pick<EgressRule, 'fileElsewhere' | 'endBytes'>;

/** A read that may leave: `fill` for the segments in braces, `query` exactly (null leaves a value free). */
export function readRule(system: System, path: string, shape: Shape = {}): EgressRule {
  return {
    method: 'GET',
    host: system.host,
    path,
    effect: 'read',
    fill: shape.fill ?? (() => ({})),
    ...(shape.free === undefined ? {} : { free: shape.free }),
    query: shape.query ?? (() => ({})),
    body: () => null,
    ...(shape.headers === undefined ? {} : { headers: shape.headers }),
    ...(shape.fileElsewhere === undefined ? {} : { fileElsewhere: shape.fileElsewhere }),
    ...(shape.endBytes === undefined ? {} : { endBytes: shape.endBytes }),
    credential: system.credential,
  };
}

/** A write that may leave, with exactly this query and body; `body` null for none. */
export function writeRule(
  system: System,
  path: string,
  shape: Shape & { method?: WriteMethod; body: (values: EgressValues) => Json },
): EgressRule {
  return {
    ...readRule(system, path, shape),
    method: shape.method ?? 'POST',
    effect: 'write',
    body: shape.body,
  };
}

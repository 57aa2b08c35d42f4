/** What an action from elsewhere declares may leave: data, checked here, from which rules of ours are made. */
import { z } from 'zod';
import type { EgressRule, EgressValues } from '../action.ts';
import { Json } from '../model/request.ts';
import { fillJson, fillPath, fillsOf, fillText, type PathPart, readPath } from './template.ts';

const MAX_PATH_CHARS = 500;
const MAX_QUERY_PARAMETERS = 20;
/** A name with a dot that no built-in system has: what those may be asked is for their own actions. */
const HOST = /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;
const BUILT_IN = /\.internal$/;
const PARAMETER = /^[A-Za-z0-9][A-Za-z0-9._[\]-]{0,99}$/;

const texts = z.record(z.string(), Json);

/** `null` as a query value leaves it free, for reads only. What is a read and what a write follows from the method. */
export const DeclaredCall = z.strictObject({
  name: z.string().regex(/^[a-z][A-Za-z0-9]{0,39}$/, 'is one name such as findReport'),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
  host: z.string(),
  path: z.string().max(MAX_PATH_CHARS),
  query: texts.default({}),
  headers: texts.default({}),
  body: Json.default(null),
  credential: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'is one name in small letters')
    .nullable()
    .default(null),
});
export type DeclaredCall = z.output<typeof DeclaredCall>;

export const effectOf = ({ method }: Pick<DeclaredCall, 'method'>): 'read' | 'write' =>
  method === 'GET' ? 'read' : 'write';

/** `args`: name of each argument, true where it is always there. Answers sentences for the author. */
export function problemsOfCall(call: DeclaredCall, args: ReadonlyMap<string, boolean>): string[] {
  const problems: string[] = [];
  const say = (problem: string): void => void problems.push(`egress.${call.name} ${problem}.`);
  if (!HOST.test(call.host))
    say('needs a host such as api.example.com, in small letters, no address and no port');
  else if (BUILT_IN.test(call.host)) say("goes to a built-in system, which is for the house's own actions");
  const parts = readPath(call.path);
  if (parts === null)
    say(
      'needs a path of plain segments and whole places, such as /teams/{args.team}/reports: no dots for a folder, nothing encoded, no query',
    );
  for (const part of parts ?? []) if ('reference' in part) sayUnknown(part.reference, args, say);
  if (Object.keys(call.query).length > MAX_QUERY_PARAMETERS) say('has too many query parameters');
  for (const [name, value] of Object.entries(call.query)) {
    if (!PARAMETER.test(name)) say('has a query parameter whose name is none');
    if (value === null && effectOf(call) === 'write')
      say(`leaves the query parameter ${name} free, which only a read may`);
    checkFills(value, args, say);
  }
  for (const [name, value] of Object.entries(call.headers)) {
    if (name !== 'accept' && name !== 'from') say('declares a header besides accept and from');
    checkFills(value, args, say);
  }
  if (call.method === 'GET' && call.body !== null) say('is a GET with a body');
  checkFills(call.body, args, say);
  return problems;
}

function checkFills(
  template: Json,
  args: ReadonlyMap<string, boolean>,
  say: (problem: string) => void,
): void {
  const fills = fillsOf(template);
  if (fills === null) {
    say(
      'has a place that is none: write fill("args.NAME"), with args, settings, pinned, handle, mark or requester',
    );
    return;
  }
  for (const { $fill, or } of fills) {
    sayUnknown($fill, args, say);
    const [kind, name = ''] = $fill.split('.');
    if (kind === 'args' && args.get(name) === false && or === undefined)
      say(`fills in ${$fill}, which may be missing: write fill("${$fill}", { or: "" }), or make it required`);
  }
}

function sayUnknown(
  reference: string,
  args: ReadonlyMap<string, boolean>,
  say: (problem: string) => void,
): void {
  const [kind, name = ''] = reference.split('.');
  if (kind === 'args' && !args.has(name)) say(`fills in ${reference}, and there is no such argument`);
  if (kind === 'data') say(`fills in ${reference}, which is there for undo only`);
}

/**
 * The rule that the broker holds the action to. Pure: it is filled from digested values and nothing else.
 * Expects a call that `problemsOfCall` has nothing against.
 */
export function ruleOf(call: DeclaredCall): EgressRule {
  const parts = readPath(call.path) ?? [];
  return {
    method: call.method,
    host: call.host,
    path: `/${parts.map((part, index) => ('literal' in part ? part.literal : `{${placeName(index)}}`)).join('/')}`,
    effect: effectOf(call),
    fill: (values) => segmentsOf(parts, values),
    query: (values) => mapValues(call.query, (value) => (value === null ? null : fillText(value, values))),
    body: (values) => fillJson(call.body, values),
    headers: (values) => mapValues(call.headers, (value) => fillText(value, values)),
    credential: call.credential,
  };
}

function segmentsOf(parts: readonly PathPart[], values: EgressValues): Record<string, string> {
  const filled = fillPath(parts, values);
  return Object.fromEntries(
    parts.flatMap((part, index) => ('reference' in part ? [[placeName(index), filled[index] ?? '']] : [])),
  );
}

/** Rules name the places of a path with letters only. */
function placeName(index: number): string {
  return `place${[...String(index)].map((digit) => String.fromCharCode(97 + Number(digit))).join('')}`;
}

function mapValues<V, W>(record: Readonly<Record<string, V>>, change: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}

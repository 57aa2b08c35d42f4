/**
 * Which request, or person, somebody means by what they wrote. A request: its id, or how it begins, as lists and reminders show it. A whole id
 * means that request whoever writes it; whether it is theirs is asked where something is to be done with it. A beginning
 * is looked for among requests that its writer has a part in, so that it tells nobody of others.
 */
import { requestsBeginning } from './approval/requests.ts';
import { type PrincipalId, RequestId } from './model/ids.ts';
import type { Directory } from './model/ports.ts';
import type { Principal } from './model/principal.ts';
import type { StoredRequest } from './model/request.ts';
import type { Content } from './model/turn.ts';
import { type PartDeps, partIn } from './part.ts';
import type { Sql } from './store/database.ts';

export type Named = { kind: 'one'; request: RequestId } | { kind: 'none' | 'several' };

export const SEVERAL_BEGIN_SO = 'More than one request begins so; write more of its id.';

/**
 * `named` is untrusted, in whichever case it was written. `isTheirsToo`: what else the command is for whoever writes it, though they
 * have no part in it otherwise.
 */
export async function requestNamed(
  sql: Sql,
  deps: PartDeps,
  named: string,
  by: PrincipalId,
  isTheirsToo: (request: StoredRequest) => boolean = () => false,
): Promise<Named> {
  const whole = RequestId.safeParse(named.toLowerCase());
  if (whole.success) return { kind: 'one', request: whole.data };
  const theirs: RequestId[] = [];
  for (const request of await requestsBeginning(sql, named.toLowerCase())) {
    if (isTheirsToo(request) || (await partIn(sql, deps, request, by)) !== 'other') theirs.push(request.id);
  }
  return one(theirs);
}

/**
 * The same for whoever says that something looks wrong with it: of anybody's, as by a whole id, because the answer to a
 * report is the same whether or not there is one.
 */
export async function requestReported(sql: Sql, named: string): Promise<RequestId | null> {
  const whole = RequestId.safeParse(named);
  if (whole.success) return whole.data;
  const found = one((await requestsBeginning(sql, named)).map(({ id }) => id));
  return found.kind === 'one' ? found.request : null;
}

function one([request, another]: readonly RequestId[]): Named {
  if (request === undefined) return { kind: 'none' };
  return another === undefined ? { kind: 'one', request } : { kind: 'several' };
}

/**
 * A person by a mention that their platform vouches for, by the directory's id, or by their whole name where it is only one
 * person's; null: nobody in particular. A mention of somebody whom the directory does not know means nobody else of that name.
 */
export async function personNamed(
  directory: Directory,
  words: string,
  mentions: Extract<Content, { kind: 'message' }>['mentions'] = [],
): Promise<Principal | null> {
  const wanted = oneSpaced(words);
  const meant = mentions.filter((mention) => oneSpaced(mention.words) === wanted);
  if (meant.length > 0) {
    const found = await Promise.all(meant.map(({ account }) => directory.identify(account)));
    const people = found.map((who) => (who.kind === 'known' ? who.principal : null));
    return people.every((person) => person?.id === people[0]?.id) ? (people[0] ?? null) : null;
  }
  const name = wanted.replace(/^@/, '').toLowerCase();
  const people = await directory.people();
  const byId = people.find((person) => person.id === name);
  const byName = people.filter((person) => person.name.toLowerCase() === name);
  return byId ?? (byName.length === 1 ? byName[0]! : null);
}

/** As a command's words are read. */
const oneSpaced = (words: string): string => words.trim().split(/\s+/).join(' ');

/**
 * What follows when a platform will never show a message where it was to stand: whoever was to read it hears of it otherwise, and
 * operators hear where.
 */
import { findRequest } from './approval/requests.ts';
import type { AuditLog } from './audit/log.ts';
import type { ErrorCode } from './errors.ts';
import { findTurn } from './intake/turns.ts';
import type { RequestId, TurnId } from './model/ids.ts';
import type { Directory } from './model/ports.ts';
import type { Platform } from './model/principal.ts';
import type { Place } from './model/turn.ts';
import { type OutreachDeps, remindOperators } from './operators.ts';
import type { Reaching } from './reaching.ts';
import type { Instead } from './reply/deliver.ts';
import { type StoredMessage, say, threadAt } from './reply/messages.ts';
import type { Tx } from './store/database.ts';

export type UndeliveredDeps = OutreachDeps & {
  audit: AuditLog;
  directory: Pick<Directory, 'byId'>;
  reaching: Pick<Reaching, 'otherwise'>;
};

/** Operators are told of one channel this often at most, however many requests go past it. */
const TOLD_EVERY_SECONDS = 24 * 3600;
const PLATFORMS: Readonly<Record<Platform, string>> = {
  slack: 'Slack',
  teams: 'Teams',
  web: 'The workspace',
};
const MOVED = 'I cannot write where you asked any more, so the answer comes here.';

/** Asks platforms at most; what it answers stores what is said instead. @throws AppError `platform_unavailable`: try again later. */
export async function insteadOf(
  deps: UndeliveredDeps,
  message: StoredMessage,
  place: Place,
  code: ErrorCode,
): Promise<Instead> {
  if (message.turn !== null) return answeredElsewhere(deps, { ...message, turn: message.turn }, place, code);
  if (message.request !== null) return askedElsewhere(deps, message.request, place, code);
  return async () => undefined;
}

/** The answer to what somebody wrote where the app may not write any more: they have a conversation of their own with it. */
async function answeredElsewhere(
  deps: UndeliveredDeps,
  message: StoredMessage & { turn: TurnId },
  place: Place,
  code: ErrorCode,
): Promise<Instead> {
  const own = isOfPlace(code) && !place.direct ? await ownPlace(deps, message.turn) : null;
  return async (tx) => {
    if (own === null) return;
    const { turn, text, authorship, request, form, sources } = message;
    // What a person wrote is never ours to say.
    if (authorship === 'person') return;
    const thread = await threadAt(tx, own);
    const before = await tx.maybe('select 1 from messages where thread = $1 and turn = $2 limit 1', [
      thread,
      turn,
    ]);
    if (before === null) await say(tx, deps.deliverer, { thread, turn, text: MOVED, authorship: 'system' });
    const same = { turn, text, authorship, request, form, ...(sources === null ? {} : { sources }) };
    await say(tx, deps.deliverer, { thread, ...same });
  };
}

/** Whoever the turn is of, by the account that they wrote from; null where they are nobody's, or cannot be written to. */
async function ownPlace(deps: UndeliveredDeps, id: TurnId): Promise<Place | null> {
  const turn = await findTurn(deps.db, id);
  const person = turn?.principal ? await deps.directory.byId(turn.principal) : null;
  const surface = deps.surfaces().find(({ platform }) => platform === turn?.place.platform);
  if (turn === null || person === null || surface === undefined) return null;
  const places = await surface.approvalPlaces([{ ...person, accounts: [turn.account] }]);
  return places.find(({ direct }) => direct) ?? null;
}

/** Those who were to decide a request cannot be told there: they are asked themselves, and operators hear which place it is. */
async function askedElsewhere(
  deps: UndeliveredDeps,
  id: RequestId,
  place: Place,
  code: ErrorCode,
): Promise<Instead> {
  const ask = await deps.reaching.otherwise(id, place);
  return async (tx) => {
    await ask(tx);
    // That one person cannot be written to is said in the log, and mended by asking others.
    if (!place.direct) await raise(tx, deps, id, place, code);
  };
}

async function raise(
  tx: Tx,
  deps: UndeliveredDeps,
  id: RequestId,
  { platform, container }: Place,
  code: ErrorCode,
): Promise<void> {
  const request = await findRequest(tx, id);
  await deps.audit.append(tx, {
    type: 'alert.raised',
    request: id,
    data: { code: 'place_unreachable', digest: request?.digest ?? null, platform, container, why: code },
  });
  const what = isOfPlace(code)
    ? `${PLATFORMS[platform]} does not let me write to ${container} (${code}). Add the app there, or name another place in the configuration.`
    : `${PLATFORMS[platform]} does not take a request's card in ${container} (${code}).`;
  const text = `${what} What was to be decided there is asked of those who may approve, by direct message.`;
  await remindOperators(tx, deps, text, TOLD_EVERY_SECONDS);
}

/** It is the place that cannot be written to, and not the message that cannot be shown. */
const isOfPlace = (code: ErrorCode): boolean => code === 'not_found' || code === 'not_allowed';

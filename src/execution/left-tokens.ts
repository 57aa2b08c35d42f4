/**
 * Takes back the tokens that a process which died, or could not take them back itself, has left behind; says so in the log, and tells
 * operators of what may still open something. Safe to repeat, and in several processes.
 */
import type { AuditLog } from '../audit/log.ts';
import type { RequestId } from '../model/ids.ts';
import type { Database, Tx } from '../store/database.ts';
import type { Broker } from './broker/broker.ts';
import type { BrokerAnswer, BrokerRefusal } from './broker/call.ts';
import {
  awaitItsEnd,
  forgetToken,
  keepTrying,
  type LeftToken,
  type Sealing,
  secretOf,
  type TokenWas,
  takeUpLeft,
} from './minted-tokens.ts';
import { tokenData } from './token-entries.ts';

export type LeftTokensDeps = {
  db: Database;
  audit: AuditLog;
  broker: Pick<Broker, 'takeBack'>;
  sealing: Sealing;
  /** What operators should be told now, in our words. */
  alarmed(about: { request: RequestId; code: string; message: string }): void;
};

/** Why it was not taken back, as the entry says it. */
const NEVER_CAME = 'its answer was never read';
const NOT_OURS = 'it was sealed under another MASTER_KEY';
const IS_OVER = 'it ended by itself first';

/** Of one look, so that one that is due again meanwhile does not keep it going for ever. */
const AT_MOST = 20;

/** Answers how many were looked at. */
export async function takeBackLeft(deps: LeftTokensDeps, signal: AbortSignal): Promise<number> {
  const failures: unknown[] = [];
  let looked = 0;
  while (looked < AT_MOST && !signal.aborted) {
    const left = await takeUpLeft(deps.db);
    if (left === null) break;
    looked += 1;
    // One that cannot be recorded must not keep the others from it.
    await look(deps, left, signal).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
  return looked;
}

async function look(deps: LeftTokensDeps, left: LeftToken, signal: AbortSignal): Promise<void> {
  if (left.isOver) return say(deps, left, IS_OVER, forgetToken);
  const secret = secretOf(left, deps.sealing);
  if (secret === null) return say(deps, left, left.sealed === null ? NEVER_CAME : NOT_OURS, awaitItsEnd);
  const failure = await deps.broker.takeBack({ host: left.token.host, secret }, signal, {
    afterCall: (call) => recordCall(deps, left, 'egress.called', call),
    refused: (refusal) => recordCall(deps, left, 'egress.refused', refusal),
  });
  // A stop says nothing about it: it is taken up again.
  if (failure !== null && signal.aborted) return;
  if (failure !== null) return say(deps, left, failure, keepTrying);
  await deps.db.transaction(async (tx) => {
    if ((await forgetToken(tx, left.id)) === null) return;
    await deps.audit.append(tx, {
      type: 'credential.revoked',
      turn: left.turn,
      request: left.request,
      data: { ...tokenData(left.token, left.call), leftBehind: true },
    });
  });
}

async function recordCall(
  { db, audit }: LeftTokensDeps,
  { turn, request, call: during }: LeftToken,
  type: 'egress.called' | 'egress.refused',
  call: BrokerAnswer | BrokerRefusal,
): Promise<void> {
  await db.transaction((tx) => audit.append(tx, { type, turn, request, data: { ...call, call: during } }));
}

/** Says once that it was not taken back, in the transaction of what is done about it; nothing where another process has taken it back. */
async function say(
  deps: LeftTokensDeps,
  left: LeftToken,
  why: string,
  then: (tx: Tx, id: string) => Promise<TokenWas>,
): Promise<void> {
  const { turn, request, token } = left;
  const isFirst = await deps.db.transaction(async (tx) => {
    const was = await then(tx, left.id);
    if (was === null || was.told) return false;
    await deps.audit.append(tx, {
      type: 'alert.raised',
      turn,
      request,
      data: { ...tokenData(token, left.call), code: 'credential_not_revoked', why, leftBehind: true },
    });
    return true;
  });
  if (isFirst) deps.alarmed({ request, code: 'credential_not_revoked', message: inWords(left, why) });
}

function inWords({ token, sealed }: LeftToken, why: string): string {
  const { name, repository, expiresAt } = token;
  const which = `A token of ${name} for ${repository}`;
  if (why === IS_OVER)
    return `${which} was left behind by a process that ended, and could not be taken back before it ended by itself at ${expiresAt}.`;
  const end = `It ends by itself at ${expiresAt}${sealed === null ? ' at the latest' : ''}.`;
  return sealed === null
    ? `${which} may have been made by a process that ended before it had the answer; nobody knows it, so it cannot be taken back. ${end}`
    : `${which} was left behind by a process that ended, and could not be taken back yet (${why}). ${end}`;
}

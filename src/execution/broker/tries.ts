/**
 * How often one call is tried. Reads again, a few times, where the upstream gave no answer or said that it was busy. A
 * write only where it is certain that nothing of it has left; one that may have arrived is never sent again from here:
 * whether the upstream's key makes that safe is the executor's to know, which asks claim and kill switch first.
 */
import type { Effect } from '../../model/request.ts';
import { NO_ANSWER } from './aside.ts';
import type { Circuits, Verdict } from './circuit.ts';
import type { Clock } from './clock.ts';
import type { Exchanged } from './exchange.ts';
import { NOT_DECLARED } from './minting.ts';
import type { Pauses } from './pause.ts';
import { EgressRefused } from './refusal.ts';
import { hasNeverConnected } from './sending.ts';

/** The first and two more: what two pauses do not mend, a longer outage is. */
export const MAX_TRIES = 3;
/** Before the second try, doubled before the third; half of it is chance. */
const FIRST_PAUSE_MS = 250;
/** The longest pause that a call waits out, an upstream's own included; a person is waiting for a preview. */
const MAX_WAIT_MS = 5_000;
/** What must be left of a call's time for another try to make sense. */
const MIN_TRY_MS = 500;
/** The upstream, or what stands before it, says: not now. */
const BUSY = new Set([429, 502, 503, 504]);

export type Patience = { circuits: Circuits; pauses: Pauses; clock: Clock };

export type Trying = {
  host: string;
  credential: string | null;
  effect: Effect;
  /** When the call's time is up, on the clock. */
  deadlineMs: number;
  /** Ends all waiting: the call's time, and the door's. */
  signal: AbortSignal;
  once: (attempt: number) => Promise<Exchanged>;
  /** Counts one more call; false where the door has none left. */
  again: () => boolean;
  /** Records a try that is followed by another. */
  tried: (outcome: Exchanged | EgressRefused, attempt: number) => Promise<void>;
};

/** What the end of a call of the broker's own says about it: there is a detail of ours where it was not even asked. */
function verdictOnOwn(detail: string | null): Verdict {
  if (detail === NOT_DECLARED) return 'none';
  return detail === NO_ANSWER || /^5[0-9]{2}$/.test(detail ?? '') ? 'failed' : 'answered';
}

/** What a call's end says about the upstream. */
function verdictOn(error: unknown): Verdict {
  if (!(error instanceof EgressRefused)) return 'none';
  switch (error.reason) {
    case 'connection_failed':
    case 'name_unresolved':
    case 'interrupted':
    case 'timeout':
      return 'failed';
    case 'redirect':
    case 'response_too_large':
    case 'response_encoded':
      return 'answered';
    case 'login_refused':
    case 'mint_refused':
      return verdictOnOwn(error.detail);
    case 'paused':
      return verdictOn(error.cause);
    default:
      return 'none';
  }
}

function mayFollow(effect: Effect, outcome: Exchanged | EgressRefused): boolean {
  if (!(outcome instanceof EgressRefused)) return effect === 'read' && BUSY.has(outcome.answer.status);
  // `paused`: a call of the broker's own was told so, before the action's could leave.
  if (['name_unresolved', 'paused'].includes(outcome.reason) || hasNeverConnected(outcome)) return true;
  return effect === 'read' && outcome.reason === 'interrupted';
}

async function waitFor(ms: number, { clock }: Patience, { signal }: Trying): Promise<void> {
  try {
    signal.throwIfAborted();
    await clock.wait(ms, signal);
  } catch (cause) {
    // Nothing has left that is not answered: never to be taken for a call that may have arrived.
    throw cause instanceof EgressRefused ? cause : new EgressRefused('time_budget', null, { cause });
  }
}

const fits = (ms: number, { clock }: Patience, trying: Trying): boolean =>
  ms <= MAX_WAIT_MS && clock.nowMs() + ms + MIN_TRY_MS <= trying.deadlineMs;

/** A pause that the upstream asked for: waited out where it is short, otherwise `paused` with its seconds. */
async function untilAllowed(patience: Patience, trying: Trying): Promise<void> {
  const left = patience.pauses.left(trying.host, trying.credential);
  if (left === 0) return;
  if (!fits(left, patience, trying)) throw EgressRefused.later('paused', left);
  await waitFor(left, patience, trying);
}

async function tryOnce(
  patience: Patience,
  trying: Trying,
  attempt: number,
): Promise<Exchanged | EgressRefused> {
  const report = patience.circuits.enter(trying.host);
  try {
    const exchanged = await trying.once(attempt);
    report(exchanged.answer.status >= 500 ? 'failed' : 'answered');
    patience.pauses.note(trying.host, trying.credential, { ...exchanged, status: exchanged.answer.status });
    return exchanged;
  } catch (error) {
    report(verdictOn(error));
    if (error instanceof EgressRefused) return error;
    throw error;
  }
}

/** Null: no other try is to be made. */
function waitBeforeNext(patience: Patience, trying: Trying, attempt: number): number | null {
  if (attempt >= MAX_TRIES || patience.circuits.stateOf(trying.host) === 'open') return null;
  const backOff = FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + patience.clock.jitter() / 2);
  const ms = Math.max(backOff, patience.pauses.left(trying.host, trying.credential));
  return fits(ms, patience, trying) && trying.again() ? ms : null;
}

/** Tries until there is an answer that counts. Throws the last try's `EgressRefused`. */
export async function tryPatiently(patience: Patience, trying: Trying): Promise<Exchanged> {
  await untilAllowed(patience, trying);
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryOnce(patience, trying, attempt);
    const wait = mayFollow(trying.effect, outcome) ? waitBeforeNext(patience, trying, attempt) : null;
    if (wait === null) {
      if (outcome instanceof EgressRefused) throw outcome;
      return outcome;
    }
    await trying.tried(outcome, attempt);
    await waitFor(wait, patience, trying);
  }
}

/** The states of a request and the only ways between them. Pure; the database applies the same table. */
import type { RequestState } from '../model/request.ts';

/** What may happen to a request, as the audit log would name it. */
export type Event =
  | 'quorum_met'
  | 'denied'
  | 'expired'
  | 'cancelled'
  | 'checks_failed'
  | 'claimed'
  | 'succeeded'
  | 'failed'
  | 'lost'
  | 'resolved_succeeded'
  | 'resolved_failed';

const TRANSITIONS: Record<Event, { from: readonly RequestState[]; to: RequestState }> = {
  quorum_met: { from: ['pending'], to: 'approved' },
  denied: { from: ['pending'], to: 'denied' },
  expired: { from: ['pending', 'approved'], to: 'expired' },
  cancelled: { from: ['pending', 'approved'], to: 'cancelled' },
  // At the claim: policy, group, digest, pinned ref, evidence or isolation level no longer hold.
  checks_failed: { from: ['approved'], to: 'denied' },
  claimed: { from: ['approved'], to: 'executing' },
  succeeded: { from: ['executing'], to: 'succeeded' },
  failed: { from: ['executing'], to: 'failed' },
  lost: { from: ['executing'], to: 'unknown' },
  // A person says what became of it.
  resolved_succeeded: { from: ['unknown'], to: 'succeeded' },
  resolved_failed: { from: ['unknown'], to: 'failed' },
};

export const EVENTS = Object.keys(TRANSITIONS) as Event[];

/** The states that an event may start from; the guard of its UPDATE. */
export function sourcesOf(event: Event): readonly RequestState[] {
  return TRANSITIONS[event].from;
}

/** The state that an event leads to. */
export function targetOf(event: Event): RequestState {
  return TRANSITIONS[event].to;
}

/** The next state, or null where the event changes nothing in this state. */
export function next(state: RequestState, event: Event): RequestState | null {
  return TRANSITIONS[event].from.includes(state) ? TRANSITIONS[event].to : null;
}

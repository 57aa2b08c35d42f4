/** What every platform says in the same words where it is not part of a message. */

/** What everybody who decides must know before they send a change. */
export const CHANGE_NOTE =
  'Whoever changes a request asks for it too: they cannot approve it, but can cancel it. What was approved before counts no more.';

/** Said above the list of those to whom a request may be handed over, on every platform. */
export const HAND_OVER_NOTE =
  'Whom you choose is asked in your place, which is recorded. You can still decide it yourself.';

/** Said where a platform's list cannot hold all of them. */
export const moreTakers = (count: number): string =>
  `${count.toLocaleString('en')} more may take it over; write: delegate REQUEST-ID to PERSON`;

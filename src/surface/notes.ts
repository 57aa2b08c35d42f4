/** What every platform says in the same words where it is not part of a message. */

/** What everybody who decides must know before they send a change. */
export const CHANGE_NOTE =
  'Whoever changes a request asks for it too: they cannot approve it, but can cancel it. What was approved before counts no more.';

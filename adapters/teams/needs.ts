/**
 * What this adapter and the app package agree on, in one place: a test compares `app/manifest.json` with it, so that
 * the app never asks for more than it uses.
 */

/** Everything from Teams arrives here. */
export const ENDPOINT = '/api/messages';
/** Where people can talk to the app. */
export const SCOPES = ['personal', 'team', 'groupChat'] as const;
/** Offered as hints while a person types; the same words work everywhere. */
export const COMMANDS = ['help', 'home', 'my requests', 'waiting for me', 'whoami'] as const;
/** Sends a filled form. */
export const FORM_VERB = 'form';
/** Asks for the form that changes what a card shows, and sends it. */
export const EDIT_VERB = 'edit';
export const SAVE_VERB = 'save';
/** Asks to whom it could be handed over, and sends whom somebody chose. */
export const HAND_OVER_VERB = 'hand_over';
export const HANDED_OVER_VERB = 'handed_over';
export const UNDO_VERB = 'undo';
export const HAPPENED_VERB = 'happened';
export const DID_NOT_HAPPEN_VERB = 'did_not_happen';
export const REPORT_VERB = 'report';
/** Teams asks by itself, when a person looks at a card: which buttons are theirs? */
export const REFRESH_VERB = 'refresh';
/** Ids of a form's inputs begin so, that no field can pass for our own data. */
export const FIELD_PREFIX = 'field.';
/** The input in which somebody is chosen to whom a request is handed over. */
export const TAKER_FIELD = 'taker';
/** The input in which whoever denies may say why. */
export const REASON_FIELD = 'reason';
/** The input in which anybody may say what looks wrong. */
export const REPORT_FIELD = 'report';

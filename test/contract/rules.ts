/**
 * What is the same wherever people work with the assistant: the rules as data, so that the suite proves each of them and
 * the table in the documentation names each of them. Nothing in here needs a test runner.
 */

/** Proved by `channel-contract.ts` on every platform, through its own wire. */
export const RULES = {
  'answered-direct': 'A message in a direct conversation is answered there.',
  'answered-shared': 'A mention in a conversation of several people is answered in its thread.',
  'first-contact':
    'Whoever comes for the first time is told once what is recorded, for how long, who reads it and how to report.',
  'mention-alone': 'A mention without a word is answered with what one can ask for.',
  'ticket-one-tap': 'A ticket asked for in plain words is open after one tap.',
  'command-at-once': 'A complete typed command of low risk runs at once.',
  'model-answer': 'A model’s answer appears once, whole, labelled as a model’s, with what was read for it.',
  'judged-answer':
    'A thumb on a model’s answer is recorded in the log: whose it is, up or down, on which answer.',
  'asked-where-they-are': 'Those who may approve are asked where they are, and nobody else is.',
  'approved-by-another': 'Somebody else who may approve does, and it runs.',
  'self-approval': 'The requester who approves is refused in words, and nothing runs.',
  'foreign-click': 'Somebody who may not approve is refused in words, and it still waits.',
  'clicks-that-count-once': 'Double, late and outdated clicks change nothing and are answered.',
  'denied-with-reason': 'Whoever denies may say why, and the requester reads it.',
  cancelled: 'The requester cancels, and nobody can approve it any more.',
  'refused-alone': 'A refused press is shown to whoever pressed, and to nobody else.',
  'mention-refused-alone': 'A mention that is refused is answered to whoever wrote it, and to nobody else.',
  'edited-by-button':
    'Edit by its button voids what was approved, and the requester is told and confirms anew.',
  'message-edited':
    'Whoever edits a message that was taken in is told once, and nobody else, that it counts as it was first written; nothing runs again.',
  'handed-over-by-button':
    'Hand over by its button lists those who may take it and nobody else; whoever is chosen is asked, and may decide.',
  'handed-over-by-mention': 'Hand over by a typed command finds whom a mention means.',
  'undone-by-button': 'Undo by its button takes back once what was done, however often it is pressed.',
  'unknown-resolved':
    'Whoever may approve says by a button what became of a request whose outcome nobody knows, and it is recorded so.',
  'undo-as-policy-lets': 'Undo is offered only where policy would let whoever asked take it back.',
  'reported-by-button': 'Report by its button reaches the operators and the log.',
  expired: 'An expired request is rewritten on every card.',
  'rewritten-in-place': 'Every card of a decided request is rewritten in place, without buttons.',
  'told-who-decided': 'The requester is told who decided.',
  'unknown-person': 'An unknown person is told how to be added; nothing of their words is kept.',
  duplicates: 'The same message, or the same click, delivered five times acts once.',
  'answered-elsewhere':
    'Where the app was taken away since somebody asked, they get card and outcome in their own conversation with it.',
  'place-lost':
    'Where a card cannot be put, operators are told which place it is, once, and those who may approve are asked themselves.',
  'card-deleted': 'A card that somebody deleted is there anew while it waits for a decision.',
  'hostile-values':
    'Markup, mentions, addresses and characters that nobody sees are shown readable, once, and do nothing.',
  'long-values': 'A value of 5,000 characters is readable to its end.',
  'missing-argument': 'What is missing is asked for, and the answer goes on.',
  'missing-argument-shared':
    'Among several people a question says that its answer must mention the assistant, and such an answer goes on.',
  'form-submitted': 'A form is filled in and becomes a request.',
  'form-sent-once':
    'A form that was sent says so and has no button; sent again by the same person it asks for nothing more.',
  'foreign-form':
    'Whoever fills in a form of an action that is not theirs to use is told so, alone, and nothing is asked for.',
  'kill-switch': 'The kill switch voids what waits and says so on every card.',
  'proof-or-link': 'At the end stands a link to the request and its log, or the proof.',
} as const;
export type RuleId = keyof typeof RULES;

/** Proved by `across.test.ts`, with all platforms connected to one assistant. */
export const ACROSS = {
  'every-card-follows':
    'Asked in Slack and approved in Teams by another linked person: every card follows, on both and in the workspace.',
  'same-person': 'Asked in Slack and approved in Teams by the same person: refused.',
  'unlinked-account': 'An account that is linked to nobody cannot approve.',
  'approved-in-workspace': 'Asked in Teams and approved in the workspace: every card follows.',
} as const;
export type AcrossId = keyof typeof ACROSS;

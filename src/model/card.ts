import type { MessageId, PrincipalId, RenderingId, RequestId, ThreadId } from './ids.ts';
import type { Account, Platform } from './principal.ts';
import type { Provenance, RequestState, Risk } from './request.ts';
import type { DecisionKind } from './turn.ts';

/**
 * `edit`: change what is asked for, in a form from the action's schema. `undo`: take back what was done, by a request of
 * its own; the same as writing `undo REQUEST`. `happened`, `did_not_happen`: what became of a request whose outcome is unknown, the
 * same as writing `resolve REQUEST succeeded` or `failed`. `hand_over`: ask somebody in particular who may approve it, in one's own
 * place; the same as writing `delegate REQUEST to PERSON`. `report`: tell the operators that something looks wrong; the same as writing
 * `report REQUEST WORDS`.
 */
export type CardOffer = 'edit' | 'hand_over' | 'undo' | 'happened' | 'did_not_happen' | 'report';

/** Somebody to whom a request may be handed over. */
export type Taker = { id: PrincipalId; name: string };

/**
 * A request as people see it, on every platform. Labels and layout are ours; every value is plain text that a
 * renderer must escape. Nothing that was digested is left out: a renderer may collapse, never drop.
 */
export type Card = {
  request: RequestId;
  rendering: RenderingId;
  digest: string;
  state: RequestState;
  /** The action's title, e.g. "Open a ticket". */
  title: string;
  /** One sentence on where it stands, e.g. "Waiting for one approval from oncall". */
  status: string;
  /** The preview's sentence: what will happen. */
  summary: string;
  requester: { id: PrincipalId; name: string };
  /** Every argument, in the schema's order. */
  arguments: { name: string; value: string; provenance: Provenance }[];
  /** What the preview resolved: pinned commit, connector, inputs. `from`: the outside system whose words the value is. */
  facts: { label: string; value: string; from?: string }[];
  /** What else was pinned: whatever of it stands nowhere else on the card. Compared again before it runs. */
  pinned: { name: string; value: string }[];
  risk: Risk;
  /** In words, how far what runs is kept from the machine: `kernel`; before it has begun the least it needs, `at least kernel-lite`. */
  isolation: string | null;
  reasons: string[];
  /** What an outside system printed, and all that an action from elsewhere says; shown as an attributed quote only. */
  quotes: { source: string; text: string }[];
  approvals: { name: string; at: string }[];
  buttons: DecisionKind[];
  /** What else may be done with it there besides deciding, in the order in which it is shown. */
  offers?: CardOffer[];
  /** Until when `undo` is offered; RFC 3339. */
  undoUntil?: string;
  expiresAt: string;
  /** Tail of the output while it runs and afterwards. */
  output: string | null;
  outcome: { code: string; text: string; link: string | null } | null;
  /** The request's page, where there is one. */
  link: string | null;
  /** The proof in short, for where there is no page: digest, log index, checkpoint. */
  proof: string | null;
};

/** One field of a form made from an action's schema. */
export type FormField = {
  name: string;
  label: string;
  kind: 'text' | 'multiline' | 'choice' | 'number' | 'boolean';
  choices: string[];
  required: boolean;
  value: string;
};
export type Form = { action: string; title: string; fields: FormField[] };

/** Who wrote the words: ours (`system`), the person, a model, or an outside system. */
export type Authorship = 'system' | 'person' | 'model' | 'fetched';

/**
 * What an answer rests on: a read that was run for it. The title is the action's, ours; `ref` names what was read and `url`
 * where it is, both in an outside system's words.
 */
export type Source = { title: string; ref: string; url: string | null };

/** A message of a thread as stored; what adapters render. */
export type Message = {
  id: MessageId;
  thread: ThreadId;
  author: PrincipalId | null;
  authorship: Authorship;
  text: string;
  card: Card | null;
  form: Form | null;
  /** Of a model's answer that rests on reads; in the order in which they were run. */
  sources?: Source[];
  at: string;
  /** Where others read along: the one whom it is for. A platform that can shows it to nobody else. */
  onlyFor?: Account;
  /** Below a card, and for everybody in that channel: a platform that can shows it there too. */
  calls?: true;
};

/** Where a message was delivered: the platform's own handle, kept so that it can be rewritten in place. */
export type Delivered = { platform: Platform; container: string; message: string };

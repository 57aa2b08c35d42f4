/**
 * The ports: what the core asks of the parts around it, and what adapters may ask of the core.
 * Concrete parts are known to `main.ts` and `cli.ts` alone.
 */
import type { Delivered, Form, Message, Taker } from './card.ts';
import type { MessageId, PrincipalId, RenderingId, RequestId, ThreadId, TurnId } from './ids.ts';
import type { AccountFacts, ChatAccount } from './links.ts';
import type { Account, Identification, Platform, Principal } from './principal.ts';
import type { Proposal, RequestView } from './request.ts';
import type { DecisionKind, Delivery, Place, TurnOutcome } from './turn.ts';

/** People, groups and linked accounts, as of now. */
export interface Directory {
  identify(account: Account): Promise<Identification>;
  byId(id: PrincipalId): Promise<Principal | null>;
  members(group: string): Promise<Principal[]>;
  people(): Promise<Principal[]>;
}

/** What one tool of the planner is: an action that this person could possibly use. */
export type PlannerTool = {
  name: string;
  title: string;
  description: string;
  examples: readonly string[];
  effect: 'read' | 'write';
  /** JSON Schema (draft 2020-12) of the arguments, from the action's zod schema. */
  schema: Record<string, unknown>;
  /** Strict validation: the parsed arguments, or one message per wrong field. */
  parse(
    args: unknown,
  ):
    | { ok: true; arguments: Record<string, unknown> }
    | { ok: false; problems: { field: string; message: string }[] };
};

/** What is still being asked for in a thread: the answer continues the same proposal. */
export type PendingAsk = {
  action: string;
  arguments: Record<string, unknown>;
  provenance: Proposal['provenance'];
  missing: string[];
};

export type PlanInput = {
  turn: TurnId;
  principal: { id: PrincipalId; name: string };
  text: string;
  /** Forwarded or quoted text of this turn, labelled `fetched`. */
  fetched: string[];
  /** Earlier messages of the thread, oldest first, with their authorship. */
  history: { authorship: Message['authorship']; text: string }[];
  tools: readonly PlannerTool[];
  pendingAsk: PendingAsk | null;
  /** Runs a read action through the whole governed path; the answer is fetched text. */
  read(proposal: Proposal): Promise<{ ok: boolean; text: string }>;
  /**
   * Hears the model's answer as it is written, screened as the whole will be: the text so far, each time beginning with
   * what was heard before. Null: it was not the answer, and nothing more is heard. A courtesy; the plan is the truth.
   */
  onText?(soFar: string | null): void;
  signal: AbortSignal;
};

/** The model's usage and what it said are recorded by whoever calls the planner. */
export type ModelCall = {
  model: string;
  rounds: number;
  inputTokens: number;
  outputTokens: number;
  durationMs: number;
};

export type Plan =
  | { kind: 'proposals'; proposals: Proposal[]; text: string | null; authorship: 'system' | 'model' }
  | { kind: 'answer'; text: string; authorship: 'system' | 'model' }
  | { kind: 'ask'; question: string; ask: PendingAsk; authorship: 'system' }
  /** The model is down, hung or answered nonsense; `reason` is a code, the person gets one sentence of ours. */
  | {
      kind: 'unavailable';
      reason: 'timeout' | 'rate_limited' | 'upstream_error' | 'nonsense' | 'too_many_rounds';
    };

export type Planned = { plan: Plan; calls: ModelCall[] };

export interface Planner {
  /** `offline` or the model's pinned name. */
  readonly name: string;
  plan(input: PlanInput): Promise<Planned>;
}

/**
 * What may vanish: rate counters, caches, fan-out of changes. Values are strings.
 * Nothing that decides lives here alone.
 */
export interface Ephemeral {
  get(key: string): Promise<string | null>;
  set(key: string, value: string, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
  /**
   * Counts one use within a window that starts at the first use; answers how many uses there are now, and
   * in how many milliseconds the window ends.
   */
  count(key: string, windowMs: number): Promise<{ uses: number; resetMs: number }>;
  publish(channel: string, message: string): Promise<void>;
  subscribe(channel: string, listener: (message: string) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/**
 * A platform's way out: where messages are shown and rewritten. Throws an `AppError` of status 503 to be retried, and
 * `config_invalid` where it refuses us altogether, until an operator has mended that.
 */
export interface Surface {
  readonly platform: Platform;
  /**
   * Shows a message in a thread; the answer finds it again for `update`. Null: nothing to deliver. `begun` hears where it is as
   * soon as a part of it stands there and others must follow: should those fail, `update` completes it.
   */
  post(
    place: Place,
    message: Message,
    begun?: (delivered: Delivered) => Promise<void>,
  ): Promise<Delivered | null>;
  update(delivered: Delivered, message: Message): Promise<void>;
  /** The thread in which what is said about this message stands below it; empty where its conversation has none. */
  threadOf(delivered: Delivered): string;
  /**
   * Where these approvers are asked: a channel, and a direct message to each. `channel` is the platform's id of one that
   * takes the place of the one in its config.
   */
  approvalPlaces(approvers: readonly Principal[], channel?: string | null): Promise<Place[]>;
  /** Where operators are told: checkpoints, alerts, changes of policy. Null where none is configured. */
  operatorsPlace(): Promise<Place | null>;
  /**
   * What the platform says of an account that has written in this place; null where it is none of this platform. Absent where
   * nobody can link one.
   */
  factsOf?(account: ChatAccount, place: Place): Promise<AccountFacts | null>;
  /** Absent where nothing is shown before it is complete. */
  readonly streaming?: Streaming;
}

/** Answers that grow where they will stand. A courtesy: the stored message is the truth, and completes what was begun. */
export interface Streaming {
  /**
   * Null where this place cannot show it. Nothing leaves before the first `show`. `noted` is given the handle as soon as
   * there is one and before any of the answer's words; on false they are not shown, as nobody will complete them.
   */
  begin(place: Place, noted: (begun: Delivered) => Promise<boolean>): AnswerStream | null;
  /**
   * Makes what was begun into this message, however far it came, also after a restart; repeated, it changes nothing. The
   * answer finds the message for `update`. Throws as `post` does.
   */
  complete(place: Place, begun: Delivered, message: Message): Promise<Delivered>;
}

/** Never throws: what cannot be shown is left to the complete message. */
export interface AnswerStream {
  /** Words of ours: something that was done for this answer. */
  did(what: string): void;
  /** The whole text so far, which begins with what was shown before. */
  show(text: string): void;
  /** Shows nothing more; resolves when nothing of it is on its way any longer. */
  close(): Promise<void>;
}

export type Stopping = 'everything' | 'answers';

export type DecisionInput = {
  /** The platform's unique key of the click, or a fresh one for a direct call. */
  key: string;
  request: RequestId;
  principal: PrincipalId;
  decision: DecisionKind;
  /** The digest that the person saw. */
  digest: string;
  reason?: string;
};

/** A change of a pending request: the form's values, untrusted, and the digest that the person saw. */
export type EditInput = {
  request: RequestId;
  principal: PrincipalId;
  digest: string;
  arguments: Record<string, unknown>;
};

/** `to`: the id of whom they chose, untrusted; `digest`: what they saw. */
export type HandOverInput = { request: RequestId; principal: PrincipalId; digest: string; to: string };
/** `refused`: this person may not; `ignored`: nothing was changed, for another reason. */
export type HandOverOutcome = { kind: 'done' | 'refused' | 'ignored'; words: string };

/** Whoever changes a request asks for it too; what was confirmed and approved before counts no more. */
export type EditOutcome = DecisionOutcome | { kind: 'unfit'; message: string };

export type DecisionOutcome =
  | { kind: 'done'; request: RequestView }
  /** Late, double or outdated: recorded as `approval.ignored`, nothing changed. */
  | { kind: 'conflict'; message: string; request: RequestView }
  /** This person may not: recorded as `approval.refused`. */
  | { kind: 'refused'; message: string; request: RequestView }
  | { kind: 'missing'; message: string };

/** One line of a request's timeline, with its place in the log. */
export type TimelineEntry = {
  type: string;
  time: string;
  principal: PrincipalId | null;
  /** Our words for it. */
  text: string;
  index: number | null;
  leafHash: string | null;
};

/** The answer to "is this log what it says": recomputed at the moment of asking. */
export type ProofStatus =
  | { verified: true; size: number; root: string; checkpoint: string }
  | { verified: false; problem: string };

export type RequestPage = {
  view: RequestView;
  message: Message;
  timeline: TimelineEntry[];
  proof: ProofStatus;
};

export type AuditRow = {
  index: number;
  leafHash: string;
  time: string;
  type: string;
  principal: PrincipalId | null;
  request: RequestId | null;
  text: string;
};

/** Something that somebody said looks wrong. */
export type ReportRow = {
  /** Of its entry in the log. */
  id: string;
  time: string;
  by: { id: string; name: string };
  request: RequestId | null;
  /** What was written of an id by which no request was found. */
  named: string | null;
  /** As they were written; empty: none were. Null: erased. */
  words: string | null;
};

export type ThreadSummary = { id: ThreadId; title: string; updatedAt: string };

/** What happened, for live updates; the receiver reads again what it shows. */
export type Change =
  | { kind: 'thread'; thread: ThreadId }
  | { kind: 'request'; request: RequestId }
  /** An answer is being written: its text so far, screened; empty: it was not the answer. Nothing to read yet. */
  | { kind: 'growing'; thread: ThreadId; text: string }
  /** The chat accounts that this person links to themselves. */
  | { kind: 'links'; principal: PrincipalId }
  | { kind: 'gate' };

/** Everything an adapter may ask of the core. */
export interface Assistant {
  /** Stores a delivery under its key before it is acknowledged; the same key acts once, ever. */
  receive(delivery: Delivery): Promise<{ turn: TurnId; thread: ThreadId; duplicate: boolean }>;
  /** Waits until the turn settles or a person is needed, at most `timeoutMs`. */
  outcome(turn: TurnId, timeoutMs: number): Promise<TurnOutcome>;
  decide(input: DecisionInput): Promise<DecisionOutcome>;
  request(id: RequestId): Promise<RequestView | null>;
  requestPage(id: RequestId, viewer: PrincipalId): Promise<RequestPage | null>;
  mine(principal: PrincipalId): Promise<Message[]>;
  waitingFor(principal: PrincipalId): Promise<Message[]>;
  threads(principal: PrincipalId): Promise<ThreadSummary[]>;
  /** Null when there is no such thread or it is not this person's. Cards carry the buttons that this viewer has. */
  messages(thread: ThreadId, viewer: PrincipalId): Promise<Message[] | null>;
  /**
   * Records what a person thinks of an answer, and the words that they put to it, masked and sealed; nothing else changes.
   * The message by our id or by where its platform shows it. False where there is no such message. `key`: of the delivery, where
   * it has one; the same key is recorded once, ever.
   */
  feedback(input: {
    key?: string;
    message: MessageId | Delivered;
    principal: PrincipalId;
    positive: boolean;
    words?: string;
  }): Promise<boolean>;
  /**
   * Drops what this person is being answered in that conversation and cancels what they ask for there, and says so.
   * `answers`: what they ask for stays, where a conversation is all that they ever said there.
   */
  stop(place: Place, principal: PrincipalId, what?: Stopping): Promise<void>;
  /** The form of an action that this person could use. */
  form(action: string, viewer: PrincipalId): Promise<Form | null>;
  actions(
    viewer: PrincipalId,
  ): Promise<{ name: string; title: string; description: string; examples: readonly string[] }[]>;
  /** Null when this person may not read the log (`readAudit`). Newest first. Reading it is an entry. */
  audit(viewer: PrincipalId, page: { before: number | null; limit: number }): Promise<AuditRow[] | null>;
  /** What people said looks wrong, newest first; null as for `audit`. Reading it is an entry. */
  reports(viewer: PrincipalId): Promise<ReportRow[] | null>;
  people(): Promise<Principal[]>;
  identify(account: Account): Promise<Identification>;
  operations(viewer: PrincipalId): Promise<Operations>;
  /** Whether this person may know that it changed: their threads, requests they may read, the gate. */
  sees(change: Change, viewer: PrincipalId): Promise<boolean>;
  /** What runs without what, in plain words: isolation level, planner, storage. */
  onChange(listener: (change: Change) => void): () => void;
}

/** What our own pages may ask besides. */
export interface WorkspaceAssistant extends Assistant {
  /** What somebody who comes for the first time must know; null where they were told. */
  greeting(viewer: PrincipalId): Promise<string | null>;
  /** They have read it: it is not said again, on any platform. */
  greeted(viewer: PrincipalId): Promise<void>;
  /** The newest turn of this viewer that is being answered in that conversation; null where none is. */
  answering(thread: ThreadId, viewer: PrincipalId): Promise<TurnId | null>;
  /** Changes a pending request within its action's schema. */
  edit(input: EditInput): Promise<EditOutcome>;
  /** Those to whom this viewer may hand a pending request over, and as what they see it; null where there is nobody. */
  takers(id: RequestId, viewer: PrincipalId): Promise<{ people: Taker[]; digest: string } | null>;
  /** Hands it over, once more judged; what became of it, in words. */
  handOver(input: HandOverInput): Promise<HandOverOutcome>;
  /** The form of a pending request, filled with what stands there; null where this viewer may not change it. */
  editForm(id: RequestId, viewer: PrincipalId): Promise<{ form: Form; digest: string } | null>;
}

/** What the values of a form come to, field by field. */
export type FormCheck =
  | { ok: true; arguments: Record<string, unknown> }
  | { ok: false; problems: { field: string; message: string }[] };

/** What adapters of chat platforms may ask besides. */
export interface ChatAssistant extends Assistant {
  /**
   * The form that a message asks with, filled with what is known already for whoever was asked, empty for anybody else who
   * could use the action. `form` null: this viewer could not; the core says so where such a form is sent. Null: no form is there.
   */
  formOf(message: MessageId, viewer: PrincipalId): Promise<{ action: string; form: Form | null } | null>;
  /**
   * The form of a pending request, filled with what stood there when it was shown so; null where this viewer may not change it,
   * or where it does not stand so any more. What is sent comes as a delivery (`edit`), as everything that acts.
   */
  editFormOf(rendering: RenderingId, viewer: PrincipalId): Promise<Form | null>;
  /**
   * Those to whom this viewer may hand over what stands as it was shown so, in the directory's order; nobody where it is not theirs
   * to hand over: a press then says why. What is chosen comes as a delivery (`delegate`).
   */
  takersOf(rendering: RenderingId, viewer: PrincipalId): Promise<Taker[]>;
  /**
   * Somebody edited a message of theirs; `message` is the key under which it was delivered at first. Where it was taken in they
   * are told once that it counts as it was written then; null where it was not, and nothing is stored.
   */
  edited(
    platform: Platform,
    message: string,
  ): Promise<{ turn: TurnId; thread: ThreadId; duplicate: boolean } | null>;
  /** Whether there is something for this viewer to deny where it stands as it was shown so; where not, a press says why. */
  mayDeny(rendering: RenderingId, viewer: PrincipalId): Promise<boolean>;
  /** Checks values as typed against the action's own schema; null where this person could not use the action. */
  checkForm(
    action: string,
    values: Readonly<Record<string, unknown>>,
    viewer: PrincipalId,
  ): Promise<FormCheck | null>;
  /** What may be said again of what somebody typed: secrets masked, and what nobody sees made visible. */
  screened(text: string): string;
}

export type Operations = {
  checks: { name: string; ok: boolean; code: string }[];
  isolation: string;
  planner: string;
  switches: { scope: string; reason: string; since: string; by: string }[];
  counts: { waiting: number; executing: number; unknown: number };
};

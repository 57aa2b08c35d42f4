/**
 * The product on one page: a turn is received, planned, decided, approved, executed and answered, and nothing else
 * orders those steps. Everything between two steps is stored in one transaction with its entries and its next job, so
 * that a crash at any point loses no acknowledged turn and runs no effect twice.
 */
import { expireInTransaction } from './approval/decisions.ts';
import { findByExecution, findRequest } from './approval/requests.ts';
import {
  clicked,
  type DecidingDeps,
  decide,
  decidedBy,
  NO_SUCH_REQUEST,
  OUTDATED,
  partDepsOf,
  seenAs,
} from './deciding.ts';
import type { Handed, Told } from './delegating.ts';
import { editedInWords } from './edited-message.ts';
import { type ChangingDeps, change, changedBy } from './editing.ts';
import { AppError } from './errors.ts';
import type { Executor } from './execution/executor.ts';
import { type GreetingDeps, greetNewcomer } from './greeting.ts';
import { parseChatCommand } from './intake/chat-command.ts';
import { switchesOn } from './intake/killswitch.ts';
import { admitTurn } from './intake/limits.ts';
import { findTurn, type StoredTurn, threadState } from './intake/turns.ts';
import type { Linking } from './linking.ts';
import type { Form } from './model/card.ts';
import { type ExecutionId, PrincipalId, type RequestId, type ThreadId, type TurnId } from './model/ids.ts';
import type { DecisionInput, DecisionOutcome, EditInput, EditOutcome, Stopping } from './model/ports.ts';
import type { Principal } from './model/principal.ts';
import type { Json, Proposal, StoredRequest } from './model/request.ts';
import { requestNamed, requestReported, SEVERAL_BEGIN_SO } from './naming.ts';
import { type ObeyingDeps, obey, resolveUnknown } from './obeying.ts';
import { partIn } from './part.ts';
import { permittedNow } from './permitting.ts';
import { type PlannedTurn, type PlanningDeps, planTurn, type Read, readAnswer } from './planning.ts';
import { proposeAll } from './proposing.ts';
import { lastSpokenOf } from './reply/messages.ts';
import {
  aside,
  INACTIVE,
  knownInWords,
  LINK_IN_DIRECT,
  question,
  refusal,
  type Saying,
  strangerInWords,
} from './saying.ts';
import { SENT_BEFORE, wasSentBy } from './sent-forms.ts';
import { endLeft, settle } from './settling.ts';
import { stop } from './stopping.ts';
import type { Tx } from './store/database.ts';
import { isTainted, NO_UNDO, undoOf } from './undoing.ts';

/** What each step needs, and what the order of the steps needs itself. */
export type PipelineParts = GreetingDeps &
  PlanningDeps &
  DecidingDeps &
  ChangingDeps &
  ObeyingDeps & {
    executor: Executor;
    /** Hands over what a card showed; `to` null: nobody known. */
    handOver(by: Principal, handed: Handed, to: Principal | null): Promise<Told>;
    /** Null where nobody may link an account of their own; `linksAt`: the page where one does. */
    linking: (Pick<Linking, 'claim'> & { linksAt: string }) | null;
    formFor(action: string, filled: Record<string, unknown>): Promise<Form | null>;
    /** A defect: the stack is for operators. */
    defect(error: unknown, about: { turn?: TurnId; request?: RequestId }): void;
  };

/** Longest that planning may take, in milliseconds; the planner's own limits are shorter. */
const PLAN_TIMEOUT_MS = 120_000;

export type Pipeline = ReturnType<typeof createPipeline>;

export function createPipeline(parts: PipelineParts) {
  /** Turns that are being answered in this process, to be cut short when their person says stop. */
  const atWork = new Map<TurnId, AbortController>();

  return {
    /** One turn, from stored to answered. Safe to repeat: what it led to is stored once. */
    async runTurn(id: TurnId, signal: AbortSignal): Promise<void> {
      const turn = await findTurn(parts.db, id);
      if (turn === null) return;
      if (turn.state !== 'received') return endLeft(parts, turn);
      const stopped = new AbortController();
      atWork.set(id, stopped);
      try {
        await answer(turn, AbortSignal.any([signal, stopped.signal, AbortSignal.timeout(PLAN_TIMEOUT_MS)]));
      } catch (error) {
        // Whoever stopped it has settled it, and said so.
        if (stopped.signal.aborted) return;
        if (error instanceof AppError && error.status === 503) throw error;
        if (signal.aborted) throw error;
        parts.defect(error, { turn: id });
        await settle(parts, turn, null, [{ text: SORRY, authorship: 'system' }]);
      } finally {
        atWork.delete(id);
      }
    },

    /** The person wants no more of this conversation: what is being planned here is cut short. */
    async stop(thread: ThreadId, person: PrincipalId, what: Stopping = 'everything'): Promise<void> {
      for (const turn of await stop(parts, thread, person, what)) atWork.get(turn)?.abort();
    },

    /** One decision of one person; the answer says what became of it. */
    decide: (input: DecisionInput): Promise<DecisionOutcome> => decide(parts, input),

    /** One change of a pending request by one person; what follows is as if it had been asked for so. */
    edit: (input: EditInput): Promise<EditOutcome> => change(parts, input, null),

    /** One request handed over by one person, as they saw it; `to`: the directory's id of whom they chose, untrusted. */
    handOver: async (by: PrincipalId, seen: Handed, to: string): Promise<Told | null> => {
      const person = await parts.directory.byId(by);
      return person && handedOver(person, seen, to);
    },

    execute: (id: RequestId, signal: AbortSignal): Promise<void> => parts.executor.execute(id, signal),
    follow: (id: RequestId, signal: AbortSignal): Promise<void> => parts.executor.follow(id, signal),

    /** Something that is followed has news: look now instead of at the next interval. */
    async lookNow(execution: ExecutionId): Promise<void> {
      const request = await findByExecution(parts.db, execution);
      if (request) await parts.executor.follow(request.id, parts.stopping);
    },

    async expire(id: RequestId): Promise<void> {
      await parts.db.transaction(async (tx) => {
        const expired = await expireInTransaction(tx, parts.audit, id);
        if (expired) await parts.announcing.expired(tx, expired);
      });
    },

    /** Policy and obligations of the moment of the claim; unmet, it does not run. */
    permittedNow: (tx: Tx, request: StoredRequest) => permittedNow(tx, parts, request),
  };

  async function answer(turn: StoredTurn, signal: AbortSignal): Promise<void> {
    const who = await parts.directory.identify(turn.account);
    if (who.kind !== 'known') {
      const text = who.kind === 'inactive' ? INACTIVE : await toStranger(turn);
      return settle(parts, turn, null, [refusal(text)]);
    }
    const person = who.principal;
    await greetNewcomer(parts.db, parts, turn, person);
    if (turn.problem !== null)
      return settle(parts, turn, person, [{ text: turn.problem, authorship: 'system' }]);
    if (turn.content.kind === 'decision') return clicked(parts, turn, person, turn.content);
    const admission = await admitTurn(parts.ephemeral, parts.limits, person.id);
    if (!admission.ok) return settle(parts, turn, person, [refusal(admission.message)]);
    switch (turn.content.kind) {
      case 'form':
        return submitted(turn, person, turn.content, signal);
      case 'undo':
      case 'resolve':
      case 'report':
      case 'delegate':
      case 'edit':
        return pressed(turn, person, turn.content, signal);
      case 'arrival':
        // Whoever comes for the first time is greeted before every answer; this one has no words of its own.
        return settle(parts, turn, person, []);
      case 'link':
        return settle(parts, turn, person, [refusal(knownInWords(person))]);
      case 'edited': {
        const words = await editedInWords(parts.db, turn, turn.content.turn);
        return settle(parts, turn, person, [aside(turn, person, words)]);
      }
      case 'message':
        return told(turn, person, turn.content, signal);
    }
  }

  /** Whoever the directory does not know may do nothing, but send a code that links their account, where nobody reads along. */
  async function toStranger(turn: StoredTurn): Promise<string> {
    const { account, content, place } = turn;
    if (parts.linking === null || account.platform === 'web') return strangerInWords(account);
    if (content.kind !== 'link') return strangerInWords(account, parts.linking.linksAt);
    return place.direct ? parts.linking.claim(turn, account, content.codeHash) : LINK_IN_DIRECT;
  }

  async function told(
    turn: StoredTurn,
    person: Principal,
    content: Extract<StoredTurn['content'], { kind: 'message' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const command = parseChatCommand(content.text);
    if (command?.kind === 'undo') {
      const named = await requestNamed(parts.db, partDepsOf(parts), command.request, person.id);
      if (named.kind === 'one') return takenBack(turn, person, named.request, signal);
      const why = named.kind === 'several' ? SEVERAL_BEGIN_SO : NO_UNDO.none;
      return settle(parts, turn, person, [aside(turn, person, why)]);
    }
    if (command?.kind === 'cancel') return cancelled(turn, person, command.request);
    if (command?.kind === 'report') {
      const { request: named, words } = command;
      if (named === 'last' || named === null) {
        const request = named === null ? null : await lastSpokenOf(parts.db, turn.thread);
        return settle(parts, turn, person, [], { report: { request, words } });
      }
      const request = await requestReported(parts.db, named);
      return settle(parts, turn, person, [], { report: { request, named, words } });
    }
    if (command) {
      const { words, refused } = await obey(parts, turn, command, person);
      return settle(parts, turn, person, [refused ? refusal(words) : { text: words, authorship: 'system' }]);
    }
    const everything = (await switchesOn(parts.db)).find(
      (it) => !it.action && !it.principal && !it.connector,
    );
    if (everything) {
      return settle(parts, turn, person, [
        { text: `I am switched off at the moment: ${everything.reason}`, authorship: 'system' },
      ]);
    }
    const read = (proposal: Proposal, tainted: boolean) => readNow(turn, person, proposal, tainted, signal);
    return conclude(turn, person, await planTurn(parts, turn, person, content, read, signal), signal);
  }

  async function conclude(
    turn: StoredTurn,
    person: Principal,
    { plan, calls, tainted, sources }: PlannedTurn,
    signal: AbortSignal,
  ) {
    switch (plan.kind) {
      case 'proposals': {
        const { proposed, refused } = await proposeAll(parts, turn, person, plan.proposals, tainted, signal);
        const said: Saying[] = plan.text === null ? [] : [{ text: plan.text, authorship: plan.authorship }];
        return settle(parts, turn, person, [...said, ...refused], { proposed, calls });
      }
      case 'answer': {
        const { text, authorship } = plan;
        const restsOn = authorship === 'model' ? { sources } : {};
        return settle(parts, turn, person, [{ text, authorship, ...restsOn }], { calls });
      }
      case 'ask': {
        const form = await parts.formFor(plan.ask.action, plan.ask.arguments);
        const text = question(turn, plan.question);
        return settle(parts, turn, person, [{ text, authorship: 'system', form }], {
          calls,
          ask: plan.ask,
        });
      }
      case 'unavailable':
        return settle(parts, turn, person, [{ text: MODEL_DOWN, authorship: 'system' }], {
          calls,
          unavailable: plan.reason,
        });
    }
  }

  /** A read on the model's behalf: the whole governed path at once; what comes back is fetched text. */
  async function readNow(
    turn: StoredTurn,
    person: Principal,
    proposal: Proposal,
    tainted: boolean,
    signal: AbortSignal,
  ): Promise<Read> {
    const { proposed, refused } = await proposeAll(parts, turn, person, [proposal], tainted, signal);
    const [made] = proposed;
    if (!made) return { ok: false, text: refused.map(({ text }) => text).join(' ') };
    if (made.request.effect !== 'read') return { ok: false, text: 'This is not a read action.' };
    await parts.db.transaction(async (tx) => {
      // The caller runs it at once; should it fall in between, the sweep finds it.
      await parts.announcing.proposed(tx, made, { runNow: true });
    });
    await parts.executor.execute(made.request.id, signal);
    return readAnswer(parts, await findRequest(parts.db, made.request.id));
  }

  async function submitted(
    turn: StoredTurn,
    person: Principal,
    content: Extract<StoredTurn['content'], { kind: 'form' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { message: form } = content;
    if (form !== undefined && (await wasSentBy(parts.db, form, person.id)))
      return settle(parts, turn, person, [aside(turn, person, SENT_BEFORE)]);
    const off = await parts.whySwitchedOff(content.action);
    if (off !== null) return settle(parts, turn, person, [refusal(off)]);
    const tool = (await parts.toolsFor(person)).find((candidate) => candidate.name === content.action);
    if (!tool)
      return settle(parts, turn, person, [
        refusal(`There is no action "${content.action}" that you could use.`),
      ]);
    const parsed = parts.readForm(tool.name, content.arguments);
    if (!parsed.ok) {
      const text = `Please look at the form again: ${parsed.problems.map((it) => `${it.field}: ${it.message}`).join('; ')}.`;
      return settle(parts, turn, person, [
        { text, authorship: 'system', form: await parts.formFor(tool.name, content.arguments) },
      ]);
    }
    const args = parsed.arguments as Record<string, Json>;
    const provenance = Object.fromEntries(
      Object.keys(args).map((name) => [
        name,
        name in content.arguments ? ('typed' as const) : ('default' as const),
      ]),
    );
    const proposal: Proposal = { action: tool.name, arguments: args, provenance, typed: true };
    const { tainted } = await threadState(parts.db, turn.thread, person.id);
    const { proposed, refused } = await proposeAll(parts, turn, person, [proposal], tainted, signal);
    return settle(parts, turn, person, refused, { proposed, ...(form === undefined ? {} : { form }) });
  }

  /** What takes back a request that succeeded: a request of its own, which the person asked for by pressing. */
  async function takenBack(
    turn: StoredTurn,
    person: Principal,
    id: RequestId,
    signal: AbortSignal,
  ): Promise<void> {
    const request = await findRequest(parts.db, id);
    const undo = request ? await undoOf(parts.db, parts, request, person.id) : { kind: 'none' as const };
    if (undo.kind !== 'open') return settle(parts, turn, person, [aside(turn, person, NO_UNDO[undo.kind])]);
    const tainted = await isTainted(parts.db, turn.thread, person.id, undo);
    const { proposed, refused } = await proposeAll(parts, turn, person, [undo.proposal], tainted, signal);
    return settle(parts, turn, person, refused, { proposed, takesBack: id });
  }

  /** As the button does, where their card has none: on a card that others read along it is nobody's in particular. */
  async function cancelled(turn: StoredTurn, person: Principal, beginning: string): Promise<void> {
    const named = await requestNamed(parts.db, partDepsOf(parts), beginning, person.id);
    const request = named.kind === 'one' ? await findRequest(parts.db, named.request) : null;
    // Whose request it is, is told to nobody else.
    if (request && (await partIn(parts.db, partDepsOf(parts), request, person.id)) !== 'other') {
      const seen = { request: request.id, digest: request.digest };
      return decidedBy(parts, turn, person, seen, { decision: 'cancel', answer: 'It is cancelled.' });
    }
    const why = named.kind === 'several' ? SEVERAL_BEGIN_SO : NO_SUCH_REQUEST.message;
    return settle(parts, turn, person, [aside(turn, person, why)]);
  }

  /** `to`: what somebody chose, untrusted. */
  async function handedOver(person: Principal, seen: Handed, to: string): Promise<Told> {
    const chosen = PrincipalId.safeParse(to);
    const taker = chosen.success ? await parts.directory.byId(chosen.data) : null;
    return parts.handOver(person, seen, taker);
  }

  /** What a card offers besides deciding: found by what was seen there, then the way of the typed command. */
  async function pressed(
    turn: StoredTurn,
    person: Principal,
    content: Extract<StoredTurn['content'], { kind: 'undo' | 'resolve' | 'report' | 'delegate' | 'edit' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const seen = await seenAs(parts.db, content.rendering);
    if (!seen) return settle(parts, turn, person, [aside(turn, person, OUTDATED)]);
    switch (content.kind) {
      case 'report':
        return settle(parts, turn, person, [], { report: { request: seen.request, words: content.words } });
      case 'undo': {
        const request = await findRequest(parts.db, seen.request);
        if (!request || request.requester === person.id) return takenBack(turn, person, seen.request, signal);
        return settle(parts, turn, person, [aside(turn, person, NOT_YOURS)], { refusedUndo: request });
      }
      case 'resolve': {
        const command = { kind: 'resolve', request: seen.request, as: content.as, note: '' } as const;
        return settle(parts, turn, person, [
          aside(turn, person, (await resolveUnknown(parts, turn, command, person)).words),
        ]);
      }
      case 'delegate':
        return settle(parts, turn, person, [
          aside(turn, person, (await handedOver(person, seen, content.to)).words),
        ]);
      case 'edit':
        return changedBy(parts, turn, person, {
          ...seen,
          principal: person.id,
          arguments: content.arguments,
        });
    }
  }
}

const NOT_YOURS = 'Only whoever asked for it can take it back.';
const SORRY =
  'Something went wrong on my side; nothing was done. Operators can see what it was. Please try again.';
const MODEL_DOWN =
  'I cannot reach my language model right now, so plain words do not get through. Typed commands work: write "help".';

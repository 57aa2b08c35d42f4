/**
 * The product on one page: a turn is received, planned, decided, approved, executed and answered, and nothing else
 * orders those steps. Everything between two steps is stored in one transaction with its entries and its next job, so
 * that a crash at any point loses no acknowledged turn and runs no effect twice.
 */
import type { Announcing } from './announcing.ts';
import { decideInTransaction, expireInTransaction, type Judge, type Ruling } from './approval/decisions.ts';
import { barrierOf, type Draft, editInTransaction } from './approval/editing.ts';
import { approvalsAreMet } from './approval/needs.ts';
import {
  approvalsOf,
  findByEarlierRendering,
  findByExecution,
  findByRendering,
  findRequest,
  lockRequest,
  move,
  openRequestsIn,
} from './approval/requests.ts';
import { viewOf } from './approval/view.ts';
import type { AuditLog } from './audit/log.ts';
import { type EditingDeps, judgeDraft, prepareEdit } from './editing.ts';
import { cancelEnding, endingPermitted, takesBack } from './ending.ts';
import { AppError } from './errors.ts';
import type { Executor, Obstacle } from './execution/executor.ts';
import { type GreetingDeps, greetNewcomer } from './greeting.ts';
import { type AnsweredCommand, type ChatCommand, parseChatCommand } from './intake/chat-command.ts';
import { scopeInWords, switchesOn } from './intake/killswitch.ts';
import { admitRequest, admitTurn, type Limits } from './intake/limits.ts';
import {
  findTurn,
  openTurns,
  rememberAsk,
  type StoredTurn,
  settleTurn,
  threadState,
} from './intake/turns.ts';
import type { Judging } from './judging.ts';
import type { Authorship, Form, Source } from './model/card.ts';
import type {
  ExecutionId,
  MessageId,
  PrincipalId,
  RenderingId,
  RequestId,
  ThreadId,
  TurnId,
} from './model/ids.ts';
import type {
  DecisionInput,
  DecisionOutcome,
  Directory,
  EditInput,
  EditOutcome,
  Ephemeral,
  ModelCall,
  Planned,
  Planner,
  PlannerTool,
  Stopping,
  Surface,
} from './model/ports.ts';
import type { Account, Platform, Principal } from './model/principal.ts';
import type { Json, Proposal, StoredRequest } from './model/request.ts';
import type { DecisionKind } from './model/turn.ts';
import { type Proposed, type ProposingDeps, propose } from './proposing.ts';
import { type Deliverer, lastSpokenOf, messagesOf, notify, reply, touch } from './reply/messages.ts';
import { begunAmong, completeBegun, openLive } from './reply/streaming.ts';
import { type Report, type ReportingDeps, report } from './reporting.ts';
import type { Database, Tx } from './store/database.ts';
import { undoOf } from './undoing.ts';

export type PipelineParts = ProposingDeps &
  EditingDeps &
  GreetingDeps &
  ReportingDeps &
  Deliverer & {
    db: Database;
    audit: AuditLog;
    directory: Directory;
    judging: Judging;
    planner: Planner;
    ephemeral: Ephemeral;
    limits: Limits;
    executor: Executor;
    announcing: Announcing;
    /** The tools of exactly these actions. */
    toolsFor(person: Principal): PlannerTool[];
    formFor(action: string, filled: Record<string, unknown>): Form | null;
    /** Moves the kill switch, with everything that hangs on it. */
    kill(to: 'on' | 'off', command: Extract<ChatCommand, { kind: 'kill' }>, by: Principal): Promise<string>;
    /** "my requests", "waiting for me", or both with what they may ask for, in words. */
    list(kind: 'mine' | 'waiting' | 'home', person: Principal): Promise<string>;
    /** Hands a request over, with everything that hangs on it. */
    delegate(command: Extract<ChatCommand, { kind: 'delegate' }>, by: Principal): Promise<Answered>;
    /** Who is on call, in words; null: of every schedule. */
    onCall(schedule: string | null): Promise<string>;
    nameOf(person: PrincipalId): string;
    /** Where answers can grow while they are written; null where the platform is not connected. */
    surface(platform: Platform): Surface | null;
    /** Counts what people decided and what became of it. */
    decided(decision: DecisionKind, outcome: Ruling['kind']): void;
    /** Masks secrets in what an outside system wrote, before a model reads it. */
    mask(text: string): string;
    /** Aborts when the process stops. */
    stopping: AbortSignal;
    /** A defect: the stack is for operators. */
    defect(error: unknown, about: { turn?: TurnId; request?: RequestId }): void;
  };

/** How many earlier messages the planner reads. */
const HISTORY_MESSAGES = 20;
/** Longest that planning may take, in milliseconds; the planner's own limits are shorter. */
const PLAN_TIMEOUT_MS = 120_000;

type Saying = {
  text: string;
  authorship: Exclude<Authorship, 'person'>;
  form?: Form | null;
  sources?: readonly Source[];
  forAsker?: boolean;
};

export type Pipeline = ReturnType<typeof createPipeline>;

export function createPipeline(parts: PipelineParts) {
  const judge: Judge = {
    async mayApprove(tx, person, request) {
      const principal = await parts.directory.byId(person);
      if (!principal) return { allowed: false, reasons: ['You are not in the directory.'], groups: [] };
      return parts.judging.mayApprove(tx, principal, request);
    },
    async stillPermitted(tx, request) {
      const decision = await parts.judging.decideAgain(tx, request);
      return (
        decision ?? {
          allowed: false,
          reasons: [`${request.requester} is not in the directory any more.`],
          policies: [],
        }
      );
    },
    nameOf: parts.nameOf,
  };

  /** Turns that are being answered in this process, to be cut short when their person says stop. */
  const atWork = new Map<TurnId, AbortController>();

  return {
    /** One turn, from stored to answered. Safe to repeat: what it led to is stored once. */
    async runTurn(id: TurnId, signal: AbortSignal): Promise<void> {
      const turn = await findTurn(parts.db, id);
      if (turn === null) return;
      if (turn.state !== 'received') return endLeft(turn);
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
        await settle(turn, null, [{ text: SORRY, authorship: 'system' }]);
      } finally {
        atWork.delete(id);
      }
    },

    /**
     * The person wants no more of this conversation: what is being planned is dropped, by every process, as a settled
     * turn can store nothing; what waits or is approved is cancelled. What runs already cannot be taken back.
     */
    async stop(thread: ThreadId, person: PrincipalId, what: Stopping = 'everything'): Promise<void> {
      const dropped = await parts.db.transaction(async (tx) => {
        const turns = await openTurns(tx, thread, person);
        const ended: TurnId[] = [];
        for (const turn of turns) if (await settleTurn(tx, turn, STOPPED)) ended.push(turn);
        let stopped = ended.length;
        let running = 0;
        // Stopped where nothing was left: it has just been answered, and nobody asked for more than that.
        if (what === 'answers' && ended.length === 0) return ended;
        const open = what === 'answers' ? [] : await openRequestsIn(tx, thread, person);
        for (const request of open) {
          const { id, digest, turn } = request;
          const input: DecisionInput = {
            key: turn,
            request: id,
            principal: person,
            decision: 'cancel',
            digest,
          };
          const ruling = await decideInTransaction(tx, { audit: parts.audit, judge }, input);
          await announce(tx, ruling, person);
          if (ruling.kind === 'cancelled') stopped += 1;
          if (ruling.kind === 'ignored' && ruling.request.state === 'executing') running += 1;
        }
        const begun =
          running === 0
            ? ''
            : ` ${running === 1 ? 'One thing has' : `${running} things have`} begun and cannot be stopped; the card shows how it ends.`;
        const text = `${stopped === 0 ? 'There was nothing left to stop.' : STOPPED}${begun}`;
        const said = { thread, principal: person, authorship: 'system' as const };
        const [first = null, ...others] = ended;
        const answered = await reply(tx, parts, { ...said, turn: first, text });
        if (first) await completeBegun(tx, first, answered);
        // Each half answer that stands there says so itself.
        for (const turn of await begunAmong(tx, others)) {
          await completeBegun(tx, turn, await reply(tx, parts, { ...said, turn, text: STOPPED }));
        }
        await notify(tx, { kind: 'thread', thread });
        return ended;
      });
      for (const turn of dropped) atWork.get(turn)?.abort();
    },

    /** One decision of one person; the answer says what became of it. */
    async decide(input: DecisionInput): Promise<DecisionOutcome> {
      let became: Ruling['kind'] = 'missing';
      const outcome = await parts.db.transaction(async (tx): Promise<DecisionOutcome> => {
        const ruling = await decideInTransaction(tx, { audit: parts.audit, judge }, input);
        became = ruling.kind;
        await announce(tx, ruling, input.principal);
        if (ruling.kind === 'missing') return NO_SUCH_REQUEST;
        const view = viewOf(ruling.request, await approvalsOf(tx, ruling.request));
        if (ruling.kind === 'refused') return { kind: 'refused', message: ruling.message, request: view };
        if (ruling.kind === 'ignored') return { kind: 'conflict', message: ruling.message, request: view };
        if (ruling.kind === 'denied' && ruling.byPolicy) {
          return { kind: 'conflict', message: ruling.reason ?? 'No longer permitted.', request: view };
        }
        return { kind: 'done', request: view };
      });
      parts.decided(input.decision, became);
      return outcome;
    },

    /** One change of a pending request by one person; what follows is as if it had been asked for so. */
    edit: (input: EditInput): Promise<EditOutcome> => change(input, null),

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
    async permittedNow(
      tx: Tx,
      request: StoredRequest,
    ): Promise<{ obstacle: Obstacle | null; evidence: Json }> {
      const given = await takesBack(tx, parts, request);
      if (given !== null) return endingPermitted(tx, request, given);
      const decision = await parts.judging.decideAgain(tx, request);
      const evidence = decision?.evidence ?? null;
      const stop = (code: string, message: string, event: Obstacle['event'] = 'checks_failed') => ({
        obstacle: { code, message, event },
        evidence,
      });
      if (!decision) return stop('policy_denies', `${request.requester} is not in the directory any more.`);
      if (decision.code === 'kill_switch')
        return stop('kill_switch', decision.reasons.join(' '), 'cancelled');
      if (!decision.allowed) return stop('policy_denies', decision.reasons.join(' '));
      const approvals = await approvalsOf(tx, request);
      const counted = await currentApprovals(tx, request, approvals);
      if (!approvalsAreMet(decision, counted) || !approvalsAreMet(request, counted)) {
        return stop(
          'obligations_unmet',
          'What policy asks for now is more than what was approved. Ask for it again.',
        );
      }
      const clock = await tx.one<{ over: boolean }>('select $1::timestamptz <= clock_timestamp() as over', [
        request.expiresAt,
      ]);
      if (clock.over) return stop('expired', 'Its time was over before it could start.', 'expired');
      return { obstacle: null, evidence };
    },
  };

  /** `answers`: the turn that it is the answer to, settled with the change; any other outcome leaves it open. */
  async function change(input: EditInput, answers: TurnId | null): Promise<EditOutcome> {
    const found = await findRequest(parts.db, input.request);
    if (!found) return NO_SUCH_REQUEST;
    const barrier = await parts.db.transaction((tx) => barrierOf(tx, judge, found, input));
    let draft: Draft | null = null;
    if (!barrier) {
      const admission = await admitRequest(parts.ephemeral, parts.limits, input.principal, found.action);
      if (!admission.ok) throw new AppError('rate_limited', admission.message);
      const { arguments: values, principal } = input;
      const prepared = await prepareEdit(parts, found, principal, values, parts.stopping);
      if (prepared.kind === 'unfit') return prepared;
      draft = prepared.draft;
    }
    return parts.db.transaction(async (tx): Promise<EditOutcome> => {
      const deps = {
        audit: parts.audit,
        judge,
        decide: (inside: Tx, askers: readonly PrincipalId[], changed: Draft) =>
          judgeDraft(parts, inside, found, askers, changed),
      };
      const ruling = await editInTransaction(tx, deps, input, draft);
      if (ruling.kind === 'missing') return NO_SUCH_REQUEST;
      const { request } = ruling;
      if (ruling.kind === 'edited') {
        if (answers !== null && !(await settleTurn(tx, answers, ''))) throw new SettledBefore();
        await parts.announcing.edited(tx, ruling.before, request, input.principal);
        return { kind: 'done', request: viewOf(request, []) };
      }
      if (ruling.expiredNow) await parts.announcing.expired(tx, request);
      const view = viewOf(request, await approvalsOf(tx, request));
      const kind = ruling.kind === 'refused' ? 'refused' : 'conflict';
      return { kind, message: ruling.message, request: view };
    });
  }

  /** Approvals of people who may still approve, with the groups they have now. */
  async function currentApprovals(
    tx: Tx,
    request: StoredRequest,
    approvals: readonly { approver: PrincipalId }[],
  ) {
    const counted: { approver: PrincipalId; groups: string[] }[] = [];
    for (const { approver } of approvals) {
      const verdict = await judge.mayApprove(tx, approver, request);
      if (verdict.allowed) counted.push({ approver, groups: verdict.groups });
    }
    return counted;
  }

  async function answer(turn: StoredTurn, signal: AbortSignal): Promise<void> {
    const who = await parts.directory.identify(turn.account);
    if (who.kind !== 'known') {
      const text = who.kind === 'inactive' ? INACTIVE : strangerInWords(turn.account);
      return settle(turn, null, [refusal(text)]);
    }
    const person = who.principal;
    await greetNewcomer(parts.db, parts, turn, person);
    if (turn.problem !== null) return settle(turn, person, [{ text: turn.problem, authorship: 'system' }]);
    if (turn.content.kind === 'decision') return clicked(turn, person, turn.content);
    const admission = await admitTurn(parts.ephemeral, parts.limits, person.id);
    if (!admission.ok) return settle(turn, person, [refusal(admission.message)]);
    switch (turn.content.kind) {
      case 'form':
        return submitted(turn, person, turn.content, signal);
      case 'undo':
      case 'resolve':
      case 'report':
      case 'edit':
        return pressed(turn, person, turn.content, signal);
      case 'arrival':
        // Whoever comes for the first time is greeted before every answer; this one has no words of its own.
        return settle(turn, person, []);
      case 'message':
        return told(turn, person, turn.content, signal);
    }
  }

  async function told(
    turn: StoredTurn,
    person: Principal,
    content: Extract<StoredTurn['content'], { kind: 'message' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const command = parseChatCommand(content.text);
    if (command?.kind === 'undo') return takenBack(turn, person, command.request, signal);
    if (command?.kind === 'report') {
      const { request: named, words } = command;
      const request = named === 'last' ? await lastSpokenOf(parts.db, turn.thread) : named;
      return settle(turn, person, [], { report: { request, words } });
    }
    if (command) {
      const { words, refused } = await obey(turn, command, person);
      return settle(turn, person, [refused ? refusal(words) : { text: words, authorship: 'system' }]);
    }
    const everything = (await switchesOn(parts.db)).find(
      (it) => !it.action && !it.principal && !it.connector,
    );
    if (everything) {
      return settle(turn, person, [
        { text: `I am switched off at the moment: ${everything.reason}`, authorship: 'system' },
      ]);
    }
    return planned(turn, person, content, signal);
  }

  async function planned(
    turn: StoredTurn,
    person: Principal,
    content: Extract<StoredTurn['content'], { kind: 'message' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const state = await threadState(parts.db, turn.thread, person.id);
    const earlier = await messagesOf(parts.db, turn.thread, HISTORY_MESSAGES + 1);
    const history = earlier
      .filter((message) => message.at < turn.receivedAt)
      // Somebody else's words are not this person's: for them they are fetched text.
      .map((message) => ({
        authorship:
          message.author !== null && message.author !== person.id ? ('fetched' as const) : message.authorship,
        text: message.authorship === 'fetched' ? parts.mask(message.text) : message.text,
      }));
    let tainted =
      state.tainted || content.fetched.length > 0 || history.some((it) => it.authorship === 'fetched');
    const sources: Source[] = [];
    const live = await openLive(parts, turn);
    const plan = parts.planner.plan({
      turn: turn.id,
      principal: { id: person.id, name: person.name },
      text: content.text,
      fetched: content.fetched,
      history,
      tools: parts.toolsFor(person),
      pendingAsk: state.ask,
      read: async (proposal) => {
        const { source, ...answered } = await readNow(turn, person, proposal, tainted, signal);
        tainted = true;
        if (source) sources.push(source);
        if (source) live?.did(source.title);
        return answered;
      },
      ...(live ? { onText: live.show } : {}),
      signal,
    });
    const planned = await plan.finally(() => live?.close());
    // Cut short by our own end: that is no word on the model, and whoever comes next answers.
    if (parts.stopping.aborted) throw new AppError('platform_unavailable', 'We are stopping.');
    await conclude(turn, person, planned, { tainted, sources }, signal);
  }

  async function conclude(
    turn: StoredTurn,
    person: Principal,
    { plan, calls }: Planned,
    { tainted, sources }: { tainted: boolean; sources: readonly Source[] },
    signal: AbortSignal,
  ) {
    switch (plan.kind) {
      case 'proposals': {
        const { proposed, refused } = await proposeAll(turn, person, plan.proposals, tainted, signal);
        const said: Saying[] = plan.text === null ? [] : [{ text: plan.text, authorship: plan.authorship }];
        return settle(turn, person, [...said, ...refused], { proposed, calls });
      }
      case 'answer': {
        const { text, authorship } = plan;
        const restsOn = authorship === 'model' ? { sources } : {};
        return settle(turn, person, [{ text, authorship, ...restsOn }], { calls });
      }
      case 'ask': {
        const form = parts.formFor(plan.ask.action, plan.ask.arguments);
        return settle(turn, person, [{ text: plan.question, authorship: plan.authorship, form }], {
          calls,
          ask: plan.ask,
        });
      }
      case 'unavailable':
        return settle(turn, person, [{ text: MODEL_DOWN, authorship: 'system' }], {
          calls,
          unavailable: plan.reason,
        });
    }
  }

  async function proposeAll(
    turn: StoredTurn,
    person: Principal,
    proposals: Proposal[],
    tainted: boolean,
    signal: AbortSignal,
  ) {
    const proposed: Proposed[] = [];
    const refused: Saying[] = [];
    for (const proposal of proposals) {
      const admission = await admitRequest(parts.ephemeral, parts.limits, person.id, proposal.action);
      if (!admission.ok) refused.push(refusal(admission.message));
      else
        proposed.push(
          await propose(
            parts,
            { turn: turn.id, thread: turn.thread, tainted, principal: person },
            proposal,
            signal,
          ),
        );
    }
    return { proposed, refused };
  }

  /** A read on the model's behalf: the whole governed path at once; what comes back is fetched text. */
  async function readNow(
    turn: StoredTurn,
    person: Principal,
    proposal: Proposal,
    tainted: boolean,
    signal: AbortSignal,
  ): Promise<{ ok: boolean; text: string; source?: Source }> {
    const [made] = (await proposeAll(turn, person, [proposal], tainted, signal)).proposed;
    if (!made) return { ok: false, text: 'Too many requests in a short time.' };
    if (made.request.effect !== 'read') return { ok: false, text: 'This is not a read action.' };
    await parts.db.transaction(async (tx) => {
      // The caller runs it at once; should it fall in between, the sweep finds it.
      await parts.announcing.proposed(tx, made, { runNow: true });
    });
    await parts.executor.execute(made.request.id, signal);
    const after = await findRequest(parts.db, made.request.id);
    const answered = { ok: after?.state === 'succeeded', text: parts.mask(readInWords(after)) };
    return answered.ok && after ? { ...answered, source: sourceOf(parts, after) } : answered;
  }

  async function submitted(
    turn: StoredTurn,
    person: Principal,
    content: Extract<StoredTurn['content'], { kind: 'form' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const tool = parts.toolsFor(person).find((candidate) => candidate.name === content.action);
    if (!tool)
      return settle(turn, person, [refusal(`There is no action "${content.action}" that you could use.`)]);
    const parsed = parts.readForm(tool.name, content.arguments);
    if (!parsed.ok) {
      const text = `Please look at the form again: ${parsed.problems.map((it) => `${it.field}: ${it.message}`).join('; ')}.`;
      return settle(turn, person, [
        { text, authorship: 'system', form: parts.formFor(tool.name, content.arguments) },
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
    const { proposed, refused } = await proposeAll(turn, person, [proposal], tainted, signal);
    return settle(turn, person, refused, { proposed });
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
    if (undo.kind !== 'open') return settle(turn, person, [aside(turn, person, NO_UNDO[undo.kind])]);
    const provenance = Object.fromEntries(
      // What the outside system answered, word for word.
      Object.keys(undo.arguments).map((name) => [name, 'fetched' as const]),
    );
    const proposal: Proposal = { action: undo.action, arguments: undo.arguments, provenance, typed: true };
    const { tainted } = await threadState(parts.db, turn.thread, person.id);
    const { proposed, refused } = await proposeAll(turn, person, [proposal], tainted, signal);
    return settle(turn, person, refused, { proposed, takesBack: id });
  }

  /** What a card offers besides deciding: found by what was seen there, then the way of the typed command. */
  async function pressed(
    turn: StoredTurn,
    person: Principal,
    content: Extract<StoredTurn['content'], { kind: 'undo' | 'resolve' | 'report' | 'edit' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const seen = await seenAs(content.rendering);
    if (!seen) return settle(turn, person, [aside(turn, person, OUTDATED)]);
    switch (content.kind) {
      case 'report':
        return settle(turn, person, [], { report: { request: seen.request, words: content.words } });
      case 'undo': {
        const request = await findRequest(parts.db, seen.request);
        if (!request || request.requester === person.id) return takenBack(turn, person, seen.request, signal);
        return settle(turn, person, [aside(turn, person, NOT_YOURS)], { refusedUndo: request });
      }
      case 'resolve': {
        const command = { kind: 'resolve', request: seen.request, as: content.as, note: '' } as const;
        return settle(turn, person, [
          aside(turn, person, (await resolveUnknown(turn, command, person)).words),
        ]);
      }
      case 'edit':
        return changedBy(turn, person, { ...seen, principal: person.id, arguments: content.arguments });
    }
  }

  async function changedBy(turn: StoredTurn, person: Principal, input: EditInput): Promise<void> {
    try {
      const outcome = await change(input, turn.id);
      if (outcome.kind !== 'done') await settle(turn, person, [aside(turn, person, outcome.message)]);
    } catch (error) {
      if (error instanceof SettledBefore) return;
      if (!(error instanceof AppError) || error.code !== 'rate_limited') throw error;
      await settle(turn, person, [aside(turn, person, error.message)]);
    }
  }

  /** Which request a card showed, and under which digest. */
  async function seenAs(rendering: RenderingId): Promise<{ request: RequestId; digest: string } | null> {
    const found = await findByRendering(parts.db, rendering);
    if (found) return { request: found.id, digest: found.digest };
    return findByEarlierRendering(parts.db, rendering);
  }

  async function clicked(
    turn: StoredTurn,
    person: Principal,
    content: Extract<StoredTurn['content'], { kind: 'decision' }>,
  ): Promise<void> {
    const request = await seenAs(content.rendering);
    if (!request) return settle(turn, person, [{ text: OUTDATED, authorship: 'system' }]);
    const became = await parts.db.transaction(async (tx) => {
      if (!(await settleTurn(tx, turn.id, ''))) return null;
      const ruling = await decideInTransaction(
        tx,
        { audit: parts.audit, judge },
        {
          key: turn.id,
          request: request.request,
          principal: person.id,
          decision: content.decision,
          digest: request.digest,
          ...(content.reason === undefined ? {} : { reason: content.reason }),
        },
      );
      await announce(tx, ruling, person.id);
      if (ruling.kind === 'refused' || ruling.kind === 'ignored') {
        await reply(tx, parts, {
          thread: turn.thread,
          turn: turn.id,
          principal: person.id,
          ...aside(turn, person, ruling.message),
        });
        // The card that was clicked may be one that a lost message left behind.
        await touch(tx, parts, ruling.request.id);
      }
      return ruling.kind;
    });
    if (became !== null) parts.decided(content.decision, became);
  }

  async function announce(tx: Tx, ruling: Ruling, by: PrincipalId): Promise<void> {
    switch (ruling.kind) {
      case 'confirmed':
        return parts.announcing.confirmed(tx, ruling.request);
      case 'approved':
        return parts.announcing.approved(tx, ruling.request, by);
      case 'denied':
        return parts.announcing.denied(tx, ruling.request, by, ruling.reason, ruling.byPolicy);
      case 'cancelled':
        return parts.announcing.cancelled(tx, ruling.request);
      case 'ignored':
      case 'refused':
        // A click may be what finds that the time is over.
        if (ruling.expiredNow) await parts.announcing.expired(tx, ruling.request);
        return;
      case 'missing':
        return;
    }
  }

  async function obey(turn: StoredTurn, command: AnsweredCommand, person: Principal): Promise<Answered> {
    switch (command.kind) {
      case 'whoami':
        return inWords(
          `You are ${person.name} (${person.id}), in ${person.groups.join(', ') || 'no group'}.`,
        );
      case 'mine':
      case 'waiting':
      case 'home':
        return inWords(await parts.list(command.kind, person));
      case 'wrong':
        return inWords(`I did not understand that. Write: ${command.usage}`);
      case 'kill-status': {
        const on = await switchesOn(parts.db);
        const lines = on.map((it) => `On for ${scopeInWords(it)}, by ${it.by}: ${it.reason}`);
        return inWords(on.length === 0 ? 'The kill switch is off.' : lines.join('\n'));
      }
      case 'kill':
        return parts.judging.may(person, 'kill')
          ? inWords(await parts.kill(command.to, command, person))
          : { words: 'Only operators may move the kill switch.', refused: true };
      case 'resolve':
        return resolveUnknown(turn, command, person);
      case 'delegate':
        return parts.delegate(command, person);
      case 'on-call':
        return inWords(await parts.onCall(command.schedule));
    }
  }

  async function resolveUnknown(
    turn: StoredTurn,
    command: Extract<ChatCommand, { kind: 'resolve' }>,
    person: Principal,
  ): Promise<Answered> {
    return parts.db.transaction(async (tx) => {
      const request = await lockRequest(tx, command.request);
      if (request?.state !== 'unknown')
        return inWords('There is no request of that id whose outcome is unknown.');
      const mayResolve =
        person.id === request.requester || (await judge.mayApprove(tx, person.id, request)).allowed;
      if (!mayResolve) {
        await recordRefusal(tx, turn, person, request, { decision: 'resolve', why: 'not_entitled' });
        return { words: NOT_THEIRS_TO_SAY, refused: true };
      }
      const event = command.as === 'succeeded' ? 'resolved_succeeded' : 'resolved_failed';
      const message = `${person.name} looked: it ${command.as}.${command.note === '' ? '' : ` ${command.note}`}`;
      const resolved = await move(tx, request.id, event, { code: `resolved_${command.as}`, message });
      if (resolved) await parts.announcing.resolved(tx, resolved, person.id, command.note);
      if (resolved?.state === 'failed') await cancelEnding(tx, resolved.id);
      return inWords('Thank you; that is recorded.');
    });
  }

  /** Stores everything that one turn led to, once. */
  async function settle(
    turn: StoredTurn,
    person: Principal | null,
    sayings: readonly Saying[],
    led: {
      proposed?: Proposed[];
      calls?: ModelCall[];
      ask?: Parameters<typeof rememberAsk>[3];
      unavailable?: string;
      report?: Pick<Report, 'request' | 'words'>;
      /** What the proposal takes back: once, however many ask at the same moment. */
      takesBack?: RequestId;
      /** Somebody else's, that this person wanted to take back. */
      refusedUndo?: StoredRequest;
    } = {},
  ): Promise<void> {
    await parts.db
      .transaction(async (tx) => {
        const words: string[] = [];
        for (const call of led.calls ?? []) await recordModelCall(tx, turn, person, call, led.unavailable);
        if (person) await rememberAsk(tx, turn.thread, person.id, led.ask ?? null);
        const said = [...sayings];
        if (led.report && person) {
          const text = await report(tx, parts, person, { turn: turn.id, ...led.report });
          said.push({ text, authorship: 'system' });
        }
        const taken = led.takesBack && person ? await takenMeanwhile(tx, led.takesBack, person) : null;
        if (taken && person) said.push(aside(turn, person, taken));
        if (led.refusedUndo && person) {
          const what = { decision: 'undo', why: 'not_requester' };
          await recordRefusal(tx, turn, person, led.refusedUndo, what);
        }
        let first: MessageId | null = null;
        for (const saying of said) {
          const id = await reply(tx, parts, {
            thread: turn.thread,
            turn: turn.id,
            principal: person?.id ?? null,
            ...saying,
          });
          first ??= id;
          words.push(saying.text);
        }
        if (person && cameWithFiles(turn)) words.push(await tellOfFiles(tx, turn, person));
        const proposals = taken ? [] : (led.proposed ?? []);
        for (const proposed of proposals) words.push(await parts.announcing.proposed(tx, proposed));
        if (led.takesBack) await touch(tx, parts, led.takesBack);
        if (!(await settleTurn(tx, turn.id, words.join('\n')))) throw new SettledBefore();
        await completeBegun(tx, turn.id, first);
        await notify(tx, { kind: 'thread', thread: turn.thread });
      })
      .catch((error: unknown) => {
        // Another worker was first: everything of this one was rolled back.
        if (!(error instanceof SettledBefore)) throw error;
        return endLeft(turn);
      });
  }

  /** Whose turn was erased while it was answered is not left with half an answer: whoever else settles one completes it. */
  async function endLeft({ id, thread }: StoredTurn): Promise<void> {
    await parts.db.transaction(async (tx) => {
      for (const left of await begunAmong(tx, [id])) {
        const said = { thread, turn: left, principal: null, authorship: 'system' as const, text: ERASED };
        await completeBegun(tx, left, await reply(tx, parts, said));
      }
    });
  }

  /** Once with the answer: nobody shall believe that what they attached was taken into account. */
  async function tellOfFiles(tx: Tx, turn: StoredTurn, person: Principal): Promise<string> {
    const { thread, id } = turn;
    const saying: Saying = { text: FILES_UNREAD, authorship: 'system' };
    await reply(tx, parts, { thread, turn: id, principal: person.id, ...saying });
    return FILES_UNREAD;
  }

  /** Asked again with the row locked, so that of two presses at once one finds what the other did. */
  async function takenMeanwhile(tx: Tx, id: RequestId, person: Principal): Promise<string | null> {
    const request = await lockRequest(tx, id);
    if (!request) return NO_UNDO.none;
    const undo = await undoOf(tx, parts, request, person.id);
    return undo.kind === 'open' ? null : NO_UNDO[undo.kind];
  }

  async function recordRefusal(
    tx: Tx,
    turn: StoredTurn,
    person: Principal,
    request: StoredRequest,
    what: { decision: string; why: string },
  ): Promise<void> {
    await parts.audit.append(tx, {
      type: 'approval.refused',
      turn: turn.id,
      request: request.id,
      principal: person.id,
      data: { digest: request.digest, ...what },
    });
  }

  async function recordModelCall(
    tx: Tx,
    turn: StoredTurn,
    person: Principal | null,
    call: ModelCall,
    problem?: string,
  ) {
    const about = { turn: turn.id, ...(person ? { principal: person.id } : {}) };
    await parts.audit.append(tx, {
      type: 'model.called',
      ...about,
      data: { model: call.model, rounds: call.rounds },
    });
    await parts.audit.append(tx, {
      type: 'model.answered',
      ...about,
      data: {
        model: call.model,
        inputTokens: call.inputTokens,
        outputTokens: call.outputTokens,
        durationMs: Math.round(call.durationMs),
        ...(problem === undefined ? {} : { problem }),
      },
    });
  }
}

class SettledBefore extends Error {}

const NO_SUCH_REQUEST = { kind: 'missing', message: 'There is no such request.' } as const;

/** What a command was answered; `refused`: this person may not. */
export type Answered = { words: string; refused: boolean };
const inWords = (words: string): Answered => ({ words, refused: false });

/** Whoever asked may not, or is not known: where others read along, that is nobody else's concern. */
const refusal = (text: string): Saying => ({ text, authorship: 'system', forAsker: true });

/** What concerns one person: where others may read it all the same, it says whom it is meant for. */
function aside({ place }: StoredTurn, { name }: Principal, words: string): Saying {
  return refusal(place.direct ? words : `${name}: ${words}`);
}

const OUTDATED = 'That card is out of date; nothing was changed.';
const NOT_THEIRS_TO_SAY = 'Only its requester or somebody who may approve it can say what became of it.';
const NOT_YOURS = 'Only whoever asked for it can take it back.';
const NO_UNDO = {
  none: 'There is no request of yours with that id that could be taken back.',
  late: 'The time to take that back is over. Ask for what should be done instead.',
  taken_back: 'That is taken back already, or on its way.',
} as const;

const SORRY =
  'Something went wrong on my side; nothing was done. Operators can see what it was. Please try again.';
const MODEL_DOWN =
  'I cannot reach my language model right now, so plain words do not get through. Typed commands work: write "help".';

const STOPPED = 'Stopped, as you asked.';
const ERASED = 'Erased.';
const FILES_UNREAD = 'I do not read files: only the words of your message counted.';
const cameWithFiles = ({ content, problem }: StoredTurn): boolean =>
  problem === null && content.kind === 'message' && content.files !== undefined;

const INACTIVE =
  'Your account is switched off in the directory, so I may not do anything for you. Ask an operator if that is a mistake.';

/** Denied, and how to be let in. */
function strangerInWords(account: Account): string {
  const id =
    account.platform === 'slack'
      ? `Slack ${account.enterprise === null ? '' : `organisation ${account.enterprise}, `}workspace ${account.team}, user ${account.user}`
      : account.platform === 'teams'
        ? `Teams tenant ${account.tenant}, user ${account.user}`
        : `${account.issuer}, ${account.subject}`;
  return `I do not know you, so I may not do anything for you. Ask an operator to add this account to the directory: ${id}.`;
}

/** Names and addresses of sources are cut, never an answer. */
const SOURCE_REF_MAX = 120;
const SOURCE_URL_MAX = 2_000;

/** What was read, for whoever reads the answer: only an address that its connector gave, and only on the web. */
function sourceOf(parts: Pick<PipelineParts, 'titleOf' | 'mask'>, request: StoredRequest): Source {
  const link = request.result?.link ?? '';
  const isWeb = /^https?:\/\//.test(link) && link.length <= SOURCE_URL_MAX && URL.canParse(link);
  const ref = parts.mask(request.resource.id).slice(0, SOURCE_REF_MAX).toWellFormed();
  return { title: parts.titleOf(request.action), ref, url: isWeb ? link : null };
}

function readInWords(request: StoredRequest | null): string {
  if (!request?.result) return 'No answer.';
  const { message, output, data } = request.result;
  return [message, output, data === undefined ? undefined : JSON.stringify(data)]
    .filter((it) => it !== undefined)
    .join('\n');
}

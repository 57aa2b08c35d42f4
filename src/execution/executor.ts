/**
 * From approved to an outcome that can be believed. Checks everything once more, claims, runs in a sandbox, and
 * after a crash tells apart what cannot have happened, what certainly has, and what only a person can say.
 */
import { z } from 'zod';
import type { GovernedAction, Look, RunResult } from '../action.ts';
import { AppError } from '../errors.ts';
import type { PrincipalId, RequestId } from '../model/ids.ts';
import type { IsolationLevel, Json, Result, StoredRequest } from '../model/request.ts';
import { Json as JsonSchema, Preview, Result as ResultSchema } from '../model/request.ts';
import type { Sql, Tx } from '../store/database.ts';
import { type Attempt, type AttemptDeps, type Attempted, attempt } from './attempt.ts';
import { isRefusalReason } from './broker/refusal.ts';
import { declare, inPhase } from './broker/rules.ts';
import { whileHeld } from './holding.ts';
import {
  abandoned,
  appendOutput,
  type Claim,
  claimAbandoned,
  claimApproved,
  countFailedLook,
  finish,
  intentsOf,
  isSwitchedOff,
  type LastLook,
  quietFor,
  renewLease,
  storeHandle,
} from './lease.ts';
import { isEnough, leastLevel } from './levels.ts';
import {
  LOOK_AT_LEAST_EVERY_SECONDS,
  LOOK_AT_OURS_SECONDS,
  pauseAfter,
  pauseAfterFailed,
} from './look-pause.ts';
import { leaveBehind } from './minted-tokens.ts';
import type { CallName } from './sandbox/call.ts';
import type { SandboxOutcome } from './sandbox/outcome.ts';
import { EXECUTION_BUDGET, usedUpResult } from './spending.ts';
import { type Unknown, unknownOutcome } from './what-to-check.ts';

/** For how long every look may fail before a person is asked: longer than an outage or a night, and bounded. */
const BLIND_SECONDS = 24 * 60 * 60;
/** How many abandoned executions one sweep takes over. */
const SWEEP_AT_MOST = 20;

/** Why an approved request does not run after all; `code` is what `result.code` says. */
export type Obstacle = { code: string; message: string; event: 'checks_failed' | 'cancelled' | 'expired' };

export type ExecutorDeps = AttemptDeps & {
  /** The level that the self-attack established, and whether `process` is accepted. */
  isolation(): { level: IsolationLevel; acceptProcess: boolean };
  governed(action: string): GovernedAction | null;
  nameOf(principal: PrincipalId): Promise<string>;
  /** Keyed mark of an execution, for `reconcile`. */
  markOf(execution: string): string;
  find(sql: Sql, id: RequestId): Promise<StoredRequest | null>;
  /** Digest recomputed, approvals and confirmation verified and covered by a signed checkpoint. */
  verifyEvidence(request: StoredRequest, signal: AbortSignal): Promise<Obstacle | null>;
  /** Policy, groups and obligations of this moment, inside the claim's transaction. */
  permittedNow(tx: Tx, request: StoredRequest): Promise<{ obstacle: Obstacle | null; evidence: Json }>;
  /** Ends an approved request that does not run. */
  stop(tx: Tx, request: StoredRequest, obstacle: Obstacle): Promise<void>;
  /** Everything that belongs to a start or an end in the same transaction: entries, cards, replies. */
  started(tx: Tx, request: StoredRequest, claim: Claim, evidence: Json): Promise<void>;
  finished(
    tx: Tx,
    request: StoredRequest,
    state: 'succeeded' | 'failed' | 'unknown',
    result: Result,
  ): Promise<void>;
  progressed(request: StoredRequest): Promise<void>;
  /** Queues the next look. */
  lookAgain(tx: Tx, request: RequestId, afterSeconds: number): Promise<void>;
};

export type Executor = {
  /** Resolves and pins; reads only. `AppError('action_failed')` with words for people where it cannot. */
  preview(
    spec: Omit<
      Attempt,
      'call' | 'claim' | 'share' | 'handle' | 'pinned' | 'mark' | 'idempotencyKey' | 'onProgress'
    >,
  ): Promise<z.output<typeof Preview>>;
  execute(id: RequestId, signal: AbortSignal): Promise<void>;
  follow(id: RequestId, signal: AbortSignal): Promise<void>;
  /** Takes over what a dead process left behind; answers how many. */
  recover(signal: AbortSignal): Promise<number>;
};

const RunResultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('done'), result: ResultSchema }),
  z.strictObject({ kind: z.literal('failed'), result: ResultSchema }),
  z.strictObject({ kind: z.literal('unclear'), result: ResultSchema }),
  z.strictObject({
    kind: z.literal('running'),
    handle: z.record(z.string(), JsonSchema),
    message: z.string(),
  }),
]) as unknown as z.ZodType<RunResult>;
const LookSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('running'),
    handle: z.record(z.string(), JsonSchema),
    output: z.string(),
  }),
  z.strictObject({ kind: z.literal('done'), result: ResultSchema, output: z.string() }),
  z.strictObject({ kind: z.literal('failed'), result: ResultSchema, output: z.string() }),
  z.strictObject({ kind: z.literal('unclear'), result: ResultSchema, output: z.string() }),
]) as unknown as z.ZodType<Look>;
/** A sentence, with whose it is. */
const RefusalSchema = z.strictObject({ refused: z.string().min(1).max(700) });
const ReconciliationSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('happened'), outcome: RunResultSchema }),
  z.strictObject({ kind: z.literal('cannot_tell') }),
]);

export function createExecutor(deps: ExecutorDeps): Executor {
  const looking = new Map<RequestId, Promise<void>>();

  return {
    async preview(spec) {
      const answer = await attempt(deps, {
        ...spec,
        call: 'preview',
        claim: null,
        share: null,
        handle: {},
        pinned: {},
        mark: '',
        idempotencyKey: '',
        onProgress: () => undefined,
      });
      if (answer.kind === 'failed') throw new AppError('action_failed', answer.message);
      const refusal = RefusalSchema.safeParse(answer.value);
      if (refusal.success) throw new AppError('action_failed', refusal.data.refused);
      const preview = Preview.safeParse(answer.value);
      if (!preview.success)
        throw new AppError('action_failed', 'The preview did not come in the agreed form.');
      return preview.data;
    },

    async execute(id, signal) {
      const request = await deps.find(deps.db, id);
      if (request?.state !== 'approved') return;
      const obstacle = await preflight(deps, request, signal);
      // What a stop broke off says nothing about the request: it stays approved, and its job is given back.
      signal.throwIfAborted();
      if (obstacle) return deps.db.transaction((tx) => deps.stop(tx, request, obstacle));
      const claim = await claimOrStop(deps, request);
      if (claim) await runClaimed(deps, request, claim, signal);
    },

    async follow(id, signal) {
      const current = looking.get(id);
      if (current) return current;
      const look = lookOnce(deps, id, signal).finally(() => looking.delete(id));
      looking.set(id, look);
      return look;
    },

    async recover(signal) {
      const ids = await abandoned(deps.db, SWEEP_AT_MOST);
      const failures: unknown[] = [];
      for (const id of ids) {
        if (signal.aborted) break;
        // One that cannot be taken over must not keep the others from it.
        await takeOver(deps, id, signal).catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0) throw failures[0];
      return ids.length;
    },
  };
}

/** Everything that can be checked before the claim, cheapest first. */
async function preflight(
  deps: ExecutorDeps,
  request: StoredRequest,
  signal: AbortSignal,
): Promise<Obstacle | null> {
  const failed = (code: string, message: string): Obstacle => ({ code, message, event: 'checks_failed' });
  const governed = deps.governed(request.action);
  if (!governed || governed.connector.name !== request.connector) {
    return failed('action_gone', `${request.action} is no longer served by ${request.connector}.`);
  }
  const { level, acceptProcess } = deps.isolation();
  const least = leastLevel(request.risk, request.obligations, { process: acceptProcess });
  if (!isEnough(level, least)) {
    return failed(
      'isolation_too_low',
      `This must run isolated at least at level "${least}"; this machine reaches "${level}".`,
    );
  }
  if (deps.bundleOf(request.connector).sha256 !== request.codeDigest) {
    return failed('code_changed', "The action's code is not what was approved. Ask for it again.");
  }
  const evidence = await evidenceOf(deps, request, governed, signal);
  if (evidence) return evidence;
  if (riskOf(governed, request) !== request.risk) {
    return failed('risk_changed', 'Its risk is not what it was when it was asked for. Ask for it again.');
  }
  return request.effect === 'write' ? pinnedStillHolds(deps, request, governed, signal) : null;
}

/** The risk as it is now: from the arguments and the operator's settings, not from what is stored. */
function riskOf(
  { action, connector, settings }: GovernedAction,
  request: StoredRequest,
): StoredRequest['risk'] {
  const facts = {
    connector: connector.name,
    settings: connector.facts(action.operation, request.arguments, settings),
  };
  return action.risk(request.arguments, facts);
}

/** Whether what is stored is what was approved, by whom it had to be. */
async function evidenceOf(
  deps: ExecutorDeps,
  request: StoredRequest,
  governed: GovernedAction,
  signal: AbortSignal,
): Promise<Obstacle | null> {
  // Stored beside what the digest binds: a write that calls itself a read would need no evidence.
  if (governed.action.effect !== request.effect) {
    const message = 'What is stored is not what was approved. Operators have been told.';
    return { code: 'digest_mismatch', message, event: 'checks_failed' };
  }
  return deps.verifyEvidence(request, signal);
}

/** What was pinned in the preview must still be what the outside system says. */
async function pinnedStillHolds(
  deps: ExecutorDeps,
  request: StoredRequest,
  governed: GovernedAction,
  signal: AbortSignal,
): Promise<Obstacle | null> {
  const pinned = request.preview?.pinned ?? {};
  if (Object.keys(pinned).length === 0) return null;
  const answer = await call(
    deps,
    request,
    governed,
    { call: 'preview', claim: null, pinned: {}, handle: {} },
    signal,
  );
  const now = answer.kind === 'answered' ? Preview.safeParse(answer.value) : null;
  if (answer.kind === 'failed' && answer.usedUp !== null)
    return { ...usedUpResult(answer.usedUp), event: 'checks_failed' };
  if (!now?.success) {
    const refusal = answer.kind === 'answered' ? RefusalSchema.safeParse(answer.value) : null;
    const message = refusal?.success
      ? refusal.data.refused
      : 'What it would act on could not be looked up again.';
    return { code: 'preview_failed', message, event: 'checks_failed' };
  }
  for (const [name, value] of Object.entries(pinned)) {
    if (now.data.pinned[name] === value) continue;
    return {
      code: 'pinned_moved',
      message: `The ${name} has moved since it was approved (${value.slice(0, 12)}). Ask for it again to approve what is there now.`,
      event: 'checks_failed',
    };
  }
  return null;
}

async function claimOrStop(deps: ExecutorDeps, request: StoredRequest): Promise<Claim | null> {
  return deps.db.transaction(async (tx) => {
    const { obstacle, evidence } = await deps.permittedNow(tx, request);
    if (obstacle) {
      await deps.stop(tx, request, obstacle);
      return null;
    }
    const claim = await claimApproved(tx, request, deps.isolation().level);
    if (claim) await deps.started(tx, request, claim, evidence);
    return claim;
  });
}

async function runClaimed(
  deps: ExecutorDeps,
  request: StoredRequest,
  claim: Claim,
  signal: AbortSignal,
): Promise<void> {
  const governed = deps.governed(request.action)!;
  await runOnce(deps, request, claim, governed, signal, true);
}

async function runOnce(
  deps: ExecutorDeps,
  request: StoredRequest,
  claim: Claim,
  governed: GovernedAction,
  signal: AbortSignal,
  mayTryAgain: boolean,
): Promise<void> {
  const pinned = request.preview?.pinned ?? {};
  const answer = await withLease(deps, claim, signal, (held) =>
    call(deps, request, governed, { call: 'run', claim, pinned, handle: {} }, held),
  );
  const outcome = withItsReason(asRunResult(answer), answer);
  const isGood = outcome.kind === 'done' || outcome.kind === 'running';
  // Its code cannot know what nobody was told: a write that was never answered is no success.
  if (isGood && answer.unanswered > 0)
    return settleUncertain(deps, request, claim, governed, signal, mayTryAgain, linkOf(outcome));
  return conclude(deps, request, claim, governed, outcome, signal, mayTryAgain);
}

/** Turns what the sandbox said into a run's result; whatever is not in the agreed form is a failure with a code. */
function asRunResult(answer: SandboxOutcome): RunResult {
  if (answer.kind === 'failed')
    return { kind: 'failed', result: { code: answer.code, message: answer.message } };
  const parsed = RunResultSchema.safeParse(answer.value);
  if (parsed.success) return parsed.data;
  return {
    kind: 'failed',
    result: { code: 'bad_answer', message: 'The action did not answer in the agreed form.' },
  };
}

/** What its code says of a refusal that ended it is seldom why; a failure that stands for itself is left as it is. */
function withItsReason(outcome: RunResult, { usedUp }: Attempted): RunResult {
  if (usedUp === null || outcome.kind !== 'failed') return outcome;
  const { code } = outcome.result;
  const isFor = code === EXECUTION_BUDGET || SANDBOX_CODES.has(code);
  return isFor ? { kind: 'failed', result: usedUpResult(usedUp) } : outcome;
}

async function conclude(
  deps: ExecutorDeps,
  request: StoredRequest,
  claim: Claim,
  governed: GovernedAction,
  outcome: RunResult,
  signal: AbortSignal,
  mayTryAgain: boolean,
): Promise<void> {
  switch (outcome.kind) {
    case 'running':
      await deps.db.transaction(async (tx) => {
        if (await storeHandle(tx, claim, null, outcome.handle, '', 0))
          await deps.lookAgain(tx, request.id, 0);
      });
      await deps.progressed(request);
      return;
    case 'done':
      await end(deps, request, claim, 'succeeded', outcome.result);
      return;
    case 'unclear':
      await end(deps, request, claim, 'unknown', outcome.result);
      return;
    case 'failed': {
      // A stop, or a claim that is lost: what this was is left to whoever takes over.
      if (signal.aborted || !(await renewLease(deps.db, claim))) return;
      const intents = await intentsOf(deps.db, request.id);
      const cameBack =
        !SANDBOX_CODES.has(outcome.result.code) && intents.unanswered === 0 && intents.serverErrors === 0;
      if (intents.total === 0 || cameBack) {
        const isKilled = intents.total === 0 && (await isSwitchedOff(deps.db, request));
        await end(deps, request, claim, 'failed', isKilled ? KILLED : outcome.result);
        return;
      }
      return settleUncertain(deps, request, claim, governed, signal, mayTryAgain, linkOf(outcome));
    }
  }
}

const KILLED: Result = {
  code: 'kill_switch',
  message: 'The kill switch stopped it before anything was sent.',
};

/** Codes with which a run ends without the action's own word for it. */
const SANDBOX_CODES = new Set([
  'timeout',
  'out_of_memory',
  'output_limit',
  'crashed',
  'killed',
  'bad_answer',
  'threw',
  'isolation_too_low',
  EXECUTION_BUDGET,
]);

/**
 * A write left and nobody knows what became of it. Where the upstream enforces a key it is sent again with it;
 * otherwise only finding it proves anything, and not finding it proves nothing.
 */
async function settleUncertain(
  deps: ExecutorDeps,
  request: StoredRequest,
  claim: Claim,
  governed: GovernedAction,
  signal: AbortSignal,
  mayTryAgain: boolean,
  link?: string,
): Promise<void> {
  const pinned = request.preview?.pinned ?? {};
  if (governed.operation.idempotency !== 'none' && mayTryAgain) {
    return runOnce(deps, request, claim, governed, signal, false);
  }
  // It looks for this claim's mark; the request may have been read before there was a claim.
  const marked = { ...request, execution: claim.execution };
  const answer = await withLease(deps, claim, signal, (held) =>
    call(deps, marked, governed, { call: 'reconcile', claim: null, pinned, handle: {} }, held),
  );
  const found = answer.kind === 'answered' ? ReconciliationSchema.safeParse(answer.value) : null;
  if (found?.success && found.data.kind === 'happened' && found.data.outcome.kind !== 'failed') {
    return conclude(deps, request, claim, governed, found.data.outcome, signal, false);
  }
  // A stop, or a claim that is lost, is no answer: whoever takes over asks again.
  if (signal.aborted) return;
  const how = answer.usedUp !== null ? { sentAndUsedUp: answer.usedUp } : 'sent';
  await end(deps, request, claim, 'unknown', toCheck(deps, how, request, claim, link));
}

const linkOf = (outcome: RunResult): string | undefined =>
  outcome.kind === 'running' ? undefined : outcome.result.link;

function toCheck(
  deps: ExecutorDeps,
  how: Unknown,
  request: StoredRequest,
  claim: Claim,
  link?: string,
): Result {
  const governed = deps.governed(request.action);
  const serves = governed?.connector.name === request.connector ? governed : null;
  return unknownOutcome(how, request, serves, deps.markOf(claim.execution), link);
}

async function end(
  deps: ExecutorDeps,
  request: StoredRequest,
  claim: Claim,
  state: 'succeeded' | 'failed' | 'unknown',
  result: Result,
  look: LastLook | null = null,
): Promise<boolean> {
  return deps.db.transaction(async (tx) => {
    const isOurs = await finish(tx, claim, state, result, look);
    if (isOurs) await deps.finished(tx, request, state, result);
    return isOurs;
  });
}

const ENDS = { done: 'succeeded', failed: 'failed', unclear: 'unknown' } as const;

/** One look at something that goes on elsewhere. */
async function lookOnce(deps: ExecutorDeps, id: RequestId, signal: AbortSignal): Promise<void> {
  const request = await deps.find(deps.db, id);
  if (request?.state !== 'executing' || !request.handle || !request.execution) return;
  const governed = deps.governed(request.action);
  // Another system knows nothing of this handle; whoever takes the claim over asks a person.
  if (governed?.connector.name !== request.connector) return;
  const { execution, fence } = request;
  const claim: Claim = { request: id, execution, fence, level: request.level ?? 'none' };
  const answer = await lookWith(deps, { ...request, handle: request.handle }, claim, governed, signal);
  const look = answer.kind === 'answered' ? LookSchema.safeParse(answer.value) : null;
  const seen: Look | null = look?.success && !saysNothing(look.data) ? look.data : null;
  if (seen === null && answer.usedUp !== null) {
    // No other look could see anything either.
    const unseen = toCheck(deps, { looksUsedUp: answer.usedUp }, request, claim);
    await end(deps, request, claim, 'unknown', unseen, { handle: request.handle, output: '' });
    return;
  }
  if (seen === null) return lookedInVain(deps, { ...request, handle: request.handle }, claim, governed);
  if (seen.kind === 'running') {
    await deps.db.transaction(async (tx) => {
      const pause = await pauseBefore(tx, { ...request, handle: seen.handle }, governed);
      await storeHandle(tx, claim, request.handle, seen.handle, seen.output, pause);
      await deps.lookAgain(tx, id, pause);
    });
    if (seen.output !== '') await deps.progressed(request);
    return;
  }
  const last = { handle: request.handle, output: seen.output };
  const ended = ENDS[seen.kind];
  if (await end(deps, request, claim, ended, seen.result, last)) return;
  await deps.db.transaction((tx) => deps.lookAgain(tx, id, 0));
}

type Followed = StoredRequest & { handle: Record<string, Json> };

/** How long the next look waits: not at all long where it is to stop something, and while the effect of a stop is awaited. */
async function pauseBefore(tx: Tx, next: Followed, governed: GovernedAction): Promise<number> {
  if (governed.connector.builtIn || asksToWrite(next, governed)) return LOOK_AT_OURS_SECONDS;
  return pauseAfter(await quietFor(tx, next.id));
}

/** Looks once: with the claim where the handle asks for a write that looks may send, and with reads only otherwise. */
async function lookWith(
  deps: ExecutorDeps,
  request: Followed,
  claim: Claim,
  governed: GovernedAction,
  signal: AbortSignal,
): Promise<Attempted> {
  const { handle } = request;
  const look = (held: Claim | null, until: AbortSignal): Promise<Attempted> =>
    call(
      deps,
      request,
      governed,
      { call: 'follow', claim: held, pinned: request.preview?.pinned ?? {}, handle },
      until,
    );
  const mayWrite = asksToWrite(request, governed) && (await isStillApproved(deps, request, governed, signal));
  // A claim that is lost by now writes nothing; whoever took it over looks too.
  if (!(await renewLease(deps.db, claim))) return look(null, signal);
  // Held by every look, as a slow system may take longer to answer than a claim holds by itself.
  return withLease(deps, claim, signal, (held) => look(mayWrite ? claim : null, held));
}

/** Whether this handle fills a write that the operation declares for looks. Asked first: most looks write nothing. */
function asksToWrite(request: Followed, { action, operation, settings }: GovernedAction): boolean {
  if (action.effect !== 'write' || (operation.followWrites ?? 0) === 0) return false;
  const { arguments: args, handle, requester } = request;
  const writes = inPhase(operation.egress, 'follow').filter((rule) => rule.effect === 'write');
  const pinned = request.preview?.pinned ?? {};
  // Only whether it can be filled is asked here; what it says is filled when the door is opened.
  return declare(writes, { args, handle, pinned, settings, mark: 'mark', requester }).length > 0;
}

/** A row can be forged, and code exchanged: what a look sends is part of what was approved, to the byte of its code. */
async function isStillApproved(
  deps: ExecutorDeps,
  request: StoredRequest,
  governed: GovernedAction,
  signal: AbortSignal,
): Promise<boolean> {
  if (governed.connector.name !== request.connector) return false;
  if (deps.bundleOf(request.connector).sha256 !== request.codeDigest) return false;
  return (await evidenceOf(deps, request, governed, signal)) === null;
}

/** Ends of a look that speak of the way there only: the system did not let us see. */
const NOT_SEEN = new Set(['rate_limited', 'upstream_unauthorized', 'upstream_forbidden']);

function saysNothing(look: Look): boolean {
  return look.kind === 'failed' && (NOT_SEEN.has(look.result.code) || isRefusalReason(look.result.code));
}

/** A look that failed says nothing about what it looked at: another one later, and after a day a person's. */
async function lookedInVain(
  deps: ExecutorDeps,
  request: Followed,
  claim: Claim,
  governed: GovernedAction,
): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const failed = await countFailedLook(tx, claim, request.handle, LOOK_AT_LEAST_EVERY_SECONDS);
    if (failed && failed.forSeconds > BLIND_SECONDS) {
      const unseen = toCheck(deps, 'unseen', request, claim);
      if (await finish(tx, claim, 'unknown', unseen)) await deps.finished(tx, request, 'unknown', unseen);
      return;
    }
    const usual = await pauseBefore(tx, request, governed);
    await deps.lookAgain(tx, request.id, pauseAfterFailed(failed?.count ?? 1, usual));
  });
}

/** After a crash: what did its intents say? */
async function takeOver(deps: ExecutorDeps, id: RequestId, signal: AbortSignal): Promise<void> {
  const claim = await deps.db.transaction(async (tx) => {
    const taken = await claimAbandoned(tx, id);
    if (taken) await leaveBehind(tx, id);
    return taken;
  });
  const request = claim && (await deps.find(deps.db, id));
  if (!claim || !request) return;
  const intents = await intentsOf(deps.db, id);
  if (request.handle === null && intents.total === 0) return beginAgain(deps, request, claim, signal);
  const governed = deps.governed(request.action);
  if (governed?.connector.name !== request.connector) {
    await end(deps, request, claim, 'unknown', toCheck(deps, 'sent', request, claim));
    return;
  }
  if (request.handle !== null) return deps.db.transaction((tx) => deps.lookAgain(tx, id, 0));
  // What is sent again must be what was approved, to the byte of its code; finding what it did only reads.
  const isSameCode = deps.bundleOf(request.connector).sha256 === request.codeDigest;
  if (isSameCode) {
    // A row and an intent can be forged together; nothing is sent for them either.
    const obstacle = await withLease(deps, claim, signal, (held) =>
      evidenceOf(deps, request, governed, held),
    );
    if (signal.aborted) return;
    if (obstacle) {
      await end(deps, request, claim, 'unknown', { code: obstacle.code, message: obstacle.message });
      return;
    }
  }
  return settleUncertain(deps, request, claim, governed, signal, isSameCode);
}

/** Nothing has left: it starts anew, if all that was asked before the first start still holds. */
async function beginAgain(
  deps: ExecutorDeps,
  request: StoredRequest,
  claim: Claim,
  signal: AbortSignal,
): Promise<void> {
  const obstacle =
    (await withLease(deps, claim, signal, (held) => preflight(deps, request, held))) ??
    (await deps.db.transaction((tx) => deps.permittedNow(tx, request))).obstacle;
  if (signal.aborted || !(await renewLease(deps.db, claim))) return;
  if (!obstacle) return runClaimed(deps, request, claim, signal);
  await end(deps, request, claim, 'failed', { code: obstacle.code, message: obstacle.message });
}

/** Keeps the claim while `work` runs; aborts the work as soon as the claim is lost. */
const withLease = <T>(
  deps: ExecutorDeps,
  claim: Claim,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => whileHeld(() => renewLease(deps.db, claim), signal, work);

/** What policy and risk ask for, and for a run no less than what the log says it runs at. */
function leastOf(deps: ExecutorDeps, request: StoredRequest, claim: Claim | null): IsolationLevel {
  const least = leastLevel(request.risk, request.obligations, { process: deps.isolation().acceptProcess });
  return claim && isEnough(claim.level, least) ? claim.level : least;
}

async function call(
  deps: ExecutorDeps,
  request: StoredRequest,
  governed: GovernedAction,
  what: { call: CallName; claim: Claim | null; pinned: Record<string, string>; handle: Record<string, Json> },
  signal: AbortSignal,
): Promise<Attempted> {
  const execution = what.claim?.execution ?? request.execution;
  return attempt(deps, {
    ...what,
    share: what.call === 'follow' ? 'looks' : 'run',
    governed,
    turn: request.turn,
    request: request.id,
    args: request.arguments,
    requester: { id: request.requester, name: await deps.nameOf(request.requester) },
    mark: execution ? deps.markOf(execution) : '',
    idempotencyKey: execution ?? '',
    least: leastOf(deps, request, what.claim),
    onProgress: (line) => {
      if (!what.claim) return;
      appendOutput(deps.db, what.claim, `${line}\n`)
        .then(() => deps.progressed(request))
        // Progress is a courtesy; a database that is gone stops the run elsewhere.
        .catch(() => undefined);
    },
    signal,
  });
}

/**
 * One call of action code: a fresh sandbox, a fresh door to the broker, every request recorded. Previews, looks and
 * reconciliations get a door for reads only, but for a look that was given the claim; every write commits its intent first.
 */
import type { EgressRule, GovernedAction } from '../action.ts';
import type { AuditLog } from '../audit/log.ts';
import type { PrincipalId, RequestId, TurnId } from '../model/ids.ts';
import type { IsolationLevel, Json } from '../model/request.ts';
import { storable } from '../model/storable.ts';
import type { Database, Tx } from '../store/database.ts';
import { attributed } from './attributed.ts';
import type { Broker } from './broker/broker.ts';
import { type BrokerHooks, DEFAULT_BUDGETS, type Quantity } from './broker/call.ts';
import { inPhase } from './broker/rules.ts';
import { type Claim, commitIntent, NEVER_LEFT, type Sender, settleIntent } from './lease.ts';
import type { Sealing } from './minted-tokens.ts';
import type { Bundle } from './sandbox/bundle.ts';
import type { CallName } from './sandbox/call.ts';
import { DEFAULT_LIMITS } from './sandbox/limits.ts';
import type { SandboxOutcome } from './sandbox/outcome.ts';
import type { SandboxRun } from './sandbox/sandbox.ts';
import {
  EXECUTION_BUDGET,
  leftOf,
  quantityIn,
  type Share,
  spend,
  usedUpInWords,
  usedUpOf,
} from './spending.ts';
import { mintingFor } from './token-entries.ts';

export type AttemptDeps = {
  db: Database;
  audit: AuditLog;
  broker: Pick<Broker, 'open'>;
  /** Launches at the level in force, and not at all where that is below `least`. */
  sandbox: { run(run: SandboxRun, least: IsolationLevel): Promise<SandboxOutcome> };
  bundleOf(connector: string): Bundle;
  /** For tokens that are made on demand, until they are taken back. */
  sealing: Sealing;
  /** Masks the secrets in what an outside system printed: it is kept, shown in threads and read by the model. */
  mask(text: string): string;
  /** What went wrong inside, for operators: bounded, untrusted, never shown to people or the model. */
  troubled(about: { request: RequestId; call: CallName; code: string; detail: string }): void;
  /** What operators should be told now, in our words. Absent where nobody can be. */
  alarmed?(about: { request: RequestId; code: string; message: string }): void;
};

export type Attempt = {
  call: CallName;
  governed: GovernedAction;
  turn: TurnId;
  request: RequestId;
  args: Record<string, Json>;
  pinned: Record<string, string>;
  handle: Record<string, Json>;
  requester: { id: PrincipalId; name: string };
  mark: string;
  idempotencyKey: string;
  /** Of a run, and of a look that may send what its operation declares for looks; without one nothing may be written. */
  claim: Claim | null;
  /** What of its execution's budgets it is counted in; null before there is an execution. */
  share: Share | null;
  /** What it must be isolated at, at least, when it is launched. */
  least: IsolationLevel;
  onProgress: (line: string) => void;
  signal: AbortSignal;
};

/**
 * `unanswered`: writes of this call that left and were not answered, whatever its code says. `usedUp`: what of its execution's
 * budgets was used up before or while it ran; null where something of everything was left. `unseen`: of something that it asked it was
 * not told, because of the way there or because the outside system would not say now; what was not found may be there then.
 */
export type Attempted = SandboxOutcome & { unanswered: number; usedUp: Quantity | null; unseen: boolean };

/** What a run may take besides the one call that takes longest. */
const BESIDE_ONE_CALL_MS = DEFAULT_LIMITS.wallMs - DEFAULT_BUDGETS.callMs;

type Writing = { rules: readonly EgressRule[]; writes: number; sender: Sender };

/** What this call may write, by which rules; null where it gets a door for reads only. */
function writingOf({ call, claim, governed: { action, operation } }: Attempt): Writing | null {
  if (claim === null || action.effect !== 'write') return null;
  const atMost = operation.followWrites ?? 0;
  if (call === 'run')
    return {
      rules: inPhase(operation.egress, 'run'),
      writes: operation.writes,
      sender: { phase: 'run' },
    };
  if (call !== 'follow' || atMost === 0) return null;
  return { rules: inPhase(operation.egress, 'follow'), writes: atMost, sender: { phase: 'follow', atMost } };
}

/** Runs one call in a single-use sandbox and closes its door behind it. Nothing runs where its execution has nothing left to spend. */
export async function attempt(deps: AttemptDeps, spec: Attempt): Promise<Attempted> {
  const { governed } = spec;
  const left = spec.share === null ? undefined : await leftOf(deps.db, spec.request, spec.share);
  const none = left === undefined ? null : usedUpOf(left);
  if (none !== null) return notBegun(deps, spec, none);
  const requester = `${spec.requester.id} (${spec.requester.name})`;
  const writing = writingOf(spec);
  const answerMs = spec.call === 'run' ? governed.operation.answerMs : undefined;
  const { hooks, unanswered, usedUp, unseen } = hooksFor(deps, spec, writing?.sender ?? null);
  const door = deps.broker.open({
    rules: writing?.rules ?? governed.operation.egress,
    values: {
      args: spec.args,
      pinned: spec.pinned,
      handle: spec.handle,
      settings: governed.settings,
      mark: spec.mark,
      requester,
    },
    phase: writing === null ? 'read-only' : 'full',
    writes: writing?.writes ?? 0,
    idempotencyKey: spec.idempotencyKey,
    ...(left === undefined ? {} : { left }),
    ...(answerMs === undefined ? {} : { budgets: { callMs: answerMs } }),
    minting: mintingFor(deps, spec),
    hooks,
  });
  const heard = () => ({ unanswered: unanswered(), usedUp: usedUp(), unseen: unseen() });
  try {
    const run: SandboxRun = {
      bundle: deps.bundleOf(governed.connector.name),
      job: {
        call: spec.call,
        operation: governed.action.operation,
        input: spec.call === 'follow' ? spec.handle : spec.args,
        settings: governed.settings,
        pinned: spec.pinned,
        mark: spec.mark,
        requester,
        idempotencyKey: spec.idempotencyKey,
      },
      door: (stream) => door.attach(stream),
      ...(answerMs === undefined ? {} : { limits: { wallMs: answerMs + BESIDE_ONE_CALL_MS } }),
      onProgress: (line) => spec.onProgress(deps.mask(line)),
      signal: spec.signal,
    };
    const outcome = await deps.sandbox.run(run, spec.least);
    // A write that has left is seen to its end before anybody concludes anything.
    await door.close();
    const { failure } = door.summary();
    if (failure !== null) {
      deps.troubled({ request: spec.request, call: spec.call, code: 'unrecorded', detail: String(failure) });
      return { ...UNRECORDED, durations: outcome.durations, ...heard() };
    }
    if (outcome.kind === 'failed') {
      deps.troubled({ request: spec.request, call: spec.call, code: outcome.code, detail: outcome.detail });
      return { ...outcome, ...heard() };
    }
    // What an outside system sent must be storable, or an effect could not be recorded for the sake of a character.
    return {
      ...outcome,
      value: attributed(withMaskedWords(storable(outcome.value), deps.mask), governed.connector.author),
      ...heard(),
    };
  } finally {
    await door.close();
  }
}

/** Recorded as a call that was refused: what ends an execution must be in the log. */
async function notBegun(deps: AttemptDeps, spec: Attempt, quantity: Quantity): Promise<Attempted> {
  const nowhere = { method: '', host: '', path: '', sent: false, attempt: 1 };
  await deps.db.transaction((tx) =>
    deps.audit.append(tx, {
      type: 'egress.refused',
      turn: spec.turn,
      request: spec.request,
      data: { ...nowhere, code: EXECUTION_BUDGET, detail: quantity, call: spec.call },
    }),
  );
  deps.troubled({ request: spec.request, call: spec.call, code: EXECUTION_BUDGET, detail: quantity });
  return {
    kind: 'failed',
    code: 'killed',
    message: `${usedUpInWords(quantity)}.`,
    detail: quantity,
    durations: { wallMs: 0, firstByteMs: null },
    unanswered: 0,
    usedUp: quantity,
    unseen: true,
  };
}

type Fields = { [name: string]: Json };
const isFields = (value: Json | undefined): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is compared or sent again as it is; nobody is shown it, or the card shows it beside what it was approved for. */
const KEPT_AS_IS = new Set(['handle', 'pinned', 'link']);

/** All that is shown of an answer: a job prints whatever it likes, its own secrets too, and so does who wrote a commit's title. */
function withMaskedWords(value: Json, mask: (text: string) => string): Json {
  if (typeof value === 'string') return mask(value);
  if (Array.isArray(value)) return value.map((one) => withMaskedWords(one, mask));
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name,
      KEPT_AS_IS.has(name) ? one : withMaskedWords(one, mask),
    ]),
  );
}

/** What could not be recorded has no outcome that counts, whatever the code in the sandbox says. */
const UNRECORDED = {
  kind: 'failed',
  code: 'crashed',
  message: 'What it did could not be recorded, so it was stopped.',
  detail: '',
} as const;

type Asked = { method: string; host: string; path: string };

/** Answers that speak of the asking alone: not allowed, too often, not now. */
const saysNothing = (status: number): boolean => [401, 403, 408, 429].includes(status) || status >= 500;

function hooksFor(
  deps: AttemptDeps,
  spec: Attempt,
  sender: Sender | null,
): {
  hooks: BrokerHooks;
  unanswered: () => number;
  usedUp: () => Quantity | null;
  unseen: () => boolean;
} {
  const about = { turn: spec.turn, request: spec.request };
  let unanswered = 0;
  let usedUp: Quantity | null = null;
  /** Each is taken out once it is answered after all: reads are tried again. */
  const notTold = new Set<string>();
  const isTold = ({ method, host, path }: Asked, told: boolean): void =>
    void (told ? notTold.delete(`${method} ${host}${path}`) : notTold.add(`${method} ${host}${path}`));
  let countedMs = performance.now();
  const count = async (tx: Tx, bytes: number): Promise<void> => {
    if (spec.share === null) return;
    const nowMs = performance.now();
    await spend(tx, spec.request, spec.share, { bytes, ms: nowMs - countedMs });
    countedMs = nowMs;
  };
  // A door carries one call at a time: what is heard next is about this one.
  let intent: string | null = null;
  let unreadBytes = 0;
  const settle = async (tx: Tx, status: number): Promise<void> => {
    if (intent === null) return;
    await settleIntent(tx, intent, status);
    unanswered -= 1;
    intent = null;
  };
  const hooks: BrokerHooks = {
    async beforeWrite(call) {
      if (!spec.claim || !sender) throw new Error('a write without a claim');
      intent = null;
      const { method, host, path, requestSha256: bodySha256 } = call;
      intent = await commitIntent(deps.db, spec.claim, { method, host, path, bodySha256 }, sender);
      unanswered += 1;
    },
    async afterCall(call) {
      if (!call.own) isTold(call, !saysNothing(call.status));
      await deps.db.transaction(async (tx) => {
        if (call.effect === 'write' && !call.unread && !call.own) await settle(tx, call.status);
        // One that is not taken is refused next, and counted then.
        const bytes = call.requestBytes + call.responseBytes;
        if (call.unread && !call.own) unreadBytes = bytes;
        else if (!call.own) await count(tx, bytes);
        await deps.audit.append(tx, {
          type: 'egress.called',
          ...about,
          data: { ...call, durationMs: Math.round(call.durationMs), call: spec.call },
        });
      });
    },
    async refused(refusal) {
      // What became of the action's call is told besides.
      if (!refusal.own) isTold(refusal, false);
      await deps.db.transaction(async (tx) => {
        // Certainly nothing of it has left: it leaves no doubt behind.
        if (!refusal.sent && !refusal.own) await settle(tx, NEVER_LEFT);
        if (!refusal.own) await count(tx, unreadBytes);
        await deps.audit.append(tx, {
          type: 'egress.refused',
          ...about,
          data: { ...refusal, call: spec.call },
        });
      });
      if (refusal.own) return;
      intent = null;
      unreadBytes = 0;
      if (refusal.code === EXECUTION_BUDGET) usedUp = quantityIn(refusal.detail);
    },
  };
  return {
    hooks,
    unanswered: () => unanswered,
    usedUp: () => usedUp,
    unseen: () => notTold.size > 0,
  };
}

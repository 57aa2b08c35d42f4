/**
 * One call of action code: a fresh sandbox, a fresh door to the broker, every request recorded. Previews, looks and
 * reconciliations get a door for reads only; a run's writes commit their intent first.
 */
import type { Duplex } from 'node:stream';
import type { EgressRule, EgressValues, GovernedAction } from '../action.ts';
import type { AuditLog } from '../audit/log.ts';
import type { PrincipalId, RequestId, TurnId } from '../model/ids.ts';
import type { Json } from '../model/request.ts';
import type { Database } from '../store/database.ts';
import { type Claim, commitIntent, settleIntent } from './lease.ts';

export type Call = 'preview' | 'run' | 'reconcile' | 'follow';

/** What the broker tells of one request that left, or of one that it refused. */
export type BrokerCall = {
  method: string;
  host: string;
  path: string;
  effect: 'read' | 'write';
  requestBytes: number;
  requestSha256: string;
};
export type BrokerAnswer = BrokerCall & {
  status: number;
  responseBytes: number;
  responseSha256: string;
  durationMs: number;
};
export type BrokerRefusal = { method: string; host: string; path: string; code: string };

export type BrokerHooks = {
  beforeWrite(call: BrokerCall): Promise<void>;
  afterCall(call: BrokerAnswer): Promise<void>;
  refused(refusal: BrokerRefusal): Promise<void>;
};

export type OpenDoor = (spec: {
  rules: readonly EgressRule[];
  values: EgressValues;
  phase: 'read-only' | 'full';
  writes: number;
  idempotencyKey: string;
  hooks: BrokerHooks;
}) => { attach(stream: Duplex): void; close(): void };

export type SandboxJob = {
  call: Call;
  operation: string;
  args: Record<string, Json>;
  handle: Record<string, Json>;
  settings: Json;
  pinned: Record<string, string>;
  mark: string;
  requester: string;
  idempotencyKey: string;
};

export type SandboxFailure = {
  kind: 'failed';
  code: 'timeout' | 'out_of_memory' | 'output_limit' | 'crashed' | 'killed' | 'bad_answer' | 'threw';
  message: string;
};
export type SandboxAnswer = { kind: 'answered'; value: Json } | SandboxFailure;

export type RunSandbox = (spec: {
  bundle: string;
  job: SandboxJob;
  door: (stream: Duplex) => void;
  onProgress: (line: string) => void;
  signal: AbortSignal;
}) => Promise<SandboxAnswer>;

export type AttemptDeps = {
  db: Database;
  audit: AuditLog;
  openDoor: OpenDoor;
  runSandbox: RunSandbox;
  bundleOf(connector: string): { file: string; sha256: string };
};

export type Attempt = {
  call: Call;
  governed: GovernedAction;
  turn: TurnId;
  request: RequestId;
  args: Record<string, Json>;
  pinned: Record<string, string>;
  handle: Record<string, Json>;
  requester: { id: PrincipalId; name: string };
  mark: string;
  idempotencyKey: string;
  /** Only a run has one; without a claim nothing may be written. */
  claim: Claim | null;
  onProgress: (line: string) => void;
  signal: AbortSignal;
};

/** Runs one call in a single-use sandbox and closes its door behind it. */
export async function attempt(deps: AttemptDeps, spec: Attempt): Promise<SandboxAnswer> {
  const { governed } = spec;
  const requester = `${spec.requester.id} (${spec.requester.name})`;
  const mayWrite = spec.call === 'run' && spec.claim !== null && governed.action.effect === 'write';
  const door = deps.openDoor({
    rules: governed.operation.egress,
    values: {
      args: spec.args,
      pinned: spec.pinned,
      handle: spec.handle,
      settings: governed.settings,
      mark: spec.mark,
      requester,
    },
    phase: mayWrite ? 'full' : 'read-only',
    writes: mayWrite ? governed.operation.writes : 0,
    idempotencyKey: spec.idempotencyKey,
    hooks: hooksFor(deps, spec),
  });
  try {
    return await deps.runSandbox({
      bundle: deps.bundleOf(governed.connector.name).file,
      job: {
        call: spec.call,
        operation: governed.action.operation,
        args: spec.args,
        handle: spec.handle,
        settings: governed.settings,
        pinned: spec.pinned,
        mark: spec.mark,
        requester,
        idempotencyKey: spec.idempotencyKey,
      },
      door: (stream) => door.attach(stream),
      onProgress: spec.onProgress,
      signal: spec.signal,
    });
  } finally {
    door.close();
  }
}

function hooksFor(deps: AttemptDeps, spec: Attempt): BrokerHooks {
  const about = { turn: spec.turn, request: spec.request };
  let intent: string | null = null;
  return {
    async beforeWrite(call) {
      if (!spec.claim) throw new Error('a write without a claim');
      intent = await commitIntent(deps.db, spec.claim, {
        method: call.method,
        host: call.host,
        path: call.path,
        bodySha256: call.requestSha256,
      });
    },
    async afterCall(call) {
      await deps.db.transaction(async (tx) => {
        if (call.effect === 'write' && intent !== null) await settleIntent(tx, intent, call.status);
        await deps.audit.append(tx, {
          type: 'egress.called',
          ...about,
          data: { ...call, durationMs: Math.round(call.durationMs), call: spec.call },
        });
      });
    },
    async refused(refusal) {
      await deps.db.transaction((tx) =>
        deps.audit.append(tx, { type: 'egress.refused', ...about, data: { ...refusal, call: spec.call } }),
      );
    },
  };
}

/**
 * An outside system, the broker in front of it and the sandbox that calls it, in memory: small stand-ins for what the executor
 * is given, which call its hooks in the broker's order. A test writes each call of the action as a function.
 */
import { PassThrough } from 'node:stream';
import { z } from 'zod';
import type { EgressRule, GovernedAction } from '../../src/action.ts';
import { findRequest, move } from '../../src/approval/requests.ts';
import type { AuditLog } from '../../src/audit/log.ts';
import type { BrokerCall, DoorSpec } from '../../src/execution/broker/call.ts';
import type { Door } from '../../src/execution/broker/door.ts';
import { createExecutor } from '../../src/execution/executor.ts';
import type { ExecutorDeps, Obstacle } from '../../src/execution/executor-deps.ts';
import type { Call, CallName } from '../../src/execution/sandbox/call.ts';
import { failed, type SandboxOutcome } from '../../src/execution/sandbox/outcome.ts';
import type { SandboxRun } from '../../src/execution/sandbox/sandbox.ts';
import type { RequestId } from '../../src/model/ids.ts';
import type { IsolationLevel, Json, Result } from '../../src/model/request.ts';
import type { Database } from '../../src/store/database.ts';
import { testSealing } from './core.ts';

/** What one call of action code may do here. */
export type Inside = {
  job: Call;
  signal: AbortSignal;
  progress(line: string): void;
  /** Asks for something, and is answered so. */
  read(status: number): Promise<void>;
  /**
   * Sends a write; `lost`: it left, and no answer came back; `unsent`: no connection was made. Rejects where the hook
   * refuses it.
   */
  write(status?: number | 'lost' | 'unsent'): Promise<void>;
};
export type Code = Partial<Record<CallName, (inside: Inside) => Promise<Json> | Json>>;

const DURATIONS = { wallMs: 1, firstByteMs: 1 };
const CALL: BrokerCall = {
  method: 'POST',
  host: 'desk.internal',
  path: '/tickets',
  effect: 'write',
  requestBytes: 2,
  requestSha256: 'ab'.repeat(32),
};

const STOP: EgressRule = {
  method: 'POST',
  host: 'desk.internal',
  path: '/tickets/{ticket}/stop',
  effect: 'write',
  phase: 'follow',
  fill: ({ handle }): Record<string, string> =>
    typeof handle.stop === 'string' ? { ticket: handle.stop } : {},
  query: () => ({}),
  body: () => null,
  credential: null,
};

/** Thrown by action code that ends without an answer. */
export class Crash extends Error {}

export const CODE_DIGEST = 'c0'.repeat(32);

export function outsideSystem(db: Database, audit: AuditLog) {
  const doors = new WeakMap<object, DoorSpec>();
  const calls: Call[] = [];
  const phases: DoorSpec['phase'][] = [];
  const finished: { state: string; result: Result }[] = [];
  const looks: { request: RequestId; afterSeconds: number }[] = [];
  const started: Json[] = [];
  const system = {
    code: {} as Code,
    level: 'kernel' as IsolationLevel,
    idempotency: 'none' as GovernedAction['operation']['idempotency'],
    effect: 'write' as 'read' | 'write',
    /** What all looks together may send; a handle with `stop` asks for it. */
    followWrites: 0,
    codeDigest: CODE_DIGEST,
    isServed: true,
    /** Whether its connector is one of ours. */
    isBuiltIn: false,
    evidence: null as Obstacle | null,
    permitted: null as Obstacle | null,
    /** Every write that reached the outside, by the idempotency key that it carried. */
    effects: [] as string[],
    calls,
    phases,
    finished,
    looks,
    started,
  };

  const open = (spec: DoorSpec): Door => {
    phases.push(spec.phase);
    return {
      attach: (stream) => void doors.set(stream, spec),
      close: async () => undefined,
      summary: () => ({ calls: 0, writes: 0, refused: 0, requestBytes: 0, responseBytes: 0, failure: null }),
    };
  };

  async function run({
    job,
    door,
    onProgress,
    signal = new AbortController().signal,
  }: SandboxRun): Promise<SandboxOutcome> {
    const stream = new PassThrough();
    door(stream);
    const spec = doors.get(stream)!;
    calls.push(job);
    const read: Inside['read'] = async (status) => {
      await spec.hooks.afterCall({
        ...CALL,
        method: 'GET',
        effect: 'read',
        status,
        responseBytes: 2,
        responseSha256: 'cd'.repeat(32),
        durationMs: 1.5,
        attempt: 1,
        credentialEchoed: false,
      });
    };
    const write: Inside['write'] = async (status = 201) => {
      if (spec.phase !== 'full') throw new Error('The broker refuses writes here.');
      await spec.hooks.beforeWrite(CALL);
      if (status === 'unsent') {
        const about = { method: CALL.method, host: CALL.host, path: CALL.path };
        return spec.hooks.refused({
          ...about,
          code: 'connection_failed',
          detail: 'ECONNREFUSED',
          sent: false,
          attempt: 1,
        });
      }
      system.effects.push(spec.idempotencyKey ?? '');
      if (status === 'lost') return;
      await spec.hooks.afterCall({
        ...CALL,
        status,
        responseBytes: 2,
        responseSha256: 'cd'.repeat(32),
        durationMs: 1.5,
        attempt: 1,
        credentialEchoed: false,
      });
    };
    try {
      const code = job.call === 'describe' ? undefined : system.code[job.call];
      if (!code) throw new Crash(`no code for ${job.call}`);
      const value = await code({ job, signal, read, write, progress: (line) => onProgress?.(line) });
      return { kind: 'answered', value, durations: DURATIONS };
    } catch (error) {
      return failed(error instanceof Crash ? 'crashed' : 'threw', String(error), DURATIONS);
    }
  }

  const governed = (): GovernedAction => ({
    action: {
      name: 'ci.trigger',
      title: 'Trigger a job',
      description: '',
      examples: [],
      input: z.strictObject({}),
      effect: system.effect,
      risk: () => 'medium',
      resourceType: 'Job',
      resource: () => ({ type: 'Job', id: 'x', attributes: {} }),
      port: 'ci',
      operation: 'trigger',
    },
    connector: {
      name: 'runner',
      port: 'ci',
      ...(system.isBuiltIn ? { builtIn: true } : {}),
      title: () => 'the runner',
      settings: z.null() as z.ZodType<Json>,
      facts: () => null,
      operations: {},
      examples: () => [],
      module: '',
    },
    operation: {
      egress: [STOP],
      writes: 1,
      followWrites: system.followWrites,
      idempotency: system.idempotency,
      preview: () => Promise.reject(new Error('runs in the sandbox only')),
      run: () => Promise.reject(new Error('runs in the sandbox only')),
      reconcile: () => Promise.reject(new Error('runs in the sandbox only')),
      follow: () => Promise.reject(new Error('runs in the sandbox only')),
    },
    settings: null,
  });

  const deps: ExecutorDeps = {
    db,
    audit,
    broker: { open },
    sandbox: { run },
    bundleOf: () => ({ file: '', sha256: system.codeDigest }),
    sealing: testSealing(),
    mask: (text) => text,
    troubled: () => undefined,
    isolation: () => ({ level: system.level, acceptProcess: false }),
    governed: () => (system.isServed ? governed() : null),
    nameOf: async (id) => `${id}'s name`,
    markOf: (execution) => `mark of ${execution}`,
    find: findRequest,
    verifyEvidence: async () => system.evidence,
    permittedNow: async () => ({ obstacle: system.permitted, evidence: null }),
    async stop(tx, request, { event, code, message }) {
      await move(tx, request.id, event, { code, message });
    },
    started: async (_tx, request) => void started.push(request.id),
    finished: async (_tx, _request, state, result) => void finished.push({ state, result }),
    progressed: async () => undefined,
    lookAgain: async (_tx, request, afterSeconds) => void looks.push({ request, afterSeconds }),
  };
  return { system, executor: createExecutor(deps), deps };
}

/**
 * From approved to an outcome that can be believed. Checks everything once more, claims, runs in a sandbox, and
 * after a crash tells apart what cannot have happened, what certainly has, and what only a person can say.
 */
import type { z } from 'zod';
import { AppError } from '../errors.ts';
import type { RequestId } from '../model/ids.ts';
import { Preview, type StoredRequest } from '../model/request.ts';
import { RefusalSchema } from './answers.ts';
import { type Attempt, attempt } from './attempt.ts';
import type { ExecutorDeps } from './executor-deps.ts';
import { abandoned, type Claim, claimApproved } from './lease.ts';
import { lookOnce } from './look.ts';
import { preflight } from './preflight.ts';
import { runClaimed } from './run.ts';
import { takeOver } from './take-over.ts';

/** How many abandoned executions one sweep takes over. */
const SWEEP_AT_MOST = 20;

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

/** Policy, groups and obligations of this moment and the claim in one transaction; null where it does not run. */
async function claimOrStop(deps: ExecutorDeps, request: StoredRequest): Promise<Claim | null> {
  return deps.db.transaction(async (tx) => {
    const { obstacle, evidence } = await deps.permittedNow(tx, request);
    if (obstacle) {
      await deps.stop(tx, request, obstacle);
      return null;
    }
    const { level } = deps.isolation(deps.governed(request.action)!);
    const claim = await claimApproved(tx, request, level);
    if (claim) await deps.started(tx, request, claim, evidence);
    return claim;
  });
}

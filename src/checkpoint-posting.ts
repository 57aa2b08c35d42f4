/** When signed checkpoints leave the house through the operators' channel: looked at regularly, and once more before a stop. */
import { setTimeout as wait } from 'node:timers/promises';
import { AppError } from './errors.ts';
import { errorFields, type Log } from './log.ts';
import { type OutreachDeps, postCheckpoint } from './operators.ts';
import type { Deliver } from './reply/deliver.ts';

/** How often it is asked whether a checkpoint is due in the operators' place. */
const LOOK_EVERY_MS = 5_000;
/** How long a stop waits for the last checkpoint to be shown; later, what is said there next shows it first. */
const LAST_WITHIN_MS = 2_000;

export type CheckpointPosting = {
  start(): void;
  /** Ends the regular looks. */
  pause(): void;
  /** What was recorded since the last checkpoint that left leaves now; the queue has stopped by then. */
  last(): Promise<void>;
};

export function createCheckpointPosting(
  deps: OutreachDeps & { show: Deliver; log: Log; defect(error: unknown): void },
): CheckpointPosting {
  let looks: NodeJS.Timeout | undefined;
  const look = (): void => {
    postCheckpoint(deps).catch((error: unknown) => {
      // The platform or the database will be back, and the next look comes soon.
      if (error instanceof AppError && error.status === 503)
        deps.log.info({ code: error.code }, 'a checkpoint waits to be posted');
      else deps.defect(error);
    });
  };
  return {
    start() {
      looks = setInterval(look, LOOK_EVERY_MS);
      look();
    },
    pause: () => clearInterval(looks),
    async last() {
      const late = new AbortController();
      try {
        const unqueued = { ...deps, deliverer: { deliver: async () => undefined } };
        const posted = await postCheckpoint(unqueued, { atOnce: true });
        const shown = Promise.all(posted.map((message) => deps.show({ message })));
        const patience = wait(LAST_WITHIN_MS, undefined, { signal: late.signal });
        await Promise.race([shown, patience]);
      } catch (error) {
        deps.log.warn(errorFields(error), 'the last checkpoint could not be shown');
      } finally {
        late.abort();
      }
    },
  };
}

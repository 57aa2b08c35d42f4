/** The smallest action there is: what a sandbox costs by itself. Bundled and run in the sandbox. */
import type { Operation } from '../src/action.ts';

const answer = async (): Promise<never> => ({ kind: 'done' }) as never;

export const operations: Readonly<Record<string, Operation>> = {
  instant: {
    egress: [],
    writes: 0,
    idempotency: 'natural',
    preview: answer,
    run: answer,
    reconcile: answer,
    follow: answer,
  },
};

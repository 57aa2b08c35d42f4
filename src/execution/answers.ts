/** What action code may answer, each call in its agreed form: it ran in a sandbox, and nothing of it is believed unread. */
import { z } from 'zod';
import type { Look, RunResult } from '../action.ts';
import { Json as JsonSchema, Result as ResultSchema } from '../model/request.ts';
import type { SandboxOutcome } from './sandbox/outcome.ts';

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
export const LookSchema = z.discriminatedUnion('kind', [
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
export const RefusalSchema = z.strictObject({ refused: z.string().min(1).max(700) });
export const ReconciliationSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('happened'), outcome: RunResultSchema }),
  z.strictObject({ kind: z.literal('cannot_tell') }),
]);

/** Turns what the sandbox said into a run's result; whatever is not in the agreed form is a failure with a code. */
export function asRunResult(answer: SandboxOutcome): RunResult {
  if (answer.kind === 'failed')
    return { kind: 'failed', result: { code: answer.code, message: answer.message } };
  const parsed = RunResultSchema.safeParse(answer.value);
  if (parsed.success) return parsed.data;
  return {
    kind: 'failed',
    result: { code: 'bad_answer', message: 'The action did not answer in the agreed form.' },
  };
}

import { z } from 'zod';
import { factsOf } from './ci-job.ts';
import { defineAction } from './define.ts';
import { inputsField } from './fields.ts';

export const runbookRun = defineAction({
  name: 'runbook.run',
  title: 'Run a runbook',
  description: 'Runs one of the written runbooks of the operations team, step by step as it stands there.',
  examples: [
    'run the runbook {runbook}',
    'run runbook {runbook}',
    'start the runbook {runbook}',
    'runbook {runbook}',
  ],
  input: z.strictObject({
    runbook: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'A runbook is one name in small letters, such as restart-web.')
      .meta({ title: 'Runbook', description: 'The name of the runbook, e.g. restart-web.' }),
    inputs: inputsField,
  }),
  effect: 'write',
  risk: (_args, { settings }) => factsOf(settings).risk,
  resourceType: 'Runbook',
  resource: ({ runbook }, { connector, settings }) => ({
    type: 'Runbook',
    id: `${connector}/${runbook}`,
    attributes: { connector, runbook, environment: factsOf(settings).environment },
  }),
  port: 'runbook',
  operation: 'run',
});

import { z } from 'zod';
import { defineAction } from './define.ts';
import { runField } from './fields.ts';

export const ciStatus = defineAction({
  name: 'ci.status',
  title: 'Look at a CI run',
  description: 'Reads one run of the CI system: its state, exit code and the end of its output.',
  examples: [
    'status of run {run}',
    'what is the status of run {run}',
    'show run {run}',
    'how is run {run} doing',
  ],
  input: z.strictObject({ run: runField }),
  effect: 'read',
  risk: () => 'low',
  resourceType: 'CiRun',
  resource: ({ run }, { connector }) => ({
    type: 'CiRun',
    id: `${connector}/${run}`,
    attributes: { connector },
  }),
  port: 'ci',
  operation: 'status',
});

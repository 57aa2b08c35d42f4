import { z } from 'zod';
import { defineAction } from './define.ts';
import { runField } from './fields.ts';

export const ciLogs = defineAction({
  name: 'ci.logs',
  title: 'Read the output of a CI run',
  description: 'Reads the end of what one run of the CI system printed, or of its steps that failed.',
  examples: [
    'logs of run {run}',
    'show the logs of run {run}',
    'show the {part} logs of run {run}',
    'output of run {run}',
    'show the output of run {run}',
    'why did run {run} fail',
  ],
  input: z.strictObject({
    run: runField,
    part: z
      .enum(['end', 'failed'])
      .optional()
      .meta({ title: 'Part', description: 'The end of everything, or the steps that failed; the end.' }),
  }),
  effect: 'read',
  risk: () => 'low',
  resourceType: 'CiRun',
  resource: ({ run }, { connector }) => ({
    type: 'CiRun',
    id: `${connector}/${run}`,
    attributes: { connector },
  }),
  port: 'ci',
  operation: 'logs',
});

import { z } from 'zod';
import { defineAction } from './define.ts';
import { environmentField, environmentResource, environmentRisk } from './deploy-environment.ts';
import { serviceField } from './fields.ts';

export const deployRollback = defineAction({
  name: 'deploy.rollback',
  title: 'Roll a deployment back',
  description:
    'Brings back what ran in an environment of a service before what runs there now, or an earlier deployment that is named; it must have succeeded there.',
  examples: [
    'roll back {service} in {environment}',
    'roll {service} back in {environment}',
    'rollback {service} in {environment}',
    'roll back {service} in {environment} to {to}',
  ],
  input: z.strictObject({
    service: serviceField,
    environment: environmentField,
    to: z
      .string()
      .regex(
        /^(?:(?:R-)?[1-9][0-9]{0,14}|[0-9a-f]{40}|[0-9a-f]{64})$/,
        'What to go back to is the number of a deployment or a commit in full.',
      )
      .optional()
      .meta({
        title: 'Back to',
        description:
          'The number of an earlier deployment, or its commit in full; the one before where nothing is said.',
      }),
  }),
  effect: 'write',
  risk: environmentRisk,
  resourceType: 'Environment',
  resource: ({ service, environment }, facts) => environmentResource(service, environment, facts),
  port: 'deployment',
  operation: 'rollback',
});

import { z } from 'zod';
import { defineAction } from './define.ts';
import { environmentField, environmentResource, environmentRisk } from './deploy-environment.ts';
import { refField, serviceField } from './fields.ts';

export const deployPromote = defineAction({
  name: 'deploy.promote',
  title: 'Deploy to the next environment',
  description:
    'Brings to an environment of a service exactly the commit that runs in the environment before it; in the first environment, the commit that is named.',
  examples: [
    'promote {service} to {to}',
    'deploy {service} to {to}',
    'deploy {ref} of {service} to {to}',
    'deploy {service} {ref} to {to}',
  ],
  input: z.strictObject({
    service: serviceField,
    to: environmentField,
    ref: refField.optional().meta({
      title: 'Branch, tag or commit',
      description: 'What to deploy, e.g. main; only for an environment that has none before it.',
    }),
  }),
  effect: 'write',
  risk: environmentRisk,
  resourceType: 'Environment',
  resource: ({ service, to }, facts) => environmentResource(service, to, facts),
  port: 'deployment',
  operation: 'promote',
});

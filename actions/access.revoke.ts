import { z } from 'zod';
import { accessFields, accessResource, accessRisk } from './access.ts';
import { defineAction } from './define.ts';

export const accessRevoke = defineAction({
  name: 'access.revoke',
  title: 'Take access back',
  description: 'Ends the membership of somebody in a team.',
  examples: [
    'take {person} out of {team}',
    'revoke the access of {person} to {team}',
    'end the access of {person} to {team}',
  ],
  input: z.strictObject(accessFields),
  effect: 'write',
  risk: accessRisk,
  resourceType: 'Team',
  resource: accessResource,
  port: 'access',
  operation: 'revoke',
  ends: 'access.grant',
});

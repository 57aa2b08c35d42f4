import { z } from 'zod';
import { defineAction } from './define.ts';
import { headlineField } from './fields.ts';

export const oncallPage = defineAction({
  name: 'oncall.page',
  title: 'Page who is on call',
  description: 'Calls the people who are on call right now, as something cannot wait. It wakes them up.',
  examples: ['page {team}: {message}', 'page the {team} on call: {message}', 'wake up {team}: {message}'],
  input: z.strictObject({
    team: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'A team is one name in small letters, such as platform.')
      .meta({ title: 'Team', description: 'Whose person on call, e.g. platform.' }),
    message: headlineField,
  }),
  effect: 'write',
  risk: () => 'low',
  resourceType: 'Team',
  resource: ({ team }, { connector }) => ({
    type: 'Team',
    id: `${connector}/${team}`,
    attributes: { connector, team },
  }),
  port: 'oncall',
  operation: 'page',
});

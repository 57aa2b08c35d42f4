import { z } from 'zod';
import { accessFields, accessResource, accessRisk } from './access.ts';
import { defineAction } from './define.ts';

/** A working week's nights: whatever is needed for longer is no exception any more. */
const MAX_HOURS = 72;
const SECONDS_PER_HOUR = 3_600;
/** Undo is there as long as the access itself, at its longest. */
const UNDO_SECONDS = MAX_HOURS * SECONDS_PER_HOUR;

export const accessGrant = defineAction({
  name: 'access.grant',
  title: 'Give access for a time',
  description:
    'Makes somebody a member of a team for some hours; it is taken back by itself when they are over.',
  examples: [
    'give {person} access to {team} for {hours} hours',
    'grant {person} access to {team} for {hours} hours',
    '{person} needs access to {team} for {hours} hours',
    'give {person} access to {team}',
  ],
  input: z.strictObject({
    ...accessFields,
    hours: z
      .int()
      .min(1)
      .max(MAX_HOURS)
      .meta({ title: 'Hours', description: `For how many hours, at most ${MAX_HOURS}.` }),
  }),
  effect: 'write',
  risk: accessRisk,
  resourceType: 'Team',
  resource: accessResource,
  port: 'access',
  operation: 'grant',
  undo: {
    action: 'access.revoke',
    withinSeconds: UNDO_SECONDS,
    arguments: ({ person, team }, { code }) => (code === 'done' ? { person: person!, team: team! } : null),
  },
  ending: {
    action: 'access.revoke',
    afterSeconds: ({ hours }) => Number(hours) * SECONDS_PER_HOUR,
    arguments: ({ person, team }) => ({ person: person!, team: team! }),
  },
});

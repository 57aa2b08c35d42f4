import { z } from 'zod';
import { defineAction } from './define.ts';
import { incidentField, incidentResource } from './fields.ts';

export const incidentNote = defineAction({
  name: 'incident.note',
  title: 'Write a note on an incident',
  description: 'Adds a note to an incident on behalf of the requester, for everybody who works on it.',
  examples: ['note on incident {incident}: {note}', 'add to incident {incident}: {note}'],
  input: z.strictObject({
    incident: incidentField,
    note: z
      .string()
      .trim()
      .min(1)
      .max(8_000)
      .meta({ title: 'Note', description: 'The words to add to the incident.' }),
  }),
  effect: 'write',
  risk: () => 'low',
  resourceType: 'Incident',
  resource: ({ incident }, { connector }) => incidentResource(connector, incident),
  port: 'oncall',
  operation: 'note',
});

import { z } from 'zod';
import { defineAction } from './define.ts';
import { incidentField, incidentResource } from './fields.ts';

export const incidentStatus = defineAction({
  name: 'incident.status',
  title: 'Look at an incident',
  description: 'Reads one incident: its state, who works on it, its newest notes.',
  examples: [
    'status of incident {incident}',
    'what is the status of incident {incident}',
    'show incident {incident}',
    'how is incident {incident} doing',
  ],
  input: z.strictObject({ incident: incidentField }),
  effect: 'read',
  risk: () => 'low',
  resourceType: 'Incident',
  resource: ({ incident }, { connector }) => incidentResource(connector, incident),
  port: 'oncall',
  operation: 'status',
});

import { z } from 'zod';
import { defineAction } from './define.ts';
import { incidentField, incidentResource } from './fields.ts';

export const incidentResolve = defineAction({
  name: 'incident.resolve',
  title: 'Resolve an incident',
  description: 'Marks an incident as resolved, where it is over or was opened by mistake.',
  examples: ['resolve incident {incident}', 'resolve the incident {incident}', 'close incident {incident}'],
  input: z.strictObject({ incident: incidentField }),
  effect: 'write',
  // Nobody is called any more: a mistake here can leave something broken unattended.
  risk: () => 'medium',
  resourceType: 'Incident',
  resource: ({ incident }, { connector }) => incidentResource(connector, incident),
  port: 'oncall',
  operation: 'resolve',
});

import { z } from 'zod';
import type { Json } from '../src/model/request.ts';
import { defineAction } from './define.ts';
import { headlineField, serviceField } from './fields.ts';

/** Long enough to see that it was nothing; afterwards others are at work on it. */
const UNDO_SECONDS = 15 * 60;

const incidentIn = (data: Json | undefined): string =>
  typeof data === 'object' && data !== null && !Array.isArray(data) && typeof data.incident === 'string'
    ? data.incident
    : '';

export const incidentOpen = defineAction({
  name: 'incident.open',
  title: 'Open an incident',
  description:
    'Opens an incident for a service that is down or failing; whoever is on call for that service is told.',
  examples: [
    'open an incident for {service}: {title}',
    'open an incident on {service}: {title}',
    'incident for {service}: {title}',
    'declare an incident for {service}: {title}',
  ],
  input: z.strictObject({
    service: serviceField,
    title: headlineField,
    description: z
      .string()
      .trim()
      .max(8_000)
      .optional()
      .meta({ title: 'Description', description: 'What is known so far.' }),
    urgency: z.enum(['low', 'high']).optional().meta({
      title: 'Urgency',
      description: "High wakes people up; the service's own rule where nothing is said.",
    }),
  }),
  effect: 'write',
  // It starts people working, and nothing else.
  risk: () => 'low',
  resourceType: 'Service',
  resource: ({ service }, { connector }) => ({
    type: 'Service',
    id: `${connector}/${service}`,
    attributes: { connector, service },
  }),
  port: 'oncall',
  operation: 'open',
  undo: {
    action: 'incident.resolve',
    withinSeconds: UNDO_SECONDS,
    arguments: (_args, { data }) => (incidentIn(data) === '' ? null : { incident: incidentIn(data) }),
  },
});

import { z } from 'zod';
import type { Json } from '../src/model/request.ts';
import { defineAction } from './define.ts';

/** Long enough to see on the desk what one has done; afterwards others may have begun to work on it. */
const UNDO_SECONDS = 15 * 60;

const numberIn = (data: Json | undefined): string =>
  typeof data === 'object' && data !== null && !Array.isArray(data) && typeof data.ticket === 'string'
    ? data.ticket
    : '';

export const ticketCreate = defineAction({
  name: 'ticket.create',
  title: 'Open a ticket',
  description:
    'Opens an IT ticket on behalf of the requester, for something that is broken, missing or wanted.',
  examples: [
    '{title}, please open a ticket',
    '{title}, please open a ticket for it',
    '{title}, open a ticket',
    'please open a ticket: {title}',
    'open a ticket: {title}',
    'open a ticket for {title}',
    'open a ticket about {title}',
    'create a ticket: {title}',
    'create a ticket for {title}',
    'new ticket: {title}',
    'open a ticket',
  ],
  input: z.strictObject({
    title: z
      .string()
      .trim()
      .min(3)
      .max(200)
      .regex(/^[^\r\n]+$/, 'A title is one line.')
      .meta({ title: 'Title', description: 'What is wrong or wanted, in one line.' }),
    description: z
      .string()
      .trim()
      .max(8_000)
      .optional()
      .meta({ title: 'Description', description: 'What else helps whoever takes the ticket.' }),
    priority: z
      .enum(['low', 'normal', 'high'])
      .optional()
      .meta({ title: 'Priority', description: 'How urgent it is; normal where nothing is said.' }),
  }),
  effect: 'write',
  risk: () => 'low',
  resourceType: 'TicketQueue',
  resource: (_args, { connector }) => ({ type: 'TicketQueue', id: connector, attributes: { connector } }),
  port: 'ticketing',
  operation: 'create',
  undo: {
    action: 'ticket.close',
    withinSeconds: UNDO_SECONDS,
    arguments: (_args, { data }) => (numberIn(data) === '' ? null : { ticket: numberIn(data) }),
  },
});

import { z } from 'zod';
import { defineAction } from './define.ts';
import { ticketField } from './fields.ts';

export const ticketComment = defineAction({
  name: 'ticket.comment',
  title: 'Comment on a ticket',
  description: 'Adds a comment to a ticket on behalf of the requester.',
  examples: [
    'comment on ticket {ticket}: {comment}',
    'add a comment to ticket {ticket}: {comment}',
    'add to ticket {ticket}: {comment}',
  ],
  input: z.strictObject({
    ticket: ticketField,
    comment: z
      .string()
      .trim()
      .min(1)
      .max(8_000)
      .meta({ title: 'Comment', description: 'The words to add to the ticket.' }),
  }),
  effect: 'write',
  risk: () => 'low',
  resourceType: 'Ticket',
  resource: ({ ticket }, { connector }) => ({
    type: 'Ticket',
    id: `${connector}/${ticket}`,
    attributes: { connector },
  }),
  port: 'ticketing',
  operation: 'comment',
});

import { z } from 'zod';
import { defineAction } from './define.ts';
import { ticketField } from './fields.ts';

export const ticketStatus = defineAction({
  name: 'ticket.status',
  title: 'Look at a ticket',
  description: 'Reads one ticket: its state, who opened it, its newest comments.',
  examples: [
    'status of ticket {ticket}',
    'what is the status of ticket {ticket}',
    'show ticket {ticket}',
    'how is ticket {ticket} doing',
    'what about ticket {ticket}',
  ],
  input: z.strictObject({ ticket: ticketField }),
  effect: 'read',
  risk: () => 'low',
  resourceType: 'Ticket',
  resource: ({ ticket }, { connector }) => ({
    type: 'Ticket',
    id: `${connector}/${ticket}`,
    attributes: { connector },
  }),
  port: 'ticketing',
  operation: 'status',
});

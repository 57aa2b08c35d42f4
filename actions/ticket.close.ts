import { z } from 'zod';
import { defineAction } from './define.ts';
import { ticketField } from './fields.ts';

export const ticketClose = defineAction({
  name: 'ticket.close',
  title: 'Close a ticket',
  description: 'Closes a ticket on behalf of the requester, where it is settled or was opened by mistake.',
  examples: ['close ticket {ticket}', 'close the ticket {ticket}'],
  input: z.strictObject({ ticket: ticketField }),
  effect: 'write',
  risk: () => 'low',
  resourceType: 'Ticket',
  resource: ({ ticket }, { connector }) => ({
    type: 'Ticket',
    id: `${connector}/${ticket}`,
    attributes: { connector },
  }),
  port: 'ticketing',
  operation: 'close',
});

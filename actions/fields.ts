/** Arguments that several actions share, so that they read the same in every form and command. */
import { z } from 'zod';

/** `T-12` on the desk, `12` or `#12` on GitHub. */
export const ticketField = z
  .string()
  .trim()
  .regex(/^(?:#|[A-Za-z]{1,10}-)?[1-9][0-9]{0,9}$/, 'A ticket is written like T-12 or #12.')
  .meta({ title: 'Ticket', description: 'The number of the ticket, e.g. T-12.' });

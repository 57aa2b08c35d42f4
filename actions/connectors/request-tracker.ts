import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { peopleAs } from './people-setting.ts';
import { operations } from './request-tracker.operations.ts';
import { TICKET_EXAMPLES } from './ticket-words.ts';

/** Names go into Request Tracker's query language between quotes: nothing that could end one. */
const Name = z.string().regex(/^[^'"\\{}/%\p{Cc}]{1,100}$/u, 'is a name without quotes, braces or slashes');
const Priority = z.int().min(0).max(1_000);

const Settings = z.strictObject({
  /** Where tickets are opened; tickets of other queues are neither shown nor commented on. */
  queue: Name,
  /** The account that the credential belongs to. */
  account: Name,
  /** Where people open it in a browser, for links. */
  web: z.url({ protocol: /^https?$/ }),
  /** A custom field of the queue's tickets; without it nobody but a person can tell whether a ticket was opened. */
  mark_field: Name.optional(),
  /** What it calls the people of the directory, who are then the requestors of their tickets. */
  people: peopleAs(Name).optional(),
  /** `comment`: staff reads it; `correspond`: the requestor gets it by mail. */
  comments: z.enum(['comment', 'correspond']).default('comment'),
  /** Whose texts a look at a ticket shows: `public`: those that the requestor may read; `all`: internal comments too. */
  shows: z.enum(['public', 'all']).default('public'),
  priorities: z
    .strictObject({ low: Priority, normal: Priority, high: Priority })
    // Request Tracker's own numbers for Low, Medium and High.
    .default({ low: 0, normal: 50, high: 100 }),
});

/** Tickets in one queue of Request Tracker 5. */
export const requestTracker: Connector = {
  name: 'request-tracker',
  port: 'ticketing',
  title: (settings) => `the queue ${Settings.parse(settings).queue} of Request Tracker`,
  settings: Settings as unknown as z.ZodType<Json>,
  facts: () => ({}),
  operations,
  // Policy cannot tell one ticket from another.
  examples: (operation) => [TICKET_EXAMPLES[operation] ?? {}],
  module: 'actions/connectors/request-tracker.operations.ts',
};

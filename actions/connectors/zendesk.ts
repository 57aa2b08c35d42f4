import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { peopleAs } from './people-setting.ts';
import { TICKET_EXAMPLES } from './ticket-words.ts';
import { operations } from './zendesk.operations.ts';

/** Zendesk's ids are numbers; with 15 digits they still count exactly in JSON. */
const Id = z.string().regex(/^[1-9][0-9]{0,14}$/, "is one of Zendesk's ids, in digits and quotes");

const Settings = z.strictObject({
  /** The id of the user whom the credential belongs to. */
  account: Id,
  /** The ids of the directory's people, who are then the requesters of their tickets. */
  people: peopleAs(Id).optional(),
  /** Where agents open it in a browser, for links. */
  web: z.url({ protocol: /^https?$/ }),
  /** Where tickets are opened; tickets of other groups are then neither shown nor changed. */
  group: Id.optional(),
  /** `internal`: agents read it; `public`: the requester and everybody copied in gets it by mail. */
  comments: z.enum(['internal', 'public']).default('internal'),
  /** Whose comments a look at a ticket shows: `public`: those that the requester may read; `all`: internal ones too. */
  shows: z.enum(['public', 'all']).default('public'),
});

/** Tickets of one Zendesk Support account. */
export const zendesk: Connector = {
  name: 'zendesk',
  port: 'ticketing',
  title: (settings) => `Zendesk at ${new URL(Settings.parse(settings).web).host}`,
  settings: Settings as unknown as z.ZodType<Json>,
  facts: () => ({}),
  operations,
  // Policy cannot tell one ticket from another.
  examples: (operation) => [TICKET_EXAMPLES[operation] ?? {}],
  module: 'actions/connectors/zendesk.operations.ts',
};

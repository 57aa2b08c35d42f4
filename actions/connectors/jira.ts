import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { operations } from './jira.operations.ts';
import { peopleAs } from './people-setting.ts';
import { TICKET_EXAMPLES } from './ticket-words.ts';

const Id = z.string().regex(/^[1-9][0-9]{0,14}$/, "is one of Jira's ids, in digits and quotes");
const Name = z.string().regex(/^[^\p{Cc}"\\]{1,60}$/u, 'is a name of up to 60 characters without quotes');

const Account = z.string().regex(/^[A-Za-z0-9:@._-]{1,128}$/, 'is an account id or a user name');

const Settings = z.strictObject({
  /** They speak the same REST API but for texts (Atlassian Document Format, wiki markup), people and the search. */
  edition: z.enum(['cloud', 'data-center']),
  /** The key of the service project; tickets of others are neither shown nor changed. */
  project: z.string().regex(/^[A-Z][A-Z0-9_]{1,9}$/, 'is the key of a project, in capital letters'),
  service_desk: Id,
  request_type: Id,
  /** Whom the credential belongs to: the account id on Cloud, the user name on Data Center. */
  account: Account,
  /** What it calls the people of the directory, who are then the customers (reporters) of their requests. */
  people: peopleAs(Account).optional(),
  /** Where people open it in a browser, for links. */
  web: z.url({ protocol: /^https?$/ }),
  /** `internal`: agents read it; `public`: the customer and the participants of the request get it too. */
  comments: z.enum(['internal', 'public']).default('internal'),
  /** Whose comments a look at a ticket shows: `public`: those that the customer may read; `all`: internal ones too. */
  shows: z.enum(['public', 'all']).default('public'),
  /** The status that a ticket is closed with, and the resolution where the transition asks for one. */
  closing: z.strictObject({ status: Name, resolution: Name.optional() }).default({ status: 'Resolved' }),
  /** Names of priorities; without it none is sent. */
  priorities: z.strictObject({ low: Name, normal: Name, high: Name }).optional(),
});

/** Requests of one service project of Jira Service Management. */
export const jira: Connector = {
  name: 'jira',
  port: 'ticketing',
  title: (settings) => {
    const { project, web } = Settings.parse(settings);
    return `the project ${project} of Jira at ${new URL(web).host}`;
  },
  settings: Settings as unknown as z.ZodType<Json>,
  facts: () => ({}),
  operations,
  // Policy cannot tell one request from another.
  examples: (operation) => [TICKET_EXAMPLES[operation] ?? {}],
  module: 'actions/connectors/jira.operations.ts',
};

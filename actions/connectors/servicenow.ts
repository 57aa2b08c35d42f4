import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { peopleAs } from './people-setting.ts';
import { operations } from './servicenow.operations.ts';
import { TICKET_EXAMPLES } from './ticket-words.ts';

const SysId = z.string().regex(/^[0-9a-f]{32}$/, 'is a sys_id: 32 hexadecimal digits');
/** Names go into encoded queries, where a caret begins another condition. */
const Name = z.string().regex(/^[^^=<>\p{Cc}]{1,100}$/u, 'is a name without ^, = and angle brackets');
const Choice = z.string().regex(/^-?[0-9]{1,4}$/, 'is the value of a choice, in digits and quotes');

const Settings = z.strictObject({
  /** The user name (`user_name`) of the account that the credential belongs to. */
  account: Name,
  /** Where people open it in a browser, for links. */
  web: z.url({ protocol: /^https?$/ }),
  /** The group that incidents are assigned to; those of other groups are then neither shown nor changed. */
  group: SysId.optional(),
  /** The user in whose name incidents are opened, where callers are asked for and `people` names nobody. */
  caller: SysId.optional(),
  /** The users that the directory's people are, who are then the callers of their incidents. */
  people: peopleAs(SysId).optional(),
  /** `internal`: a work note, which staff reads; `public`: an additional comment, which the caller gets too. */
  comments: z.enum(['internal', 'public']).default('internal'),
  /** Whose comments a look at a ticket shows: `public`: those that the caller may read; `all`: internal ones too. */
  shows: z.enum(['public', 'all']).default('public'),
  /** What a priority is as an urgency; ServiceNow makes its priority of urgency and impact. */
  urgencies: z
    .strictObject({ low: Choice, normal: Choice, high: Choice })
    .default({ low: '3', normal: '2', high: '1' }),
  /** How an incident is closed: the base system's state *Resolved*, and one of its resolution codes. */
  closing: z
    .strictObject({ state: Choice, code: z.string().min(1).max(40) })
    .default({ state: '6', code: 'Solution provided' }),
});

/** Incidents of one ServiceNow instance. */
export const servicenow: Connector = {
  name: 'servicenow',
  port: 'ticketing',
  title: (settings) => `ServiceNow at ${new URL(Settings.parse(settings).web).host}`,
  settings: Settings as unknown as z.ZodType<Json>,
  facts: () => ({}),
  operations,
  // Policy cannot tell one incident from another.
  examples: (operation) => [TICKET_EXAMPLES[operation] ?? {}],
  module: 'actions/connectors/servicenow.operations.ts',
};

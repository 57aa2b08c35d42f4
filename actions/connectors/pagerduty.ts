import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { operations } from './pagerduty.operations.ts';

const Id = z.string().regex(/^[A-Z0-9]{5,25}$/, 'is one of PagerDuty’s ids, such as PIJ90N7');
const Name = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'is a name in small letters');
const Title = z.string().min(1).max(60);

const Settings = z.strictObject({
  /** The e-mail address of the PagerDuty user in whose name the assistant acts. */
  from: z.email(),
  /** That user's id: what the assistant wrote is recognised by it. */
  account: Id,
  /** Where people open it in a browser, for links. */
  web: z.url({ protocol: /^https?$/ }),
  /** For which services incidents are opened; those of others are neither shown nor changed. */
  services: z.record(Name, z.strictObject({ id: Id, title: Title })),
  /** Whom `oncall.page` calls: the escalation policy is told of an incident of that service. */
  teams: z.record(Name, z.strictObject({ service: Id, escalation_policy: Id, title: Title })).default({}),
});

const INCIDENT = { incident: 'PEXAMPLE' };

/** Incidents and pages on PagerDuty. */
export const pagerduty: Connector = {
  name: 'pagerduty',
  port: 'oncall',
  title: () => 'PagerDuty',
  settings: Settings as unknown as z.ZodType<Json>,
  facts: () => ({}),
  operations,
  examples: (operation, settings) => {
    const { services, teams } = Settings.parse(settings);
    if (operation === 'open') return Object.keys(services).map((service) => ({ service, title: 'example' }));
    if (operation === 'page') return Object.keys(teams).map((team) => ({ team, message: 'example' }));
    return [operation === 'note' ? { ...INCIDENT, note: 'example' } : INCIDENT];
  },
  module: 'actions/connectors/pagerduty.operations.ts',
};

/** Routes and on-call schedules of the configuration: checked as a whole, and put together. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Route } from './approval/escalation.ts';
import { configInvalid } from './config/invalid.ts';
import { AppError } from './errors.ts';
import type { PrincipalId } from './model/ids.ts';
import { pagerDutyOnCall } from './oncall/pagerduty.ts';
import type { OnCall } from './oncall/port.ts';
import type { OnCallYaml, WrittenSchedule } from './oncall/shape.ts';
import { onCallTogether } from './oncall/together.ts';
import { writtenOnCall } from './oncall/written.ts';

export type ReachConfig = {
  routes: Route[];
  written: Record<string, WrittenSchedule>;
  pagerDuty: {
    token: string;
    apiUrl: string;
    schedules: Record<string, string>;
    users: Record<string, PrincipalId>;
  } | null;
};

/** @throws AppError `config_invalid` where a name leads nowhere, or PagerDuty is configured in part. */
export function readReach(
  routes: Route[],
  onCall: OnCallYaml,
  pagerDuty: { token: string | null; apiUrl: string },
): ReachConfig {
  const written: Record<string, WrittenSchedule> = {};
  const elsewhere: Record<string, string> = {};
  for (const [name, schedule] of Object.entries(onCall.schedules)) {
    if ('pagerduty' in schedule) elsewhere[name] = schedule.pagerduty;
    else written[name] = schedule;
  }
  for (const route of routes) {
    for (const name of schedulesOf(route))
      if (!Object.hasOwn(onCall.schedules, name))
        configInvalid(`countersign.yaml: routes: on_call has no schedule "${name}".`);
  }
  const [first] = Object.keys(elsewhere);
  const { token, apiUrl } = pagerDuty;
  if (first === undefined) {
    if (token !== null)
      configInvalid('PAGERDUTY_TOKEN is given, and no schedule of on_call is kept by PagerDuty.');
    return { routes, written, pagerDuty: null };
  }
  if (token === null)
    return configInvalid(`PAGERDUTY_TOKEN is missing: on_call.schedules.${first} is kept by PagerDuty.`);
  return {
    routes,
    written,
    pagerDuty: { token, apiUrl, schedules: elsewhere, users: onCall.pagerduty_users },
  };
}

const schedulesOf = (route: Route): string[] => [
  ...(route.schedule === null ? [] : [route.schedule]),
  ...route.escalateTo.flatMap((target) => (target.kind === 'schedule' ? [target.id] : [])),
];

/** Names that the directory does not know would ask nobody, and nobody would notice. @throws AppError `config_invalid` */
export function checkReach(
  { routes, written, pagerDuty }: ReachConfig,
  directory: { people: readonly { id: PrincipalId }[]; groups: readonly { id: string }[] },
): void {
  const targets = routes.flatMap((route) => route.escalateTo);
  const people = [
    ...targets.flatMap((target) => (target.kind === 'person' ? [target.id] : [])),
    ...Object.values(written).flatMap(({ rotation, overrides }) => [
      ...(rotation?.people ?? []),
      ...overrides.flatMap((override) => override.people),
    ]),
    ...Object.values(pagerDuty?.users ?? {}),
  ];
  const groups = [
    ...routes.flatMap((route) => (route.group === null ? [] : [route.group])),
    ...targets.flatMap((target) => (target.kind === 'group' ? [target.id] : [])),
  ];
  const stranger = people.find((id) => !directory.people.some((person) => person.id === id));
  if (stranger !== undefined)
    configInvalid(`countersign.yaml: routes and on_call: the directory has no "${stranger}".`);
  const missing = groups.find((id) => !directory.groups.some((group) => group.id === id));
  if (missing !== undefined)
    configInvalid(`countersign.yaml: routes: the directory has no group "${missing}".`);
}

export function onCallOf({ written, pagerDuty }: ReachConfig): OnCall {
  const sources = [writtenOnCall(written)];
  if (pagerDuty !== null) {
    const wait = async (ms: number, signal: AbortSignal) => {
      await pause(ms, undefined, { signal });
    };
    sources.push(pagerDutyOnCall({ ...pagerDuty, wait }));
  }
  return onCallTogether(sources);
}

/** Who is on call at this moment, a line for each schedule; for whoever asks in chat. */
export async function onCallInWords(
  onCall: OnCall,
  schedule: string | null,
  at: Date,
  nameOf: (person: PrincipalId) => string,
): Promise<string> {
  if (onCall.schedules.length === 0) return 'No on-call schedule is configured.';
  if (schedule !== null && !onCall.schedules.includes(schedule))
    return `There is no on-call schedule "${schedule}". There are: ${onCall.schedules.join(', ')}.`;
  const lines = (schedule === null ? onCall.schedules : [schedule]).map(async (name) => {
    try {
      const people = await onCall.whoIsOnCall(name, at);
      return `${name}: ${people.map(nameOf).join(', then ') || 'nobody'}`;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return `${name}: ${error.message}`;
    }
  });
  return (await Promise.all(lines)).join('\n');
}

/** Who is asked where, and what happens while nobody decides: the plan of reminders and escalations. Pure. */
import type { PrincipalId } from '../model/ids.ts';
import type { Principal } from '../model/principal.ts';
import type { ActionRequest } from '../model/request.ts';
import { type Approved, couldMeet } from './needs.ts';

/** Somebody to escalate to. Being named here gives nobody a right: only who may approve is ever asked. */
export type Target =
  | { kind: 'person'; id: PrincipalId }
  | { kind: 'group'; id: string }
  | { kind: 'schedule'; id: string }
  | { kind: 'everybody' };

/** What must be true of a request for a route to hold; null says nothing. */
export type RouteMatch = {
  /** One of the groups whose approval it needs. */
  group: string | null;
  action: string | null;
  /** The resource's id; with `*` at its end, how the id begins. */
  resource: string | null;
  environment: string | null;
};

export type Timing = {
  /** Seconds between two reminders; null: none. */
  remindAfter: number | null;
  /** Seconds until the next is asked; null: nobody else is. */
  escalateAfter: number | null;
  /** In this order; after the last of them everybody who may approve. */
  escalateTo: readonly Target[];
};

/** Where a route's requests are asked on each platform, instead of the platform's own place for approvals. */
export type Channels = { slack: string | null; teams: string | null };

export type Route = RouteMatch & Timing & { channels: Channels; schedule: string | null };

type Routed = Pick<ActionRequest, 'action' | 'resource' | 'obligations'>;

/** The first route that holds for this request; null: everybody who may approve is asked, and nobody is reminded. */
export function routeFor(routes: readonly Route[], request: Routed): Route | null {
  return routes.find((route) => holds(route, request)) ?? null;
}

function holds(route: RouteMatch, { action, resource, obligations }: Routed): boolean {
  const { group } = route;
  return (
    (route.action === null || route.action === action) &&
    (route.environment === null || route.environment === resource.attributes.environment) &&
    (route.resource === null || isResource(route.resource, resource.id)) &&
    (group === null || obligations.approvals.some((need) => need.group === group))
  );
}

const isResource = (pattern: string, id: string): boolean =>
  pattern.endsWith('*') ? id.startsWith(pattern.slice(0, -1)) : id === pattern;

/** One thing that happens while nobody decides, in seconds after the asking. */
export type Step = { afterSeconds: number } & ({ kind: 'remind' } | { kind: 'escalate'; to: number });

/** The step of this number, from 0; null where nothing more happens. An escalation takes the place of a reminder at the same time. */
export function stepAt(timing: Timing, index: number): Step | null {
  let count = 0;
  for (const step of stepsOf(timing)) {
    if (count === index) return step;
    count += 1;
  }
  return null;
}

/** Endless where there are reminders: a request expires. */
export function* stepsOf({ remindAfter, escalateAfter, escalateTo }: Timing): Generator<Step, void> {
  const escalations = escalateTo.length + 1;
  let escalated = 0;
  for (let at = 0; ; ) {
    const reminder =
      remindAfter === null ? Number.POSITIVE_INFINITY : (Math.floor(at / remindAfter) + 1) * remindAfter;
    const escalation =
      escalateAfter === null || escalated === escalations
        ? Number.POSITIVE_INFINITY
        : (escalated + 1) * escalateAfter;
    at = Math.min(reminder, escalation);
    if (!Number.isFinite(at)) return;
    if (at === escalation) {
      yield { kind: 'escalate', afterSeconds: at, to: escalated };
      escalated += 1;
    } else yield { kind: 'remind', afterSeconds: at };
  }
}

/** Whom an escalation of this number turns to, and then whom, where that reaches nobody new. */
export function targetsFrom({ escalateTo }: Timing, to: number): Target[] {
  return [...escalateTo.slice(to), { kind: 'everybody' }];
}

/**
 * Those on call who may approve, in their order; null where they could not meet what is still missing: then everybody is
 * asked, because a request that cannot be decided by those who know of it would only expire.
 */
export function narrowed(
  onCall: readonly PrincipalId[],
  approvers: readonly Principal[],
  request: Pick<ActionRequest, 'obligations'>,
  approvals: readonly Approved[],
): Principal[] | null {
  const found = onCall.flatMap((id) => approvers.filter((person) => person.id === id));
  return found.length > 0 && couldMeet(request, approvals, found) ? found : null;
}

/** Those of a target who may approve and were not asked yet. `onCall`: who is, where the target is a schedule. */
export function newlyAsked(
  target: Target,
  approvers: readonly Principal[],
  asked: ReadonlySet<PrincipalId>,
  onCall: readonly PrincipalId[],
): Principal[] {
  return approvers.filter((person) => !asked.has(person.id) && isMeant(target, person, onCall));
}

function isMeant(target: Target, person: Principal, onCall: readonly PrincipalId[]): boolean {
  switch (target.kind) {
    case 'person':
      return person.id === target.id;
    case 'group':
      return person.groups.includes(target.id);
    case 'schedule':
      return onCall.includes(person.id);
    case 'everybody':
      return true;
  }
}

export function targetInWords(target: Target): string {
  return target.kind === 'everybody' ? 'everybody' : `${target.kind}:${target.id}`;
}

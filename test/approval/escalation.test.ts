import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  narrowed,
  newlyAsked,
  type Route,
  routeFor,
  type Step,
  stepAt,
  stepsOf,
  type Target,
  targetInWords,
  targetsFrom,
} from '../../src/approval/escalation.ts';
import { RoutesYaml } from '../../src/approval/escalation-routes.ts';
import { PrincipalId } from '../../src/model/ids.ts';
import type { Principal } from '../../src/model/principal.ts';
import { needsAreMet } from '../../src/model/quorum.ts';
import type { ApprovalNeed } from '../../src/model/request.ts';

const HOUR = 3_600;
const id = (text: string) => PrincipalId.parse(text);
const person = (name: string, ...groups: string[]): Principal => ({
  id: id(name),
  name,
  groups,
  accounts: [],
});
const route = (entry: Record<string, unknown>): Route => RoutesYaml.parse([entry])[0]!;
const first = (entry: Record<string, unknown>, count: number): Step[] => {
  const plan = route(entry);
  return Array.from({ length: count }, (_, index) => stepAt(plan, index)).filter((step) => step !== null);
};

describe('the plan', () => {
  test('reminds in between and escalates in order, everybody last', () => {
    const plan = { remind_after: '1h', escalate_after: '3h', escalate_to: [{ person: 'carol' }] };
    expect(first(plan, 8).map((step) => [step.afterSeconds / HOUR, step.kind])).toEqual([
      [1, 'remind'],
      [2, 'remind'],
      [3, 'escalate'],
      [4, 'remind'],
      [5, 'remind'],
      [6, 'escalate'],
      [7, 'remind'],
      [8, 'remind'],
    ]);
    expect(targetsFrom(route(plan), 0).map(targetInWords)).toEqual(['person:carol', 'everybody']);
    expect(targetsFrom(route(plan), 1).map(targetInWords)).toEqual(['everybody']);
  });

  test('without reminders ends with everybody; with nothing is empty', () => {
    expect(first({ escalate_after: '2d' }, 5)).toEqual([
      { kind: 'escalate', afterSeconds: 48 * HOUR, to: 0 },
    ]);
    expect(first({}, 5)).toEqual([]);
  });

  test('its times rise, each target has its turn once and in order, and a reminder is never late', () => {
    const seconds = fc.integer({ min: 60, max: 1_000_000 });
    fc.assert(
      fc.property(seconds, seconds, fc.integer({ min: 0, max: 5 }), (remindAfter, escalateAfter, count) => {
        const escalateTo = Array.from({ length: count }, (): Target => ({ kind: 'everybody' }));
        const steps: Step[] = [];
        for (const step of stepsOf({ remindAfter, escalateAfter, escalateTo })) {
          steps.push(step);
          if (steps.length === 40) break;
        }
        const times = steps.map((step) => step.afterSeconds);
        expect(times.every((at, index) => at > (times[index - 1] ?? 0))).toBe(true);
        expect(times.every((at, index) => at - (times[index - 1] ?? 0) <= remindAfter)).toBe(true);
        const escalations = steps.filter((step) => step.kind === 'escalate');
        expect(escalations.map((step) => step.to)).toEqual(escalations.map((_, index) => index));
        expect(escalations.map((step) => step.afterSeconds)).toEqual(
          escalations.map((_, index) => (index + 1) * escalateAfter),
        );
        expect(escalations.length).toBeLessThanOrEqual(count + 1);
      }),
    );
  });
});

describe('a route', () => {
  const request = {
    action: 'ci.trigger',
    resource: { type: 'Job', id: 'runner/web/release', attributes: { environment: 'production' } },
    obligations: {
      approvals: [{ group: 'oncall', quorum: 2 }],
      stepup: null,
      isolation: null,
      expiresSeconds: 60,
    },
  };

  test.each([
    [{}, true],
    [{ action: 'ci.trigger', group: 'oncall', environment: 'production' }, true],
    [{ action: 'ci.status' }, false],
    [{ group: 'operators' }, false],
    [{ environment: 'staging' }, false],
    [{ environment: 'production', action: 'ticket.create' }, false],
    [{ resource: 'runner/web/release' }, true],
    [{ resource: 'runner/web/*' }, true],
    [{ resource: 'runner/web' }, false],
    [{ resource: 'runner/api/*' }, false],
  ])('of %j holds: %s', (entry, isHeld) => {
    expect(routeFor([route(entry)], request) !== null).toBe(isHeld);
  });

  test('the first that holds is taken', () => {
    const routes = RoutesYaml.parse([{ action: 'other' }, { schedule: 'a' }, { schedule: 'b' }]);
    expect(routeFor(routes, request)?.schedule).toBe('a');
    expect(routeFor([], request)).toBeNull();
  });

  test.each([
    ['a channel by its name', { slack_channel: '#approvals' }],
    ['somebody next without a time', { escalate_to: [{ person: 'bob' }] }],
    ['a target that is two', { escalate_after: '1h', escalate_to: [{ person: 'bob', group: 'oncall' }] }],
    ['a length of time without a unit', { remind_after: 30 }],
    ['a key that is none', { escalate: '1h' }],
  ])('with %s is refused', (_what, entry) => {
    expect(RoutesYaml.safeParse([entry]).success).toBe(false);
  });
});

const BOB = person('bob', 'oncall');
const CAROL = person('carol', 'oncall');
const ERIN = person('erin', 'operators');
const ONE: ApprovalNeed[] = [{ group: 'oncall', quorum: 1 }];
const TWO: ApprovalNeed[] = [{ group: 'oncall', quorum: 2 }];
const needing = (approvals: ApprovalNeed[]) => ({
  obligations: { approvals, stepup: null, isolation: null, expiresSeconds: 60 },
});

test.each([
  ['one on call who is enough', ['carol'], ONE, ['carol']],
  ['two on call, in their order', ['carol', 'bob'], TWO, ['carol', 'bob']],
  ['one on call where two are needed', ['carol'], TWO, null],
  ['nobody on call', [], ONE, null],
  ['somebody on call who may not approve', ['dave'], ONE, null],
  ['somebody on call of another group', ['erin'], ONE, null],
])('%s', (_what, onCall, needs, asked) => {
  const found = narrowed(onCall.map(id), [BOB, CAROL, ERIN], needing(needs), []);
  expect(found?.map((it) => it.id) ?? null).toEqual(asked);
});

test('one on call is enough for two, where another has approved already', () => {
  const found = narrowed([CAROL.id], [CAROL], needing(TWO), [{ approver: BOB.id, groups: ['oncall'] }]);
  expect(found).toEqual([CAROL]);
});

const someone = fc.constantFrom(
  ...['bob', 'carol', 'dave', 'erin', 'frank'].map((name) =>
    person(name, name < 'd' ? 'oncall' : 'operators'),
  ),
);
const some = fc.uniqueArray(someone, { selector: (it) => it.id });
const target = fc.oneof(
  someone.map((it): Target => ({ kind: 'person', id: it.id })),
  fc.constantFrom<Target>(
    { kind: 'group', id: 'oncall' },
    { kind: 'schedule', id: 's' },
    { kind: 'everybody' },
  ),
);

test('nobody is ever asked who may not approve, and nobody twice', () => {
  fc.assert(
    fc.property(target, some, some, some, (to, approvers, asked, onCall) => {
      const ids = new Set(asked.map((it) => it.id));
      const found = newlyAsked(
        to,
        approvers,
        ids,
        onCall.map((it) => it.id),
      );
      expect(found.every((it) => approvers.includes(it) && !ids.has(it.id))).toBe(true);
      expect(new Set(found).size).toBe(found.length);
    }),
  );
  fc.assert(
    fc.property(some, some, fc.constantFrom(ONE, TWO), (onCall, approvers, needs) => {
      const found = narrowed(
        onCall.map((it) => it.id),
        approvers,
        needing(needs),
        [],
      );
      if (found === null) return;
      expect(found.every((it) => approvers.includes(it))).toBe(true);
      expect(needsAreMet(needs, found)).toBe(true);
    }),
  );
});

test.each<[Target, string[]]>([
  [{ kind: 'person', id: id('carol') }, ['carol']],
  [{ kind: 'person', id: id('dave') }, []],
  [{ kind: 'group', id: 'oncall' }, ['carol']],
  [{ kind: 'group', id: 'nobody' }, []],
  [{ kind: 'schedule', id: 'second' }, ['erin']],
  [{ kind: 'everybody' }, ['carol', 'erin']],
])('an escalation to %j asks %j where bob is asked already', (to, asked) => {
  const found = newlyAsked(to, [BOB, CAROL, ERIN], new Set([id('bob')]), [id('erin'), id('dave')]);
  expect(found.map((it) => it.id)).toEqual(asked);
});

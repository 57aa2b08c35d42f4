import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OnCallYaml, type WrittenSchedule } from '../../src/oncall/shape.ts';
import { onCallAt, writtenOnCall } from '../../src/oncall/written.ts';
import { describeOnCall, hour, SCHEDULE } from './contract.ts';

const parse = (schedule: unknown): WrittenSchedule =>
  OnCallYaml.parse({ schedules: { [SCHEDULE]: schedule } }).schedules[SCHEDULE] as WrittenSchedule;

describeOnCall('a schedule in the configuration', async (shifts) =>
  writtenOnCall({
    [SCHEDULE]: parse({
      overrides: shifts.map(({ person, from, until }) => ({
        people: [person],
        from: hour(from).toISOString(),
        until: hour(until).toISOString(),
      })),
    }),
  }),
);

const WEEKLY = { people: ['bob', 'carol', 'dave'], starts: '2026-01-05T09:00:00+01:00', every: '7d' };

test.each([
  ['2026-01-05T07:59:59.999Z', []],
  ['2026-01-05T08:00:00Z', ['bob']],
  ['2026-01-12T07:59:59.999Z', ['bob']],
  ['2026-01-12T08:00:00Z', ['carol']],
  ['2026-01-19T08:00:00Z', ['dave']],
  ['2026-01-26T08:00:00Z', ['bob']],
  ['2027-01-04T08:00:00Z', ['carol']],
])('a weekly rotation at %s: %j', (at, people) => {
  expect(onCallAt(parse({ rotation: WEEKLY }), new Date(at))).toEqual(people);
});

test('an override goes before the rotation while it lasts', () => {
  const schedule = parse({
    rotation: WEEKLY,
    overrides: [{ people: ['erin'], from: '2026-01-06T00:00:00Z', until: '2026-01-07T00:00:00Z' }],
  });
  const at = (text: string) => onCallAt(schedule, new Date(text));
  expect(at('2026-01-06T12:00:00Z')).toEqual(['erin']);
  expect(at('2026-01-07T00:00:00Z')).toEqual(['bob']);
});

test('from its start on a rotation always has exactly one, who changes with each period', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 2, maxLength: 6 }),
      fc.integer({ min: 1, max: 99 }),
      fc.integer({ min: 0, max: 10_000 }),
      (people, days, period) => {
        const schedule = parse({ rotation: { people, starts: hour(0).toISOString(), every: `${days}d` } });
        const at = (periods: number) => onCallAt(schedule, hour(periods * days * 24));
        expect(at(period)).toHaveLength(1);
        expect(at(period)).not.toEqual(at(period + 1));
        expect(at(period)).toEqual(at(period + people.length));
      },
    ),
  );
});

test.each([
  ['nobody', {}],
  ['a time without an offset', { rotation: { ...WEEKLY, starts: '2026-01-05T09:00:00' } }],
  ['a period without a unit', { rotation: { ...WEEKLY, every: '7' } }],
  ['no period', { rotation: { ...WEEKLY, every: '0d' } }],
  ['no people', { rotation: { ...WEEKLY, people: [] } }],
  [
    'an end before its start',
    { overrides: [{ people: ['bob'], from: hour(2).toISOString(), until: hour(1).toISOString() }] },
  ],
  ['two sources', { rotation: WEEKLY, pagerduty: 'PSCHED1' }],
])('a schedule with %s is refused', (_what, schedule) => {
  expect(() => parse(schedule)).toThrow();
});

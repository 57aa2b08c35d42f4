/** What every source of on-call schedules does alike. */
import { describe, expect, test } from 'vitest';
import type { OnCall } from '../../src/oncall/port.ts';

/** A shift by hours of one day; `until` null: it does not end within it. */
export type Shift = { person: string; from: number; until: number };

export const SCHEDULE = 'platform';
export const hour = (hours: number): Date => new Date(Date.UTC(2026, 0, 5) + hours * 3_600_000);

export function describeOnCall(name: string, withShifts: (shifts: Shift[]) => Promise<OnCall>): void {
  describe(`${name} says who is on call`, () => {
    const at = async (shifts: Shift[], hours: number) =>
      (await withShifts(shifts)).whoIsOnCall(SCHEDULE, hour(hours));
    const day = [
      { person: 'bob', from: 8, until: 16 },
      { person: 'carol', from: 16, until: 24 },
    ];

    test.each([
      [7.999, []],
      [8, ['bob']],
      [15.999, ['bob']],
      [16, ['carol']],
      [23.999, ['carol']],
      [24, []],
    ])('at %d h of a day in two shifts: %j', async (hours, people) => {
      expect(await at(day, hours)).toEqual(people);
    });

    test('two at once are asked in the order in which they stand', async () => {
      const both = [
        { person: 'carol', from: 8, until: 16 },
        { person: 'bob', from: 8, until: 16 },
      ];
      expect(await at(both, 9)).toEqual(['carol', 'bob']);
    });

    test('nobody is named twice', async () => {
      const twice = [
        { person: 'bob', from: 8, until: 16 },
        { person: 'carol', from: 8, until: 16 },
        { person: 'bob', from: 8, until: 16 },
      ];
      expect(await at(twice, 9)).toEqual(['bob', 'carol']);
    });

    test.each(['unknown', 'constructor', ''])(
      'a schedule that is not configured is refused: "%s"',
      async (schedule) => {
        const onCall = await withShifts(day);
        await expect(onCall.whoIsOnCall(schedule, hour(9))).rejects.toMatchObject({ code: 'not_found' });
      },
    );

    test('its schedules are named', async () => {
      expect((await withShifts(day)).schedules).toEqual([SCHEDULE]);
    });
  });
}

/** The shape of `on_call` in countersign.yaml. */
import { z } from 'zod';
import { DurationSeconds } from '../model/duration.ts';
import { PrincipalId } from '../model/ids.ts';

export const ScheduleName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'a schedule is named by lower-case letters, digits, - and _');

/** A moment with its offset from UTC. Text without one would mean another time on another machine. */
const Moment = z.iso
  .datetime({ offset: true, error: 'is not a time such as 2026-01-05T09:00:00Z' })
  .transform((text) => new Date(text));

const Override = z
  .strictObject({ people: z.array(PrincipalId).min(1), from: Moment, until: Moment })
  .refine(({ from, until }) => from < until, 'ends before it begins');
export type Override = z.output<typeof Override>;

/** One person after the other, each for `every`, from `starts` on; nobody before. Periods are of one length, summer time or not. */
const Rotation = z.strictObject({
  people: z.array(PrincipalId).min(1),
  starts: Moment,
  every: DurationSeconds,
});
export type Rotation = z.output<typeof Rotation>;

const WrittenSchedule = z
  .strictObject({ rotation: Rotation.optional(), overrides: z.array(Override).default([]) })
  .refine(
    ({ rotation, overrides }) => rotation !== undefined || overrides.length > 0,
    'names nobody: give it a rotation, overrides or a pagerduty schedule',
  );
export type WrittenSchedule = z.output<typeof WrittenSchedule>;

/** PagerDuty's ids, never its names or addresses: those can be given to somebody else. */
const PagerDutyId = z.string().regex(/^[A-Z0-9]{6,32}$/, 'is not an id of PagerDuty');

export const OnCallYaml = z.strictObject({
  schedules: z
    .record(ScheduleName, z.union([WrittenSchedule, z.strictObject({ pagerduty: PagerDutyId })]))
    .default({}),
  /** Which of our people a user of PagerDuty is. Whoever is not named here is asked nothing. */
  pagerduty_users: z.record(PagerDutyId, PrincipalId).default({}),
});
export type OnCallYaml = z.output<typeof OnCallYaml>;

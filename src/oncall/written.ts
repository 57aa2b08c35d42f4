/** Schedules that the operator wrote down: a rotation, and overrides that go before it. Pure but for the port's promise. */
import { AppError } from '../errors.ts';
import type { PrincipalId } from '../model/ids.ts';
import type { OnCall } from './port.ts';
import type { Rotation, WrittenSchedule } from './shape.ts';

export function writtenOnCall(schedules: Readonly<Record<string, WrittenSchedule>>): OnCall {
  return {
    schedules: Object.keys(schedules),
    async whoIsOnCall(name, at) {
      const schedule = Object.hasOwn(schedules, name) ? schedules[name] : undefined;
      if (schedule === undefined) throw new AppError('not_found', `There is no on-call schedule "${name}".`);
      return onCallAt(schedule, at);
    },
  };
}

/** Overrides that cover the moment (its start within, its end not) replace the rotation. */
export function onCallAt({ rotation, overrides }: WrittenSchedule, at: Date): PrincipalId[] {
  const covering = overrides.filter(({ from, until }) => from <= at && at < until);
  const people = covering.flatMap((override) => override.people);
  if (covering.length === 0 && rotation !== undefined) return turnOf(rotation, at);
  return [...new Set(people)];
}

function turnOf({ people, starts, every }: Rotation, at: Date): PrincipalId[] {
  const periods = Math.floor((at.getTime() - starts.getTime()) / (every * 1000));
  const person = periods < 0 ? undefined : people[periods % people.length];
  return person === undefined ? [] : [person];
}

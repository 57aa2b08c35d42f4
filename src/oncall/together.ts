/** Several sources of schedules as one: each name belongs to exactly one of them. */
import { AppError } from '../errors.ts';
import type { OnCall } from './port.ts';

export function onCallTogether(sources: readonly OnCall[]): OnCall {
  return {
    schedules: sources.flatMap((source) => source.schedules),
    async whoIsOnCall(schedule, at) {
      const source = sources.find((it) => it.schedules.includes(schedule));
      if (source === undefined)
        throw new AppError('not_found', `There is no on-call schedule "${schedule}".`);
      return source.whoIsOnCall(schedule, at);
    },
  };
}

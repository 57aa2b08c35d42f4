/** The moment as policy may ask about it: freeze windows, working hours. Pure. */
import type { LocalTime } from '../model/decision.ts';

/** Monday is 1, as in ISO 8601. */
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** `zone`: an IANA name, in which weekday and hour are told; the moment itself is the same everywhere. */
export function localTime(now: Date, zone: string): LocalTime {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    weekday: 'short',
    hour: 'numeric',
    hourCycle: 'h23',
  }).formatToParts(now);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
  return {
    now: now.toISOString(),
    weekday: WEEKDAYS.indexOf(part('weekday')) + 1,
    hour: Number(part('hour')),
  };
}

/** Whether this is the name of a time zone. */
export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

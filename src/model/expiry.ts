/** Why a request expired: which of the two did not happen in time. Whoever decided in time is not told that nobody did. */
import type { Result } from './request.ts';

export const UNDECIDED = { code: 'expired', message: 'Nobody decided in time.' } satisfies Result;
export const UNSTARTED = {
  code: 'expired_before_start',
  message: 'It was approved, but could not start in time.',
} satisfies Result;

/** One of these as the rest of a sentence that has begun. */
export const goingOn = (message: string): string => message.charAt(0).toLowerCase() + message.slice(1);

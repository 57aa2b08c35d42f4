/** How states, times and values read. Pure; `now` is a parameter. */
import type { Card } from '../../../src/model/card.ts';
import type { Provenance, RequestState, Risk } from '../../../src/model/request.ts';
import type { DecisionKind } from '../../../src/model/turn.ts';

export type Tone = 'neutral' | 'info' | 'good' | 'warn' | 'bad';

export const STATES: Record<RequestState, { word: string; tone: Tone }> = {
  pending: { word: 'Waiting', tone: 'warn' },
  approved: { word: 'Approved', tone: 'info' },
  executing: { word: 'Running', tone: 'info' },
  succeeded: { word: 'Done', tone: 'good' },
  failed: { word: 'Failed', tone: 'bad' },
  denied: { word: 'Denied', tone: 'bad' },
  expired: { word: 'Expired', tone: 'neutral' },
  cancelled: { word: 'Cancelled', tone: 'neutral' },
  unknown: { word: 'Unclear', tone: 'warn' },
};

export const RISKS: Record<Risk, { word: string; tone: Tone }> = {
  low: { word: 'Low risk', tone: 'good' },
  medium: { word: 'Medium risk', tone: 'warn' },
  high: { word: 'High risk', tone: 'bad' },
};

/** Where an argument came from; what nobody said in person stands out. */
export const ORIGINS: Record<Provenance, { word: string; tone: Tone }> = {
  typed: { word: 'typed by the requester', tone: 'neutral' },
  quoted: { word: 'from the requester’s message', tone: 'neutral' },
  default: { word: 'default', tone: 'neutral' },
  model: { word: 'worded by the model', tone: 'warn' },
  fetched: { word: 'from outside text', tone: 'warn' },
};

export const DECISIONS: Record<DecisionKind, string> = {
  confirm: 'Confirm',
  approve: 'Approve',
  deny: 'Deny',
  cancel: 'Cancel request',
};

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** e.g. `in 14 minutes`, `in 40 seconds`, `3 hours ago`, `just now`. Rounded towards now. */
export function relativeTime(at: string, now: number): string {
  const distanceMs = Date.parse(at) - now;
  if (Number.isNaN(distanceMs)) return at;
  const unit = UNITS.find(([, sizeMs]) => Math.abs(distanceMs) >= sizeMs);
  if (unit === undefined && distanceMs <= 0) return 'just now';
  if (unit === undefined) return relative.format(Math.trunc(distanceMs / 1000), 'second');
  return relative.format(Math.trunc(distanceMs / unit[1]), unit[0]);
}

/** How long is left, e.g. `in 7 hours 59 minutes`: never more than there is, and no `7 hours` where it is nearly 8. */
export function timeLeft(at: string, now: number): string {
  const leftMs = Date.parse(at) - now;
  const largest = UNITS.findIndex(([, sizeMs]) => leftMs >= sizeMs);
  const unit = UNITS[largest];
  const smaller = UNITS[largest + 1];
  if (unit === undefined || smaller === undefined) return relativeTime(at, now);
  // Counted here: "in 1 day" reads as "tomorrow" otherwise, which takes no hours after it.
  const whole = counted(Math.floor(leftMs / unit[1]), unit[0]);
  const rest = Math.floor((leftMs % unit[1]) / smaller[1]);
  return rest === 0 ? `in ${whole}` : `in ${whole} ${counted(rest, smaller[0])}`;
}

const counted = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? '' : 's'}`;

/** e.g. `21 Nov 2026, 10:14:03`, in the reader's own time zone. */
export function fullTime(at: string): string {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return at;
  return time.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
}

/** How much is shown at once, in UTF-16 units and lines; the rest opens with a tap. */
export type Room = { units: number; lines: number };
/** A value on a card: the others should stay in sight. */
const ON_CARD: Room = { units: 320, lines: 8 };
/** What was said in a conversation: a screen of it. */
export const IN_CONVERSATION: Room = { units: 2_000, lines: 30 };

/** The start of a long value and how much there is, or null when all of it is short. */
export function shortened(text: string, room: Room = ON_CARD): { start: string; size: string } | null {
  const lines = text.split('\n');
  if (text.length <= room.units && lines.length <= room.lines) return null;
  const start = lines.slice(0, room.lines).join('\n').slice(0, room.units);
  const lineCount = lines.length > 1 ? `, ${lines.length.toLocaleString('en')} lines` : '';
  return { start, size: `${text.length.toLocaleString('en')} characters${lineCount}` };
}

const MACHINE_LABEL = /commit|command|digest|ref|path|input|image|version/i;
const MACHINE_VALUE = /^[\w./:@+=~-]*\d[\w./:@+=~-]*$/;

/** True where a value is meant for machines: read letter by letter, so shown in fixed width. */
export function isMachineText(label: string, value: string): boolean {
  return MACHINE_LABEL.test(label) || (value.length > 6 && MACHINE_VALUE.test(value));
}

/** An example with its blanks: `open a ticket: {title}` becomes `open a ticket: ` and the blank `title`. */
export function exampleParts(example: string): { text: string; isBlank: boolean }[] {
  return example
    .split(/(\{[^{}]+\})/)
    .filter((part) => part !== '')
    .map((part) => ({ text: part.replace(/^\{|\}$/g, ''), isBlank: part.startsWith('{') }));
}

/**
 * The order in which a list of things to decide is shown; `now` comes newest first, as their requesters wait at this
 * moment. Whatever arrives while the page is open goes to the end: nothing moves under a finger.
 */
export function orderKept(before: readonly string[] | null, now: readonly string[]): string[] {
  if (before === null) return [...now];
  return [...before.filter((id) => now.includes(id)), ...now.filter((id) => !before.includes(id))];
}

export const initialsOf = (name: string): string =>
  name
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => [...word][0] ?? '')
    .join('')
    .toUpperCase();

export const isFinal = (card: Card): boolean =>
  ['succeeded', 'failed', 'denied', 'expired', 'cancelled'].includes(card.state);

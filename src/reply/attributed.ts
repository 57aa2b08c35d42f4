/**
 * Sentences of a preview or a result where they stand among our own words. Those of code from elsewhere are not ours to say:
 * a sentence of ours stands there, and what that code says is quoted on the card under its name. Pure.
 */
import type { Preview, RequestState, Result } from '../model/request.ts';

/** What will happen, in words of ours; null where only the action's own code says it, or nothing does. */
export function summaryOf(preview: Preview | null): string | null {
  return preview === null || preview.by !== undefined ? null : preview.summary;
}

/** What became of it. */
export function messageOf({ message, by }: Result, state: RequestState): string {
  if (by === undefined) return message;
  const who = beginning(by);
  switch (state) {
    case 'succeeded':
      return `${who} says that it is done.`;
    case 'unknown':
      return `${who} says that somebody must look.`;
    default:
      return `${who} says that it failed.`;
  }
}

/** As a sentence begins. */
const beginning = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;

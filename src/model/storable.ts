/**
 * What people and outside systems write may hold U+0000 or half a surrogate pair. JSON carries both; PostgreSQL's `text` and
 * `jsonb` refuse the one, `jsonb` and our canonical form the other. What did happen must not fail to be stored
 * because of such a character, so both are replaced at the door by what stands for them.
 */
import type { Json } from './request.ts';

/** U+0000 as its picture U+2400, half a surrogate pair as U+FFFD. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '\u2400');
}

/** The same for every text and name within a value, whose depth is already bounded. */
export function storable(value: Json): Json {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [storableText(name), storable(item)]),
  );
}

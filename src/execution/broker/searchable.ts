/**
 * What of a call is searched for secrets: what the code wrote, and what would leave, in the forms in which a secret could
 * be spread over it. Pure.
 */
import type { Json } from '../../model/request.ts';
import type { Outgoing } from './rules.ts';
import type { Target } from './target.ts';

/** Names and values of a body as they stand, decoded: an escape in JSON hides nothing. */
function collect(value: Json, names: string[], values: string[]): void {
  if (Array.isArray(value)) for (const item of value) collect(item, names, values);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      names.push(name);
      collect(item, names, values);
    }
  } else if (value !== null) values.push(String(value));
}

/** Of what the code sent, before anything is compared: so that the attempt is known for what it is. */
export function searchableOf(target: Target, text: string): string {
  return [...target.segments, ...[...target.query].flat(), text].join('\n');
}

/**
 * Of what would leave: each name and value on its own line; then the values joined without a gap, within the body and
 * over path, query and body, as whoever reads them at the other end can join them.
 */
export function searchableIn(outgoing: Outgoing): string {
  const names: string[] = [];
  const values: string[] = [];
  if (outgoing.body !== null) collect(JSON.parse(outgoing.body), names, values);
  const path = outgoing.path.slice(1).split('/').map(decodeURIComponent);
  const query = [...new URLSearchParams(outgoing.search)];
  const queried = query.map(([, value]) => value);
  const single = [...path, ...query.flat(), ...names, ...values];
  const joined = [values, names, queried, path, [...path, ...queried, ...values]];
  return [...single, ...joined.map((parts) => parts.join(''))].join('\n');
}

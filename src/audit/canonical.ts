/** The one byte form of a JSON value: RFC 8785, narrowed to what has no second reading. */
import { canonicalize } from 'json-canonicalize';
import { AppError } from '../errors.ts';
import type { Json } from '../model/request.ts';

/** Deeper than any entry of ours; keeps a hostile file from exhausting the stack. */
const MAX_DEPTH = 64;

function refuse(reason: string): never {
  throw new AppError('malformed', `This value has no canonical form: ${reason}.`);
}

function checkText(text: string): void {
  if (!text.isWellFormed()) refuse('a text holds half of a surrogate pair');
}

function checkObject(value: object, depth: number): void {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) refuse('an object is not a plain one');
  for (const [key, member] of Object.entries(value)) {
    checkText(key);
    check(member, depth + 1);
  }
}

function check(value: unknown, depth: number): void {
  if (depth > MAX_DEPTH) refuse(`it is nested more than ${MAX_DEPTH} deep`);
  if (value === null || typeof value === 'boolean') return;
  if (typeof value === 'string') {
    checkText(value);
  } else if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) refuse('a number is not an integer below 2^53');
  } else if (Array.isArray(value)) {
    // A loop by index meets the holes that `forEach` would skip.
    for (let i = 0; i < value.length; i++) check(value[i], depth + 1);
  } else if (typeof value === 'object') {
    checkObject(value, depth);
  } else {
    refuse(`${typeof value} is not JSON`);
  }
}

/**
 * RFC 8785 text of a JSON value. Integers below 2^53 only, well-formed Unicode only, plain objects only;
 * anything else is `AppError('malformed')`, so that nothing is dropped or rounded on its way into a hash.
 */
export function canonical(value: unknown): string {
  check(value, 0);
  return canonicalize(value);
}

/** The same as UTF-8 bytes: what is hashed and signed. */
export function canonicalBytes(value: unknown): Buffer {
  return Buffer.from(canonical(value), 'utf8');
}

/** Matches one JSON string and, where it is a member's name, the colon after it. */
const STRING_THEN_COLON = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

function countNames(value: Json): number {
  if (value === null || typeof value !== 'object') return 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countNames(item), 0);
  return Object.values(value).reduce<number>((sum, item) => sum + 1 + countNames(item), 0);
}

/**
 * Parses untrusted JSON text into a value that has a canonical form. A repeated member name is refused: two
 * readers could see two different values behind one hash. Throws `AppError('malformed')`.
 */
export function parseStrict(text: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw new AppError('malformed', 'This is not JSON.', { cause });
  }
  check(value, 0);
  let names = 0;
  for (const match of text.matchAll(STRING_THEN_COLON)) if (match[1] !== undefined) names += 1;
  if (names !== countNames(value)) refuse('a name occurs twice in one object');
  return value;
}

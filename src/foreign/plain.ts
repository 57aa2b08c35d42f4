/** What comes in from elsewhere as JSON, made plain: no key that means something to JavaScript, bounded in every way. */
import type { Json } from '../model/request.ts';

/** Deeper than any schema or body that somebody reviews. */
const MAX_DEPTH = 24;
/** Keys and values together. */
const MAX_NODES = 5_000;

export type Plain = { ok: true; value: Json } | { ok: false; problem: string };

/** `maxChars`: of the value as JSON text. `numbers`: fractions may stand in what is never digested, as the bounds of a schema. */
export function plainJson(value: unknown, maxChars: number, numbers: 'whole' | 'any' = 'whole'): Plain {
  const isNumber = numbers === 'any' ? Number.isFinite : Number.isSafeInteger;
  let nodes = 0;
  const problemIn = (one: unknown, depth: number): string | null => {
    nodes += 1;
    if (nodes > MAX_NODES) return `has more than ${MAX_NODES} values`;
    if (depth > MAX_DEPTH) return `is nested more than ${MAX_DEPTH} deep`;
    if (one === null || typeof one === 'boolean' || typeof one === 'string') return null;
    if (typeof one === 'number') return isNumber(one) ? null : 'holds a number that is not an integer';
    if (Array.isArray(one)) return firstOf(one, (item) => problemIn(item, depth + 1));
    if (typeof one !== 'object') return 'is not plain JSON';
    return firstOf(Object.entries(one), ([key, item]) =>
      isStrangeKey(key)
        ? `uses the name "${key}", which means something else here`
        : problemIn(item, depth + 1),
    );
  };
  const problem = problemIn(value, 0);
  if (problem !== null) return { ok: false, problem };
  const text = JSON.stringify(value);
  if (text.length > maxChars) return { ok: false, problem: `has more than ${maxChars} characters` };
  return { ok: true, value: JSON.parse(text) as Json };
}

/** `__proto__`, `constructor`, `toString` and the rest of what every object already has. */
export function isStrangeKey(key: string): boolean {
  return key in Object.prototype || key === 'prototype';
}

function firstOf<T>(all: readonly T[], problemOf: (one: T) => string | null): string | null {
  for (const one of all) {
    const problem = problemOf(one);
    if (problem !== null) return problem;
  }
  return null;
}

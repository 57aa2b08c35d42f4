/**
 * Arguments for every case that policy may tell apart: what a person could possibly use is judged over these. Policy sees
 * the resource only, so only the arguments that it names vary.
 */
import { z } from 'zod';
import type { InputSchema } from '../action.ts';
import type { Json } from '../model/request.ts';
import { choicesOf } from './choices.ts';
import type { Description } from './description.ts';

/** More cases are not made: an action whose choices multiply names those that matter itself. */
const MAX_CASES = 200;
/** Stands for any text. */
const SAMPLE = 'example';

type Case = Record<string, Json>;

export function casesOf({ cases, resource }: Description, input: InputSchema): Case[] {
  if (cases.length > 0) return cases;
  const named = namesIn([resource.id, ...Object.values(resource.attributes)]);
  return named.reduce<Case[]>(
    (all, name) =>
      all
        .flatMap((one) => valuesOf(input.shape[name]).map((value) => ({ ...one, [name]: value })))
        .slice(0, MAX_CASES),
    [{}],
  );
}

function namesIn(texts: readonly unknown[]): string[] {
  const found = texts.flatMap((text) =>
    typeof text === 'string' ? [...text.matchAll(/\{args\.(\w+)\}/g)].map(([, name = '']) => name) : [],
  );
  return [...new Set(found)];
}

function valuesOf(field: unknown): Json[] {
  const choices = choicesOf(field);
  if (choices !== null) return choices;
  const bare = field instanceof z.ZodDefault ? field.unwrap() : field;
  if (bare instanceof z.ZodNumber) return [1];
  return [SAMPLE];
}

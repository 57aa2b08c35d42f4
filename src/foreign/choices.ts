/** The values of an argument of which there are a few. */
import { z } from 'zod';
import type { Json } from '../model/request.ts';

/** Null where there are more than anybody listed. */
export function choicesOf(field: unknown): Json[] | null {
  const bare = field instanceof z.ZodDefault || field instanceof z.ZodOptional ? field.unwrap() : field;
  if (bare instanceof z.ZodEnum) return bare.options.map(String);
  return bare instanceof z.ZodBoolean ? [true, false] : null;
}

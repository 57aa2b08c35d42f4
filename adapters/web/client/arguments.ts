import type { FormField } from '../../../src/model/card.ts';

/**
 * What goes to the server: text as text, numbers and booleans as such, optional fields that nobody filled in or touched not at all.
 * An untouched box is no answer: sent as "no" it would be a change that nobody made.
 */
export function argumentsOf(
  fields: readonly FormField[],
  values: Record<string, string>,
): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const { name, kind, required } of fields) {
    const value = values[name] ?? '';
    if (value === '' && !required) continue;
    given[name] = kind === 'boolean' ? value === 'true' : kind === 'number' ? Number(value) : value;
  }
  return given;
}

/** The Cedar schema against the catalogue: the rules must speak of exactly the actions that exist. */
import { type DetailedError, schemaToJsonWithResolvedTypes } from '@cedar-policy/cedar-wasm/nodejs';
import { HOUSE_ACTIONS } from './built-in.ts';
import { lineAtByte } from './statements.ts';
import type { CatalogueEntry } from './types.ts';

/** A reason to refuse, and the line it stands on where there is one. */
export type Refusal = { line: number; reason: string };

export type SchemaCheck =
  | { ok: true; requestAttributes: ReadonlySet<string>; actions: ReadonlyMap<string, ReadonlySet<string>> }
  | ({ ok: false } & Refusal);

/** Parses the schema and compares its actions, and what each applies to, with the catalogue. */
export function checkSchema(text: string, catalogue: readonly CatalogueEntry[]): SchemaCheck {
  const answer = schemaToJsonWithResolvedTypes(text);
  if (answer.type === 'failure') return { ok: false, ...locate(answer.errors[0], text) };
  if (answer.warnings[0] !== undefined) return { ok: false, ...locate(answer.warnings[0], text) };
  const names = Object.keys(answer.json);
  const schema = answer.json[''];
  if (schema === undefined || names.length !== 1)
    return no(text, 'namespace', 'the schema must have no namespace');
  const expected = new Map<string, readonly string[] | null>(
    catalogue.map((one) => [one.name, one.resourceTypes]),
  );
  for (const [name, type] of Object.entries(HOUSE_ACTIONS)) expected.set(name, [type]);
  for (const name of Object.keys(schema.actions)) {
    if (!expected.has(name)) return no(text, name, `the action "${name}" is not in the catalogue`);
  }
  const unserved = new Set(catalogue.filter((one) => one.unserved).map((one) => one.name));
  for (const [name, types] of expected) {
    const action = schema.actions[name];
    if (action === undefined && unserved.has(name)) continue;
    if (action === undefined) return no(text, 'action', `the action "${name}" of the catalogue is missing`);
    if ((action.memberOf ?? []).length > 0)
      return no(text, name, `the action "${name}" must not be in a group of actions`);
    const applies = action.appliesTo;
    if (!sameSet(applies?.principalTypes ?? [], ['Person'])) {
      return no(text, name, `the principal of "${name}" must be Person`);
    }
    if (types !== null && !sameSet(applies?.resourceTypes ?? [], types)) {
      return no(
        text,
        name,
        `"${name}" applies to ${types.join(', ')}, the schema says ${(applies?.resourceTypes ?? []).join(', ') || 'nothing'}`,
      );
    }
  }
  const request = schema.entityTypes.Request;
  const shape = request !== undefined && 'shape' in request ? request.shape : undefined;
  const attributes =
    shape !== undefined && 'attributes' in shape ? Object.keys(shape.attributes as object) : [];
  return {
    ok: true,
    requestAttributes: new Set(attributes),
    actions: new Map(
      Object.entries(schema.actions).map(([name, action]) => [
        name,
        attributesOf(action.appliesTo?.context, schema.commonTypes ?? {}),
      ]),
    ),
  };
}

/** Names of a record's attributes, which a type of another name may stand for. */
function attributesOf(type: unknown, named: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  if (typeof type !== 'object' || type === null) return new Set();
  if ('attributes' in type) return new Set(Object.keys(type.attributes as object));
  const name = 'type' in type ? String(type.type) : '';
  return Object.hasOwn(named, name) ? attributesOf(named[name], {}) : new Set();
}

/** Cedar's error in one line, with the line of its byte offset in `text`. */
export function locate(error: DetailedError | undefined, text: string): Refusal {
  const source = error?.sourceLocations?.[0];
  const parts = [error?.message, source?.label, error?.help].filter((part) => part);
  return {
    line: source === undefined ? 1 : lineAtByte(text, source.start),
    reason: parts.join('; ').replaceAll('\n', ' ') || 'is not valid Cedar',
  };
}

function no(text: string, word: string, reason: string): SchemaCheck {
  const index = text
    .split('\n')
    .findIndex((line) => line.includes(word) && !line.trimStart().startsWith('//'));
  return { ok: false, line: Math.max(index, 0) + 1, reason };
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one) => b.includes(one));
}

/**
 * An action's schema seen by the planner: as a tool, as fields of the command grammar, and read from text.
 * JSON Schema comes from the action's zod schema (`io: input`, so that fields with a default are optional).
 */
import { RE2JS } from 're2js';
import { z } from 'zod';
import type { Action } from '../action.ts';
import { decimalNumber } from '../model/decimal.ts';
import type { PlannerTool } from '../model/ports.ts';

type JsonSchema = Record<string, unknown>;
export type Problem = { field: string; message: string };

/**
 * One argument of an action. `record` holds named values, written as `inputs.version=1.2`; `list` holds several of one kind, written
 * as `label=a label=b`, and one a line in a form.
 */
export type Field = {
  name: string;
  kind: 'text' | 'integer' | 'number' | 'boolean' | 'choice' | 'record' | 'list' | 'other';
  /** What a list holds; null for anything else. */
  item: Field | null;
  choices: string[];
  required: boolean;
  /** What people call it; the name where the schema has no title. */
  label: string;
  description: string;
  /** Free prose rather than a name or an id, or several of it. */
  prose: boolean;
  /** In UTF-16 code units; null where the schema sets none. */
  maxLength: number | null;
  fallback: unknown;
};

/** Shorter than this no sentence fits: a text field with less room is a name. */
const PROSE_MIN_CHARACTERS = 100;

/** What the planner may know of an action. Called with each action that policy could ever permit to the person. */
export function plannerTool(action: Action): PlannerTool {
  return {
    name: action.name,
    title: action.title,
    description: action.description,
    examples: action.examples,
    effect: action.effect,
    schema: z.toJSONSchema(action.input, { io: 'input', unrepresentable: 'any' }) as JsonSchema,
    parse: (args) => {
      const parsed = action.input.safeParse(args);
      return parsed.success
        ? { ok: true, arguments: parsed.data }
        : { ok: false, problems: parsed.error.issues.flatMap((issue) => describe(issue, args)) };
    },
  };
}

/** The arguments of a tool, in the schema's order. */
export function fieldsOf(tool: Pick<PlannerTool, 'schema'>): Field[] {
  const required = new Set(Array.isArray(tool.schema.required) ? tool.schema.required : []);
  return Object.entries(asSchema(tool.schema.properties)).map(([name, node]) =>
    fieldOf(name, asSchema(node), required.has(name)),
  );
}

/** Text as the field's kind, or undefined where it cannot be one; the schema still has the last word. */
export function readValue(field: Field, text: string): unknown {
  switch (field.kind) {
    case 'text':
    case 'other':
      return text;
    case 'integer':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
    case 'number':
      // One that cannot be kept as it was written is none.
      return decimalNumber(text) ?? undefined;
    case 'boolean':
      return BOOLEANS.get(text.toLowerCase());
    case 'choice':
      return field.choices.find((choice) => choice.toLowerCase() === text.toLowerCase());
    case 'record':
      return undefined;
    case 'list':
      return field.item === null ? undefined : readLines(field.item, text);
  }
}

/** One a line. */
function readLines(item: Field, text: string): unknown[] | undefined {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const values = lines.filter((line) => line !== '').map((line) => readValue(item, line));
  return values.length === 0 || values.includes(undefined) ? undefined : values;
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['no', false],
  ['off', false],
]);

/** Problems of one field alone, the nested ones included. */
export function problemsOf(tool: PlannerTool, args: Record<string, unknown>, field: string): Problem[] {
  const parsed = tool.parse(args);
  if (parsed.ok) return [];
  return parsed.problems.filter((problem) => problem.field.split('.')[0] === field);
}

/** Required fields that have no value yet, in the schema's order. */
export function missingFields(tool: PlannerTool, args: Record<string, unknown>): Field[] {
  return fieldsOf(tool).filter((field) => field.required && args[field.name] === undefined);
}

function fieldOf(name: string, node: JsonSchema, required: boolean): Field {
  const types = typesOf(node);
  const choices = Array.isArray(node.enum) ? node.enum.filter((one) => typeof one === 'string') : [];
  const maxLength = typeof node.maxLength === 'number' ? node.maxLength : null;
  const item = types.has('array') ? itemOf(name, asSchema(node.items)) : null;
  const kind = kindOf(types, choices, item);
  return {
    name,
    kind,
    item: kind === 'list' ? item : null,
    choices,
    required,
    label: typeof node.title === 'string' ? node.title : name,
    description: typeof node.description === 'string' ? node.description : '',
    prose:
      kind === 'list'
        ? item?.prose === true
        : kind === 'text' && node.format === undefined && hasRoom(node, maxLength),
    maxLength,
    fallback: node.default,
  };
}

/** Null where an item is more than one value. */
function itemOf(name: string, node: JsonSchema): Field | null {
  const item = fieldOf(name, node, true);
  return ['text', 'integer', 'number', 'boolean', 'choice'].includes(item.kind) ? item : null;
}

/** True where a sentence fits: long enough, and no pattern that refuses spaces. */
function hasRoom(node: JsonSchema, maxLength: number | null): boolean {
  if (maxLength !== null && maxLength < PROSE_MIN_CHARACTERS) return false;
  const all = Array.isArray(node.allOf) ? node.allOf.map(asSchema) : [];
  return [node, ...all].every(
    ({ pattern }) => typeof pattern !== 'string' || matches(pattern, 'Some plain words'),
  );
}

/** In linear time: an action from elsewhere brings patterns of its own. What RE2 does not know is for names. */
function matches(pattern: string, text: string): boolean {
  try {
    return RE2JS.compile(pattern).matcher(text).find();
  } catch {
    return false;
  }
}

function kindOf(types: ReadonlySet<string>, choices: readonly string[], item: Field | null): Field['kind'] {
  if (choices.length > 0) return 'choice';
  if (types.has('string')) return 'text';
  if (types.has('integer')) return 'integer';
  if (types.has('number')) return 'number';
  if (types.has('boolean')) return 'boolean';
  if (types.has('object')) return 'record';
  return item === null ? 'other' : 'list';
}

function typesOf(node: JsonSchema): Set<string> {
  const types = new Set<string>();
  if (typeof node.type === 'string') types.add(node.type);
  if (Array.isArray(node.anyOf)) {
    for (const option of node.anyOf) for (const type of typesOf(asSchema(option))) types.add(type);
  }
  return types;
}

function asSchema(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonSchema) : {};
}

/** Our words for what is wrong; a value never appears in them. */
function describe(issue: z.core.$ZodIssue, args: unknown): Problem[] {
  const field = issue.path.map(String).join('.');
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        field: field === '' ? key : `${field}.${key}`,
        message: 'is not a field of this action',
      }));
    case 'invalid_type':
      return [
        {
          field,
          message: isAbsent(args, issue.path) ? 'needs a value' : `must be ${article(issue.expected)}`,
        },
      ];
    case 'too_big':
      return [{ field, message: `is too ${large(issue.origin)}: at most ${issue.maximum}` }];
    case 'too_small':
      return [
        issue.origin === 'string' && Number(issue.minimum) <= 1
          ? { field, message: 'must not be empty' }
          : { field, message: `is too ${small(issue.origin)}: at least ${issue.minimum}` },
      ];
    case 'invalid_value':
      return [{ field, message: `must be one of ${issue.values.map(String).join(', ')}` }];
    case 'invalid_format':
      // An author's sentence says more; the library's own would show the pattern.
      return [
        issue.message.startsWith('Invalid')
          ? { field, message: 'does not have the form that is expected here' }
          : { field, message: `is not right. ${issue.message}` },
      ];
    case 'custom':
      return [{ field, message: issue.message === 'Invalid input' ? 'is not valid' : issue.message }];
    default:
      return [{ field, message: 'is not valid' }];
  }
}

function isAbsent(args: unknown, path: readonly PropertyKey[]): boolean {
  let value = args;
  for (const key of path) value = Array.isArray(value) ? value[Number(key)] : asSchema(value)[String(key)];
  return value === undefined;
}

const large = (origin: string) => (origin === 'string' ? 'long' : 'large');
const small = (origin: string) => (origin === 'string' ? 'short' : 'small');

function article(type: string): string {
  const words: Record<string, string> = { string: 'text', int: 'a whole number', record: 'named values' };
  return words[type] ?? (/^[aeio]/.test(type) ? `an ${type}` : `a ${type}`);
}

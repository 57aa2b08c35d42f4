/** The form that asks for an action's arguments, and what a person sent back in it. */
import type { Action } from '../action.ts';
import type { Form, FormField } from '../model/card.ts';
import { type Field, fieldsOf, type Problem, plannerTool, readValue } from './schema.ts';

/** Text with more room than this gets several lines. */
const MULTILINE_MIN_CHARACTERS = 300;

export type FormResult =
  | { ok: true; arguments: Record<string, unknown> }
  | { ok: false; problems: Problem[] };

/** The form of an action, filled with what is known already. Named values are lines of `name=value`, lists one item a line. */
export function formOf(action: Action, known: Record<string, unknown> = {}): Form {
  const fields = fieldsOf(plannerTool(action)).map((field) => formField(field, known[field.name]));
  return { action: action.name, title: action.title, fields };
}

/** A submitted form, strictly: unknown fields are problems; an empty field is an absent one. */
export function parseForm(action: Action, values: Record<string, unknown>): FormResult {
  const tool = plannerTool(action);
  const fields = new Map(fieldsOf(tool).map((field) => [field.name, field]));
  const args: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(values)) {
    const field = fields.get(name);
    if (field === undefined) problems.push({ field: name, message: 'is not a field of this action' });
    else if (typeof value !== 'string') args[name] = value;
    else readField(field, value, args, problems);
  }
  if (problems.length > 0) return { ok: false, problems };
  return tool.parse(args);
}

function readField(field: Field, text: string, args: Record<string, unknown>, problems: Problem[]): void {
  const value = field.prose ? text.replaceAll('\r\n', '\n').trim() : text.trim();
  if (value === '') return;
  if (field.kind === 'record') {
    readNamed(field, value, args, problems);
    return;
  }
  const read = readValue(field, value);
  if (read === undefined) problems.push({ field: field.name, message: `must be ${inForm(field)}` });
  else args[field.name] = read;
}

function readNamed(field: Field, text: string, args: Record<string, unknown>, problems: Problem[]): void {
  const entries: [string, string][] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const at = line.indexOf('=');
    if (at < 1) {
      problems.push({ field: field.name, message: 'needs one name=value on each line' });
      return;
    }
    entries.push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
  }
  if (new Set(entries.map(([name]) => name)).size < entries.length) {
    problems.push({ field: field.name, message: 'names one value twice' });
    return;
  }
  args[field.name] = Object.fromEntries(entries);
}

const inForm = (field: Field): string =>
  field.item === null ? wanted(field) : `${wanted(field.item)} on each line`;

/** In words, what a field takes in a command. */
export function wanted(field: Field): string {
  switch (field.kind) {
    case 'choice':
      return `one of ${field.choices.join(', ')}`;
    case 'integer':
      return 'a whole number';
    case 'number':
      return 'a number';
    case 'boolean':
      return 'yes or no';
    case 'record':
      return `named values, such as ${field.name}.NAME=VALUE`;
    case 'list':
      return `one or more, each ${field.item === null ? 'text' : wanted(field.item)}, such as ${field.name}=… ${field.name}=…`;
    case 'text':
    case 'other':
      return 'text';
  }
}

function formField(field: Field, known: unknown): FormField {
  return {
    name: field.name,
    label: field.kind === 'list' ? `${field.label} (one a line)` : field.label,
    kind: formKind(field),
    choices: field.choices,
    required: field.required,
    value: shown(known === undefined ? field.fallback : known),
  };
}

function formKind(field: Field): FormField['kind'] {
  switch (field.kind) {
    case 'choice':
    case 'boolean':
      return field.kind;
    case 'integer':
    case 'number':
      return 'number';
    case 'record':
    case 'list':
      return 'multiline';
    case 'text':
    case 'other':
      return field.prose && (field.maxLength === null || field.maxLength > MULTILINE_MIN_CHARACTERS)
        ? 'multiline'
        : 'text';
  }
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.map((item) => shown(item)).join('\n');
  return Object.entries(value)
    .map(([name, one]) => `${name}=${String(one)}`)
    .join('\n');
}

/**
 * The grammar of typed commands, read in one pass:
 *
 *     command = name *(space field)         name  = "ci.trigger" | "ci trigger"
 *             | name space word             where that word alone says all that the action needs
 *     field   = key "=" value               key   = "repo" | "inputs.version"
 *     value   = word | '"' text '"' | "'" text "'"          (\" and \\ inside quotes)
 *                                           a list is its key again for each item: label=a label=b
 *     help    = "help" [name]
 */
import type { PlannerTool } from '../model/ports.ts';
import { wanted } from './form.ts';
import { type Field, fieldsOf, type Problem, readValue } from './schema.ts';

export type Command =
  | { kind: 'help'; tool: PlannerTool | null }
  | { kind: 'command'; tool: PlannerTool; arguments: Record<string, unknown>; problems: Problem[] }
  /** It has the form of a command, but this person has no such action. */
  | { kind: 'unknown'; name: string };

type Token = { kind: 'word'; text: string } | { kind: 'field'; key: string; value: string; closed: boolean };

const KEY = /([A-Za-z_][\w-]{0,63}(?:\.[A-Za-z_][\w-]{0,63})?)=/y;
const CLOSING: Readonly<Record<string, string>> = { '"': '"', "'": "'", '“': '”', '„': '“', '‘': '’' };
/** More fields than any action has; a longer line is no command. */
const MAX_TOKENS = 200;

/** A typed command, or null where the text is plain words. */
export function parseCommand(text: string, tools: readonly PlannerTool[]): Command | null {
  const tokens = tokenize(text.trim());
  if (tokens === null) return null;
  const help = parseHelp(tokens, tools);
  if (help !== null) return help;
  for (const length of [1, 2]) {
    const name = nameOf(tokens.slice(0, length), length);
    const tool = tools.find((one) => one.name.toLowerCase() === name);
    const rest = tokens.slice(length);
    if (tool === undefined) continue;
    const only = readOnlyValue(tool, rest);
    if (only !== null) return { kind: 'command', tool, arguments: only, problems: [] };
    if (rest.length > 0 && !rest.some((token) => token.kind === 'field')) continue;
    return { kind: 'command', tool, ...readFields(tool, rest) };
  }
  return parseUnknown(tokens);
}

function parseHelp(tokens: readonly Token[], tools: readonly PlannerTool[]): Command | null {
  const [first, ...rest] = tokens;
  if (first?.kind !== 'word' || !/^(?:help|commands|\?)$/i.test(first.text)) return null;
  if (rest.length === 0) return { kind: 'help', tool: null };
  const name = nameOf(rest, rest.length);
  if (name === null || rest.length > 2) return null;
  const tool = tools.find((one) => one.name.toLowerCase() === name);
  return tool === undefined ? { kind: 'unknown', name } : { kind: 'help', tool };
}

function parseUnknown(tokens: readonly Token[]): Command | null {
  const words = tokens.findIndex((token) => token.kind === 'field');
  if (words < 1 || words > 2 || tokens.slice(words).some((token) => token.kind === 'word')) return null;
  const name = nameOf(tokens.slice(0, words), words);
  return name === null ? null : { kind: 'unknown', name };
}

function nameOf(tokens: readonly Token[], length: number): string | null {
  if (tokens.length !== length) return null;
  const words = tokens.map((token) => (token.kind === 'word' ? token.text.toLowerCase() : ''));
  return words.every((word) => /^[a-z][a-z0-9_.-]{0,63}$/.test(word)) ? words.join('.') : null;
}

/**
 * `ticket status T-1`: one word for the one field that is needed. Never where any word would do, as a title: two words of a
 * sentence must not pass for a command.
 */
function readOnlyValue(tool: PlannerTool, rest: readonly Token[]): Record<string, unknown> | null {
  const [word] = rest;
  if (word?.kind !== 'word' || rest.length > 1) return null;
  const [field, ...others] = fieldsOf(tool).filter(({ required }) => required);
  if (field === undefined || others.length > 0 || field.prose) return null;
  const value = readValue(field, word.text);
  if (value === undefined) return null;
  const args = { [field.name]: value };
  return tool.parse(args).ok ? args : null;
}

function readFields(
  tool: PlannerTool,
  tokens: readonly Token[],
): { arguments: Record<string, unknown>; problems: Problem[] } {
  const fields = new Map(fieldsOf(tool).map((field) => [field.name, field]));
  const args = new Map<string, unknown>();
  const problems: Problem[] = [];
  for (const token of tokens) {
    if (token.kind === 'word') {
      problems.push({
        field: '',
        message: 'has a word outside of any field; put text with spaces in quotes',
      });
      continue;
    }
    const problem = readOne(fields, token, args);
    if (problem !== null) problems.push({ field: token.key, message: problem });
  }
  return { arguments: Object.fromEntries(args), problems };
}

function readOne(
  fields: ReadonlyMap<string, Field>,
  token: Extract<Token, { kind: 'field' }>,
  args: Map<string, unknown>,
): string | null {
  if (!token.closed) return 'has a quote that is not closed';
  const [name = '', inner] = token.key.split('.');
  const field = fields.get(name);
  if (field === undefined || (inner !== undefined && field.kind !== 'record')) {
    return 'is not a field of this action';
  }
  if (field.kind === 'record') {
    if (inner === undefined) return `must be ${wanted(field)}`;
    const record = (args.get(name) ?? {}) as Record<string, unknown>;
    if (Object.hasOwn(record, inner)) return 'is given twice';
    args.set(name, { ...record, [inner]: token.value });
    return null;
  }
  const before = args.get(name);
  if (before !== undefined && field.kind !== 'list') return 'is given twice';
  const value = readValue(field, token.value);
  if (value === undefined) return `must be ${wanted(field)}`;
  // Each time one more: a comma may stand in a value.
  args.set(name, Array.isArray(before) ? before.concat(value) : value);
  return null;
}

function tokenize(text: string): Token[] | null {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at] ?? '')) {
      at++;
      continue;
    }
    if (tokens.length >= MAX_TOKENS) return null;
    KEY.lastIndex = at;
    const key = KEY.exec(text);
    if (key === null) {
      const end = wordEnd(text, at);
      tokens.push({ kind: 'word', text: text.slice(at, end) });
      at = end;
      continue;
    }
    const read = readText(text, KEY.lastIndex);
    tokens.push({ kind: 'field', key: key[1] ?? '', value: read.value, closed: read.closed });
    at = read.end;
  }
  return tokens.length === 0 ? null : tokens;
}

function readText(text: string, from: number): { value: string; end: number; closed: boolean } {
  const closing = CLOSING[text[from] ?? ''];
  if (closing === undefined) {
    const end = wordEnd(text, from);
    return { value: text.slice(from, end), end, closed: true };
  }
  const pieces: string[] = [];
  for (let at = from + 1; at < text.length; at++) {
    const character = text[at] ?? '';
    if (character === closing) return { value: pieces.join(''), end: at + 1, closed: true };
    const next = text[at + 1];
    if (character === '\\' && (next === closing || next === '\\')) {
      pieces.push(next);
      at++;
    } else pieces.push(character);
  }
  return { value: pieces.join(''), end: text.length, closed: false };
}

function wordEnd(text: string, from: number): number {
  let end = from;
  while (end < text.length && !/\s/.test(text[end] ?? '')) end++;
  return end;
}

/**
 * Plain words against an action's examples. An example is a template: literal words, and `{argument}` where an
 * argument's words stand. Matching walks template and text once, side by side, without going back.
 */
import { isSmall, type Word, withoutPoliteness, wordsOf } from './words.ts';

export type TemplatePart = { literals: string[] } | { argument: string };
export type Template = readonly TemplatePart[];
export type TemplateMatch = {
  /** Each argument's words as they stand in the text. */
  values: ReadonlyMap<string, string>;
  /** How many literal words were found. */
  literals: number;
  /** True when every part of the template was found. */
  complete: boolean;
};

/** An example as a template; small words in it are not needed to match. */
export function parseTemplate(example: string): Template {
  const parts: TemplatePart[] = [];
  for (const piece of example.split(/(\{[A-Za-z_][\w.]*\})/)) {
    const argument = /^\{([\w.]+)\}$/.exec(piece)?.[1];
    if (argument !== undefined) parts.push({ argument });
    else {
      const literals = withoutPoliteness(wordsOf(piece))
        .filter((word) => !isSmall(word))
        .map((word) => word.key);
      if (literals.length > 0) parts.push({ literals });
    }
  }
  return parts;
}

/**
 * How a text matches, or null. After the opening phrase the labelled arguments ("of web", "on main") may come in any
 * order or be absent, which makes an incomplete match. A template of one phrase and one argument also matches with the
 * phrase last: "..., please open a ticket".
 */
export function matchTemplate(template: Template, text: string): TemplateMatch | null {
  const words = withoutPoliteness(wordsOf(text));
  const [first, second] = template;
  if (words.length === 0 || first === undefined) return null;
  if (!('literals' in first)) return walk(template, words, text);
  const open = literalsAt(first.literals, words, 0);
  if (open !== null) {
    return isLabelled(template)
      ? fill(template, first.literals.length, words, open, text)
      : walk(template, words, text);
  }
  if (template.length !== 2 || second === undefined) return null;
  return walk([second, first], words, text);
}

/** The words that announce an argument, e.g. `on` for `ref`; the opening phrase is none. */
export function labelsOf(template: Template): { argument: string; literals: readonly string[] }[] {
  return template.flatMap((part, at) => {
    const before = template[at - 1];
    return 'argument' in part && at > 1 && before !== undefined && 'literals' in before
      ? [{ argument: part.argument, literals: before.literals }]
      : [];
  });
}

function isLabelled(template: Template): boolean {
  return template.every((part, at) => {
    const next = template[at + 1];
    return at === 0 || 'argument' in part || (next !== undefined && 'argument' in next);
  });
}

/** Cuts the words after the opening phrase at the labels, each used once, and gives every argument its piece. */
function fill(
  template: Template,
  opening: number,
  words: readonly Word[],
  open: number,
  text: string,
): TemplateMatch | null {
  const groups = groupsOf(template);
  const unused = new Set(groups.filter((group) => group.label.length > 0));
  const values = new Map<string, string>();
  let literals = opening;
  let group = groups.find((one) => one.label.length === 0) ?? null;
  let from = open;
  const close = (to: number) => {
    const piece = words.slice(from, to);
    if (group === null) return piece.every(isSmall);
    assign(group.names, piece, text, values);
    return true;
  };
  for (let at = open; at < words.length; at++) {
    // The first argument needs a word of its own before a label can end it.
    if (group !== null && at === from) continue;
    const next = [...unused].find((one) => labelAt(one.label, words, at) !== null);
    if (next === undefined) continue;
    if (!close(at)) return null;
    literals += next.label.length;
    unused.delete(next);
    group = next;
    from = labelAt(next.label, words, at) ?? at + 1;
    at = from - 1;
  }
  if (!close(words.length)) return null;
  const names = groups.flatMap((one) => one.names);
  return { values, literals, complete: names.every((name) => values.has(name)) };
}

type Group = { label: readonly string[]; names: string[] };

function groupsOf(template: Template): Group[] {
  const groups: Group[] = [];
  for (const [at, part] of template.entries()) {
    if ('literals' in part) groups.push({ label: at === 0 ? [] : part.literals, names: [] });
    else groups.at(-1)?.names.push(part.argument);
  }
  return groups.filter((group) => group.names.length > 0);
}

/** A label in full, or its last word alone: "for" where the example says "pipeline for". */
function labelAt(label: readonly string[], words: readonly Word[], at: number): number | null {
  if (isSmall(words[at] as Word)) return null;
  return literalsAt(label, words, at) ?? literalsAt(label.slice(-1), words, at);
}

/** Arguments side by side take a word each; the last takes what is left. */
function assign(
  names: readonly string[],
  piece: readonly Word[],
  text: string,
  values: Map<string, string>,
): void {
  const meaning = names.length > 1 ? piece.filter((word, at) => at > 0 || !isSmall(word)) : piece;
  for (const [at, name] of names.entries()) {
    const words = at === names.length - 1 ? meaning.slice(at) : meaning.slice(at, at + 1);
    const value = textOf(words, text);
    if (value !== '') values.set(name, value);
  }
}

/** Template and words side by side; complete or nothing. */
function walk(template: Template, words: readonly Word[], text: string): TemplateMatch | null {
  const values = new Map<string, string>();
  let literals = 0;
  let at = 0;
  for (const [index, part] of template.entries()) {
    if ('literals' in part) {
      const end = literalsAt(part.literals, words, at);
      if (end === null) return null;
      literals += part.literals.length;
      at = end;
      continue;
    }
    const following = template[index + 1];
    const found = following && 'literals' in following ? literalsAfter(following.literals, words, at) : null;
    if (found === null && following !== undefined) return null;
    const value = textOf(words.slice(at, found ?? words.length), text);
    if (value === '') return null;
    values.set(part.argument, value);
    at = found ?? words.length;
  }
  if (literals === 0 || words.slice(at).some((word) => !isSmall(word))) return null;
  return { values, literals, complete: true };
}

/** Where the words after this run of literals begin, when it stands here (small words apart). */
function literalsAt(literals: readonly string[], words: readonly Word[], from: number): number | null {
  let at = from;
  for (const literal of literals) {
    while (at < words.length && isSmall(words[at] as Word)) at++;
    if (words[at]?.key !== literal) return null;
    at++;
  }
  return at;
}

/** Where the next such run begins, with at least one word before it. A run is a few words long: linear. */
function literalsAfter(literals: readonly string[], words: readonly Word[], from: number): number | null {
  for (let at = from + 1; at < words.length; at++) {
    if (!isSmall(words[at] as Word) && literalsAt(literals, words, at) !== null) return at;
  }
  return null;
}

/** The text of these words without the small ones that were only polite, closing punctuation apart. */
function textOf(words: readonly Word[], text: string): string {
  const kept = withoutPoliteness(words);
  const first = kept[0];
  const last = kept.at(-1);
  if (first === undefined || last === undefined) return '';
  // An opening bracket or quote directly before the first word, or a closing one after the last, belongs to the value.
  const start = /["'“(]/.test(text[first.start - 1] ?? '') ? first.start - 1 : first.start;
  const end = /["'”)!?%]/.test(text[last.end] ?? '') ? last.end + 1 : last.end;
  return unquoted(text.slice(start, end));
}

function unquoted(value: string): string {
  const quoted = /^(["'“])(.*)(["'”])$/s.exec(value);
  const lone = quoted === null ? value.replace(/^["'“]|["'”]$/g, '') : (quoted[2] ?? '');
  return lone.trim();
}

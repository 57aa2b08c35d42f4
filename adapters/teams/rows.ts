/**
 * Labelled values of a card. What fits is shown on the card; what does not is shown there in part, with its size,
 * and follows in full. Nothing that was digested is ever dropped.
 */
import { createHash } from 'node:crypto';
import { visible } from '../../src/surface/unseen.ts';
import { box, type Element, line, lines, nextLine, type Run, text } from './elements.ts';
import { CONTINUATION_BUDGET, INLINE_MAX, LABEL_MAX } from './limits.ts';
import { chunk, clip, measure, readable } from './outbound-text.ts';
import { broken, hasLongRun, TURN } from './unbroken.ts';

export type Row = {
  label: string;
  note: string | null;
  value: string;
  /** A sentence of ours stands as text; every other value stands as code, so that its edges can be seen. */
  sentence?: true;
};
/** One message that carries what its card could not; `key` says which words they are. */
export type Continuation = { key: string; summary: string; body: Element[] };
export type Fitted = { elements: Element[]; rest: Continuation[] };

/** Values up to this many units stand in the line of their label. */
const LINE_MAX = 120;
/** A row shows at least this much of its value, or is left to what follows. */
const SHARE_MIN = 60;
const ROW_LABEL_MAX = 60;
const NOTE_MAX = 60;
/** The JSON around label, note and value. */
const LAYOUT = 330;
/** The sentence on the size of a value that is shown in part. */
const SIZE_NOTE = 70;
/** How much of each value is shown, from all that a card ever shows to the least that is worth it. */
const SHARES = [INLINE_MAX, 800, 500, 300, 200, 120, SHARE_MIN] as const;

/**
 * Lays out rows within `budget` measured units, labels and notes included: the most of each value with which all rows
 * fit, or as many rows as do with the least.
 */
export function fitRows(rows: readonly Row[], budget: number): Fitted {
  const max = SHARES.find((share) => costOf(rows, share) <= budget) ?? SHARE_MIN;
  let count = rows.length;
  while (costOf(rows.slice(0, count), max) > budget) count -= 1;
  const elements: Element[] = [];
  const rest: Continuation[] = [];
  for (const row of rows.slice(0, count)) {
    const whole = isWhole(row, max);
    elements.push(...layOut(row, max, whole));
    if (!whole) rest.push(...inFull(row));
  }
  const more = rows.slice(count);
  if (more.length > 0) elements.push(line(text(`${more.length} more follow below.`, { italic: true })));
  return { elements, rest: [...rest, ...more.flatMap(inFull)] };
}

const isWhole = ({ label, value }: Row, max: number): boolean =>
  measure(value) <= max && measure(label) <= ROW_LABEL_MAX;

/** What these rows take at most of a card, with so much of each value. */
function costOf(rows: readonly Row[], max: number): number {
  return rows.reduce((sum, row) => {
    const label = measure(broken(clip(row.label, ROW_LABEL_MAX)));
    const note = row.note === null ? 0 : Math.min(measure(row.note), NOTE_MAX);
    const size = isWhole(row, max) ? 0 : SIZE_NOTE;
    return sum + LAYOUT + label + note + size + Math.min(measure(row.value), max);
  }, 0);
}

/** All of one row as messages of their own. */
export function inFull({ label, note, value }: Row): Continuation[] {
  // A name longer than any of ours is sent like a value, before it.
  const named = measure(label) <= LABEL_MAX ? [] : chunk(broken(label), CONTINUATION_BUDGET);
  const pieces = [...named, ...chunk(value, CONTINUATION_BUDGET)];
  return pieces.map((piece, part) => {
    const of = pieces.length === 1 ? 'in full' : `in full, part ${part + 1} of ${pieces.length}`;
    const name = clip(label, LABEL_MAX);
    const notes = [note === null ? null : clip(note, NOTE_MAX * 2), of].filter((words) => words !== null);
    const body = [
      ...headed(name, text(` ${notes.join(', ')}`, { italic: true })),
      box(lines(piece, { fontType: 'Monospace' })),
    ];
    return { key: digestOf(body), summary: `${name}, ${of}`, body };
  });
}

/** A short name for exactly these words, to tell whether they were posted already. */
function digestOf(body: Element[]): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('base64url').slice(0, 16);
}

function layOut({ label, note, value, sentence }: Row, max: number, whole: boolean): Element[] {
  const length = [...value.replaceAll(TURN, '')].length.toLocaleString('en');
  const size = whole ? null : `${length} characters, all of them below`;
  const notes = [note === null ? null : clip(note, NOTE_MAX), size]
    .filter((words) => words !== null)
    .join('; ');
  const name = clip(label, ROW_LABEL_MAX);
  const remark = notes === '' ? [] : text(` (${notes})`, { isSubtle: true });
  const shown = clip(value, max);
  const style = sentence ? {} : ({ fontType: 'Monospace' } as const);
  const isBoxed = /[\n\v]/.test(shown) || hasLongRun(shown) || shown.length > LINE_MAX;
  const inline = isBoxed ? [] : [...text(' '), ...text(shown, style)];
  const heading = headed(name, [...remark, ...inline]);
  return isBoxed ? [...heading, box(lines(shown, style))] : heading;
}

/** A name, and beside it what there is to say of it; below it where the name is as long as its line. */
function headed(name: string, beside: Run[]): Element[] {
  const bold = { weight: 'Bolder' } as const;
  if (!hasLongRun(name)) return [line(text(name, bold), beside)];
  return [...lines(name, bold), ...(beside.length === 0 ? [] : [nextLine(beside)])];
}

/** A row whose words come from anywhere. */
export function row(label: string, note: string | null, value: string): Row {
  return { label: visible(label), note: note === null ? null : visible(note), value: readable(value) };
}

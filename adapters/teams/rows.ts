/**
 * Labelled values of a card. What fits is shown on the card; what does not is shown there in part, with its size,
 * and follows in full. Nothing that was digested is ever dropped.
 */
import { createHash } from 'node:crypto';
import { box, type Element, line, lines, text } from './elements.ts';
import { CONTINUATION_BUDGET, INLINE_MAX, LABEL_MAX } from './limits.ts';
import { chunk, clip, measure, visible } from './outbound-text.ts';

export type Row = { label: string; note: string | null; value: string };
/** One message that carries what its card could not; `key` says which words they are. */
export type Continuation = { key: string; summary: string; body: Element[] };
export type Fitted = { elements: Element[]; rest: Continuation[] };

/** Values up to this many units stand in the line of their label. */
const LINE_MAX = 120;
/** A row shows at least this much of its value, or is left to what follows. */
const SHARE_MIN = 60;
const ROW_LABEL_MAX = 60;
const NOTE_MAX = 60;
/** What a row takes besides its value: label, note, the sentence on its size, and the JSON around them. */
const OVERHEAD = ROW_LABEL_MAX + NOTE_MAX + 70 + 330;

/** Lays out rows within `budget` measured units, labels and notes included. */
export function fitRows(rows: readonly Row[], budget: number): Fitted {
  const wanted = rows.reduce((sum, row) => sum + OVERHEAD + Math.min(measure(row.value), INLINE_MAX), 0);
  const share = Math.max(SHARE_MIN, Math.floor(budget / Math.max(1, rows.length)) - OVERHEAD);
  const max = wanted <= budget ? INLINE_MAX : Math.min(INLINE_MAX, share);
  const shown = rows.slice(0, Math.floor(budget / (OVERHEAD + SHARE_MIN)));
  const elements: Element[] = [];
  const rest: Continuation[] = [];
  for (const row of shown) {
    const whole = measure(row.value) <= max && measure(row.label) <= ROW_LABEL_MAX;
    elements.push(...layOut(row, max, whole));
    if (!whole) rest.push(...inFull(row));
  }
  const more = rows.slice(shown.length);
  if (more.length > 0) elements.push(line(text(`${more.length} more follow below.`, { italic: true })));
  return { elements, rest: [...rest, ...more.flatMap(inFull)] };
}

/** All of one row as messages of their own. */
export function inFull({ label, note, value }: Row): Continuation[] {
  // A name longer than any of ours is sent like a value, before it.
  const named = measure(label) <= LABEL_MAX ? [] : chunk(label, CONTINUATION_BUDGET);
  const pieces = [...named, ...chunk(value, CONTINUATION_BUDGET)];
  return pieces.map((piece, part) => {
    const of = pieces.length === 1 ? 'in full' : `in full, part ${part + 1} of ${pieces.length}`;
    const name = clip(label, LABEL_MAX);
    const notes = [note === null ? null : clip(note, NOTE_MAX * 2), of].filter((words) => words !== null);
    const body = [
      line(text(name, { weight: 'Bolder' }), text(` ${notes.join(', ')}`, { italic: true })),
      box(lines(piece, { fontType: 'Monospace' })),
    ];
    return { key: digestOf(body), summary: `${name}, ${of}`, body };
  });
}

/** A short name for exactly these words, to tell whether they were posted already. */
function digestOf(body: Element[]): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('base64url').slice(0, 16);
}

function layOut({ label, note, value }: Row, max: number, whole: boolean): Element[] {
  const size = whole ? null : `${[...value].length.toLocaleString('en')} characters, all of them below`;
  const notes = [note === null ? null : clip(note, NOTE_MAX), size]
    .filter((words) => words !== null)
    .join('; ');
  const name = text(clip(label, ROW_LABEL_MAX), { weight: 'Bolder' });
  const remark = notes === '' ? [] : text(` (${notes})`, { isSubtle: true });
  const shown = clip(value, max);
  return shown.includes('\n') || shown.length > LINE_MAX
    ? [line(name, remark), box(lines(shown, { fontType: 'Monospace' }))]
    : [line(name, remark, text(' '), text(shown, { fontType: 'Monospace' }))];
}

/** A row whose words come from anywhere. */
export function row(label: string, note: string | null, value: string): Row {
  return { label: visible(label), note: note === null ? null : visible(note), value: visible(value) };
}

/**
 * Labelled values of a card. What fits is shown on the card; what does not is shown there in part, with its size,
 * and follows in full in the thread. Nothing that was digested is ever dropped.
 */
import { createHash } from 'node:crypto';
import { visible } from '../../src/surface/unseen.ts';
import { type Block, moment, preformatted, type RichElement, rich, section, text } from './blocks.ts';
import { INLINE_MAX, LABEL_MAX, MESSAGE_BUDGET, TEXT_MAX } from './limits.ts';
import { chunk, clip, escapeMarkup, measure } from './outbound-text.ts';

export type Row = {
  label: string;
  note: string | null;
  value: string;
  /** A sentence of ours stands as text; every other value stands as code, so that its edges can be seen. */
  sentence?: true;
  /** When it happened, shown in the reader's own time. */
  at?: string;
};
/** One message of the thread that carries what its card could not; `key` says which words they are. */
export type Continuation = { key: string; text: string; blocks: Block[] };
export type Fitted = { elements: RichElement[]; rest: Continuation[] };

/** Values up to this many characters stand in the line of their label. */
const LINE_MAX = 120;
/** Chunks of one value in one continuation message. */
const CHUNKS_PER_MESSAGE = Math.floor(MESSAGE_BUDGET / TEXT_MAX);
/** A row shows at least this much of its value, or is left to the thread. */
const SHARE_MIN = 60;
const ROW_LABEL_MAX = 60;
const NOTE_MAX = 60;
/** What a row takes besides its value: label, note, and the sentence on its size. */
const OVERHEAD = ROW_LABEL_MAX + NOTE_MAX + 70;

/** Lays out rows within `budget` measured characters, labels and notes included. */
export function fitRows(rows: readonly Row[], budget: number): Fitted {
  const wanted = rows.reduce((sum, row) => sum + OVERHEAD + Math.min(measure(row.value), INLINE_MAX), 0);
  const share = Math.max(SHARE_MIN, Math.floor(budget / Math.max(1, rows.length)) - OVERHEAD);
  const max = wanted <= budget ? INLINE_MAX : Math.min(INLINE_MAX, share);
  const shown = rows.slice(0, Math.floor(budget / (OVERHEAD + SHARE_MIN)));
  const elements: RichElement[] = [];
  const rest: Continuation[] = [];
  for (const row of shown) {
    const whole = measure(row.value) <= max && measure(row.label) <= ROW_LABEL_MAX;
    elements.push(...layOut(row, max, whole));
    if (!whole) rest.push(...inFull(row));
  }
  const more = rows.slice(shown.length);
  if (more.length > 0)
    elements.push(section(text(`${more.length} more follow in this thread.`, { italic: true })));
  return { elements, rest: [...rest, ...more.flatMap(inFull)] };
}

/** All of one row as messages of the thread. */
export function inFull({ label, note, value }: Row): Continuation[] {
  // A name longer than any of ours is sent like a value, before it.
  const named = measure(label) <= LABEL_MAX ? [] : chunk(label, TEXT_MAX);
  const pieces = [...named, ...chunk(value, TEXT_MAX)];
  const parts = Math.ceil(pieces.length / CHUNKS_PER_MESSAGE);
  return Array.from({ length: parts }, (_, part) => {
    const of = parts === 1 ? 'in full' : `in full, part ${part + 1} of ${parts}`;
    const mine = pieces.slice(part * CHUNKS_PER_MESSAGE, (part + 1) * CHUNKS_PER_MESSAGE);
    const heading = section(text(clip(label, LABEL_MAX), { bold: true }), text(' '));
    const noted = section(
      text([note === null ? null : clip(note, TEXT_MAX), of].filter((words) => words !== null).join(', '), {
        italic: true,
      }),
    );
    const blocks = [rich(heading, noted), ...mine.map((piece) => rich(preformatted(piece)))];
    return { key: digestOf(blocks), text: escapeMarkup(`${clip(label, LABEL_MAX)}, ${of}`), blocks };
  });
}

/** A short name for exactly these words, to tell whether they were posted already. */
function digestOf(blocks: Block[]): string {
  return createHash('sha256').update(JSON.stringify(blocks)).digest('base64url').slice(0, 16);
}

function layOut({ label, note, value, sentence, at }: Row, max: number, whole: boolean): RichElement[] {
  const size = whole
    ? null
    : `${[...value].length.toLocaleString('en')} characters, all of them in this thread`;
  const notes = [note === null ? null : clip(note, NOTE_MAX), size]
    .filter((words) => words !== null)
    .join('; ');
  const head = [text(clip(label, ROW_LABEL_MAX), { bold: true }), text(notes === '' ? ' ' : ` (${notes}) `)];
  const shown = clip(value, max);
  const when = at === undefined ? [] : [text(', '), moment(at)];
  if (sentence) return [section(...head, text(shown), ...when, text('\n'))];
  return shown.includes('\n') || shown.length > LINE_MAX
    ? [section(...head), preformatted(shown)]
    : [section(...head, text(shown, { code: true }), text('\n'))];
}

/** A row whose words come from anywhere. */
export function row(label: string, note: string | null, value: string): Row {
  return { label: visible(label), note: note === null ? null : visible(note), value: visible(value) };
}

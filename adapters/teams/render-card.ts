/** A card as an Adaptive Card: pure, and complete within the limits of Teams. */
import type { Card } from '../../src/model/card.ts';
import { EXPIRING_STATES, FINAL_STATES, type Provenance } from '../../src/model/request.ts';
import { visible } from '../../src/surface/unseen.ts';
import {
  type Action,
  address,
  box,
  buttons,
  type Data,
  type Element,
  line,
  lines,
  link,
  nextLines,
  offered,
  type Run,
  reasonInput,
  text,
} from './elements.ts';
import { CARD_BUDGET, LABEL_MAX, OUTPUT_MAX, ROWS_BUDGET, SUMMARY_MAX } from './limits.ts';
import { clip, oneLine, readable, tail } from './outbound-text.ts';
import { type Continuation, fitRows, inFull, type Row, row } from './rows.ts';

/**
 * Who looks at a card: one person, whose buttons it carries, or all of a conversation, in which Teams asks for each
 * person's own view and what stands underneath carries what everybody may press.
 */
export type Readers = 'one' | 'all';

/**
 * What to send: `actions` apart, so that buttons can wait until `rest` can be read; `asks` is what a card sends to ask
 * for a person's own view of it, while there is anything that not everybody may press.
 */
export type Rendered = {
  summary: string;
  body: Element[];
  actions: Action[];
  asks: Data | null;
  rest: Continuation[];
};

/** Where each argument came from, in the words that an approver reads. */
const PROVENANCE: Readonly<Record<Provenance, string>> = {
  typed: 'typed by the requester',
  quoted: "from the requester's message",
  fetched: 'from text that somebody else wrote',
  model: "the model's own wording",
  default: 'default',
};

/** Quotes shown on the card; all of them follow in full when there are more. */
const QUOTES_SHOWN = 2;
/** Of each quote. */
const QUOTE_MAX = 300;
/** A sentence of ours. */
const SENTENCE_MAX = 400;
/** An address as it is laid out, in UTF-16 units of JSON: each of its lines holds the whole of it once more, to lead there. */
const ADDRESS_MAX = 1_000;

/** `beside`: what the words of its message take of the same `CARD_BUDGET`, in UTF-16 units of JSON. */
export function renderCard(card: Card, readers: Readers = 'one', beside = 0): Rendered {
  const quotes = quotesOf(card);
  const status = sentence('Status', card.status);
  const summary = sentence('What will happen', card.summary);
  const outcome = outcomeOf(card);
  const open = !FINAL_STATES.has(card.state);
  const data = { rendering: card.rendering, request: card.request };
  const offers = card.offers ?? [];
  const everybodys = offers.filter((offer) => offer === 'report');
  const decisions = open && readers === 'one' ? card.buttons : [];
  const actions = [...buttons(decisions, data), ...offered(readers === 'one' ? offers : everybodys, data)];
  const above = [
    line(text(clip(visible(card.title), LABEL_MAX), { size: 'Large', weight: 'Bolder' })),
    ...lines(status.shown, { weight: 'Bolder' }),
    ...lines(summary.shown),
  ];
  const below = [
    ...quotes.elements,
    ...outputOf(card),
    ...outcome.elements,
    line(...footing(card)),
    ...smallPrint(card),
    ...(decisions.includes('deny') ? [reasonInput()] : []),
  ];
  // Rows are what can follow below: they get what the other parts leave.
  const left = CARD_BUDGET - beside - JSON.stringify([above, below, actions]).length;
  const rows = fitRows(rowsOf(card), Math.max(0, Math.min(ROWS_BUDGET, left)));
  return {
    summary: oneLine(`${visible(card.title)}: ${visible(card.status)}`, SUMMARY_MAX),
    body: [...above, ...rows.elements, ...below],
    actions,
    asks: open || offers.length > everybodys.length ? data : null,
    rest: [...status.rest, ...summary.rest, ...rows.rest, ...quotes.rest, ...outcome.rest],
  };
}

function rowsOf(card: Card): Row[] {
  return [
    ...card.arguments.map(({ name, value, provenance }) => row(name, PROVENANCE[provenance], value)),
    ...card.facts.map(({ label, value, from }) =>
      row(label, from === undefined ? null : `quoted from ${from}`, value),
    ),
    ...pinnedOf(card),
    said('Risk', card.risk),
    ...card.reasons.map((reason) => said('Why', reason)),
    ...card.approvals.map(({ name, at }) => said('Approved by', `${name}, ${inUtc(at)}`)),
  ];
}

/** All that was pinned and stands nowhere else, in one row. */
function pinnedOf({ pinned }: Card): Row[] {
  if (pinned.length === 0) return [];
  const note = `${pinned.length}, compared before the run`;
  return [row('Pinned', note, pinned.map(({ name, value }) => `${name}=${value}`).join('\n'))];
}

const said = (label: string, words: string): Row => ({ ...row(label, null, words), sentence: true });

function sentence(label: string, value: string): { shown: string; rest: Continuation[] } {
  const words = readable(value);
  const shown = clip(words, SENTENCE_MAX);
  return { shown, rest: shown === words ? [] : inFull(row(label, null, value)) };
}

/** Text of models and outside systems: always a quotation, always with its source. */
function quotesOf(card: Card): { elements: Element[]; rest: Continuation[] } {
  const elements: Element[] = [];
  const rest: Continuation[] = [];
  for (const [index, { source, text: words }] of card.quotes.entries()) {
    const whole = readable(words);
    const shown = clip(whole, QUOTE_MAX);
    if (index < QUOTES_SHOWN) {
      const by = `Quoted, not checked by us, from ${clip(visible(source), LABEL_MAX)}:`;
      elements.push(...lines(by, { italic: true }), box(lines(shown, { italic: true })));
    }
    if (index >= QUOTES_SHOWN || shown !== whole) rest.push(...inFull(row('quoted', source, words)));
  }
  const more = card.quotes.length - QUOTES_SHOWN;
  if (more > 0) elements.push(line(text(`${more} more quotations follow below.`, { italic: true })));
  return { elements, rest };
}

/** The tail of the output is all that a card ever holds; the whole of it is kept with the request. */
function outputOf(card: Card): Element[] {
  if (card.output === null || card.output === '') return [];
  return [
    line(text('What it printed:', { italic: true })),
    box(lines(tail(readable(card.output), OUTPUT_MAX), { fontType: 'Monospace', size: 'Small' })),
  ];
}

/** What became of it; what is too long for its place follows in full. */
function outcomeOf({ outcome }: Card): { elements: Element[]; rest: Continuation[] } {
  if (outcome === null) return { elements: [], rest: [] };
  const words = sentence('What became of it', outcome.text);
  const shown = lines(words.shown, { weight: 'Bolder' });
  if (outcome.link === null) return { elements: shown, rest: words.rest };
  const where = whereOf(outcome.link);
  return { elements: [...shown, ...where.elements], rest: [...words.rest, ...where.rest] };
}

/** An outside system gave this address: it is shown as what it is, never behind a label, and a link only where it is whole. */
function whereOf(url: string): { elements: Element[]; rest: Continuation[] } {
  const linked = address(url);
  if (visible(url) === url && JSON.stringify(linked).length <= ADDRESS_MAX)
    return { elements: linked, rest: [] };
  const { shown, rest } = sentence('Its address', url);
  return { elements: nextLines(shown), rest };
}

function footing(card: Card): Run[][] {
  const who = oneLine(`${visible(card.requester.name)} (${visible(card.requester.id)})`, LABEL_MAX * 2);
  const until = EXPIRING_STATES.has(card.state)
    ? [text(`, open until ${visible(inUtc(card.expiresAt))}`)]
    : [];
  const page = card.link === null ? [] : [text('. '), link(card.link, 'Request and its log')];
  const { offers = [], undoUntil } = card;
  const undo =
    offers.includes('undo') && undoUntil !== undefined
      ? [text(`, can be undone until ${visible(inUtc(undoUntil))}`)]
      : [];
  return [text(`Asked by ${who}`), ...until, ...undo, ...page];
}

/** Teams computes dates only from text of its own making; so the one zone that is the same for all readers. */
function inUtc(iso: string): string {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? iso : `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** As lists show it, and as a typed command names it. */
const requestId = ({ request }: Card): string => `Request ${visible(request.slice(0, 8))}`;

/** The digest that every button of this card is bound to, in the proof where no page shows it; and the code of how it ended. */
function smallPrint(card: Card): Element[] {
  const proof =
    card.link === null && card.proof !== null
      ? `Proof: ${visible(card.proof)}`
      : `Digest ${visible(card.digest)}`;
  const { outcome } = card;
  const ended = outcome === null || card.state === 'succeeded' ? [] : [`Code ${visible(outcome.code)}`];
  const isolation = card.isolation === null ? [] : [`Isolation: ${visible(card.isolation)}`];
  const print = [requestId(card), proof, ...isolation, ...ended].map((words) => oneLine(words, SENTENCE_MAX));
  return nextLines(print.join('\n'), { size: 'Small', isSubtle: true });
}

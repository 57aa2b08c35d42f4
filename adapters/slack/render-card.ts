/** A card as Block Kit: pure, and complete within Slack's limits. */
import type { Card } from '../../src/model/card.ts';
import { EXPIRING_STATES, FINAL_STATES, type Provenance } from '../../src/model/request.ts';
import { visible } from '../../src/surface/unseen.ts';
import {
  type Block,
  buttons,
  context,
  header,
  type Inline,
  link,
  moment,
  preformatted,
  quote,
  type RichElement,
  rich,
  section,
  text,
  type ViewBlock,
} from './blocks.ts';
import { FALLBACK_MAX, LABEL_MAX, OUTPUT_MAX, ROWS_BUDGET } from './limits.ts';
import { clip, escapeMarkup, tail } from './outbound-text.ts';
import { stepsOf } from './render-steps.ts';
import { type Continuation, fitRows, inFull, type Row, row } from './rows.ts';

/** What to send: `actions` apart, so that buttons can wait until `rest` is in the thread. */
export type Rendered = { text: string; blocks: Block[]; actions: ViewBlock | null; rest: Continuation[] };

/** Where each argument came from, in the words that an approver reads. */
const PROVENANCE: Readonly<Record<Provenance, string>> = {
  typed: 'typed by the requester',
  quoted: "from the requester's message",
  fetched: 'from text that somebody else wrote',
  model: "the model's own wording",
  default: 'default',
};

/** Quotes shown on the card; all of them follow in full when there are more. */
const QUOTES_SHOWN = 3;
/** Of each quote. */
const QUOTE_MAX = 400;
/** A sentence of ours, an address. */
const SENTENCE_MAX = 500;
export function renderCard(card: Card): Rendered {
  const rows = fitRows(rowsOf(card), ROWS_BUDGET);
  const quotes = quotesOf(card);
  const status = sentence('Status', card.status);
  const summary = sentence('What will happen', card.summary);
  const outcome = outcomeOf(card);
  const decisions = asksToDecide(card) ? card.buttons : [];
  const offers = card.offers ?? [];
  return {
    text: escapeMarkup(clip(`${visible(card.title)}: ${visible(card.status)}`, FALLBACK_MAX)),
    blocks: [
      header(visible(card.title)),
      ...stepsOf(card),
      rich(section(text(status.shown, { bold: true }), text('\n'), text(summary.shown))),
      rich(...rows.elements),
      ...quotes.blocks,
      ...outputOf(card),
      rich(section(...outcome.shown, ...footing(card))),
      ...smallPrint(card),
    ],
    actions: decisions.length + offers.length > 0 ? buttons(decisions, card.rendering, offers) : null,
    rest: [...status.rest, ...summary.rest, ...rows.rest, ...quotes.rest, ...outcome.rest],
  };
}

/** Whether somebody is asked to decide, besides what is offered on every card. */
export function asksToDecide({ buttons: kinds, state }: Card): boolean {
  return kinds.length > 0 && !FINAL_STATES.has(state);
}

function rowsOf(card: Card): Row[] {
  return [
    ...card.arguments.map(({ name, value, provenance }) => row(name, PROVENANCE[provenance], value)),
    ...card.facts.map(({ label, value, from }) =>
      row(label, from === undefined ? null : `quoted from ${from}`, value),
    ),
    ...pinnedOf(card),
    { ...row('Risk', null, card.risk), sentence: true },
    ...card.reasons.map((reason): Row => ({ ...row('Why', null, reason), sentence: true })),
    ...card.approvals.map(({ name, at }): Row => ({ ...row('Approved by', null, name), sentence: true, at })),
  ];
}

/** All that was pinned and stands nowhere else, in one row. */
function pinnedOf({ pinned }: Card): Row[] {
  if (pinned.length === 0) return [];
  const note = `${pinned.length}, compared before the run`;
  return [row('Pinned', note, pinned.map(({ name, value }) => `${name}=${value}`).join('\n'))];
}

function sentence(label: string, value: string): { shown: string; rest: Continuation[] } {
  const words = visible(value);
  const shown = clip(words, SENTENCE_MAX);
  return { shown, rest: shown === words ? [] : inFull(row(label, null, value)) };
}

/** Text of models and outside systems: always a quotation, always with its source. */
function quotesOf(card: Card): { blocks: Block[]; rest: Continuation[] } {
  const elements: RichElement[] = [];
  const rest: Continuation[] = [];
  for (const [index, { source, text: words }] of card.quotes.entries()) {
    const whole = visible(words);
    const shown = clip(whole, QUOTE_MAX);
    if (index < QUOTES_SHOWN) {
      const by = `Quoted, not checked by us, from ${clip(visible(source), LABEL_MAX)}:`;
      elements.push(section(text(by, { italic: true })), quote(shown));
    }
    if (index >= QUOTES_SHOWN || shown !== whole) rest.push(...inFull(row('quoted', source, words)));
  }
  if (card.quotes.length > QUOTES_SHOWN) {
    elements.push(
      section(text(`${card.quotes.length - QUOTES_SHOWN} more quotations follow in this thread.`)),
    );
  }
  return { blocks: elements.length === 0 ? [] : [rich(...elements)], rest };
}

/** The tail of the output is all that a card ever holds; the whole of it is kept with the request. */
function outputOf(card: Card): Block[] {
  if (card.output === null || card.output === '') return [];
  return [
    rich(
      section(text('What it printed:', { italic: true })),
      preformatted(tail(visible(card.output), OUTPUT_MAX)),
    ),
  ];
}

/** What became of it, in a line of its own; what is too long for that follows in full. */
function outcomeOf({ outcome }: Card): { shown: Inline[]; rest: Continuation[] } {
  if (outcome === null) return { shown: [], rest: [] };
  const said = sentence('What became of it', outcome.text);
  const words = text(said.shown, { bold: true });
  if (outcome.link === null) return { shown: [words, text('\n')], rest: said.rest };
  // An outside system gave this address: it is shown as what it is, never behind a label.
  const address = sentence('Its address', outcome.link);
  const shown = address.shown === outcome.link ? link(outcome.link, outcome.link) : text(address.shown);
  return { shown: [words, text(' '), shown, text('\n')], rest: [...said.rest, ...address.rest] };
}

function footing(card: Card): Inline[] {
  const who = clip(`${visible(card.requester.name)} (${visible(card.requester.id)})`, LABEL_MAX * 2);
  const open = EXPIRING_STATES.has(card.state) ? [text(', open until '), moment(card.expiresAt)] : [];
  const page = card.link === null ? [] : [text('. '), link(card.link, 'Request and its log')];
  return [text(`Asked by ${who}`), ...open, ...undoable(card), ...page];
}

/** How long its button stands there. */
function undoable({ offers = [], undoUntil }: Card): Inline[] {
  return offers.includes('undo') && undoUntil !== undefined
    ? [text(', can be undone until '), moment(undoUntil)]
    : [];
}

/** As lists show it, and as a typed command names it. */
const requestId = ({ request }: Card): string => `Request ${visible(request.slice(0, 8))}`;

/** The digest that every button of this card is bound to, in the proof where no page shows it; and the code of how it ended. */
function smallPrint(card: Card): Block[] {
  const proof =
    card.link === null && card.proof !== null
      ? `Proof: ${visible(card.proof)}`
      : `Digest ${visible(card.digest)}`;
  const { outcome } = card;
  const ended = outcome === null || card.state === 'succeeded' ? [] : [`Code ${visible(outcome.code)}`];
  const isolation = card.isolation === null ? [] : [`Isolation: ${visible(card.isolation)}`];
  return [
    context(...[requestId(card), proof, ...isolation, ...ended].map((line) => clip(line, SENTENCE_MAX))),
  ];
}

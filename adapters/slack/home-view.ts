/** The Home tab: what waits for a person, what they asked for, how it ended, what they may ask for. Pure. */
import type { Card, Message } from '../../src/model/card.ts';
import { FINAL_STATES } from '../../src/model/request.ts';
import { visible } from '../../src/surface/unseen.ts';
import {
  button,
  context,
  header,
  isForViews,
  moment,
  type RichElement,
  rich,
  section,
  text,
  type ViewBlock,
} from './blocks.ts';
import { LABEL_MAX } from './limits.ts';
import { ACTION_IDS } from './needs.ts';
import { clip } from './outbound-text.ts';
import { renderCard } from './render-card.ts';

export type HomeContent = {
  waiting: readonly Message[];
  mine: readonly Message[];
  actions: readonly { title: string; description: string }[];
};
export type HomeView = { type: 'home'; blocks: ViewBlock[] };

/** Cards shown in full: each takes eight blocks at most, and a view holds a hundred. */
const CARDS_MAX = 8;
/** Lines of each list. */
const LINES_MAX = 10;
const LINE_MAX = 200;

export function renderHome({ waiting, mine, actions }: HomeContent): HomeView {
  const cards = waiting.flatMap(({ card }) => (card === null ? [] : [card]));
  const own = mine.flatMap(({ card }) => (card === null ? [] : [card]));
  return {
    type: 'home',
    blocks: [
      header('Waiting for you'),
      ...(cards.length === 0
        ? [said('Nothing waits for you.')]
        : cards.slice(0, CARDS_MAX).flatMap(toDecide)),
      ...moreThan(cards.length, CARDS_MAX),
      header('My requests'),
      ...list(own.filter(({ state }) => !FINAL_STATES.has(state)).map(openLine), 'You wait for nothing.'),
      header('Recent outcomes'),
      ...list(own.filter(({ state }) => FINAL_STATES.has(state)).map(endedLine), 'Nothing has ended yet.'),
      header('What you may ask for'),
      ...list(
        actions.map(({ title, description }) => line(title, description)),
        'There is nothing that you could ask for yet.',
      ),
      ...(actions.length === 0 ? [] : [button(ACTION_IDS.newRequest, 'New request', 'new')]),
    ],
  };
}

/** With its buttons only where all that is decided on can be read here. How far it is, the status says: steps are for messages. */
function toDecide(card: Card): ViewBlock[] {
  const { blocks, actions, rest } = renderCard(card);
  const shown = blocks.filter(isForViews);
  if (rest.length === 0) return actions === null ? shown : [...shown, actions];
  const where = 'It is too long for this page: decide at its card in our conversation.';
  return [rich(line(card.title, card.summary)), context(where)];
}

function list(lines: RichElement[], none: string): ViewBlock[] {
  if (lines.length === 0) return [said(none)];
  return [rich(...lines.slice(0, LINES_MAX)), ...moreThan(lines.length, LINES_MAX)];
}

function openLine(card: Card): RichElement {
  // What has begun has no time left that matters; what is asked or about to begin has.
  if (card.state !== 'pending' && card.state !== 'approved') return line(card.title, card.status);
  const { elements, ...rest } = line(card.title, withoutStop(card.status));
  return {
    ...rest,
    elements: [...elements.slice(0, -1), text(', open until '), moment(card.expiresAt), text('\n')],
  };
}

function endedLine(card: Card): RichElement {
  if (card.outcome === null) return line(card.title, card.status);
  return line(card.title, `${withoutStop(card.status)}: ${card.outcome.text}`);
}

/** A sentence that goes on. */
const withoutStop = (sentence: string): string => sentence.replace(/\.$/, '');

function line(title: string, words: string): RichElement {
  return section(
    text(clip(visible(title), LABEL_MAX), { bold: true }),
    text(`: ${clip(visible(words), LINE_MAX)}`),
    text('\n'),
  );
}

const said = (words: string): ViewBlock => rich(section(text(words)));
const moreThan = (count: number, max: number): ViewBlock[] =>
  count > max ? [context(`${count - max} more; ask me for "my requests" or "waiting for me".`)] : [];

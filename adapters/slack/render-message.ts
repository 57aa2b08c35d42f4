/** Any message of a thread as Slack messages: pure. */
import type { Form, Message } from '../../src/model/card.ts';
import { visible } from '../../src/surface/unseen.ts';
import {
  type Block,
  button,
  context,
  feedbackOn,
  preformatted,
  quote,
  rich,
  section,
  text,
} from './blocks.ts';
import { FALLBACK_MAX, LABEL_MAX, MESSAGE_BUDGET, TEXT_MAX } from './limits.ts';
import { fitsModal } from './modals.ts';
import { ACTION_IDS, COMMAND } from './needs.ts';
import { chunk, clip, escapeMarkup, measure } from './outbound-text.ts';
import { asksToDecide, type Rendered, renderCard } from './render-card.ts';
import { sourcesOf } from './render-sources.ts';
import { type Continuation, fitRows, inFull, row } from './rows.ts';

/** Words beside a card or a form; a message of words alone has the whole budget. */
const BESIDE_MAX = 1_000;

/** Null: there is nothing to show, as for a person's own words, which already stand where they wrote them. */
export function renderMessage(message: Message): Rendered | null {
  if (message.authorship === 'person' && message.card === null && message.form === null) return null;
  const card = message.card === null ? null : renderCard(message.card);
  const form = message.form === null ? null : renderForm(message.form);
  const dialog =
    message.form === null || !fitsModal(message.form)
      ? null
      : button(ACTION_IDS.form, 'Fill in the form', message.id);
  const alone = card === null && form === null;
  const words =
    message.text === '' && !alone ? null : renderWords(message, alone ? MESSAGE_BUDGET : BESIDE_MAX);
  const parts = [words, card, form].filter((part) => part !== null);
  // Who asks for what is the better notification, for as long as somebody is asked.
  const isEnded = message.card !== null && !asksToDecide(message.card);
  const notified = isEnded ? (card ?? form ?? words) : (words ?? card ?? form);
  return {
    text: notified!.text,
    blocks: parts.flatMap((part) => part.blocks),
    actions: card?.actions ?? dialog,
    rest: parts.flatMap((part) => part.rest),
  };
}

type Part = { text: string; blocks: Block[]; rest: Continuation[] };

function renderWords({ id, text: raw, authorship, sources }: Message, budget: number): Part {
  const words = visible(raw);
  const shown = clip(words, budget);
  const ours = authorship === 'system';
  const blocks = ours
    ? fenced(shown).flatMap(({ code, words: piece }) =>
        chunk(piece, TEXT_MAX).map((part) => rich(code ? preformatted(part) : section(text(part)))),
      )
    : chunk(shown, TEXT_MAX).map((piece) => rich(quote(piece)));
  const by: Block[] = ours ? [] : [context(ATTRIBUTION[authorship])];
  if (authorship === 'model') by.push(feedbackOn(id));
  const rest = measure(words) > budget ? inFull(row('Message', null, raw)) : [];
  return {
    text: escapeMarkup(clip(words, FALLBACK_MAX)),
    blocks: [...blocks, ...sourcesOf(sources), ...by],
    rest,
  };
}

const FENCE = '```';

/**
 * What we wrote between two lines of three backticks is copied by people as it is: a signed note, a diff. It is layout
 * only, and each part stays literal, so that backticks in somebody's words change no more than where a box begins.
 */
function fenced(words: string): { code: boolean; words: string }[] {
  return words
    .split(new RegExp(`(?:^|\\n)${FENCE}\\n?`))
    .map((part, index) => ({ code: index % 2 === 1, words: part }))
    .filter((part) => part.words.trim() !== '');
}

const ATTRIBUTION: Readonly<Record<Exclude<Message['authorship'], 'system'>, string>> = {
  person: 'Written by a person.',
  model: 'Written by a language model.',
  fetched: 'Quoted from another system; not checked by us.',
};

/** Beside the dialog: what is asked for, and the command that says it all at once. */
function renderForm({ action, title, fields }: Form): Part {
  const rows = fields.map((field) => {
    const choices = field.choices.length === 0 ? null : `one of: ${field.choices.join(', ')}`;
    const notes = [field.required ? 'needed' : 'optional', choices]
      .filter((note) => note !== null)
      .join('; ');
    return row(field.label, clip(notes, TEXT_MAX / 4), field.value === '' ? `${field.name}=…` : field.value);
  });
  const fitted = fitRows(rows, MESSAGE_BUDGET / 3);
  const missing = fields.filter((field) => field.required).map((field) => `${field.name}=…`);
  const command = visible([COMMAND, action.replace('.', ' '), ...missing].join(' '));
  const say = clip(`All at once: ${command}`, TEXT_MAX / 2);
  return {
    text: escapeMarkup(clip(`${visible(title)}: something is still needed`, FALLBACK_MAX)),
    blocks: [
      rich(section(text(clip(visible(title), LABEL_MAX), { bold: true }), text('\n')), ...fitted.elements),
      context(say),
    ],
    rest: fitted.rest,
  };
}

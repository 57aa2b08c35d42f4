/**
 * The few Adaptive Card elements that we use. Words stand in text runs, which Teams shows literally: there is no
 * markdown to escape, so no mention, link or formatting can be smuggled in. A text block, which does read markdown, holds only
 * long words that are made of nothing it could read. Texts come in already `visible`.
 */
import type { CardOffer } from '../../src/model/card.ts';
import type { DecisionKind } from '../../src/model/turn.ts';
import { LINK_MAX, REASON_MAX, REPORT_MAX } from './limits.ts';
import {
  DID_NOT_HAPPEN_VERB,
  EDIT_VERB,
  FIELD_PREFIX,
  FORM_VERB,
  HAND_OVER_VERB,
  HANDED_OVER_VERB,
  HAPPENED_VERB,
  REASON_FIELD,
  REFRESH_VERB,
  REPORT_FIELD,
  REPORT_VERB,
  SAVE_VERB,
  TAKER_FIELD,
  UNDO_VERB,
} from './needs.ts';
import { broken, GOES_ON, hasLongRun, isPlain, TURN } from './unbroken.ts';

export type Style = {
  weight?: 'Bolder';
  italic?: true;
  fontType?: 'Monospace';
  size?: 'Large' | 'Small';
  isSubtle?: true;
  color?: 'Attention';
};
type OpenUrl = { type: 'Action.OpenUrl'; url: string };
export type Run = Style & { type: 'TextRun'; text: string; selectAction?: OpenUrl };
export type Line = { type: 'RichTextBlock'; spacing?: 'None' | 'Small'; inlines: Run[] };
/** Breaks any word where its line ends. */
export type Block = Omit<Style, 'italic'> & {
  type: 'TextBlock';
  spacing?: 'None';
  wrap: true;
  text: string;
};
export type Box = { type: 'Container'; style?: 'emphasis'; spacing?: 'Small'; items: Element[] };
export type InputBase = { id: string; label: string; isRequired?: true; errorMessage?: string };
export type Input = InputBase &
  (
    | { type: 'Input.Text'; value?: string; isMultiline?: true; maxLength?: number }
    | { type: 'Input.Number'; value?: number }
    | {
        type: 'Input.ChoiceSet';
        value?: string;
        style: 'compact';
        choices: { title: string; value: string }[];
      }
  );
export type Element = Line | Block | Box | Input;
/** What a button sends back. Nothing in it is believed: it names what the person saw. */
export type Data = Record<string, string>;
type Submit = { type: 'Action.Submit'; title: string; data: Data };
export type Execute = {
  type: 'Action.Execute';
  verb: string;
  title: string;
  style?: 'positive' | 'destructive';
  data: Data;
  /** Sends no inputs, and so waits for none that are needed. */
  associatedInputs?: 'none';
  /** What clients show that do not know it: the older button, or none where that could not be answered. */
  fallback: Submit | 'drop';
};
/** Opens below the card what it asks, without asking us. */
export type ShowCard = {
  type: 'Action.ShowCard';
  title: string;
  card: { type: 'AdaptiveCard'; body: Element[]; actions: Execute[] };
};
export type Action = Execute | ShowCard;
export type AdaptiveCard = {
  type: 'AdaptiveCard';
  $schema: 'http://adaptivecards.io/schemas/adaptive-card.json';
  version: '1.5';
  body: Element[];
  actions?: Action[];
  refresh?: { action: Pick<Execute, 'type' | 'verb' | 'title' | 'data'> };
  msteams?: { width: 'Full' };
};

/**
 * Literal runs of one line. Teams computes `{{DATE(...)}}` even there, so that two braces never stand in one run;
 * a second space in a row, which it would drop, becomes one that stays; a newline is shown, for `lines` makes real ones.
 */
export function text(value: string, style: Style = {}): Run[] {
  return value
    .replaceAll('\n', ' ⏎ ')
    .replaceAll('  ', ' \u00a0')
    .split(/(?<=\{)(?=\{)/)
    .filter((piece) => piece !== '')
    .map((piece) => ({ type: 'TextRun', text: piece, ...style }));
}

export function line(...runs: Run[][]): Line {
  return { type: 'RichTextBlock', inlines: runs.flat() };
}

/** The same, close to the line before it. */
export function nextLine(...runs: Run[][]): Line {
  return { type: 'RichTextBlock', spacing: 'None', inlines: runs.flat() };
}

/** Words of any number of lines, each a block of its own; so is each piece of a word that must be broken. */
export function lines(value: string, style: Style = {}): (Line | Block)[] {
  const [first, ...rest] = broken(value)
    .split('\n')
    .flatMap((words) => laidOut(words, style));
  return [first!, ...rest.map((it) => ({ ...it, spacing: 'None' as const }))];
}

/** The same, close to the line before them. */
export const nextLines = (value: string, style: Style = {}): (Line | Block)[] =>
  lines(value, style).map((it) => ({ ...it, spacing: 'None' as const }));

function laidOut(words: string, style: Style): (Line | Block)[] {
  if (isPlain(words) && hasLongRun(words)) {
    const { italic: _, ...rest } = style;
    return [{ type: 'TextBlock', wrap: true, text: words, ...rest }];
  }
  const [first = '\u00a0', ...rest] = words.split(TURN).filter((piece) => piece !== '');
  return [line(text(first, style)), ...rest.map((piece) => line(goesOn(), text(piece, style)))];
}

const goesOn = (): Run[] => text(`${GOES_ON} `, { isSubtle: true });

/** Set apart from our own words: values, output, quotations. */
export function box(items: Element[]): Box {
  return { type: 'Container', style: 'emphasis', spacing: 'Small', items };
}

/** A link that shows where it leads; anything but a plain web address stays text. */
export function link(url: string, label: string): Run[] {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const web = parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.username === '';
  if (!web || parsed.href.length > LINK_MAX) return text(label === url ? url : `${label}: ${url}`);
  return text(label).map((run) => ({ ...run, selectAction: { type: 'Action.OpenUrl', url: parsed.href } }));
}

/** An address by itself, close to the line before it: each of its lines leads there, where it may be a link at all. */
export function address(url: string): (Line | Block)[] {
  if (!link(url, url).every(({ selectAction }) => selectAction)) return nextLines(url);
  const pieces = broken(url).split(TURN);
  return pieces.map((piece, at) => nextLine(at === 0 ? [] : goesOn(), link(url, piece)));
}

const LABELS: Readonly<Record<DecisionKind, string>> = {
  confirm: 'Confirm',
  approve: 'Approve',
  deny: 'Deny',
  cancel: 'Cancel',
};

/** Buttons carry what the person saw and nothing else; they are never authority. */
export function buttons(kinds: readonly DecisionKind[], data: Data): Execute[] {
  return kinds.map((kind) => {
    const positive = kind === 'confirm' || kind === 'approve';
    return {
      ...execute(kind, LABELS[kind], data),
      ...(positive ? { style: 'positive' as const } : {}),
      ...(kind === 'deny' ? { style: 'destructive' as const } : {}),
    };
  });
}

/** What a card offers besides deciding; no more authority than any other button. */
export const offered = (offers: readonly CardOffer[], data: Data): Action[] =>
  offers.map((offer) => buttonOf(offer, data));

function buttonOf(offer: CardOffer, data: Data): Action {
  switch (offer) {
    case 'edit':
      // Its answer is a form, which only the newer button can be answered with.
      return { ...execute(EDIT_VERB, 'Edit', data), fallback: 'drop' };
    case 'hand_over':
      // As above: its answer is a list.
      return { ...execute(HAND_OVER_VERB, 'Hand over', data), fallback: 'drop' };
    case 'undo':
      return execute(UNDO_VERB, 'Undo', data);
    case 'happened':
      return execute(HAPPENED_VERB, 'It happened', data);
    case 'did_not_happen':
      return execute(DID_NOT_HAPPEN_VERB, 'It did not', data);
    case 'report': {
      const actions = [execute(REPORT_VERB, 'Send report', data)];
      return {
        type: 'Action.ShowCard',
        title: 'Report',
        card: { type: 'AdaptiveCard', body: [reportInput()], actions },
      };
    }
  }
}

function reportInput(): Input {
  const label = 'What looks wrong? Operators read this.';
  return { type: 'Input.Text', id: REPORT_FIELD, label, isMultiline: true, maxLength: REPORT_MAX };
}

/** Below the form that changes a request: save it, or see the card again. */
export function saveEdit(data: Data): Execute[] {
  return [
    { ...execute(SAVE_VERB, 'Save the change', data), style: 'positive', fallback: 'drop' },
    { ...execute(REFRESH_VERB, 'Back', data), associatedInputs: 'none', fallback: 'drop' },
  ];
}

/** Below the list of those to whom it may be handed over: do so, or see the card again. */
export function sendTaker(data: Data): Execute[] {
  return [
    { ...execute(HANDED_OVER_VERB, 'Hand over', data), style: 'positive', fallback: 'drop' },
    { ...execute(REFRESH_VERB, 'Back', data), associatedInputs: 'none', fallback: 'drop' },
  ];
}

export function takerInput(choices: { title: string; value: string }[]): Input {
  const label = 'Who should decide it?';
  return {
    type: 'Input.ChoiceSet',
    id: TAKER_FIELD,
    label,
    isRequired: true,
    errorMessage: 'Somebody must be chosen.',
    style: 'compact',
    choices,
  };
}

/** `message`: of ours, in which the form stands. */
export function sendForm(action: string, message: string | null): Execute {
  const data = message === null ? { action } : { action, message };
  return { ...execute(FORM_VERB, 'Send', data), style: 'positive' };
}

/** Asks whoever denies why, which may be left out. Sent along with any of the card's buttons, read with a denial. */
export function reasonInput(): Input {
  return {
    type: 'Input.Text',
    id: REASON_FIELD,
    label: 'Why, if you deny it (optional)',
    maxLength: REASON_MAX,
  };
}

export function refresh(data: Data): NonNullable<AdaptiveCard['refresh']> {
  return { action: { type: 'Action.Execute', title: 'Refresh', verb: REFRESH_VERB, data } };
}

export const fieldId = (name: string): string => `${FIELD_PREFIX}${name}`;

export function adaptiveCard(
  body: Element[],
  more: Pick<AdaptiveCard, 'actions' | 'refresh'> = {},
): AdaptiveCard {
  return {
    type: 'AdaptiveCard',
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    version: '1.5',
    body,
    ...(more.actions === undefined || more.actions.length === 0 ? {} : { actions: more.actions }),
    ...(more.refresh === undefined ? {} : { refresh: more.refresh }),
    msteams: { width: 'Full' },
  };
}

/** A client that does not know `Action.Execute` sends the same as a message with a value. */
function execute(verb: string, title: string, data: Data): Execute {
  return {
    type: 'Action.Execute',
    verb,
    title,
    data,
    fallback: { type: 'Action.Submit', title, data: { ...data, verb } },
  };
}

/**
 * The few Adaptive Card elements that we use. Words stand in text runs only, which Teams shows literally: there is no
 * markdown to escape, so no mention, link or formatting can be smuggled in. Texts come in already `visible`.
 */
import type { DecisionKind } from '../../src/model/turn.ts';
import { LINK_MAX, REASON_MAX } from './limits.ts';
import { FIELD_PREFIX, FORM_VERB, REASON_FIELD, REFRESH_VERB } from './needs.ts';

export type Style = {
  weight?: 'Bolder';
  italic?: true;
  fontType?: 'Monospace';
  size?: 'Large' | 'Small';
  isSubtle?: true;
};
type OpenUrl = { type: 'Action.OpenUrl'; url: string };
export type Run = Style & { type: 'TextRun'; text: string; selectAction?: OpenUrl };
export type Line = { type: 'RichTextBlock'; spacing?: 'None' | 'Small'; inlines: Run[] };
export type Box = { type: 'Container'; style?: 'emphasis'; spacing?: 'Small'; items: Element[] };
export type Input = {
  id: string;
  label: string;
  isRequired?: true;
  errorMessage?: string;
  value?: string;
} & (
  | { type: 'Input.Text'; isMultiline?: true; maxLength?: number }
  | { type: 'Input.Number' }
  | { type: 'Input.ChoiceSet'; style: 'compact'; choices: { title: string; value: string }[] }
);
export type Element = Line | Box | Input;
/** What a button sends back. Nothing in it is believed: it names what the person saw. */
export type Data = Record<string, string>;
type Submit = { type: 'Action.Submit'; title: string; data: Data };
export type Action = {
  type: 'Action.Execute';
  verb: string;
  title: string;
  style?: 'positive' | 'destructive';
  data: Data;
  fallback: Submit;
};
export type AdaptiveCard = {
  type: 'AdaptiveCard';
  $schema: 'http://adaptivecards.io/schemas/adaptive-card.json';
  version: '1.5';
  body: Element[];
  actions?: Action[];
  refresh?: { action: Omit<Action, 'title' | 'style' | 'fallback'> & { title: string } };
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

/** Words of any number of lines, each a block of its own. */
export function lines(value: string, style: Style = {}): Line[] {
  return value.split('\n').map((words, index) => {
    const runs = text(words === '' ? '\u00a0' : words, style);
    return index === 0 ? line(runs) : nextLine(runs);
  });
}

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

const LABELS: Readonly<Record<DecisionKind, string>> = {
  confirm: 'Confirm',
  approve: 'Approve',
  deny: 'Deny',
  cancel: 'Cancel',
};

/** Buttons carry what the person saw and nothing else; they are never authority. */
export function buttons(kinds: readonly DecisionKind[], data: Data): Action[] {
  return kinds.map((kind) => {
    const positive = kind === 'confirm' || kind === 'approve';
    return {
      ...execute(kind, LABELS[kind], data),
      ...(positive ? { style: 'positive' as const } : {}),
      ...(kind === 'deny' ? { style: 'destructive' as const } : {}),
    };
  });
}

export function sendForm(action: string): Action {
  return { ...execute(FORM_VERB, 'Send', { action }), style: 'positive' };
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
function execute(verb: string, title: string, data: Data): Action {
  return {
    type: 'Action.Execute',
    verb,
    title,
    data,
    fallback: { type: 'Action.Submit', title, data: { ...data, verb } },
  };
}

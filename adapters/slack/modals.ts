/** Dialogs as Block Kit views: pure. What they carry besides what is typed are ids, which give no right. */
import type { Form, FormField, Taker } from '../../src/model/card.ts';
import type { MessageId, RenderingId } from '../../src/model/ids.ts';
import type { Place } from '../../src/model/turn.ts';
import { CHANGE_NOTE, HAND_OVER_NOTE, moreTakers } from '../../src/surface/notes.ts';
import { visible } from '../../src/surface/unseen.ts';
import { context, text as plain, rich, section, type ViewBlock } from './blocks.ts';
import {
  FIELD_ERROR_MAX,
  INPUT_MAX,
  LABEL_MAX,
  MODAL_TITLE_MAX,
  OPTION_TEXT_MAX,
  OPTION_VALUE_MAX,
  OPTIONS_MAX,
  TEXT_MAX,
  VIEW_BLOCKS_MAX,
} from './limits.ts';
import { CALLBACKS, FIELD, FORM_VIEW } from './needs.ts';
import { clip } from './outbound-text.ts';
import type { Origin } from './payloads.ts';

type Text = { type: 'plain_text'; text: string; emoji: false };
type Option = { text: Text; value: string };
type Element =
  | {
      type: 'plain_text_input';
      action_id: 'value';
      multiline: boolean;
      max_length: number;
      initial_value?: string;
    }
  | { type: 'number_input'; action_id: 'value'; is_decimal_allowed: true; initial_value?: string }
  | { type: 'static_select'; action_id: 'value'; options: Option[]; initial_option?: Option };
type Input = { type: 'input'; block_id: string; label: Text; optional: boolean; element: Element };
export type Modal = {
  type: 'modal';
  callback_id: string;
  private_metadata: string;
  title: Text;
  /** Absent where there is nothing to send. */
  submit?: Text;
  close: Text;
  blocks: (Input | ViewBlock)[];
};
/** One sentence by field, as Slack's `response_action: errors` takes it. */
export type FieldErrors = Record<string, string>;

/** What is said of a denial: a sentence or two, far below what a card shows. */
const REASON_MAX = 500;
const NOTHING_TO_CHANGE = 'It asks for nothing that could be changed.';
const TOO_LONG = 'What stands there is too long for a dialog. It can be changed on its page in the browser.';

const text = (words: string, max: number): Text => ({
  type: 'plain_text',
  text: clip(visible(words), max),
  emoji: false,
});

/** Whether a form can be filled in as a dialog without anything of it being cut. */
export function fitsModal({ fields }: Form): boolean {
  const fits = ({ name, value }: FormField) => value.length <= INPUT_MAX && name.length + FIELD.length <= 255;
  return fields.length < VIEW_BLOCKS_MAX && fields.every(fits);
}

/**
 * `place` null: the answer gets a thread of its own. `about`: what the action does, for a form in which nothing is asked.
 * `message`: of ours, in which the form stands.
 */
export function formModal(
  form: Form,
  place: Place | null,
  { about = form.title, message }: { about?: string | undefined; message?: MessageId } = {},
): Modal {
  const name = `${FORM_VIEW}${form.action}`;
  const inputs = form.fields.map(inputOf);
  const blocks = inputs.length > 0 ? inputs : [rich(section(plain(clip(visible(about), TEXT_MAX))))];
  const origin = { ...originOf(place), ...(message === undefined ? {} : { message }) };
  return modal(name, form.title, 'Send', origin, blocks);
}

/** Asks why, which may be left out. */
export function reasonModal(rendering: RenderingId, place: Place | null): Modal {
  const reason = wordsInput('reason', 'Why?', REASON_MAX);
  return modal(CALLBACKS.reason, 'Deny this request', 'Deny', { ...originOf(place), rendering }, [reason]);
}

/** What a pending request asks for, to be changed; what cannot be shown whole in a dialog is not changed in one. */
export function editModal(form: Form, rendering: RenderingId, place: Place | null): Modal {
  if (form.fields.length === 0) return notice(form.title, NOTHING_TO_CHANGE);
  if (!fitsModal(form)) return notice(form.title, TOO_LONG);
  const origin = { ...originOf(place), rendering };
  return modal(CALLBACKS.edit, form.title, 'Save the change', origin, [
    context(CHANGE_NOTE),
    ...form.fields.map(inputOf),
  ]);
}

/** To whom among these. Beyond what a dialog can list, the command takes everybody. */
export function handOverModal(takers: readonly Taker[], rendering: RenderingId, place: Place | null): Modal {
  const shown = takers.slice(0, OPTIONS_MAX);
  const options = shown.map(({ id, name }) => option(`${name} (${id})`, id));
  const more = takers.length - shown.length;
  const notes = more > 0 ? [HAND_OVER_NOTE, moreTakers(more)] : [HAND_OVER_NOTE];
  const to = chooses('to', 'Who should decide it?', options);
  const origin = { ...originOf(place), rendering };
  return modal(CALLBACKS.handOver, 'Hand over', 'Hand over', origin, [context(...notes), to]);
}

/** Asks what looks wrong, which may be left out. */
export function reportModal(rendering: RenderingId, place: Place | null): Modal {
  const words = wordsInput('words', 'What looks wrong? Operators read this.', INPUT_MAX);
  return modal(CALLBACKS.report, 'Report this request', 'Send', { ...originOf(place), rendering }, [words]);
}

/** What a person may ask for. */
export function choiceModal(actions: readonly { name: string; title: string }[]): Modal {
  const options = actions.slice(0, OPTIONS_MAX).map(({ name, title }) => option(title, name));
  return modal(CALLBACKS.choice, 'New request', 'Next', {}, [
    chooses('action', 'What do you need?', options),
  ]);
}

/** One of these, and nothing else. */
const chooses = (name: string, label: string, options: Option[]): Input => ({
  type: 'input',
  block_id: `${FIELD}${name}`,
  label: text(label, LABEL_MAX),
  optional: false,
  element: { type: 'static_select', action_id: 'value', options },
});

/** Each problem at its field, the others at the first one: no problem goes unsaid. */
export function errorsOf(form: Form, problems: readonly { field: string; message: string }[]): FieldErrors {
  const errors: FieldErrors = {};
  for (const { field, message } of problems) {
    const own = form.fields.find(({ name }) => field === name || field.startsWith(`${name}.`));
    const at = `${FIELD}${(own ?? form.fields[0])?.name ?? field}`;
    const words = own === undefined ? `${field}: ${message}` : message;
    errors[at] = clip(visible(errors[at] === undefined ? words : `${errors[at]}; ${words}`), FIELD_ERROR_MAX);
  }
  return errors;
}

function wordsInput(name: string, label: string, max: number): Input {
  return {
    ...inputOf({ name, label, kind: 'multiline', choices: [], required: false, value: '' }),
    element: { type: 'plain_text_input', action_id: 'value', multiline: true, max_length: max },
  };
}

function notice(title: string, words: string): Modal {
  const { submit: _nothing, ...rest } = modal('notice', title, 'Close', {}, [context(words)]);
  return rest;
}

function originOf(place: Place | null): Origin {
  if (place === null) return {};
  return { container: place.container, ...(place.thread === '' ? {} : { thread: place.thread }) };
}

function modal(name: string, title: string, submit: string, origin: Origin, blocks: Modal['blocks']): Modal {
  return {
    type: 'modal',
    callback_id: name,
    private_metadata: JSON.stringify(origin),
    title: text(title, MODAL_TITLE_MAX),
    submit: text(submit, MODAL_TITLE_MAX),
    close: text('Close', MODAL_TITLE_MAX),
    blocks,
  };
}

function inputOf(field: FormField): Input {
  return {
    type: 'input',
    block_id: `${FIELD}${field.name}`,
    label: text(field.label, LABEL_MAX),
    optional: !field.required,
    element: elementOf(field),
  };
}

/** Values stand as they are: what is sent back is what was digested. */
function elementOf({ kind, choices, value }: FormField): Element {
  const initial = value === '' ? {} : { initial_value: value };
  switch (kind) {
    case 'number':
      return { type: 'number_input', action_id: 'value', is_decimal_allowed: true, ...initial };
    case 'boolean':
      return select([option('Yes', 'true'), option('No', 'false')], value);
    case 'choice':
      if (
        choices.length > 0 &&
        choices.length <= OPTIONS_MAX &&
        choices.every((it) => it.length <= OPTION_TEXT_MAX)
      )
        return select(
          choices.map((choice) => option(choice, choice)),
          value,
        );
      return line(false, initial);
    case 'text':
      return line(value.includes('\n'), initial);
    case 'multiline':
      return line(true, initial);
  }
}

const line = (multiline: boolean, initial: { initial_value?: string }): Element => ({
  type: 'plain_text_input',
  action_id: 'value',
  multiline,
  max_length: INPUT_MAX,
  ...initial,
});

function select(options: Option[], value: string): Element {
  const initial = options.find((it) => it.value === value);
  const element = { type: 'static_select', action_id: 'value', options } as const;
  return initial === undefined ? element : { ...element, initial_option: initial };
}

const option = (words: string, value: string): Option => ({
  text: text(words, OPTION_TEXT_MAX),
  value: clip(value, OPTION_VALUE_MAX),
});

/** A form as an Adaptive Card's inputs: pure. Labels, choices and values are literal text in Teams. */
import type { Form, FormField, Taker } from '../../src/model/card.ts';
import { CHANGE_NOTE, HAND_OVER_NOTE, moreTakers } from '../../src/surface/notes.ts';
import { visible } from '../../src/surface/unseen.ts';
import {
  type AdaptiveCard,
  adaptiveCard,
  type Data,
  type Element,
  fieldId,
  type Input,
  type InputBase,
  line,
  nextLine,
  saveEdit,
  sendForm,
  sendTaker,
  takerInput,
  text,
} from './elements.ts';
import { CARD_BUDGET, INLINE_MAX, LABEL_MAX, SUMMARY_MAX, TAKERS_MAX } from './limits.ts';
import { clip, measure, oneLine } from './outbound-text.ts';
import type { Rendered } from './render-card.ts';

/** A choice of a list; more characters than any of our schemas use. */
const CHOICE_MAX = 200;
/** Lists longer than this are asked for as text, with the first of them named. */
const CHOICES_MAX = 40;
const INPUT_OVERHEAD = 250;
/** What is wrong at a field: a sentence. */
const PROBLEM_MAX = 300;

/** One sentence by field, said below its input. */
export type Problems = readonly { field: string; message: string }[];

/** `message`: of ours, in which it stands; null where it stands in none. */
export function renderForm(form: Form, message: string | null, problems: Problems = []): Rendered {
  const { action, title, fields } = form;
  const body = [...heading(form), ...inputsOf(form, problems)];
  const fits = isSmall(body);
  return {
    summary: oneLine(`${oneLine(visible(title), LABEL_MAX)}: something is still needed`, SUMMARY_MAX),
    body: fits ? body : [...heading(form), nextLine(text(inWords(action, fields)))],
    actions: fits ? [sendForm(action, message)] : [],
    asks: null,
    rest: [],
  };
}

/**
 * What a pending request asks for, to be changed. Null where a card cannot show every value as it is: what was left out
 * would be sent back as if it had been deleted.
 */
export function renderEdit(form: Form, data: Data, problems: Problems = []): AdaptiveCard | null {
  const body = [...heading(form), line(text(CHANGE_NOTE, { isSubtle: true })), ...inputsOf(form, problems)];
  return form.fields.every(isCarried) && isSmall(body)
    ? adaptiveCard(body, { actions: saveEdit(data) })
    : null;
}

/** To whom a request may be handed over, as many as a card holds. */
export function renderTakers(takers: readonly Taker[], data: Data): AdaptiveCard {
  const choices: { title: string; value: string }[] = [];
  for (const { id, name } of takers.slice(0, TAKERS_MAX)) {
    const next = { title: oneLine(`${visible(name)} (${visible(id)})`, LABEL_MAX * 2), value: id };
    if (!isSmall([takerInput([...choices, next])])) break;
    choices.push(next);
  }
  const more = takers.length - choices.length;
  const body = [
    line(text('Hand over', { size: 'Large', weight: 'Bolder' })),
    line(text(HAND_OVER_NOTE, { isSubtle: true })),
    takerInput(choices),
    ...(more > 0 ? [nextLine(text(moreTakers(more), { isSubtle: true }))] : []),
  ];
  return adaptiveCard(body, { actions: sendTaker(data) });
}

/** The form with what somebody typed into it. */
export function typedInto(form: Form, values: Readonly<Record<string, unknown>>): Form {
  const fields = form.fields.map((field) => {
    const value = values[field.name];
    return { ...field, value: typeof value === 'string' ? value : '' };
  });
  return { ...form, fields };
}

const heading = ({ title }: Form): Element[] => [
  line(text(oneLine(visible(title), LABEL_MAX), { size: 'Large', weight: 'Bolder' })),
];

const isSmall = (body: readonly Element[]): boolean =>
  body.reduce((sum, one) => sum + measure(JSON.stringify(one)) + INPUT_OVERHEAD, 0) < CARD_BUDGET / 2;

/** Whether what stands in a field is what its input shows and sends. */
const isCarried = ({ value, kind, choices }: FormField): boolean =>
  visible(value) === value && value.length <= INLINE_MAX
    ? kind !== 'choice' || choices.includes(value)
    : value === '';

/** Each with what is wrong in it; what is wrong at no field of the form comes first. */
function inputsOf({ fields }: Form, problems: Problems): Element[] {
  const ofField = (name: string) => problems.filter(({ field }) => field.split('.')[0] === name);
  const others = problems.filter(({ field }) => fields.every(({ name }) => field.split('.')[0] !== name));
  return [
    ...others.map(({ field, message }) => wrong(`${field}: ${message}`)),
    ...fields.flatMap((field) => [input(field), ...ofField(field.name).map(({ message }) => wrong(message))]),
  ];
}

const wrong = (words: string): Element =>
  nextLine(text(oneLine(visible(words), PROBLEM_MAX), { color: 'Attention' }));

function input(field: FormField): Input {
  const label = oneLine(visible(field.label), LABEL_MAX);
  const base: InputBase = {
    id: fieldId(field.name),
    label: field.required ? label : `${label} (optional)`,
    ...(field.required ? { isRequired: true as const, errorMessage: `${label} is needed.` } : {}),
  };
  // A value that cannot be shown as it is would be sent back changed: it is asked for again.
  const isShown =
    field.value !== '' && visible(field.value) === field.value && field.value.length <= INLINE_MAX;
  const given = isShown ? { value: field.value } : {};
  switch (field.kind) {
    case 'choice':
      if (field.choices.length > CHOICES_MAX || field.choices.some((choice) => choice.length > CHOICE_MAX)) {
        return { ...base, ...given, type: 'Input.Text' };
      }
      return choose(
        { ...base, ...given },
        field.choices.map((value) => ({ title: visible(value), value })),
      );
    case 'boolean':
      return choose({ ...base, ...given }, [
        { title: 'Yes', value: 'true' },
        { title: 'No', value: 'false' },
      ]);
    case 'number': {
      const value = Number(field.value);
      const isSame = Number.isFinite(value) && String(value) === field.value;
      return { ...base, type: 'Input.Number', ...(isShown && isSame ? { value } : {}) };
    }
    case 'multiline':
      return { ...base, ...given, type: 'Input.Text', isMultiline: true };
    case 'text':
      return { ...base, ...given, type: 'Input.Text' };
  }
}

function choose(base: InputBase & { value?: string }, choices: { title: string; value: string }[]): Input {
  return { ...base, type: 'Input.ChoiceSet', style: 'compact', choices };
}

/** For a form too large for a card: the command that says it all at once. */
function inWords(action: string, fields: readonly FormField[]): string {
  const missing = fields.filter((field) => field.required).map((field) => `${field.name}=…`);
  return clip(`Please write: ${visible([action.replace('.', ' '), ...missing].join(' '))}`, INLINE_MAX);
}

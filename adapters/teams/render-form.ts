/** A form as an Adaptive Card's inputs: pure. Labels, choices and values are literal text in Teams. */
import type { Form, FormField } from '../../src/model/card.ts';
import { type Element, fieldId, type Input, line, nextLine, sendForm, text } from './elements.ts';
import { CARD_BUDGET, INLINE_MAX, LABEL_MAX, SUMMARY_MAX } from './limits.ts';
import { clip, measure, oneLine, visible } from './outbound-text.ts';
import type { Rendered } from './render-card.ts';

/** A choice of a list; more characters than any of our schemas use. */
const CHOICE_MAX = 200;
/** Lists longer than this are asked for as text, with the first of them named. */
const CHOICES_MAX = 40;
const INPUT_OVERHEAD = 250;

export function renderForm({ action, title, fields }: Form): Rendered {
  const inputs = fields.map(input);
  const fits =
    inputs.reduce((sum, one) => sum + measure(JSON.stringify(one)) + INPUT_OVERHEAD, 0) < CARD_BUDGET / 2;
  const name = oneLine(visible(title), LABEL_MAX);
  const heading: Element[] = [line(text(name, { size: 'Large', weight: 'Bolder' }))];
  return {
    summary: oneLine(`${name}: something is still needed`, SUMMARY_MAX),
    body: fits ? [...heading, ...inputs] : [...heading, nextLine(text(inWords(action, fields)))],
    actions: fits ? [sendForm(action)] : [],
    asks: null,
    rest: [],
  };
}

function input(field: FormField): Input {
  const label = oneLine(visible(field.label), LABEL_MAX);
  const base = {
    id: fieldId(field.name),
    label: field.required ? label : `${label} (optional)`,
    ...(field.required ? { isRequired: true as const, errorMessage: `${label} is needed.` } : {}),
    // A value that cannot be shown as it is would be sent back changed: it is asked for again.
    ...(field.value !== '' && visible(field.value) === field.value && field.value.length <= INLINE_MAX
      ? { value: field.value }
      : {}),
  };
  switch (field.kind) {
    case 'choice':
      if (field.choices.length > CHOICES_MAX || field.choices.some((choice) => choice.length > CHOICE_MAX)) {
        return { ...base, type: 'Input.Text' };
      }
      return choose(
        base,
        field.choices.map((value) => ({ title: visible(value), value })),
      );
    case 'boolean':
      return choose(base, [
        { title: 'Yes', value: 'true' },
        { title: 'No', value: 'false' },
      ]);
    case 'number':
      return { ...base, type: 'Input.Number' };
    case 'multiline':
      return { ...base, type: 'Input.Text', isMultiline: true };
    case 'text':
      return { ...base, type: 'Input.Text' };
  }
}

function choose(base: Omit<Input, 'type'>, choices: { title: string; value: string }[]): Input {
  return { ...base, type: 'Input.ChoiceSet', style: 'compact', choices };
}

/** For a form too large for a card: the command that says it all at once. */
function inWords(action: string, fields: readonly FormField[]): string {
  const missing = fields.filter((field) => field.required).map((field) => `${field.name}=…`);
  return clip(`Please write: ${visible([action.replace('.', ' '), ...missing].join(' '))}`, INLINE_MAX);
}

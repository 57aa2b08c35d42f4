/**
 * Numbers with a fraction, kept as decimal text: what is digested, logged and approved holds whole numbers only, so that its canonical
 * form is beyond doubt. A text stands for one number and every number has one text, so that what was approved is what is sent. Pure.
 */

/** As many digits before the point, and after it, as a person still reads. No exponent, no leading zero, no plus. */
const DECIMAL = /^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?$/;
export const DECIMAL_WORDS = 'must be a number such as 2.5, of at most 15 digits';

/** The shortest text of a number; null where none has this form. */
export function decimalText(value: number): string | null {
  const [digits = '', exponent] = String(value).split('e-');
  const text = exponent === undefined ? digits : withoutExponent(digits, Number(exponent));
  return DECIMAL.test(text) ? text : null;
}

/** The number that a text stands for; null for any other text, and where a number cannot hold it exactly. */
export function decimalNumber(text: string): number | null {
  if (!DECIMAL.test(text)) return null;
  const value = Number(text);
  if (Object.is(value, -0)) return null;
  const shortest = text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  return decimalText(value) === shortest ? value : null;
}

/** `1.5e-7` has seven places more after the point. */
function withoutExponent(digits: string, exponent: number): string {
  const sign = digits.startsWith('-') ? '-' : '';
  return `${sign}0.${'0'.repeat(exponent - 1)}${digits.replace(/[-.]/g, '')}`;
}

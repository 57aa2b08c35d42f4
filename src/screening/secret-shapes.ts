/** Whether a value next to a telling word is a secret, or a word, a placeholder, a reference to one. */

/** Bits per character below which a long value is a word or a pattern, measured on words and generated tokens. */
const RANDOM_MIN_BITS = 3;
/** Below this a vendor-shaped value is filler such as forty times the letter x. */
const VARIED_MIN_BITS = 2.5;
/** A value of one repeated block hides nothing. */
const FILLER =
  /^(?:x+|\*+|\.+|-+|_+|#+|0+|1+|y+|z+|abc+|1234567890?|changeme|change_me|redacted|masked|example|placeholder|pass|password|passwd|user|username|token|secret|test|string|your[\w-]*|my-?password|none|null|nil|undefined|true|false|required|optional|unknown)$/i;
/** Says where the secret is kept: a variable, a template, a call, a path, a mention of another field. */
const REFERENCE =
  /^(?:\$[A-Za-z_{(]|%[A-Za-z_({]|<[^>]*>?$|\{\{|\$\{|\[[A-Za-z_ :-]+\]|\[masked|[A-Za-z]+>|process\.env|os\.environ|os\.getenv|env\.|env\[|var\.|vault:|secrets?\.|self\.|this\.|config\.|settings\.|params?\.|arn:aws|https?:\/\/|file:\/\/|\/(?:run|etc|var|usr|home|opt|mnt)\/|\.\.?\/|@)/i;
const CALL = /^[A-Za-z_][\w.]*[([{]/;

/** Shannon entropy in bits per UTF-16 code unit. */
function entropyBits(value: string): number {
  const counts = new Map<string, number>();
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) {
    const share = count / value.length;
    bits -= share * Math.log2(share);
  }
  return bits;
}

/** Stands in a place where only a secret stands; anything but a placeholder or a reference is one. */
export function looksGiven(value: string): boolean {
  return !isPlaceholder(value);
}

/** Varied enough not to be filler. */
export function looksVaried(value: string): boolean {
  return entropyBits(value) >= VARIED_MIN_BITS;
}

/** A password in a sentence or an unquoted assignment: not a plain word. */
export function looksLikePassword(value: string): boolean {
  const trimmed = value.replace(/[.)\]}>]+$/, '');
  if (trimmed.length < 4 || isPlaceholder(trimmed)) return false;
  if (CALL.test(trimmed)) return false;
  const inside = trimmed.slice(1);
  return (
    /\d/.test(trimmed) || /[!#$%^&*+=~?@|\\]/.test(trimmed) || (/[A-Z]/.test(inside) && /[a-z]/.test(trimmed))
  );
}

/** Holds signs of at least two kinds that identifiers, paths and addresses do not, next to letters or digits. */
export function hasSymbols(value: string): boolean {
  const signs = new Set(value.match(/[!#$%^&*+=~?|{}()[\]<>@]/g) ?? []);
  return (
    signs.size >= 2 &&
    /[A-Za-z0-9]{2}/.test(value) &&
    !/^[\w.]+[([{].*[)\]}]$/.test(value) &&
    !/^[({[]/.test(value)
  );
}

/** A generated value: long, mixed, no word, no path, no name of a variable. */
export function looksRandom(value: string): boolean {
  if (isPlaceholder(value) || CALL.test(value)) return false;
  const core = value.replace(/[.,;:!=]+$/, '');
  if (core.length < 8 || !/\d/.test(core)) return false;
  if (!/[A-Za-z]/.test(core)) return core.length >= 32;
  if (isWords(core) || isVersion(core)) return false;
  return entropyBits(core) >= RANDOM_MIN_BITS;
}

function isPlaceholder(value: string): boolean {
  return FILLER.test(value) || REFERENCE.test(value);
}

/** `my-service-v2`, `user_name_1`, `path/to/file.txt`: parts that are words or short numbers. */
function isWords(value: string): boolean {
  const parts = value.split(/[-_./]/);
  return parts.every((part) => /^(?:[A-Z]?[a-z]*|[A-Z]+|v?\d{1,4}|[A-Za-z]{2,}\d{1,2})$/.test(part));
}

/** Dates, versions and addresses. */
function isVersion(value: string): boolean {
  return /^v?\d+(?:\.\d+)+(?:[-+][\w.]{1,20})?$/.test(value) || /^\d{4}-\d\d-\d\d/.test(value);
}

/**
 * One-time codes that link a chat account: how they are made and read. What is stored of one, and travels with a message, is its
 * hash alone.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Content } from '../model/turn.ts';

/** Crockford's base 32: no letter that is read as a digit. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** 16 letters of 5 bits: 80 bits are not guessed within ten minutes. */
const LETTERS = 16;
const GROUP = 4;

/** In groups of four, as it is shown and sent. */
export function newLinkCode(): string {
  const letters = [...randomBytes(LETTERS)].map((byte) => ALPHABET[byte % ALPHABET.length]);
  return (letters.join('').match(new RegExp(`.{${GROUP}}`, 'g')) ?? []).join('-');
}

/** SHA-256, hexadecimal, of the letters without their groups. */
export function hashOfLinkCode(code: string): string {
  return createHash('sha256').update(code.toLowerCase().replace(/[-\s]/g, '')).digest('hex');
}

const COMMAND = /^\s*link\s+([0-9a-hjkmnp-tv-z]{4}(?:[-\s]?[0-9a-hjkmnp-tv-z]{4}){3})\s*$/i;

/**
 * What is kept of a message that sends a code: that it did, and the code's hash. Null where it sends none: "link the ticket" is a
 * wish. Whoever sent it, and wherever: a code in plain words is stored nowhere.
 */
export function linkCodeIn(content: Content): Extract<Content, { kind: 'link' }> | null {
  if (content.kind !== 'message') return null;
  const code = COMMAND.exec(content.text)?.[1];
  return code === undefined ? null : { kind: 'link', codeHash: hashOfLinkCode(code) };
}

/**
 * Takes credentials out of what an upstream sends back, in every form in which systems echo what they were sent: as it is,
 * encoded for addresses, JSON, HTML, base64, hex, UTF-16. An upstream that was given a credential and wants to hide it
 * from us can always find another form; it then tells code that has no way out but this one. Pure.
 */

/** Shorter values would hit ordinary text; no credential of ours is that short. */
const MIN_SECRET_CHARS = 8;
const MASK = '[redacted]';

/** Base64 of a text that stands at any of three offsets inside a longer one: only the characters it alone decides. */
function base64Cores(secret: string): string[] {
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.from('\0'.repeat(offset) + secret, 'latin1')
      .toString('base64')
      .replaceAll('=', '');
    const start = offset === 0 ? 0 : offset + 1;
    const tail = (offset + secret.length) % 3 === 0 ? 0 : 1;
    return encoded.slice(start, encoded.length - tail);
  });
}

/** Each byte written as a number: `%67`, `\\u0067`, `&#x67;`, in small and in large letters. */
function spelled(secret: string): string[] {
  const codes = [...Buffer.from(secret, 'latin1')];
  const each = (form: (hex: string, code: number) => string) =>
    codes.map((code) => form(code.toString(16).padStart(2, '0'), code)).join('');
  const small = [
    each((hex) => hex),
    each((hex) => `%${hex}`),
    each((hex) => `\\u00${hex}`),
    each((hex) => `\\x${hex}`),
    each((hex) => `&#x${hex};`),
  ];
  const large = [
    each((hex) => hex.toUpperCase()),
    each((hex) => `%${hex.toUpperCase()}`),
    each((hex) => `\\u00${hex.toUpperCase()}`),
    each((hex) => `\\x${hex.toUpperCase()}`),
    each((hex) => `&#x${hex.toUpperCase()};`),
  ];
  // UTF-16 in either order has the same zeros in between.
  return [...small, ...large, each((_hex, code) => `&#${code};`), secret.split('').join('\0')];
}

function escaped(secret: string): string[] {
  const inJson = JSON.stringify(secret).slice(1, -1);
  const inAddress = encodeURIComponent(secret);
  const inHtml = secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return [
    inJson,
    JSON.stringify(inJson).slice(1, -1),
    inJson.replaceAll('/', '\\/'),
    inAddress,
    inAddress.replace(/%../g, (code) => code.toLowerCase()),
    encodeURIComponent(inAddress),
    inHtml.replaceAll('"', '&quot;').replaceAll("'", '&#39;'),
  ];
}

/** What is escaped are characters, and ours are bytes so far: beyond ASCII these differ. */
function escapedAsText(secret: string): string[] {
  const text = Buffer.from(secret, 'latin1').toString('utf8');
  if (text === secret) return [];
  const small = [...text].map((one) => (one.charCodeAt(0) < 0x80 ? one : inUtf16(one))).join('');
  const large = small.replace(/\\u[0-9a-f]{4}/g, (code) => `\\u${code.slice(2).toUpperCase()}`);
  return [...escaped(text), small, large].map((form) => Buffer.from(form, 'utf8').toString('latin1'));
}

const inUtf16 = (one: string): string =>
  one
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

function forms(secret: string): string[] {
  const plain = [secret, ...escaped(secret), ...spelled(secret), ...escapedAsText(secret)];
  const base64 = base64Cores(secret);
  const base64url = base64.map((core) => core.replaceAll('+', '-').replaceAll('/', '_'));
  return [...new Set([...plain, ...base64, ...base64url])];
}

/** The parts of an Authorization value worth hiding: `Bearer X` gives X, `Basic X` also what X decodes to. */
function secretsOf(authorization: string): string[] {
  const [scheme = '', ...rest] = authorization.trim().split(/\s+/);
  const token = rest.join(' ');
  if (token === '') return [scheme];
  if (scheme.toLowerCase() !== 'basic') return [token];
  const decoded = Buffer.from(token, 'base64').toString('latin1');
  return [token, decoded, decoded.slice(decoded.indexOf(':') + 1)];
}

export type Redactor = (bytes: Buffer) => { bytes: Buffer; found: boolean };

/** Makes a function that masks this Authorization value wherever it stands in an answer. */
export function redactorFor(authorizations: readonly string[]): Redactor {
  const needles = authorizations
    .flatMap(secretsOf)
    .filter((secret) => secret.length >= MIN_SECRET_CHARS)
    .flatMap(forms)
    .sort((a, b) => b.length - a.length);
  return (bytes) => {
    // Latin-1 maps bytes to characters one to one, so what is not masked stays as it was.
    let text = bytes.toString('latin1');
    let found = false;
    for (const needle of needles) {
      if (!text.includes(needle)) continue;
      found = true;
      text = text.replaceAll(needle, MASK);
    }
    return found ? { bytes: Buffer.from(text, 'latin1'), found } : { bytes, found };
  };
}

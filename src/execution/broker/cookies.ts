/** Cookies that an upstream gives to the broker itself; the action's code sees none of them. Pure. */

/** Cookies of one session, and the length of one, in characters: a header that every server takes. */
const MAX_COOKIES = 8;
const MAX_COOKIE_CHARS = 4_096;
/** Name and value as RFC 6265 allows them, without the quotes. */
const COOKIE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*)$/;

/**
 * The cookies of an answer by name; null where there are more than a header takes. The last one of a name counts: a server
 * may set an anonymous one first.
 */
export function cookiesOf(header: string | string[] | undefined): Map<string, string> | null {
  const cookies = new Map<string, string>();
  for (const line of header === undefined ? [] : [header].flat()) {
    const pair = (line.split(';')[0] ?? '').trim();
    const [, name, value] = COOKIE.exec(pair) ?? [];
    if (name !== undefined && value && pair.length <= MAX_COOKIE_CHARS) cookies.set(name, value);
  }
  return cookies.size > MAX_COOKIES ? null : cookies;
}

/** The value of a Cookie header. */
export function cookieHeader(cookies: ReadonlyMap<string, string>): string {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
}

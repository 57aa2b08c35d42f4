/** What a person wrote in Teams, as plain words, with what they quoted apart. Pure, total, in linear time. */

const TOKEN = /<[^<>]*>|[^<]+|</g;
const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&nbsp;': ' ',
};
const BREAKS = /^<(?:br\b|\/p>|\/div>|\/li>|\/tr>|\/h[1-6]>|\/blockquote>)/i;

/**
 * Words of the HTML twin of a message, and what it quotes or forwards: Teams shows both as `blockquote`. The plain
 * text mixes them, and what somebody else wrote must not count as this person's own words.
 */
export function splitQuotes(html: string): { own: string; quoted: string } {
  const own: string[] = [];
  const quoted: string[] = [];
  let depth = 0;
  for (const [token] of html.matchAll(TOKEN)) {
    if (/^<blockquote\b/i.test(token)) depth += 1;
    const words =
      token.startsWith('<') && token.endsWith('>') ? (BREAKS.test(token) ? '\n' : '') : decode(token);
    (depth > 0 ? quoted : own).push(words);
    if (/^<\/blockquote>/i.test(token)) depth = Math.max(0, depth - 1);
  }
  return { own: tidy(own.join('')), quoted: tidy(quoted.join('')) };
}

/** True when the HTML twin holds a quotation; only then it is read instead of the plain text. */
export function quotes(html: string): boolean {
  return /<blockquote\b/i.test(html);
}

/**
 * Takes the assistant's own mention off the beginning and the end; inside a sentence it stays a word. `mentions` are
 * the texts that Teams says mean us, such as `<at>Countersign</at>`.
 */
export function withoutMention(text: string, mentions: readonly string[]): string {
  let rest = text.trim();
  for (let before = ''; before !== rest; ) {
    before = rest;
    for (const mention of mentions.filter((one) => one !== '')) {
      if (rest.startsWith(mention)) rest = rest.slice(mention.length).replace(/^[\s,:]+/, '');
      if (rest.endsWith(mention)) rest = rest.slice(0, -mention.length).trimEnd();
    }
  }
  return rest;
}

/** Other people's mentions as the words that were seen: `<at>Bob</at>` reads `Bob`. */
export function plainText(text: string): string {
  return text
    .replace(/<at\b[^<>]*>([^<>]*)<\/at>/gi, '$1')
    .replaceAll('&nbsp;', ' ')
    .replaceAll('\r\n', '\n')
    .trim();
}

function decode(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|#39|nbsp);/g, (entity) => ENTITIES[entity] ?? entity);
}

function tidy(text: string): string {
  return text
    .replaceAll('\r', '')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

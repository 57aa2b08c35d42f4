/** Slack's escaped text as the plain words that a person wrote. Pure, total, in linear time. */

/** `<...>` without nesting; Slack escapes every other angle bracket. */
const MARKUP = /<([^<>]*)>/g;
const ENTITIES: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>' };

/**
 * Mentions, channels, links and dates become what the person saw; entities are decoded last and once, so that
 * a typed `&amp;lt;` stays `&lt;`. A link whose label is not its address keeps both: a label can lie.
 */
export function plainText(text: string): string {
  return text.replace(MARKUP, (_whole, inner: string) => unwrap(inner)).replace(/&(?:amp|lt|gt);/g, decode);
}

/** Whom a text mentions: Slack's id of each, and the words that `plainText` makes of the mention. */
export function mentionsIn(text: string): { user: string; words: string }[] {
  return [...text.matchAll(MARKUP)].flatMap(([whole, inner = '']) => {
    const user = /^@([UW][A-Z0-9]{1,30})(?:\||$)/.exec(inner)?.[1];
    return user === undefined ? [] : [{ user, words: plainText(whole) }];
  });
}

/** Words of the message, and what it quotes: lines that Slack shows as a quotation (`>`, or `>>>` to the end). */
export function splitQuotes(text: string): { own: string; quoted: string } {
  const own: string[] = [];
  const quoted: string[] = [];
  let restIsQuoted = false;
  for (const line of text.split('\n')) {
    if (!restIsQuoted && line.startsWith('&gt;&gt;&gt;')) restIsQuoted = true;
    if (restIsQuoted || line.startsWith('&gt;')) quoted.push(line.replace(/^(?:&gt;){1,3} ?/, ''));
    else own.push(line);
  }
  return { own: own.join('\n').trim(), quoted: quoted.join('\n').trim() };
}

/** Takes the assistant's own mention off the beginning and the end; inside a sentence it stays a word. */
export function withoutMention(text: string, botUser: string): string {
  const mention = `<@${botUser}(?:\\|[^<>]*)?>`;
  return text
    .trim()
    .replace(new RegExp(`^(?:${mention}[\\s,:]*)+`), '')
    .replace(new RegExp(`${mention}$`), '')
    .trim();
}

function decode(entity: string): string {
  return ENTITIES[entity] ?? entity;
}

function unwrap(inner: string): string {
  const bar = inner.indexOf('|');
  const target = bar < 0 ? inner : inner.slice(0, bar);
  const label = bar < 0 ? '' : inner.slice(bar + 1);
  switch (target[0]) {
    case '@':
      return `@${label || target.slice(1)}`.replace(/^@@/, '@');
    case '#':
      return `#${label || target.slice(1)}`;
    case '!':
      return special(target.slice(1), label);
    default:
      return link(target, label);
  }
}

/** `<!here>`, `<!subteam^S1|@oncall>`, `<!date^1^{date}|yesterday>`. */
function special(target: string, label: string): string {
  if (label !== '') return target.startsWith('date^') || label.startsWith('@') ? label : `@${label}`;
  return `@${target.split('^')[1] ?? target}`;
}

function link(target: string, label: string): string {
  if (label === '' || label === target) return target.replace(/^mailto:/, '');
  const bare = target.replace(/^(?:https?:\/\/|mailto:|tel:)/, '');
  return label === bare || `${label}/` === bare ? label : `${label} (${target})`;
}

/**
 * Finds credentials that people paste, so that they can be masked before anything is stored, logged or sent to a
 * model. One pass of many patterns together says which rules can match at all; only those look for places.
 */
import { RE2JS, RE2Set } from 're2js';
import {
  OTHER_RULES,
  PREFIX_RULES,
  PRIVATE_KEY_RULE,
  SECRET_RULES,
  type SecretRule,
} from './secret-rules.ts';
import { isHidden } from './text.ts';

/** UTF-16 offsets into the text as given; `end` is exclusive. */
export type SecretFinding = { type: string; start: number; end: number };
export type Masked = { text: string; found: SecretFinding[] };

type Hit = SecretFinding & { rank: number; kind: string };

const compiled = SECRET_RULES.map((rule) => ({ rule, pattern: RE2JS.compile(rule.pattern) }));

/**
 * The prefilters. Prefixes and everything else are two automata: joined in one, their states multiply beyond its cache
 * and the same scan took fourteen times as long (measured on 247,000 characters of documentation).
 */
const prefilters = [PREFIX_RULES, OTHER_RULES].map((rules) => {
  const set = new RE2Set();
  for (const { pattern } of rules) set.add(pattern);
  set.compile();
  return { set, ranks: rules.map((rule) => SECRET_RULES.indexOf(rule)) };
});

/** Credentials in a text, sorted by place, never overlapping. Time is linear in the text's length. */
export function findSecrets(text: string): SecretFinding[] {
  return findHits(text).map(({ type, start, end }) => ({ type, start, end }));
}

/**
 * The text with each credential replaced by what it was, e.g. `[masked: github token]`; `found` are the places in the
 * text as given. What stands around a credential stays, so that the sentence can still be understood.
 */
export function maskSecrets(text: string): Masked {
  const hits = findHits(text);
  let masked = '';
  let from = 0;
  for (const hit of hits) {
    masked += `${text.slice(from, hit.start)}[masked: ${hit.kind}]`;
    from = hit.end;
  }
  return {
    text: masked + text.slice(from),
    found: hits.map(({ type, start, end }) => ({ type, start, end })),
  };
}

function findHits(text: string): Hit[] {
  const hits = scan(text);
  const seen = seenThrough(text);
  if (seen !== null) {
    for (const hit of scan(seen.text)) {
      const start = seen.offsets[hit.start] ?? text.length;
      const end = seen.offsets[hit.end] ?? text.length;
      hits.push({ ...hit, start, end });
    }
  }
  return merge(hits);
}

function scan(text: string): Hit[] {
  const hits: Hit[] = [];
  for (const { set, ranks } of prefilters) {
    for (const member of set.match(text)) {
      const rank = ranks[member] ?? -1;
      const entry = compiled[rank];
      if (entry !== undefined) scanRule(text, entry.rule, entry.pattern, rank, hits);
    }
  }
  return hits;
}

function scanRule(text: string, rule: SecretRule, pattern: RE2JS, rank: number, hits: Hit[]): void {
  const matcher = pattern.matcher(text);
  let from = 0;
  while (from <= text.length && matcher.find(from)) {
    const group = secretGroup(matcher);
    const start = matcher.start(group);
    const end = rule.id === PRIVATE_KEY_RULE ? keyEnd(text, matcher.end()) : matcher.end(group);
    const whole = text.slice(matcher.start(), matcher.end());
    if (rule.accepts === undefined || rule.accepts(text.slice(start, end), whole)) {
      hits.push({ type: rule.id, kind: rule.kind, rank, start, end });
    }
    // Continues at the end of the finding: the separator before the next one may be the last character of this.
    from = Math.max(end, from + 1);
  }
}

/** The first group that took part, or the whole match. */
function secretGroup(matcher: ReturnType<RE2JS['matcher']>): number {
  for (let group = 1; group <= matcher.groupCount(); group++) {
    if (matcher.group(group) !== null) return group;
  }
  return 0;
}

/** The end of a key block: its closing line, or the end of what still looks like its body when that was cut off. */
function keyEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && /[A-Za-z0-9+/=\s\\:,.()"-]/.test(text[at] ?? '')) at++;
  const close = text.slice(from, at).search(/-----END[ A-Z0-9_-]{0,80}PRIVATE KEY(?: BLOCK)?-----/);
  if (close < 0) return at;
  const line = text.indexOf('-----', from + close + '-----END'.length);
  return line < 0 ? at : line + '-----'.length;
}

/** Letters of other scripts that are drawn like the Latin ones in vendors' prefixes (Unicode TR39, the few that matter). */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  ...{
    а: 'a',
    е: 'e',
    о: 'o',
    р: 'p',
    с: 'c',
    х: 'x',
    у: 'y',
    і: 'i',
    ј: 'j',
    ѕ: 's',
    ԁ: 'd',
    һ: 'h',
    к: 'k',
  },
  ...{
    А: 'A',
    В: 'B',
    Е: 'E',
    К: 'K',
    М: 'M',
    Н: 'H',
    О: 'O',
    Р: 'P',
    С: 'C',
    Т: 'T',
    Х: 'X',
    Ѕ: 'S',
    І: 'I',
  },
  ...{ α: 'a', ο: 'o', ρ: 'p', ν: 'v', κ: 'k', ι: 'i', Α: 'A', Ι: 'I', Κ: 'K', ա: 'a', օ: 'o', ѵ: 'v' },
};

/**
 * The text as a reader sees it: hidden characters and accents left out, compatibility forms and look-alikes folded
 * (NFKD per character), with the offset in the original of each code unit. Null when nothing would change.
 */
function seenThrough(text: string): { text: string; offsets: number[] } | null {
  if (!/[^\n\r\t\u0020-\u007e]/.test(text)) return null;
  const offsets: number[] = [];
  let folded = '';
  let at = 0;
  for (const character of text) {
    if (!isHidden(character)) {
      const form = LOOK_ALIKES[character] ?? character.normalize('NFKD').replace(/\p{M}/gu, '');
      for (let unit = 0; unit < form.length; unit++) offsets.push(at);
      folded += form;
    }
    at += character.length;
  }
  offsets.push(text.length);
  return folded === text ? null : { text: folded, offsets };
}

/** Overlapping findings become one over both, with the type of the rule that comes first in the table. */
function merge(hits: Hit[]): Hit[] {
  const sorted = hits.sort((a, b) => a.start - b.start || b.end - a.end);
  const merged: Hit[] = [];
  for (const hit of sorted) {
    const last = merged.at(-1);
    if (last === undefined || hit.start >= last.end) {
      merged.push({ ...hit });
      continue;
    }
    last.end = Math.max(last.end, hit.end);
    if (hit.rank < last.rank) {
      last.rank = hit.rank;
      last.type = hit.type;
      last.kind = hit.kind;
    }
  }
  return merged;
}

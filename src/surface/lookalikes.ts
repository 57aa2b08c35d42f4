/**
 * Letters that pass for others (UTS #39), shown by their number: `w⟨U+0435⟩b` holds a Cyrillic letter. Words of any script are
 * ordinary; what is marked is one word of several scripts that are not written together, and letters that look like ASCII
 * where nothing says that they are not. Pure, in linear time.
 */

/** Scripts that are written with Latin in one word somewhere (UTS #39, "moderately restrictive"), and those that never are. */
const SCRIPTS = [
  ...[
    'Latin',
    'Cyrillic',
    'Greek',
    'Armenian',
    'Cherokee',
    'Han',
    'Hiragana',
    'Katakana',
    'Bopomofo',
    'Hangul',
  ],
  ...['Arabic', 'Bengali', 'Devanagari', 'Ethiopic', 'Georgian', 'Gujarati', 'Gurmukhi', 'Hebrew', 'Kannada'],
  ...[
    'Khmer',
    'Lao',
    'Malayalam',
    'Myanmar',
    'Oriya',
    'Sinhala',
    'Tamil',
    'Telugu',
    'Thaana',
    'Thai',
    'Tibetan',
  ],
].map((name) => ({ name, has: new RegExp(`\\p{Script_Extensions=${name}}`, 'u') }));
/** Whatever is in no script of the list: rare or historic, and never written with Latin. */
const OTHER = 'other';
const NEVER_WITH_LATIN: ReadonlySet<string> = new Set(['Cyrillic', 'Greek', 'Armenian', 'Cherokee', OTHER]);
const TOGETHER: readonly ReadonlySet<string>[] = [
  new Set(['Latin', 'Han', 'Hiragana', 'Katakana']),
  new Set(['Latin', 'Han', 'Bopomofo']),
  new Set(['Latin', 'Han', 'Hangul']),
];
/** Of no script of its own: signs that all of them use. */
const SHARED = /[\p{Script_Extensions=Common}\p{Script_Extensions=Inherited}]/u;

/**
 * Letters of other scripts whose skeleton is an ASCII letter or digit (confusables.txt): Cyrillic, Greek, Armenian, Cherokee,
 * Lisu and Coptic.
 */
const LIKE_ASCII =
  /[\u0405\u0406\u0408\u0410\u0412\u0415\u0417\u041a\u041c-\u041e\u0420-\u0423\u0425\u042c\u0430\u0431\u0433\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u0461\u0474\u0475\u04ae\u04af\u04bb\u04bd\u04c0\u04cf\u04e0\u0501\u050c\u051b-\u051d\ua644\ua647\u037f\u0391\u0392\u0395-\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03b1\u03b3\u03b9\u03bd\u03bf\u03c1\u03c3\u03c5\u03d2\u03dc\u03f1-\u03f3\u03f9\u03fa\u1d26\u1fbe\u054d\u054f\u0555\u0561\u0563\u0566\u0570\u0578\u057c\u057d\u0581\u0584\u0585\u13a0-\u13a2\u13a5\u13a9-\u13ac\u13b3\u13b7\u13bb\u13bd\u13c0\u13c2\u13c3\u13ce\u13cf\u13d2\u13d4\u13d5\u13d9\u13da\u13de\u13df\u13e2\u13e6\u13e7\u13ee\u13f3\u13f4\uab75\uab81\uab83\uab93\uaba9\uabaa\uabaf\ua4d0-\ua4d4\ua4d6\ua4d7\ua4d9\ua4da\ua4dc\ua4dd\ua4df-\ua4e3\ua4e6\ua4e7\ua4ea-\ua4ec\ua4ee\ua4f0\ua4f2-\ua4f4\u03e8\u2c85\u2c8e\u2c92\u2c94\u2c98\u2c9a\u2c9e\u2c9f\u2ca2-\u2ca6\u2ca8\u2cac\u2cca\u2ccc\u2cd0\u2cd2]/u;
/** Latin letters of the same kind, and signs that pass for those between the parts of a name: - / \ . : */
const LIKE_ASCII_IN_NAMES =
  /[\u0131\u0184\u018d\u0196\u01a6\u01a7\u01b7\u01bc\u01bd\u01c0\u01c3\u021c\u0222\u0223\u0251\u0261\u0263\u0269\u026a\u026f\u028b\u028f\u1d04\u1d0f\u1d11\u1d1c\u1d20-\u1d22\u1d83\u1d8c\u1e9d\u1eff\ua731\ua75a\ua76a\ua76e\ua798\ua799\ua79f\ua7ab\ua7b2-\ua7b4\uab32\uab35\uab3d\uab47\uab48\uab4e\uab52\uab5a\u02d0\u02d7\u02f8\u0589\u05c3\u2010-\u2013\u2043\u2044\u205a\u2212\u2215\u2216\u2236\u2571\u27cb\u29f5\u29f8\u29f9\ua4f8\ua4fd\ua789]/u;

const ASCII = /^[\0-\x7f]*$/;
/** With the marks of characters that are shown by their number already. */
const PLAIN = /^[\0-\x7f⟨⟩]*$/;
const LETTERS = /\p{L}/gu;
const WORD = /[\p{L}\p{M}\p{N}]+/gu;
const CHUNK = /\S+/gu;
const MARK = /⟨U\+[0-9A-F]{4,6}⟩/g;

/** A character shown by its number. */
export const byNumber = (char: string): string =>
  `⟨U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`;

/** The same words with every letter that passes for another as `⟨U+0435⟩`; said twice it is the same. */
export function lookalikesMarked(text: string): string {
  return PLAIN.test(text) ? text : namesMarked(text.replace(WORD, wordMarked));
}

function scriptOf(letter: string): string | null {
  if (ASCII.test(letter)) return 'Latin';
  const found = SCRIPTS.find(({ has }) => has.test(letter));
  if (found !== undefined) return found.name;
  return SHARED.test(letter) ? null : OTHER;
}

/** One word of scripts that are not written together: the letters of those that are not its own. */
function wordMarked(word: string): string {
  if (ASCII.test(word)) return word;
  const counts = new Map<string, number>();
  for (const [letter] of word.matchAll(LETTERS)) {
    const script = scriptOf(letter);
    if (script !== null) counts.set(script, (counts.get(script) ?? 0) + 1);
  }
  if (areWrittenTogether([...counts.keys()])) return word;
  const own = ownScript(word, counts);
  return word.replace(LETTERS, (letter) => {
    const script = scriptOf(letter);
    return script === null || script === own ? letter : byNumber(letter);
  });
}

function areWrittenTogether(scripts: readonly string[]): boolean {
  if (scripts.length <= 1 || TOGETHER.some((set) => scripts.every((script) => set.has(script)))) return true;
  return (
    scripts.length === 2 &&
    scripts.includes('Latin') &&
    !scripts.some((script) => NEVER_WITH_LATIN.has(script))
  );
}

/** Latin where all others only look like it, as in an address; else the most frequent one. */
function ownScript(word: string, counts: ReadonlyMap<string, number>): string {
  const letters = [...word.matchAll(LETTERS)].map(([letter]) => letter);
  if (
    counts.has('Latin') &&
    letters.every((letter) => scriptOf(letter) === 'Latin' || LIKE_ASCII.test(letter))
  )
    return 'Latin';
  const most = Math.max(...counts.values());
  const frequent = [...counts].filter(([, count]) => count === most).map(([script]) => script);
  return frequent.includes('Latin') ? 'Latin' : frequent[0]!;
}

/**
 * Words that are ASCII but for letters that look like it. In a value without a space, a name for machines, whatever
 * passes for ASCII is marked; in prose only letters of another script, where ASCII stands beside them.
 */
function namesMarked(text: string): string {
  const bare = text.replace(MARK, '');
  const isName = !/\s/u.test(bare.trim());
  const isAsciiElse = passesForAscii(bare) && (isName || /[A-Za-z]/.test(bare));
  return text.replace(CHUNK, (chunk) => {
    if (PLAIN.test(chunk)) return chunk;
    const own = chunk.replace(MARK, '');
    if (!isAsciiElse && !(passesForAscii(own) && /[A-Za-z]/.test(own))) return chunk;
    return chunk.replace(/[^\0-\x7f⟨⟩]/gu, (char) =>
      LIKE_ASCII.test(char) || (isName && isLikeAsciiInNames(char)) ? byNumber(char) : char,
    );
  });
}

/** Whether every letter is ASCII or could be taken for it. */
function passesForAscii(text: string): boolean {
  for (const [letter] of text.matchAll(LETTERS)) {
    if (!ASCII.test(letter) && !LIKE_ASCII.test(letter) && !isLikeAsciiInNames(letter)) return false;
  }
  return true;
}

/** Also what Unicode itself calls the same: letters and signs in bold, wide ones, ligatures. */
const isLikeAsciiInNames = (char: string): boolean =>
  LIKE_ASCII_IN_NAMES.test(char) ||
  (/[\p{L}\p{Nd}\p{P}\p{Sm}]/u.test(char) && /^(?:[!-~]|[A-Za-z]{2,3})$/.test(char.normalize('NFKC')));

/**
 * Words that Cedar cannot check, because to it they are strings: a policy for `environment == "prodution"` would
 * validate and never apply. Compared with a closed set when policies are loaded, and again when they are asked.
 */

/** A walk over Cedar's JSON of an expression. */
type Node = { [key: string]: unknown };

export type Vocabulary = Readonly<Record<string, readonly string[]>>;

/** The closed sets, by name of the attribute, of whatever an action is applied to and of the context. */
export const RESOURCE_WORDS: Vocabulary = {
  environment: ['production', 'staging', 'test'],
  risk: ['low', 'medium', 'high'],
};

/** For a rule about approving: there `action` is the name of a governed action. */
export function approvalWords(governed: readonly string[]): Vocabulary {
  return { ...RESOURCE_WORDS, action: governed };
}

/** The first comparison with a word that the attribute can never have, in words; null when there is none. */
export function strangeWord(conditions: unknown, words: Vocabulary): string | null {
  if (Array.isArray(conditions)) return first(conditions, (one) => strangeWord(one, words));
  if (!isNode(conditions)) return null;
  const compared = conditions['=='] ?? conditions['!='] ?? conditions.contains;
  if (isNode(compared)) {
    const found =
      checkPair(compared.left, compared.right, words) ?? checkPair(compared.right, compared.left, words);
    if (found !== null) return found;
  }
  return first(Object.values(conditions), (one) => strangeWord(one, words));
}

/** The groups and people that an expression or head names, as `Type::id`. */
export function namedEntities(node: unknown): { type: string; id: string }[] {
  if (Array.isArray(node)) return node.flatMap(namedEntities);
  if (!isNode(node)) return [];
  const own = typeof node.type === 'string' && typeof node.id === 'string';
  const here = own ? [{ type: String(node.type), id: String(node.id) }] : [];
  return [...here, ...Object.values(node).flatMap(namedEntities)];
}

function checkPair(attribute: unknown, value: unknown, words: Vocabulary): string | null {
  const access = isNode(attribute) ? attribute['.'] : undefined;
  if (!isNode(access) || typeof access.attr !== 'string' || !isNode(value)) return null;
  const allowed = Object.hasOwn(words, access.attr) ? words[access.attr] : undefined;
  if (allowed === undefined) return null;
  const values = Array.isArray(value.Set) ? value.Set : [value];
  for (const one of values) {
    const word = isNode(one) ? one.Value : undefined;
    if (typeof word === 'string' && !allowed.includes(word)) {
      return `"${word}" is no ${access.attr}; known are ${allowed.map((known) => `"${known}"`).join(', ')}`;
    }
  }
  return null;
}

function first<T>(items: readonly T[], find: (item: T) => string | null): string | null {
  for (const item of items) {
    const found = find(item);
    if (found !== null) return found;
  }
  return null;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

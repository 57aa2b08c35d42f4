/**
 * A tool of a server, made fit to be reviewed: cleaned, bounded, its arguments in words. What the server says is untrusted; a
 * person decides by what is printed, and what is printed is what is stored.
 */
import { type Fields, isFields, text } from '../../actions/connectors/answer.ts';
import { toolDigest } from '../../actions/connectors/mcp-tools.ts';
import { readInputSchema } from '../foreign/json-schema.ts';
import { findSecrets } from '../screening/secrets.ts';
import { cleanText, isHidden, limitText } from '../screening/text.ts';
import { MAX_DESCRIPTION_CHARS, type ReviewedTool } from './reviewed.ts';

/** Of one text of a schema that is printed. */
const MAX_WORDS_CHARS = 500;
/** Of one argument with all that it may hold: what is cut off here, nobody has reviewed. */
const MAX_ARGUMENT_CHARS = 8_000;
/** Places that are named of those with an address; who sees that many looks through the rest anyway. */
const MAX_PLACES = 5;
const ADDRESS = /https?:\/\//i;
/** The dialect that a schema is written in, which the SDK says of each: no address that anybody is sent to. */
const DIALECT = /^https?:\/\/json-schema\.org\/[\w/-]*#?$/;
/** Instructions to a model rather than words about a tool; a hint for whoever reads, and no more than that. */
const SUSPECT_WORDS = [
  'ignore ',
  'do not tell',
  "don't tell",
  'do not mention',
  'system prompt',
  'previous instructions',
  'before using',
  'before calling',
  'instead of',
  'you must',
  '<important>',
] as const;

export type ToolReview = {
  tool: string;
  digest: string;
  description: string;
  /** One line each. */
  arguments: string[];
  /** What the server says of itself; nothing is decided by it. */
  claims: string[];
  /** Worth a second look. */
  warnings: string[];
  /** What holds between arguments. */
  rules: string[];
  /** What only narrows its arguments and is left to the server. */
  unchecked: string[];
  /** Why it cannot be an action; empty where it can. */
  problems: string[];
  input: Record<string, unknown>;
};

export function reviewOf(said: Fields): ToolReview {
  const description = text(said, 'description');
  const input = isFields(said.inputSchema) ? said.inputSchema : {};
  const read = readInputSchema(input, { exacting: false });
  return {
    tool: limitText(cleanText(text(said, 'name')), MAX_WORDS_CHARS),
    digest: toolDigest(said),
    description: limitText(cleanText(description).trim(), MAX_DESCRIPTION_CHARS),
    // As they are read: a reference says nothing to a person.
    arguments: argumentsOf(read.ok ? read.inlined : input),
    claims: claimsOf(said),
    warnings: warningsIn(description, said),
    rules: read.ok ? read.rules.map(cleanText) : [],
    unchecked: read.ok ? read.unchecked.map((words) => line(words)) : [],
    problems: read.ok ? [] : read.problems.map(cleanText),
    input,
  };
}

export const storedOf = ({ digest, description, input }: ToolReview, at: Date): ReviewedTool => ({
  digest,
  at: at.toISOString(),
  description,
  input,
});

function argumentsOf(input: Readonly<Record<string, unknown>>): string[] {
  const properties = isFields(input.properties) ? input.properties : {};
  const required = new Set(Array.isArray(input.required) ? input.required : []);
  return Object.entries(properties).map(([name, value]) => {
    const node = isFields(value) ? value : {};
    const { title: _title, description: _description, ...bounds } = node;
    const words = [text(node, 'title'), text(node, 'description')].filter((part) => part !== '').join('. ');
    return line(
      `${name}${required.has(name) ? '' : ' (may be left out)'}: ${words} ${JSON.stringify(bounds)}`,
      MAX_ARGUMENT_CHARS,
    );
  });
}

function claimsOf(said: Fields): string[] {
  const annotations = isFields(said.annotations) ? said.annotations : {};
  const title = text(said, 'title');
  return [
    ...(title === '' ? [] : [line(`title: ${title}`)]),
    ...Object.entries(annotations).map(([name, value]) => line(`${name}: ${JSON.stringify(value)}`)),
  ];
}

/** One line, whatever it holds. */
const line = (words: string, maxChars = MAX_WORDS_CHARS): string =>
  limitText(cleanText(words).replace(/\s+/g, ' ').trim(), maxChars);

/** `said`: all that the server said of the tool. */
function warningsIn(description: string, said: Fields): string[] {
  const everything = JSON.stringify(said);
  const places = addressesIn(said).map((place) => line(place));
  const hidden = [...everything].filter(isHidden).length;
  const lower = everything.toLowerCase();
  const words = SUSPECT_WORDS.filter((phrase) => lower.includes(JSON.stringify(phrase).slice(1, -1)));
  return [
    ...(hidden === 0 ? [] : [`holds ${hidden} hidden characters, which are left out`]),
    ...(description.length > MAX_DESCRIPTION_CHARS ? [`has a long description, which is cut`] : []),
    ...(places.length === 0 ? [] : [`names an address: ${inList(places)}`]),
    ...(findSecrets(everything).length === 0 ? [] : ['holds something that looks like a secret']),
    ...(words.length === 0
      ? []
      : [`says ${words.map((phrase) => JSON.stringify(phrase.trim())).join(', ')}: words for a model?`]),
  ];
}

/** Where an address stands, as member names from the outermost; a name may hold one as well as what it names. */
function addressesIn(value: unknown, place: readonly string[] = []): string[] {
  if (typeof value === 'string')
    return ADDRESS.test(value) && !(place.at(-1) === '$schema' && DIALECT.test(value))
      ? [place.join('.')]
      : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) => [
    ...(ADDRESS.test(name) ? [[...place, name].join('.')] : []),
    ...addressesIn(one, [...place, name]),
  ]);
}

function inList(places: readonly string[]): string {
  const more = places.length - MAX_PLACES;
  return [...places.slice(0, MAX_PLACES), ...(more > 0 ? [`${more} more places`] : [])].join(', ');
}

/**
 * People's words as Jira's texts, in which every character stands for itself. Runs in the sandbox.
 * Atlassian Document Format: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
 * Wiki markup: "Text Formatting Notation" of Jira, "Advanced Formatting".
 */
import type { Json } from '../../src/model/request.ts';
import { type Fields, isFields, text } from './answer.ts';
import { broken } from './ticket-words.ts';

/** A document of paragraphs: text nodes are literal, and a mention would be a node of its own. */
export function document(words: string): Fields {
  const paragraphs = words.split(/(?:\r?\n){2,}/).filter((part) => part !== '');
  return { type: 'doc', version: 1, content: paragraphs.map(paragraph) };
}

function paragraph(words: string): Json {
  const lines = words.split(/\r?\n/);
  const content = lines.flatMap((line, index) => [
    ...(index === 0 ? [] : [{ type: 'hardBreak' }]),
    ...(line === '' ? [] : [{ type: 'text', text: line }]),
  ]);
  return { type: 'paragraph', content };
}

/** Wiki text is literal between these; only their own name could end it, and only a mention might be told even there. */
const FENCE = '{noformat}';

export const wiki = (words: string): string => `${FENCE}\n${broken(words, /\{noformat|\[~/gi)}\n${FENCE}`;

/** The words of either. A document may be made of any nodes: what is no text is left out. */
export function wordsOf(value: Json | undefined): string {
  if (typeof value === 'string') return value.replaceAll(FENCE, '').trim();
  return isFields(value) ? flat(value).trim() : '';
}

/** Blocks end lines; Jira nests lists and tables, nobody by hand deeper than this. */
const MAX_DEPTH = 20;
const BLOCKS = new Set(['paragraph', 'heading', 'codeBlock', 'listItem', 'blockquote', 'tableRow']);

function flat(node: Fields, depth = 0): string {
  const type = text(node, 'type');
  if (type === 'text') return text(node, 'text');
  if (type === 'hardBreak') return '\n';
  if (type === 'mention' || type === 'emoji') return isFields(node.attrs) ? text(node.attrs, 'text') : '';
  const inside = depth < MAX_DEPTH && Array.isArray(node.content) ? node.content.filter(isFields) : [];
  const words = inside.map((child) => flat(child, depth + 1)).join('');
  return BLOCKS.has(type) ? `${words}\n` : words;
}

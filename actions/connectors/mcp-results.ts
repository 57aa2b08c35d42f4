/** What a tool answered, as a result of ours. Its words are quotes: they go into `output`, never into a sentence. Runs in the sandbox. */
import { isDeepStrictEqual } from 'node:util';
import { ErrorCode, type McpError } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { RunResult } from '../../src/action.ts';
import { type Fields, isFields, text } from './answer.ts';
import type { McpSettings } from './mcp-wire.ts';
import { inSentence, listed } from './ticket-words.ts';

const MAX_PARTS = 50;
const MAX_OUTPUT_CHARS = 16_000;

export const ToolResult = z.looseObject({
  content: z.array(z.unknown()).default([]),
  isError: z.boolean().optional(),
  structuredContent: z.unknown().optional(),
});

/** Shown as words only: nothing of it is opened, fetched or drawn. */
function wordsOf(part: Fields): string {
  const kind = inSentence(text(part, 'mimeType')) || 'of an unknown kind';
  switch (part.type) {
    case 'text':
      return text(part, 'text');
    case 'image':
    case 'audio':
      return `[${part.type}, ${kind}, not shown]`;
    case 'resource_link':
      return `[link, not opened: ${inSentence(text(part, 'name'))} ${unlinked(text(part, 'uri'))}]`;
    case 'resource': {
      const resource = isFields(part.resource) ? part.resource : {};
      return text(resource, 'text') || `[file, ${kind}, not shown: ${unlinked(text(resource, 'uri'))}]`;
    }
    default:
      return '[something of a kind that is not known here]';
  }
}

/** An address that no chat program turns into a link. */
const unlinked = (uri: string): string =>
  uri
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .slice(0, 300)
    .replace('://', ' :// ');

function outputOf({ content, structuredContent }: z.output<typeof ToolResult>): string {
  const kept = content.slice(0, MAX_PARTS).filter(isFields);
  const texts = kept.filter(({ type }) => type === 'text').map((part) => text(part, 'text'));
  const isNew = structuredContent !== undefined && !repeats(texts, structuredContent);
  const parts = [...kept.map(wordsOf), ...(isNew ? [JSON.stringify(structuredContent)] : [])];
  const words = parts.filter((part) => part !== '').join('\n\n');
  return words.length > MAX_OUTPUT_CHARS ? `${words.slice(0, MAX_OUTPUT_CHARS - 1).toWellFormed()}…` : words;
}

/**
 * Whether the words say what the structure says: the specification asks servers to give it as JSON text too
 * (https://modelcontextprotocol.io/specification/2025-11-25/server/tools#structured-content), and the Python SDK names what is no
 * object `result`, with one text for each item of a list.
 */
function repeats(texts: readonly string[], structure: unknown): boolean {
  const [only, ...more] = isFields(structure) ? Object.keys(structure) : [];
  const wrapped = isFields(structure) && only === 'result' && more.length === 0 ? [structure.result] : [];
  const said = texts.map(parsed);
  return [structure, ...wrapped].some((meant) =>
    [...texts, ...said, texts, said].some((one) => isDeepStrictEqual(one, meant)),
  );
}

function parsed(words: string): unknown {
  try {
    return JSON.parse(words);
  } catch {
    // Words that are no JSON are words.
    return words;
  }
}

/** `asked`: what the server asked of us meanwhile. */
export function resultOf(
  answer: z.output<typeof ToolResult>,
  { tool, effect }: Pick<McpSettings, 'tool' | 'effect'>,
  asked: readonly string[],
): RunResult {
  const methods = [...new Set(asked)];
  // Only what a read brought is part of an answer; what a write says is kept with its request.
  const where = effect === 'read' ? 'its words are below' : 'its words are kept with the request';
  const refused =
    methods.length === 0 ? '' : ` The server asked the assistant for ${listed(methods)}; that was refused.`;
  const said = outputOf(answer);
  const output = said === '' ? {} : { output: said };
  if (answer.isError === true) {
    const message = `The tool ${tool} says that it failed${said === '' ? '.' : `; ${where}.`}${refused}`;
    return { kind: 'failed', result: { code: 'tool_failed', message, ...output } };
  }
  const message = `The tool ${tool} answered${said === '' ? ' without a word.' : `; ${where}.`}${refused}`;
  return { kind: 'done', result: { code: 'done', message, ...output } };
}

/** Errors of JSON-RPC that a server gives before it does anything; any other may come in the middle. */
const BEFORE_ANYTHING: ReadonlyMap<number, string> = new Map([
  [ErrorCode.ParseError, 'could not read the call'],
  [ErrorCode.InvalidRequest, 'does not take this call'],
  [ErrorCode.MethodNotFound, 'has no tools to call'],
  [ErrorCode.InvalidParams, 'does not take these arguments, or no longer has the tool'],
]);

/** An error instead of a result; null where a write may have happened all the same. */
export function refusalOf(error: McpError, server: string, isWrite: boolean): RunResult | null {
  const known = BEFORE_ANYTHING.get(error.code);
  if (known === undefined && isWrite) return null;
  const what = known ?? `answered with the error ${Math.trunc(error.code)}`;
  // The SDK puts a word of its own in front.
  const said = error.message.replace(/^MCP error -?\d+: /, '').slice(0, MAX_OUTPUT_CHARS);
  return {
    kind: 'failed',
    result: {
      code: 'upstream_rejected',
      message: `The MCP server ${server} ${what}; its words are kept with the request.`,
      output: said,
    },
  };
}

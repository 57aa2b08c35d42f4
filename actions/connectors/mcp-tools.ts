/** What a server says of its tools, and the digest that a review is bound to. The server is untrusted. */
import { createHash } from 'node:crypto';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { canonicalize } from 'json-canonicalize';
import { z } from 'zod';
import { type Fields, isFields } from './answer.ts';
import { MAX_PAGES, REQUEST_MS } from './mcp-wire.ts';

/** Of all pages together; more nobody reviews. */
export const MAX_TOOLS = 500;
/** What a change of is a change of the tool. Icons and `_meta` are shown to nobody and sent nowhere. */
const DIGESTED = ['name', 'title', 'description', 'inputSchema', 'outputSchema', 'annotations'] as const;

const Page = z.looseObject({ tools: z.array(z.unknown()), nextCursor: z.string().optional() });

/** The tool as the server said it, reduced to what is digested. */
function saidOf(tool: Fields): Fields {
  const said = DIGESTED.flatMap((name) => (tool[name] === undefined ? [] : [[name, tool[name]] as const]));
  return Object.fromEntries(said);
}

/** Hex SHA-256 of the canonical JSON (RFC 8785) of what the server said. */
export const toolDigest = (said: Fields): string =>
  createHash('sha256').update(canonicalize(said)).digest('hex');

/** Every tool of every page; `whole` is false where there are more than we read. */
export async function toolsOf(client: Client): Promise<{ tools: Fields[]; whole: boolean }> {
  const tools: Fields[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const params = cursor === undefined ? {} : { params: { cursor } };
    const answer = await client.request({ method: 'tools/list', ...params }, Page, { timeout: REQUEST_MS });
    tools.push(...answer.tools.filter(isFields).map(saidOf));
    cursor = answer.nextCursor;
    if (cursor === undefined || tools.length > MAX_TOOLS) break;
  }
  return { tools: tools.slice(0, MAX_TOOLS), whole: cursor === undefined && tools.length <= MAX_TOOLS };
}

/** The digest of the tool of this name as it is now; a word where there is none, or more than one. */
export function digestNow(tools: readonly Fields[], name: string): string {
  const [first, second] = tools.filter((tool) => tool.name === name);
  if (first === undefined) return 'missing';
  return second === undefined ? toolDigest(first) : 'ambiguous';
}

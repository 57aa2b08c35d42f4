/**
 * The messages to an MCP server that may leave, byte for byte: JSON-RPC with the ids that the SDK gives in this order. There
 * are no others: no resource, no prompt, no answer to what a server asks of us.
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle and /server/tools
 */
import { z } from 'zod';
import type { EgressRule, EgressValues } from '../../src/action.ts';
import { decimalNumber } from '../../src/model/decimal.ts';
import { Effect, type Json } from '../../src/model/request.ts';

/** The revision that we ask for; the SDK's newest, or nothing would leave. */
export const MCP_REVISION = '2025-11-25';
/** Who we say we are; upstreams are not told which version of what runs inside. */
export const CLIENT_INFO = { name: 'countersign', version: '1' } as const;
/** Longer than the broker waits for an answer: what ends a call is the broker, which knows whether it had left. */
const LONGER_MS = 5_000;
/** For everything but the call of a tool, which the broker waits 20 seconds for. */
export const REQUEST_MS = 20_000 + LONGER_MS;
/** For the call of a tool. */
export const callRequestMs = ({ answerMs }: Pick<McpSettings, 'answerMs'>): number => answerMs + LONGER_MS;
/** Pages of one list of tools that are read. */
export const MAX_PAGES = 10;
/** The id of the first message after `initialize`, which has 0. */
const FIRST_ID = 1;

/** What runs in the sandbox knows of a server and its one tool; all of it from the operator's config. */
export const McpSettings = z.strictObject({
  /** The server's name in the config. */
  server: z.string(),
  /** The upstream's name. */
  host: z.string(),
  path: z.string(),
  credential: z.string().nullable(),
  /** Empty for a look at the list alone. */
  tool: z.string(),
  effect: Effect,
  /** Of what the server said of the tool when it was reviewed; hex. */
  digest: z.string(),
  /** Where its arguments hold numbers that are kept as text: names from the outermost, `*` for every item and every named value. */
  decimals: z.array(z.array(z.string())),
  /** How long the broker waits for the answer to its call, in milliseconds. */
  answerMs: z.int(),
});
export type McpSettings = z.output<typeof McpSettings>;
type Server = Pick<McpSettings, 'host' | 'path' | 'credential'>;

const initialize: Json = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: MCP_REVISION, capabilities: {}, clientInfo: { ...CLIENT_INFO } },
};
const initialized: Json = { jsonrpc: '2.0', method: 'notifications/initialized' };
const listPage = (page: number): Json => ({
  jsonrpc: '2.0',
  id: FIRST_ID + page,
  method: 'tools/list',
  ...(page === 0 ? {} : { params: { cursor: '' } }),
});
const call = ({ tool, decimals }: McpSettings, { args }: EgressValues): Json => ({
  jsonrpc: '2.0',
  id: FIRST_ID,
  method: 'tools/call',
  params: { name: tool, arguments: onTheWire(args, decimals) },
});

/**
 * The digested arguments as the server gets them: numbers that are kept as text are numbers again. Both the rule and the call are
 * made by this, so that they are equal byte for byte. Throws where such a text is none, which the schema lets nobody say.
 */
export function onTheWire(value: Json, decimals: McpSettings['decimals']): Json {
  if (decimals.length === 0) return value;
  if (typeof value === 'string') return decimals.some((path) => path.length === 0) ? numberOf(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  const below = (name: string) =>
    decimals.filter(([first]) => first === name || first === '*').map(([, ...deeper]) => deeper);
  if (Array.isArray(value)) return value.map((item) => onTheWire(item, below('*')));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, onTheWire(one, below(name))]));
}

function numberOf(text: string): number {
  const value = decimalNumber(text);
  if (value === null) throw new Error('A number that is kept as text is none.');
  return value;
}

function post({ host, path, credential }: Server, body: EgressRule['body']): EgressRule {
  return {
    method: 'POST',
    host,
    path,
    effect: 'read',
    fill: () => ({}),
    query: () => ({}),
    body,
    credential,
  };
}

/** Opening and ending a session; it changes nothing that anybody asked about. */
const sessionRules = (server: Server): EgressRule[] => [
  post(server, () => initialize),
  post(server, () => initialized),
  { ...post(server, () => null), method: 'DELETE' },
];

/** Asking which tools there are, page by page; a cursor is the server's own word, given back to it. */
export const listRules = (server: Server): EgressRule[] => [
  ...sessionRules(server),
  ...Array.from({ length: MAX_PAGES }, (_, page) => ({
    ...post(server, () => listPage(page)),
    ...(page === 0 ? {} : { freeText: ['params', 'cursor'] }),
  })),
];

/** The same, and the one call: of this tool, with exactly the digested arguments, as the operator's config rates it. */
export const callRules = (settings: McpSettings): EgressRule[] => [
  ...listRules(settings),
  { ...post(settings, (values) => call(settings, values)), effect: settings.effect },
];

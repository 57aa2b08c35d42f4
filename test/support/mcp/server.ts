/**
 * An MCP server on loopback, made with the SDK's own server side: Streamable HTTP, with sessions or without, answering as JSON
 * or as a stream of events. What its tools say and do is the test's; `hijack` answers in the server's place as no honest one does.
 */
import { randomUUID } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js';

export type Message = { method?: string; id?: unknown; params?: Record<string, unknown> };
export type Called = { name: string; arguments: Record<string, unknown> };
export type McpOptions = {
  tools: Tool[];
  answer?: (called: Called) => CallToolResult | Promise<CallToolResult>;
  /** Sessions by `Mcp-Session-Id`; without, every request stands alone. */
  stateful?: boolean;
  /** Answers as JSON instead of a stream of events. */
  json?: boolean;
  /** What must stand behind `Bearer`. */
  token?: string;
  pageSize?: number;
  /** True where it has answered. */
  hijack?: (message: Message, response: ServerResponse, request: IncomingMessage) => boolean;
};

const ok = (): CallToolResult => ({ content: [{ type: 'text', text: 'ok' }] });

export async function startMcpServer(options: McpOptions) {
  const { stateful = true, json = false } = options;
  /** May be changed while it runs. */
  const state = {
    tools: options.tools,
    hijack: options.hijack ?? (() => false),
    answer: options.answer ?? ok,
  };
  const calls: Called[] = [];
  const seen: { method: string; message: Message; headers: http.IncomingHttpHeaders }[] = [];
  const sessions = new Map<string, StreamableHTTPServerTransport>();

  async function serve(): Promise<StreamableHTTPServerTransport> {
    const server = new Server({ name: 'pretended', version: '1' }, { capabilities: { tools: {} } });
    server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
      const from = Number(params?.cursor ?? '0');
      const to = from + (options.pageSize ?? state.tools.length);
      const more = to < state.tools.length ? { nextCursor: String(to) } : {};
      return { tools: state.tools.slice(from, to), ...more };
    });
    server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
      const called = { name: params.name, arguments: params.arguments ?? {} };
      calls.push(called);
      return state.answer(called);
    });
    const transport = new StreamableHTTPServerTransport({
      ...(stateful ? { sessionIdGenerator: () => randomUUID() } : {}),
      enableJsonResponse: json,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    await server.connect(transport as Parameters<typeof server.connect>[0]);
    return transport;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const message = (text === '' ? {} : JSON.parse(text)) as Message;
    seen.push({ method: request.method ?? '', message, headers: request.headers });
    if (options.token !== undefined && request.headers.authorization !== `Bearer ${options.token}`)
      return void response.writeHead(401).end();
    if (new URL(request.url ?? '', 'http://mcp').pathname !== '/mcp')
      return void response.writeHead(404).end();
    if (state.hijack(message, response, request)) return;
    const session = request.headers['mcp-session-id'];
    const known = typeof session === 'string' ? sessions.get(session) : undefined;
    if (session !== undefined && known === undefined) return void response.writeHead(404).end();
    const transport = known ?? (await serve());
    await transport.handleRequest(request, response, text === '' ? undefined : message);
  }

  const server = http.createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const { port } = server.address() as AddressInfo;
  return {
    state,
    calls,
    seen,
    /** Sessions that are open. */
    open: () => sessions.size,
    /** The operator's entry that allows this loopback address. */
    upstream: { baseUrl: `http://127.0.0.1:${port}`, addresses: ['127.0.0.1/32'] },
    async close() {
      server.closeAllConnections();
      const { promise: closed, resolve: done } = Promise.withResolvers<void>();
      server.close(() => done());
      await closed;
    },
  };
}

/** Answers with a stream of these messages, and ends it. */
export function stream(response: ServerResponse, messages: readonly unknown[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(messages.map((one) => `event: message\ndata: ${JSON.stringify(one)}\n\n`).join(''));
}

/** Two tools of a pretended calendar: one that looks, one that changes something. */
export const LIST_EVENTS: Tool = {
  name: 'list_events',
  title: 'List events',
  description: 'Lists the events of one day.',
  inputSchema: {
    type: 'object',
    properties: { day: { type: 'string', description: 'The day, as 2026-12-24.', maxLength: 10 } },
    required: ['day'],
  },
  annotations: { readOnlyHint: true },
};
export const CREATE_EVENT: Tool = {
  name: 'create_event',
  description: 'Puts an event into the calendar.',
  inputSchema: {
    type: 'object',
    properties: {
      title: { type: 'string', title: 'Title', description: 'What it is.', maxLength: 100 },
      day: { type: 'string', title: 'Day', description: 'The day, as 2026-12-24.', maxLength: 10 },
      // As Pydantic writes `float | None = None`.
      hours: {
        anyOf: [{ type: 'number', exclusiveMinimum: 0 }, { type: 'null' }],
        default: null,
        title: 'Hours',
      },
      guests: { type: 'array', items: { type: 'string', format: 'email' }, uniqueItems: true },
    },
    required: ['title', 'day'],
  },
  annotations: { readOnlyHint: true, idempotentHint: true },
};

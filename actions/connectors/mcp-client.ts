/**
 * One session with an MCP server: the SDK's client on the sandbox's own fetch. The SDK opens the session, speaks the revision
 * that was agreed on and checks what comes back; which messages leave at all, the broker decides. Runs in the sandbox.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Tools } from '../../src/action.ts';
import { isFields, unclear } from './answer.ts';
import { ask, type Failure, type System } from './json-call.ts';
import { hear } from './mcp-messages.ts';
import { CLIENT_INFO, type McpSettings, REQUEST_MS } from './mcp-wire.ts';

/** What certainly changed nothing, in our words, on its way through the SDK. */
export class Stopped extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.result.message);
    this.failure = failure;
  }
}

export type Session = {
  client: Client;
  /** What the server asked of us meanwhile; none of it was answered. */
  asked: string[];
};

export const systemOf = ({ server, host, credential }: McpSettings): System => ({
  name: `the MCP server ${server}`,
  host,
  credential: credential ?? '',
  refusals: {
    404: ['not_found', `There is no MCP server where the config says that ${server} is.`],
    405: ['not_found', `There is no MCP server where the config says that ${server} is.`],
  },
});

/** Opens a session, works in it, and ends it. Throws `Stopped`, `McpError`, or anything else where it is not known. */
export async function withSession<T>(
  tools: Tools,
  settings: McpSettings,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const asked: string[] = [];
  const underway = new Set<Promise<unknown>>();
  const transport = new StreamableHTTPClientTransport(new URL(`https://${settings.host}${settings.path}`), {
    fetch: (url, init) => {
      const carried = carry(tools, systemOf(settings), asked, String(url), init ?? {});
      underway.add(carried.catch(() => undefined));
      return carried;
    },
  });
  // No schema of a server is compiled: it would become code.
  const client = new Client(CLIENT_INFO, { capabilities: {}, jsonSchemaValidator: NO_VALIDATION });
  try {
    await client.connect(transport, { timeout: REQUEST_MS });
    return await work({ client, asked });
  } finally {
    await settled(underway);
    await end(transport);
  }
}

const NO_VALIDATION = {
  getValidator: () => () => ({ valid: true as const, data: undefined as never, errorMessage: undefined }),
};

/** Refusals of what a server asked are on their way until the broker has recorded them. */
async function settled(underway: ReadonlySet<Promise<unknown>>): Promise<void> {
  for (let known = -1; known !== underway.size; ) {
    known = underway.size;
    await Promise.all(underway);
    // What the SDK sends in answer, it sends before this.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function end(transport: StreamableHTTPClientTransport): Promise<void> {
  try {
    await transport.terminateSession();
  } catch {
    // Servers need not let clients end a session (405); it then ends by itself, and nothing of ours hangs on it.
  }
  await transport.close();
}

/** One request of the SDK's transport. Whole answers only: the stream that a server keeps open for itself is never asked for. */
async function carry(
  tools: Tools,
  system: System,
  asked: string[],
  url: string,
  init: RequestInit,
): Promise<Response> {
  const method = init.method ?? 'GET';
  if (method === 'GET') return new Response(null, { status: 405 });
  const body = typeof init.body === 'string' ? init.body : null;
  const sent = { method, headers: Object.fromEntries(new Headers(init.headers)), body };
  const answer = await ask(tools, url, sent, system);
  if (!answer.ok) throw new Stopped(answer.failure);
  const { status, headers } = answer.value;
  const session = headers.get('mcp-session-id');
  const kept = session === null ? {} : { 'mcp-session-id': session };
  const id = idOf(body);
  if (id === null) return new Response(null, { status: 202, headers: kept });
  const heard = hear(headers.get('content-type') ?? '', await answer.value.text(), id);
  asked.push(...heard.asked);
  if (!heard.answered) throw unclear(system.name, `${status}, and no answer in it`);
  return new Response(JSON.stringify(heard.messages), {
    status: 200,
    headers: { ...kept, 'content-type': 'application/json' },
  });
}

/** Of a request; a notification has none, and neither has our answer to what a server asked. */
function idOf(body: string | null): number | null {
  const message: unknown = body === null ? null : JSON.parse(body);
  return isFields(message) && 'method' in message && typeof message.id === 'number' ? message.id : null;
}

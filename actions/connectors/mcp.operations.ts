/** Tools of MCP servers: a look at what a server says of them, and one call. Bundled and run in the sandbox. */
import { McpError } from '@modelcontextprotocol/sdk/types.js';
import type { Operation, Refusal, RunResult, Tools } from '../../src/action.ts';
import { AppError } from '../../src/errors.ts';
import type { Json, Preview } from '../../src/model/request.ts';
import { failed } from './answer.ts';
import { Stopped, systemOf, withSession } from './mcp-client.ts';
import { refusalOf, resultOf, ToolResult } from './mcp-results.ts';
import { digestNow, toolsOf } from './mcp-tools.ts';
import { callRequestMs, McpSettings, onTheWire } from './mcp-wire.ts';

type Args = Record<string, Json>;

/** What could not be looked at, in words; it changed nothing. */
function inWords(error: unknown, settings: McpSettings): string {
  if (error instanceof Stopped || error instanceof AppError) return error.message;
  const { name } = systemOf(settings);
  return `${name.replace(/^t/, 'T')} did not answer as MCP servers do; an operator must look.`;
}

/** The tool as the server says it is now, pinned. Whether that is what was reviewed is compared outside of the sandbox. */
async function preview(_args: Args, tools: Tools): Promise<Preview | Refusal> {
  const settings = McpSettings.parse(tools.settings);
  const { server, tool } = settings;
  try {
    const said = await withSession(tools, settings, ({ client }) => toolsOf(client));
    return {
      summary: `Call the tool ${tool} of the MCP server ${server}.`,
      facts: [
        { label: 'Server', value: server },
        { label: 'Tool', value: tool },
      ],
      pinned: { tool: digestNow(said.tools, tool) },
    };
  } catch (error) {
    return { refused: inWords(error, settings) };
  }
}

async function run(args: Args, tools: Tools): Promise<RunResult> {
  const settings = McpSettings.parse(tools.settings);
  const { server, tool, effect } = settings;
  const sent = onTheWire(args, settings.decimals);
  let isCalled = false;
  try {
    return await withSession(tools, settings, async ({ client, asked }) => {
      isCalled = true;
      const request = { method: 'tools/call', params: { name: tool, arguments: sent } } as const;
      const answer = await client.request(request, ToolResult, { timeout: callRequestMs(settings) });
      return resultOf(answer, settings, asked);
    });
  } catch (error) {
    if (error instanceof Stopped) return error.failure;
    const isWrite = effect === 'write' && isCalled;
    const refusal = error instanceof McpError ? refusalOf(error, server, isWrite) : null;
    if (refusal !== null) return refusal;
    // It has left, and what the server did is not known: left to the crash rules.
    if (isWrite) throw error;
    return failed('upstream_failed', inWords(error, settings));
  }
}

/** Every tool with what the server says of it, for whoever reviews it: as text, since its numbers need not be whole. */
async function list(_args: Args, tools: Tools): Promise<RunResult> {
  const settings = McpSettings.parse(tools.settings);
  try {
    const said = await withSession(tools, settings, ({ client }) => toolsOf(client));
    const data = { tools: said.tools.map((tool) => JSON.stringify(tool)), whole: said.whole };
    return { kind: 'done', result: { code: 'done', message: `${said.tools.length} tools.`, data } };
  } catch (error) {
    return failed('upstream_failed', inWords(error, settings));
  }
}

const never = async (): Promise<never> => {
  throw new Error(
    'A look at tools is nothing that is asked for by people, and nothing of MCP goes on elsewhere.',
  );
};

/** Rules and writes come from the operator's config (src/mcp/actions.ts). */
export const operations: Readonly<Record<'call' | 'list', Operation>> = {
  call: {
    egress: [],
    writes: 1,
    // No server says by which mark a call could be found again, and what it hints of itself is not believed.
    idempotency: 'none',
    preview,
    run,
    reconcile: async () => ({ kind: 'cannot_tell' }),
    follow: never,
  },
  list: {
    egress: [],
    writes: 0,
    idempotency: 'natural',
    preview: never,
    run: list,
    reconcile: async () => ({ kind: 'cannot_tell' }),
    follow: never,
  },
};

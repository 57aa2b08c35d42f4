/** Which tools of which MCP servers are actions here, and what they are rated as: the operator's word alone. */
import { z } from 'zod';
import type { Grant } from '../credentials/grants.ts';
import { AppError } from '../errors.ts';
import { DEFAULT_BUDGETS } from '../execution/broker/call.ts';
import { Effect, Risk } from '../model/request.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
/** What the specification lets tools be called (2025-11-25, "Tool Names"), without the slash. */
const TOOL_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
/** Two words, as typed commands have them. */
const ACTION_NAME = /^[a-z][a-z0-9]{0,31}\.[a-z][a-z0-9_]{0,31}$/;
const PATH = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/;
const MAX_TOOLS = 50;
/** A door is open for two minutes, in which a session is opened and ended too. */
const MAX_ANSWER_SECONDS = 90;
const ANSWER_SECONDS = DEFAULT_BUDGETS.callMs / 1_000;

const ToolYaml = z.strictObject({
  action: z.string().regex(ACTION_NAME, 'is not a name such as calendar.list'),
  title: z.string().min(1).max(60),
  effect: Effect,
  risk: Risk,
  environment: z.string().min(1).max(64).optional(),
  /** `natural`: the operator knows that calling it again changes nothing more. */
  idempotency: z.enum(['none', 'natural']).default('none'),
  /** How long its answer is waited for. */
  answers_within_seconds: z.int().min(ANSWER_SECONDS).max(MAX_ANSWER_SECONDS).default(ANSWER_SECONDS),
  /** Plain words that mean it, with `{argument}` where an argument's words stand. */
  examples: z.array(z.string().min(1).max(200)).max(20).default([]),
});

const ServerYaml = z.strictObject({
  /** A name under `upstreams`. */
  upstream: z.string(),
  path: z.string().max(200).regex(PATH, 'is not a path such as /mcp').default('/mcp'),
  /** A name under `credentials`. */
  credential: z.string().optional(),
  tools: z
    .record(z.string().regex(TOOL_NAME), ToolYaml)
    .refine((tools) => Object.keys(tools).length <= MAX_TOOLS, `has more than ${MAX_TOOLS} tools`),
});

/** The section `mcp` of countersign.yaml. */
export const McpYaml = z.strictObject({
  /** Where reviews are kept, beside the file. */
  reviewed: z.string().default('mcp-reviewed.json'),
  servers: z.record(z.string().regex(NAME), ServerYaml),
});

export type McpServer = z.output<typeof ServerYaml>;
export type McpTool = z.output<typeof ToolYaml>;
export type McpConfig = { reviewedFile: string; servers: Readonly<Record<string, McpServer>> };

/** Checks that every server is somewhere, and that its credential is granted there. Throws `config_invalid`. */
export function readMcp(
  section: z.output<typeof McpYaml> | undefined,
  known: {
    path: (relative: string) => string;
    upstreams: readonly string[];
    grants: readonly Pick<Grant, 'name' | 'host'>[];
  },
): McpConfig | null {
  if (section === undefined) return null;
  for (const [name, { upstream, credential }] of Object.entries(section.servers)) {
    const fail = (what: string): never => {
      throw new AppError('config_invalid', `mcp.servers.${name}.${what}`);
    };
    if (!known.upstreams.includes(upstream))
      fail(`upstream: "${upstream}" is not under upstreams; say there where it is.`);
    if (
      credential !== undefined &&
      !known.grants.some((grant) => grant.name === credential && grant.host === upstream)
    )
      fail(`credential: credentials does not grant "${credential}" to the host ${upstream}.`);
  }
  return { reviewedFile: known.path(section.reviewed), servers: section.servers };
}

/** The connector of one server: what a kill switch names. */
export const connectorOf = (server: string): string => `mcp-${server}`;

/** What a kill switch may name; no file but the configuration is asked. */
export function namesOf(config: McpConfig | null): { actions: string[]; connectors: string[] } {
  const servers = Object.entries(config?.servers ?? {});
  return {
    actions: servers.flatMap(([, { tools }]) => Object.values(tools).map(({ action }) => action)),
    connectors: servers.map(([name]) => connectorOf(name)),
  };
}

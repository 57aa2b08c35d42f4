/**
 * Tools of MCP servers as governed actions. Effect, risk and environment are the operator's; words and arguments are those that
 * were reviewed. What a server says now, or hints of itself, decides nothing.
 */
import type { z } from 'zod';
import {
  callRules,
  listRules,
  type McpSettings,
  McpSettings as Settings,
} from '../../actions/connectors/mcp-wire.ts';
import type { Connector, GovernedAction, Operation } from '../action.ts';
import { AppError } from '../errors.ts';
import { readInputSchema } from '../foreign/json-schema.ts';
import type { Json } from '../model/request.ts';
import { connectorOf, type McpConfig, type McpServer, type McpTool } from './config.ts';
import { type ReviewedTool, reviewKey, reviewsOf } from './reviewed.ts';

/** The Cedar entity type of every tool; the operator's schema declares it. */
export const TOOL_TYPE = 'Tool';
export const MCP_MODULE = 'actions/connectors/mcp.operations.ts';

export type McpActions = {
  served: GovernedAction[];
  /** Configured, and not reviewed yet: nobody can use them. */
  unreviewed: Unreviewed[];
  /** Which review each action that is served stands on. */
  reviews: Map<string, string>;
};
export type Unreviewed = { server: string; tool: string; action: string; effect: McpTool['effect'] };

/** Throws `config_invalid` where a review is no longer what could have been written. */
export function mcpActions(config: McpConfig | null, options: { production: boolean }): McpActions {
  const found: McpActions = { served: [], unreviewed: [], reviews: new Map() };
  if (config === null) return found;
  const reviewOf = reviewsOf(config, options);
  for (const [server, entry] of Object.entries(config.servers)) {
    for (const [tool, rated] of Object.entries(entry.tools)) {
      const review = reviewOf(server, tool);
      if (review === null) {
        found.unreviewed.push({ server, tool, action: rated.action, effect: rated.effect });
        continue;
      }
      found.served.push(governedTool(server, entry, tool, rated, review));
      found.reviews.set(rated.action, reviewKey(review));
    }
  }
  return found;
}

export function settingsOf(
  server: string,
  { upstream, path, credential }: McpServer,
  about: Pick<McpSettings, 'tool' | 'effect' | 'digest' | 'decimals' | 'answerMs'>,
): McpSettings {
  return { server, host: upstream, path, credential: credential ?? null, ...about };
}

function governedTool(
  server: string,
  entry: McpServer,
  tool: string,
  rated: McpTool,
  review: ReviewedTool,
): GovernedAction {
  const read = readInputSchema(review.input, { exacting: false });
  if (!read.ok)
    throw new AppError(
      'config_invalid',
      `mcp: the review of ${server}/${tool} cannot be used; review it again.`,
    );
  const { environment, effect, risk } = rated;
  const settings = settingsOf(server, entry, {
    tool,
    effect,
    digest: review.digest,
    decimals: read.decimals,
    answerMs: rated.answers_within_seconds * 1_000,
  });
  const operation = callOperation(settings, rated);
  return {
    action: {
      name: rated.action,
      title: rated.title,
      description: [review.description, ...read.rules].join(' ').trim(),
      examples: rated.examples,
      input: read.schema,
      effect,
      risk: () => risk,
      resourceType: TOOL_TYPE,
      resource: (_args, { connector }) => ({
        type: TOOL_TYPE,
        id: `${server}/${tool}`,
        attributes: { connector, server, tool, ...(environment === undefined ? {} : { environment }) },
      }),
      port: 'foreign',
      operation: 'call',
    },
    connector: serverConnector(server, operation),
    operation,
    settings,
  };
}

function serverConnector(server: string, call: Operation): Connector {
  return {
    name: connectorOf(server),
    port: 'foreign',
    title: () => `the MCP server ${server}`,
    settings: Settings as unknown as z.ZodType<Json>,
    facts: () => ({}),
    operations: { call },
    // Policy tells tools apart, and nothing of their arguments.
    examples: () => [{}],
    module: MCP_MODULE,
  };
}

const onlyInSandbox = async (): Promise<never> => {
  throw new Error('A tool is called in the sandbox only.');
};
const IN_SANDBOX = {
  preview: onlyInSandbox,
  run: onlyInSandbox,
  reconcile: onlyInSandbox,
  follow: onlyInSandbox,
};

const callOperation = (settings: McpSettings, { effect, idempotency }: McpTool): Operation => ({
  egress: callRules(settings),
  writes: effect === 'write' ? 1 : 0,
  idempotency,
  answerMs: settings.answerMs,
  ...IN_SANDBOX,
});

/** The look at a server's list of tools, for a review. */
export const listOperation = (settings: McpSettings): Operation => ({
  egress: listRules(settings),
  writes: 0,
  idempotency: 'natural',
  ...IN_SANDBOX,
});

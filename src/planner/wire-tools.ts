/** Tools as Chat Completions wants them: names without dots, schemas in the strict subset. */
import type OpenAI from 'openai';
import type { PlannerTool } from '../model/ports.ts';

type Schema = Record<string, unknown>;
export type WireTools = {
  definitions: OpenAI.Chat.Completions.ChatCompletionFunctionTool[];
  byWireName: ReadonlyMap<string, PlannerTool>;
};

/** Keywords that the strict subset knows; our own validation enforces the others. */
const KEPT = ['type', 'enum', 'const', 'description'] as const;
/** The vendor's bound on a tool's name. */
const WIRE_NAME_MAX = 64;

export function wireTools(tools: readonly PlannerTool[]): WireTools {
  const byWireName = new Map<string, PlannerTool>();
  for (const tool of tools) {
    const base = tool.name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, WIRE_NAME_MAX - 3);
    let name = base;
    for (let copy = 2; byWireName.has(name); copy++) name = `${base}_${copy}`;
    byWireName.set(name, tool);
  }
  return { byWireName, definitions: [...byWireName].map(([name, tool]) => definition(name, tool)) };
}

/** Arguments without the nulls that stand for "not said". */
export function withoutNulls(args: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null));
}

function definition(name: string, tool: PlannerTool): OpenAI.Chat.Completions.ChatCompletionFunctionTool {
  const strict = strictObject(tool.schema, true);
  return {
    type: 'function',
    function: {
      name,
      description: `${tool.title}. ${tool.description} (${tool.effect})`.slice(0, 1_000),
      parameters: strict ?? tool.schema,
      strict: strict !== null,
    },
  };
}

/**
 * The schema in the strict subset, or null where it cannot be said there (named values of any name). Every field of
 * the outermost object may be null, so that a model can leave open what nobody said instead of making it up.
 */
function strictObject(schema: Schema, nullable: boolean): Schema | null {
  const properties: Schema = {};
  for (const [name, node] of Object.entries((schema.properties ?? {}) as Record<string, Schema>)) {
    const strict = strictNode(node);
    if (strict === null) return null;
    properties[name] = nullable ? { anyOf: [strict, { type: 'null' }] } : strict;
  }
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

function strictNode(node: Schema): Schema | null {
  if (Array.isArray(node.anyOf)) {
    const options = (node.anyOf as Schema[]).map(strictNode);
    return options.includes(null) ? null : { anyOf: options };
  }
  if (node.type === 'object') {
    return node.properties === undefined ? null : strictObject(node, false);
  }
  if (node.type === 'array') {
    const items = strictNode((node.items ?? {}) as Schema);
    return items === null ? null : { type: 'array', items };
  }
  if (node.type === undefined && node.enum === undefined && node.const === undefined) return null;
  const kept: Schema = {};
  for (const key of KEPT) if (node[key] !== undefined) kept[key] = node[key];
  return kept;
}

/**
 * Whether a tool is still what was reviewed. Every preview brings the digest of what the server says now; it is compared here,
 * outside of the sandbox. A tool that has changed is used no more until somebody reviews it again and the assistant starts anew.
 */
import { McpSettings } from '../../actions/connectors/mcp-wire.ts';
import type { GovernedAction } from '../action.ts';
import { AppError } from '../errors.ts';
import type { Executor } from '../execution/executor.ts';
import { MCP_MODULE, type McpActions, type Unreviewed } from './actions.ts';

/** `now`: the digest of what the server says now, or a word where it says none, or two. */
export type ToolChanged = { action: string; server: string; tool: string; reviewed: string; now: string };

export type ToolWatch = {
  /** The same executor, whose previews refuse a tool that has changed. Errors: `action_failed`, in words for people. */
  watched(executor: Executor): Executor;
  /** False for a tool that has changed: what was approved of it does not run either. */
  isServed(governed: GovernedAction): boolean;
  /** For readiness: `ok`, `tool_changed` or `tool_unreviewed`. */
  code(): string;
};

/** `changed` hears of each tool once. */
export function createToolWatch(
  { served, unreviewed }: McpActions,
  changed: (news: ToolChanged) => void,
): ToolWatch {
  const gone = new Map<string, ToolChanged>();
  const settingsOf = ({ connector, settings }: GovernedAction): McpSettings | null =>
    connector.module === MCP_MODULE && served.some((one) => one.connector.name === connector.name)
      ? McpSettings.parse(settings)
      : null;

  function compare(action: string, { server, tool, digest }: McpSettings, now: string | undefined): void {
    if (now === digest || gone.has(action)) return;
    const news = { action, server, tool, reviewed: digest, now: now ?? 'missing' };
    gone.set(action, news);
    changed(news);
  }

  return {
    watched: (executor) => ({
      ...executor,
      async preview(spec) {
        const settings = settingsOf(spec.governed);
        if (settings === null) return executor.preview(spec);
        const { name } = spec.governed.action;
        if (!gone.has(name)) {
          const preview = await executor.preview(spec);
          compare(name, settings, preview.pinned.tool);
          if (!gone.has(name)) return preview;
        }
        throw new AppError('action_failed', inWords(settings));
      },
    }),
    isServed: ({ action }) => !gone.has(action.name),
    code: () => (gone.size > 0 ? 'tool_changed' : unreviewed.length > 0 ? 'tool_unreviewed' : 'ok'),
  };
}

const inWords = ({ server, tool }: Pick<McpSettings, 'server' | 'tool'>): string =>
  `The tool ${tool} of the MCP server ${server} has changed since it was reviewed; an operator must review it again.`;

/** For operators: what happened, and what to do. */
export const newsInWords = (news: ToolChanged): string =>
  `${inWords(news)} Until then ${news.action} is switched off. Look at it: npx countersign mcp review ${news.server}`;

/** For operators, at a start: what is configured and cannot be used yet. */
export const unreviewedInWords = (tools: readonly Unreviewed[]): string =>
  tools
    .map(
      ({ server, tool, action }) =>
        `${action} is not served: the tool ${tool} was not reviewed. Look at it: npx countersign mcp review ${server}`,
    )
    .join('\n');

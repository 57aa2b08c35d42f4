/**
 * Whether a tool is still what was reviewed. Every preview brings the digest of what the server says now; it is compared here,
 * outside of the sandbox. A tool that has changed is used no more, by no process, until somebody reviews it again and the assistant
 * starts anew: that is kept in the database, and where the database cannot be asked, nothing is served.
 */
import { McpSettings } from '../../actions/connectors/mcp-wire.ts';
import type { GovernedAction } from '../action.ts';
import { AppError } from '../errors.ts';
import type { Executor } from '../execution/executor.ts';
import type { Obstacle } from '../execution/executor-deps.ts';
import type { Database, Sql, Tx } from '../store/database.ts';
import { MCP_MODULE, type McpActions, type Unreviewed } from './actions.ts';
import { changedAmong, hasChanged, noteChanged, type Reviewed } from './changed.ts';

/** `now`: the digest of what the server says now, or a word where it says none, or two. */
export type ToolChanged = { action: string; server: string; tool: string; reviewed: string; now: string };

export type ToolWatchDeps = {
  db: Database;
  /** Records it, in the transaction that makes it count. */
  record(tx: Tx, news: ToolChanged): Promise<void>;
  /** Once over all processes, after that. */
  changed(news: ToolChanged): void;
};

export type ToolWatch = {
  /** The same executor, whose previews refuse a tool that has changed. Errors: `action_failed`, in words for people. */
  watched(executor: Executor): Executor;
  /** What keeps an approved request of this action from running; null where nothing does. Asked in the transaction of the claim. */
  obstacle(sql: Sql, action: string): Promise<Obstacle | null>;
  /** Actions that are switched off for it, each with why, in words for people: nobody is offered them, and nothing is made of asking. */
  switchedOff(): Promise<ReadonlyMap<string, string>>;
  /** For readiness: `ok`, `tool_changed`, `tool_unreviewed` or `database_unavailable`. */
  code(): Promise<string>;
};

type Watched = Reviewed & { action: string; digest: string };

export function createToolWatch({ served, unreviewed, reviews }: McpActions, deps: ToolWatchDeps): ToolWatch {
  const watched = new Map(served.map((governed) => [governed.action.name, watchedOf(governed)]));
  /** What this process saw: it counts even where it could not be stored yet. */
  const seen = new Map<string, ToolChanged>();

  function watchedOf({ action, connector, settings }: GovernedAction): Watched {
    const review = reviews.get(action.name);
    if (connector.module !== MCP_MODULE || review === undefined)
      throw new Error(`${action.name} is no reviewed tool of an MCP server.`);
    const { server, tool, digest } = McpSettings.parse(settings);
    return { action: action.name, server, tool, digest, review };
  }

  async function store(tool: Watched, news: ToolChanged): Promise<void> {
    seen.set(tool.action, news);
    const isFirst = await deps.db.transaction(async (tx) => {
      const first = await noteChanged(tx, tool, news.now);
      if (first) await deps.record(tx, news);
      return first;
    });
    if (isFirst) deps.changed(news);
  }

  async function isGone(sql: Sql, tool: Watched): Promise<boolean> {
    const before = seen.get(tool.action);
    if (before !== undefined) await store(tool, before);
    return before !== undefined || hasChanged(sql, tool);
  }

  return {
    watched: (executor) => ({
      ...executor,
      async preview(spec) {
        const tool = watched.get(spec.governed.action.name);
        if (tool === undefined) return executor.preview(spec);
        if (await isGone(deps.db, tool)) throw new AppError('action_failed', inWords(tool));
        const preview = await executor.preview(spec);
        const now = preview.pinned.tool ?? 'missing';
        if (now === tool.digest) return preview;
        const { action, server, digest } = tool;
        await store(tool, { action, server, tool: tool.tool, reviewed: digest, now });
        throw new AppError('action_failed', inWords(tool));
      },
    }),
    async obstacle(sql, action) {
      const tool = watched.get(action);
      if (tool === undefined || !(seen.has(action) || (await hasChanged(sql, tool)))) return null;
      return { code: 'action_gone', message: inWords(tool), event: 'checks_failed' };
    },
    async switchedOff() {
      const all = [...watched.values()];
      const changed = new Set(await changedAmong(deps.db, all));
      const off = all.filter((tool) => seen.has(tool.action) || changed.has(tool));
      return new Map(off.map((tool) => [tool.action, inWords(tool)]));
    },
    async code() {
      try {
        for (const tool of watched.values()) if (await isGone(deps.db, tool)) return 'tool_changed';
        return unreviewed.length > 0 ? 'tool_unreviewed' : 'ok';
      } catch {
        // Readiness says so at its own check of the database too.
        return 'database_unavailable';
      }
    },
  };
}

const inWords = ({ server, tool }: Pick<ToolChanged, 'server' | 'tool'>): string =>
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

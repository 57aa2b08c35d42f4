/** Runs what was approved: the executor with all that it asks of the rest, and tools of MCP servers watched. */
import { createHmac } from 'node:crypto';
import type { Announcing } from '../announcing.ts';
import { findRequest } from '../approval/requests.ts';
import { createSealing } from '../audit/aes-gcm.ts';
import { untilCovered } from '../audit/cover.ts';
import type { AuditKeys } from '../audit/keys.ts';
import type { Catalogue } from '../catalogue.ts';
import { noteEnd } from '../ending.ts';
import { verifyEvidence } from '../evidence-gate.ts';
import type { Broker } from '../execution/broker/broker.ts';
import { createExecutor, type Executor } from '../execution/executor.ts';
import type { ExecutorDeps } from '../execution/executor-deps.ts';
import { type LeftTokensDeps, takeBackLeft } from '../execution/left-tokens.ts';
import type { Log } from '../log.ts';
import type { McpActions } from '../mcp/actions.ts';
import { createToolWatch, newsInWords, type ToolWatch } from '../mcp/watch.ts';
import type { Metrics } from '../metrics.ts';
import { maskSecrets } from '../screening/secrets.ts';
import type { Alarm } from './alarm.ts';
import type { Names } from './names.ts';
import type { Sandboxes } from './sandboxes.ts';

/** Keyed marks are made under a key of their own: a mark proves that this installation made it. */
const MARK_LABEL = 'countersign/execution-mark/v1';
const MARK_HEX_DIGITS = 32;
/** How long an execution waits for its approvals to be covered by a signed checkpoint. */
const COVERED_WITHIN_MS = 10_000;

export type ExecutingDeps = Pick<ExecutorDeps, 'db' | 'audit' | 'permittedNow' | 'lookAgain'> & {
  broker: Broker;
  keys: Pick<AuditKeys, 'macKey' | 'tokenKey'>;
  catalogue: Catalogue;
  tools: McpActions;
  sandboxes: Sandboxes;
  names: Names;
  announcing: Announcing;
  metrics: Metrics;
  log: Log;
  alarm: Alarm;
};

export type Executing = {
  executor: Executor;
  toolWatch: ToolWatch;
  /** Takes back tokens that a process which died has left behind. */
  takeBackTokens(signal: AbortSignal): Promise<unknown>;
};

export function createExecuting(deps: ExecutingDeps): Executing {
  const { db, audit, broker, catalogue, sandboxes, announcing, metrics, log, alarm } = deps;
  const toolWatch = createToolWatch(deps.tools, {
    db,
    async record(tx, news) {
      await audit.append(tx, { type: 'alert.raised', data: { code: 'tool_changed', ...news } });
    },
    changed(news) {
      const about = { ...news, code: 'tool_changed' };
      alarm(about, 'a tool of an MCP server is not what was reviewed', newsInWords(news));
    },
  });
  const sealing = createSealing(deps.keys.tokenKey);
  const alarmed: LeftTokensDeps['alarmed'] = ({ request, code, message }) =>
    alarm({ request, code }, message);
  const executor = createExecutor({
    db,
    audit,
    broker,
    sandbox: sandboxes.sandbox,
    bundleOf: sandboxes.bundleOf,
    sealing,
    isolation: sandboxes.isolationNow,
    mask: (text) => maskSecrets(text).text,
    troubled: (about) => log.warn(about, 'a sandboxed call ended without its answer'),
    alarmed,
    governed: catalogue.governed,
    nameOf: async (id) => deps.names.nameOf(id),
    markOf: (execution) =>
      createHmac('sha256', deps.keys.macKey)
        .update(`${MARK_LABEL}\n${execution}`)
        .digest('hex')
        .slice(0, MARK_HEX_DIGITS),
    find: findRequest,
    verifyEvidence: (request, signal) =>
      verifyEvidence(
        {
          db,
          untilCovered: async (entryIds, abort) => {
            await untilCovered({ db, entryIds, timeoutMs: COVERED_WITHIN_MS, signal: abort });
          },
        },
        request,
        signal,
      ),
    async permittedNow(tx, request) {
      const now = await deps.permittedNow(tx, request);
      return { ...now, obstacle: now.obstacle ?? (await toolWatch.obstacle(tx, request.action)) };
    },
    stop: announcing.stopped,
    started: (tx, request, claim, evidence) => announcing.started(tx, request, claim, claim.level, evidence),
    async finished(tx, request, state, result) {
      metrics.executions.inc({ action: request.action, state });
      await noteEnd(tx, catalogue, request, state);
      await announcing.finished(tx, request, state, result);
    },
    progressed: (request) => announcing.progressed(db, request),
    lookAgain: deps.lookAgain,
  });
  return {
    executor: toolWatch.watched(executor),
    toolWatch,
    takeBackTokens: (signal) => takeBackLeft({ db, audit, broker, sealing, alarmed }, signal),
  };
}

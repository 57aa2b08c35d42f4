/**
 * One opening of the broker: an HTTP/1.1 server on a single stream, whose other end is untrusted code. Calls are taken
 * one after another; every one ends as an answer or as a refusal, and both are recorded.
 */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError } from '../../errors.ts';
import type { Effect } from '../../model/request.ts';
import { boundsOf } from './bounds.ts';
import { type BrokerRefusal, DEFAULT_BUDGETS, type DoorSpec, type DoorSummary } from './call.ts';
import type { Carrying } from './carrying.ts';
import { type ExchangeDeps, type Exchanged, type ExchangeSpec, exchange, readFile } from './exchange.ts';
import { HOST_HEADER, LABEL_HEADER, readHeaders, SCHEME_HEADER } from './headers.ts';
import { createMcpSessions } from './mcp-session.ts';
import { EgressRefused } from './refusal.ts';
import { refusalEntry, refuse } from './refusing.ts';
import { readRequestBody } from './request-body.ts';
import { candidates, declare, match, type Outgoing } from './rules.ts';
import { type Scan, searchableOf, secretIn, secretOver } from './searchable.ts';
import { parseTarget } from './target.ts';
import { type Patience, tryPatiently } from './tries.ts';

export type Door = {
  /** Serves this stream; once only. */
  attach(stream: Duplex): void;
  /** Shuts the door at once; resolves when a write that had left was answered and recorded, and its tokens taken back. */
  close(): Promise<void>;
  summary(): DoorSummary;
};

/** Header block of one request; the shim sends well under 1 KiB. */
const MAX_HEADER_BYTES = 16 * 1024;

/** Opens a door. Nothing is served until a stream is attached. */
export function openDoor(
  shared: Omit<ExchangeDeps, 'carrying' | 'sessions' | 'pauses'> & {
    scan: Scan;
    patience: Patience;
    carrying: Carrying;
  },
  spec: DoorSpec,
): Door {
  const carrying = shared.carrying.open(spec);
  const deps = { ...shared, carrying, sessions: createMcpSessions(), pauses: shared.patience.pauses };
  const budgets = { ...DEFAULT_BUDGETS, ...spec.budgets };
  const bounds = boundsOf(budgets, spec.left);
  const declared = declare(spec.rules, spec.values);
  const summary: DoorSummary = {
    calls: 0,
    writes: 0,
    refused: 0,
    requestBytes: 0,
    responseBytes: 0,
    failure: null,
  };
  let shut: EgressRefused | null = null;
  let stream: Duplex | null = null;
  let line: Promise<void> = Promise.resolve();
  const reads = new AbortController();
  const timer = setTimeout(() => shutWith(bounds.ms.refusal()), bounds.ms.atMost);
  timer.unref();

  function shutWith(reason: EgressRefused): void {
    if (shut !== null) return;
    shut = reason;
    clearTimeout(timer);
    // A read is broken off; a write that has left is seen to its end, so that its outcome is known.
    reads.abort(reason);
  }

  function fail(error: unknown): void {
    summary.failure ??= error;
    shutWith(new EgressRefused('closed', null, { cause: error }));
    stream?.destroy();
  }

  function enqueue(work: () => Promise<void>): void {
    line = line.then(work).catch(fail);
  }

  async function record(entry: BrokerRefusal): Promise<void> {
    summary.refused += 1;
    try {
      await spec.hooks.refused(entry);
    } catch (error) {
      fail(error);
    }
  }

  const entryOf = (request: IncomingMessage, refusal: EgressRefused, attempt = 1): BrokerRefusal =>
    refusalEntry(request, refusal, attempt, deps.scan);

  const areBytesSpent = (): boolean => summary.requestBytes + summary.responseBytes > bounds.bytes.atMost;

  function checkBudgets(): void {
    if (shut !== null) throw shut;
    if (areBytesSpent()) throw bounds.bytes.refusal();
  }

  let spread: string | null | undefined;
  /** What the arguments hold between them is the same for every call. */
  function spreadSecret(): string | null {
    if (spread === undefined) spread = secretOver(spec.values.args, deps.scan);
    return spread;
  }

  function stopFor(secret: string | null): void {
    if (secret !== null) throw new EgressRefused('secret_in_request', secret);
  }

  async function answered(exchanged: Exchanged): Promise<void> {
    summary.responseBytes += exchanged.bytes.length;
    await spec.hooks.afterCall(exchanged.answer);
  }

  /** One more try is one more call. */
  function again(): boolean {
    if (shut !== null || areBytesSpent() || summary.calls >= bounds.calls.atMost) return false;
    summary.calls += 1;
    return true;
  }

  async function carry(
    request: IncomingMessage,
    childHeaders: ReadonlyMap<string, string>,
    outgoing: Outgoing,
    progress: { attempt: number },
    { timeout, deadlineMs }: { timeout: AbortSignal; deadlineMs: number },
  ): Promise<Exchanged> {
    const stopping = AbortSignal.any([timeout, reads.signal]);
    const specFor = (attempt: number, effect: Effect): ExchangeSpec => {
      progress.attempt = attempt;
      return {
        childHeaders,
        idempotencyKey: spec.idempotencyKey ?? null,
        budgets,
        hooks: spec.hooks,
        signal: effect === 'write' ? timeout : stopping,
        attempt,
        answered: (answer) => {
          summary.responseBytes += answer.responseBytes;
          return spec.hooks.afterCall(answer);
        },
      };
    };
    const patiently = (
      { host, credential, effect }: Outgoing,
      once: (spec: ExchangeSpec) => Promise<Exchanged>,
    ): Promise<Exchanged> =>
      tryPatiently(deps.patience, {
        host,
        credential,
        effect,
        deadlineMs,
        signal: stopping,
        once: (attempt) => once(specFor(attempt, effect)),
        again,
        tried: (outcome, attempt) =>
          outcome instanceof EgressRefused ? record(entryOf(request, outcome, attempt)) : answered(outcome),
      });
    // What runs in this process neither breaks off nor asks for a pause.
    if (deps.builtIns.has(outgoing.host)) return exchange(deps, outgoing, specFor(1, outgoing.effect));
    const exchanged = await patiently(outgoing, (each) => exchange(deps, outgoing, each));
    const { file } = exchanged;
    if (file === null) return exchanged;
    await answered(exchanged);
    if (!again()) throw (summary.calls >= bounds.calls.atMost ? bounds.calls : bounds.bytes).refusal();
    return patiently(file.outgoing, (each) => readFile(deps, file, each));
  }

  async function serve(
    request: IncomingMessage,
    response: ServerResponse,
    progress: { attempt: number },
  ): Promise<void> {
    const timeout = AbortSignal.timeout(budgets.callMs);
    const deadlineMs = deps.patience.clock.nowMs() + budgets.callMs;
    const headers = readHeaders(request.rawHeaders);
    checkBudgets();
    const host = headers.get(HOST_HEADER) ?? '';
    const target = parseTarget(request.url ?? '', host, headers.get(SCHEME_HEADER) ?? '');
    const found = candidates(declared, request.method ?? '', target);
    const text = await readRequestBody(
      request,
      budgets.requestBytes,
      AbortSignal.any([timeout, reads.signal]),
    );
    stopFor(deps.scan(searchableOf(target, text)));
    const outgoing = match(found, target, text);
    stopFor(secretIn(outgoing, deps.scan));
    stopFor(spreadSecret());
    checkBudgets();
    if (outgoing.effect === 'write') {
      if (spec.phase !== 'full') throw new EgressRefused('write_in_read_only');
      if (summary.writes >= spec.writes) throw new EgressRefused('write_budget');
      summary.writes += 1;
    }
    summary.requestBytes += Buffer.byteLength(outgoing.body ?? '');
    const exchanged = await carry(request, headers, outgoing, progress, { timeout, deadlineMs });
    await answered(exchanged);
    if (response.destroyed) return;
    response.writeHead(exchanged.answer.status, {
      ...exchanged.headers,
      'content-length': exchanged.bytes.length,
      [LABEL_HEADER]: 'fetched',
    });
    response.end(exchanged.bytes);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const progress = { attempt: 1 };
    try {
      await serve(request, response, progress);
    } catch (error) {
      if (error instanceof EgressRefused) {
        await record(entryOf(request, error, progress.attempt));
        // An unread body would be taken for the next request.
        if (!request.complete) response.setHeader('connection', 'close');
        refuse(response, error);
      } else {
        // A hook failed. Whatever has left by now, it is safer to say that something has.
        refuse(response, new EgressRefused('unrecorded', null, { cause: error }));
        fail(error);
      }
    }
  }

  const server = http.createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    insecureHTTPParser: false,
    // Looked at in readHeaders: what Node refuses by itself is not recorded.
    requireHostHeader: false,
    // Code may think for a while between two calls; how long the door is open at all is bounded elsewhere.
    keepAliveTimeout: 0,
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    response.on('error', () => stream?.destroy());
    summary.calls += 1;
    if (summary.calls > bounds.calls.atMost) {
      // Told and recorded once. Whoever goes on asking without hearing would fill our memory with what waits.
      if (summary.calls > bounds.calls.atMost + 1) return void stream?.destroy();
      enqueue(async () => {
        const refusal = bounds.calls.refusal();
        await record(entryOf(request, refusal));
        response.setHeader('connection', 'close');
        refuse(response, refusal);
        shutWith(refusal);
      });
      return;
    }
    enqueue(() => handle(request, response));
  });
  for (const event of ['connect', 'upgrade', 'checkContinue', 'checkExpectation', 'clientError'] as const) {
    server.on(event, () => {
      // What is cut off half way because the door was shut is no new offence.
      if (shut !== null) return void stream?.destroy();
      const entry = { method: '', host: '', path: '', detail: event, sent: false, attempt: 1 } as const;
      enqueue(() => record({ ...entry, code: 'malformed' }));
      stream?.destroy();
    });
  }

  return {
    attach(child) {
      if (stream !== null) throw new AppError('egress_refused', 'A door serves one stream.');
      stream = child;
      // A child that dies mid-call is an ordinary end.
      child.on('error', () => child.destroy());
      server.emit('connection', child);
    },
    async close() {
      shutWith(new EgressRefused('closed'));
      stream?.destroy();
      await line;
      await carrying.release();
    },
    summary: () => ({ ...summary }),
  };
}

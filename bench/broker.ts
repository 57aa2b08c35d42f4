/** What the egress broker adds to a request, beside the same request straight to the same upstream. */
import http from 'node:http';
import { findSecrets } from '../src/screening/secrets.ts';
import { openTo } from '../test/execution/broker/child.ts';
import { json, startUpstream } from '../test/execution/broker/upstream-server.ts';
import type { Bench } from './bench.ts';
import { tableOf, takeTurns, timed } from './measure.ts';

const ROUNDS = { rounds: 1_500, withinMs: 15_000, warmUp: 50 };
/** More calls, writes and bytes than one execution may have: the door stays open for all rounds. */
const BUDGETS = { calls: 100_000, totalBytes: 1_000_000_000, totalMs: 600_000 };
const READ = '/repos/acme/issues/12?state=all';
const WRITE = '/repos/acme/issues';
const BODY = { title: 'VPN down', body: 'mark-1' };
/** About what an issue is as JSON. */
const ANSWER = { number: 12, title: 'VPN down', body: 'x'.repeat(2_000) };

/** A client that keeps its connection, as the broker does. */
function straightTo(port: number, agent: http.Agent) {
  return (method: string, path: string, body?: unknown): Promise<number> =>
    timed(() => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers =
        text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      const request = http.request({ agent, port, host: '127.0.0.1', method, path: `/v3${path}`, headers });
      request.on('error', reject);
      request.on('response', (response) => response.on('error', reject).on('end', resolve).resume());
      request.end(text);
      return promise;
    });
}

export const broker: Bench = {
  name: 'broker',
  about: 'a request through the egress broker, beside one straight to the same upstream',
  async run(context) {
    const upstream = await startUpstream((response) => json(response, ANSWER));
    context.defer(() => upstream.close());
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    context.defer(() => agent.destroy());
    const opened = await openTo(
      {
        upstreams: upstream.config,
        credentials: { get: async () => `Bearer ${crypto.randomUUID()}` },
        scan: (text) => findSecrets(text)[0]?.type ?? null,
      },
      { budgets: BUDGETS, writes: BUDGETS.calls },
    );
    context.defer(() => opened.end());
    const straight = straightTo(upstream.port, agent);
    const through = async (call: Parameters<typeof opened.ask>[0]): Promise<number> =>
      timed(async () => {
        const { status, body } = await opened.ask(call);
        if (status !== 200) throw new Error(`the broker answered ${status}: ${body}`);
      });
    const measured = await takeTurns(
      [
        { what: 'read, straight', once: () => straight('GET', READ) },
        { what: 'read, through the broker', once: () => through({}) },
        { what: 'write, straight', once: () => straight('POST', WRITE, BODY) },
        {
          what: 'write, through the broker',
          once: () => through({ method: 'POST', path: WRITE, body: BODY }),
        },
      ],
      ROUNDS,
    );
    const only = (kind: string) => new Map([...measured].filter(([what]) => what.startsWith(kind)));
    return [
      tableOf('A read from an upstream on loopback', 'ms', 'read, straight', only('read')),
      tableOf('A write to it', 'ms', 'write, straight', only('write'), [
        'Without what is stored for each call: an intent before a write and an entry after every call, a transaction each (see audit).',
        'All ends live in one process here, so the numbers hold both sides of each connection.',
      ]),
    ];
  },
};

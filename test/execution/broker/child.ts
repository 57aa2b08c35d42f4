/** The sandbox's end of a door, in this process: well-behaved by `ask`, hostile by `raw`. */

import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { EgressRule, EgressValues } from '../../../src/action.ts';
import { type BrokerConfig, createBroker } from '../../../src/execution/broker/broker.ts';
import type {
  BrokerAnswer,
  BrokerCall,
  BrokerRefusal,
  DoorSpec,
} from '../../../src/execution/broker/call.ts';
import type { Clock } from '../../../src/execution/broker/clock.ts';

export const VALUES: EgressValues = {
  args: { title: 'VPN down', ticket: '12' },
  pinned: {},
  handle: {},
  settings: { owner: 'acme', repo: 'web' },
  mark: 'mark-1',
  requester: 'alice (Alice Adams)',
};

/** One read and one write of an outside system, as a connector would declare them. */
export const RULES: EgressRule[] = [
  {
    method: 'GET',
    host: 'api.example.com',
    path: '/repos/{owner}/issues/{ticket}',
    effect: 'read',
    fill: ({ args }) => ({ owner: 'acme', ticket: String(args.ticket) }),
    query: () => ({ state: 'all', page: null }),
    body: () => null,
    credential: 'example',
  },
  {
    method: 'POST',
    host: 'api.example.com',
    path: '/repos/{owner}/issues',
    effect: 'write',
    fill: () => ({ owner: 'acme' }),
    query: () => ({}),
    body: ({ args, mark }) => ({ title: args.title ?? null, body: mark }),
    credential: 'example',
  },
];

export type Answered = { status: number; headers: http.IncomingHttpHeaders; body: string };
export type Ask = {
  method?: string;
  path?: string;
  host?: string;
  scheme?: string;
  headers?: Record<string, string>;
  body?: unknown;
};

/** Two ends of one connection, as a sandbox's fd 3 and its parent's end are. */
export async function socketPair(): Promise<[net.Socket, net.Socket]> {
  const folder = await mkdtemp(join(tmpdir(), 'door-'));
  const server = net.createServer();
  const accepted = Promise.withResolvers<net.Socket>();
  server.once('connection', accepted.resolve);
  await new Promise<void>((resolve) => server.listen(join(folder, 's'), resolve));
  const inside = net.connect(join(folder, 's'));
  const outside = await accepted.promise;
  server.close();
  await rm(folder, { recursive: true, force: true });
  return [inside, outside];
}

/** A clock on which waiting takes no time, but counts; nothing else does, however busy the machine is. */
export function impatient(): Clock & { waited: number[] } {
  const waited: number[] = [];
  const [nowMs, wallMs] = [Math.round(performance.now()), Date.now()];
  const ahead = () => waited.reduce((sum, ms) => sum + ms, 0);
  return {
    waited,
    nowMs: () => nowMs + ahead(),
    wallMs: () => wallMs + ahead(),
    wait: async (ms, signal) => {
      signal.throwIfAborted();
      waited.push(ms);
    },
    jitter: () => 1,
  };
}

/** Opens a door and takes the child's end. Records what the hooks hear, in order. */
export async function openTo(config: Partial<BrokerConfig>, spec: Partial<DoorSpec> = {}) {
  const broker = createBroker({
    upstreams: {},
    builtIns: {},
    credentials: { get: async () => null },
    scan: () => null,
    clock: impatient(),
    ...config,
  });
  const heard = { writes: [] as BrokerCall[], calls: [] as BrokerAnswer[], refused: [] as BrokerRefusal[] };
  const door = broker.open({
    rules: RULES,
    values: VALUES,
    phase: 'full',
    writes: 1,
    idempotencyKey: 'key-1',
    ...spec,
    hooks: {
      beforeWrite: async (call) => void heard.writes.push(call),
      afterCall: async (call) => void heard.calls.push(call),
      refused: async (refusal) => void heard.refused.push(refusal),
      ...spec.hooks,
    },
  });
  const [inside, outside] = await socketPair();
  inside.on('error', () => inside.destroy());
  door.attach(outside);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let used = false;
  agent.createConnection = (_options, done) => {
    // One door, one stream: a second connection is not to be had in a sandbox.
    if (used) done?.(new Error('the only stream is gone'), inside);
    else done?.(null, inside);
    used = true;
    return undefined;
  };
  return {
    door,
    heard,
    upstreams: () => broker.upstreams(),
    child: inside as Duplex,
    ask: (call: Ask) => ask(agent, call),
    raw: (text: string) => raw(inside, text),
    async end() {
      agent.destroy();
      inside.destroy();
      await door.close();
      await broker.close();
    },
  };
}

function ask(agent: http.Agent, call: Ask): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  const request = http.request({
    agent,
    method: call.method ?? 'GET',
    path: call.path ?? '/repos/acme/issues/12?state=all',
    headers: {
      host: 'broker',
      'x-egress-host': call.host ?? 'api.example.com',
      'x-egress-scheme': call.scheme ?? 'https',
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      ...call.headers,
    },
  });
  request.on('error', reject);
  request.on('response', async (response) => {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.concat(chunks).toString(),
      });
    } catch (error) {
      reject(error);
    }
  });
  request.end(body);
  return promise;
}

/** Writes bytes as they are; answers everything that came back once the broker has closed the stream. */
function raw(stream: Duplex, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let answer = '';
  stream.on('data', (chunk) => {
    answer += chunk;
  });
  stream.on('error', () => resolve(answer));
  stream.on('close', () => resolve(answer));
  stream.on('end', () => resolve(answer));
  stream.write(text);
  return promise;
}

/** A raw request with `Connection: close`, so that one exchange ends the stream. */
export function rawRequest(line: string, extra: string[] = [], body = ''): string {
  return [
    `${line} HTTP/1.1`,
    'host: broker',
    'x-egress-host: api.example.com',
    'x-egress-scheme: https',
    'connection: close',
    ...extra,
    '',
    body,
  ].join('\r\n');
}

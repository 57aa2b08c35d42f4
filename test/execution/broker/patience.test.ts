/** How the broker bears with an upstream: circuit, pauses that it asks for, tries. Waiting takes no time here, but counts. */
import { afterEach, describe, expect, it } from 'vitest';
import type { BrokerConfig } from '../../../src/execution/broker/broker.ts';
import type { DoorSpec } from '../../../src/execution/broker/call.ts';
import { createCircuits, FAILURES_TO_OPEN, OPEN_MS } from '../../../src/execution/broker/circuit.ts';
import { pauseAsked } from '../../../src/execution/broker/pause.ts';
import { MAX_TRIES } from '../../../src/execution/broker/tries.ts';
import { type Ask, impatient, openTo, RULES } from './child.ts';
import { json, type Script, startUpstream } from './upstream-server.ts';

const WRITE: Ask = {
  method: 'POST',
  path: '/repos/acme/issues',
  body: { title: 'VPN down', body: 'mark-1' },
};

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function open(script: Script, spec: Partial<DoorSpec> = {}) {
  const upstream = await startUpstream(script);
  const clock = impatient();
  const opened = await openTo(
    { upstreams: upstream.config, credentials: { get: async () => 'Bearer something-long' }, clock },
    { writes: 100, ...spec },
  );
  ends.push(
    () => upstream.close(),
    () => opened.end(),
  );
  const codeOf = async (call: Ask) => {
    const { headers, status } = await opened.ask(call);
    return headers['x-egress-refused'] ?? status;
  };
  return { ...opened, upstream, clock, codeOf };
}

/** An upstream that answers one after another of these, and 200 from then on. */
function answering(...answers: ((response: Parameters<Script>[0]) => void)[]): Script {
  return (response) => (answers.shift() ?? ((ok) => json(ok, { ok: true })))(response);
}
const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: Parameters<Script>[0]): void => {
    response.writeHead(code, headers).end('{}');
  };
const hangUp = (response: Parameters<Script>[0]) => void response.destroy();

describe('a read', () => {
  it.each([
    ['no answer', hangUp],
    ['429 and a second', status(429, { 'retry-after': '1' })],
    ['502', status(502)],
    ['503', status(503)],
    ['504', status(504)],
  ])('is tried again after %s, each try recorded and counted', async (_what, answer) => {
    const { codeOf, heard, upstream, door, clock } = await open(answering(answer));
    expect(await codeOf({})).toBe(200);
    expect(upstream.seen).toHaveLength(2);
    expect([...heard.refused, ...heard.calls].map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(door.summary().calls).toBe(2);
    expect(clock.waited).toHaveLength(1);
  });

  it('is tried three times, with pauses that grow, and then answered as it is', async () => {
    const { codeOf, upstream, clock } = await open(status(503));
    expect(await codeOf({})).toBe(503);
    expect(upstream.seen).toHaveLength(MAX_TRIES);
    expect(clock.waited).toEqual([250, 500]);
  });

  it.each([400, 401, 403, 404, 422, 500, 501])('is not tried again after %d', async (code) => {
    const { codeOf, upstream } = await open(status(code));
    expect(await codeOf({})).toBe(code);
    expect(upstream.seen).toHaveLength(1);
  });

  it("is not tried again beyond the door's calls", async () => {
    const { codeOf, upstream } = await open(status(503), { budgets: { calls: 2 } });
    expect(await codeOf({})).toBe(503);
    expect(upstream.seen).toHaveLength(2);
  });

  it("is not tried again beyond the call's time", async () => {
    const { codeOf, upstream } = await open(status(503), { budgets: { callMs: 700 } });
    expect(await codeOf({})).toBe(503);
    expect(upstream.seen).toHaveLength(1);
  });
});

describe('a write', () => {
  it.each([
    ['no answer', hangUp, 'interrupted'],
    ['503', status(503), 503],
    ['429 and a second', status(429, { 'retry-after': '1' }), 429],
  ])('that may have arrived is never sent again: %s', async (_what, answer, expected) => {
    const { codeOf, upstream, heard } = await open(answering(answer));
    expect(await codeOf(WRITE)).toBe(expected);
    expect(upstream.seen).toHaveLength(1);
    expect(heard.writes).toHaveLength(1);
  });

  it('of which nothing has left is tried again, its intent committed each time, and counted once', async () => {
    const upstream = await startUpstream((response) => json(response, {}, 201));
    await upstream.close();
    const order: string[] = [];
    const opened = await openTo(
      { upstreams: upstream.config, credentials: { get: async () => 'Bearer something-long' } },
      {
        writes: 1,
        hooks: {
          beforeWrite: async () => void order.push('intent'),
          afterCall: async () => void order.push('answered'),
          refused: async ({ code, sent, attempt }) => void order.push(`${code} ${sent} ${attempt}`),
        },
      },
    );
    ends.push(() => opened.end());
    const answer = await opened.ask(WRITE);
    expect(answer.headers).toMatchObject({ 'x-egress-refused': 'connection_failed', 'x-egress-sent': 'no' });
    expect(order).toEqual([1, 2, 3].flatMap((attempt) => ['intent', `connection_failed false ${attempt}`]));
    expect(opened.door.summary()).toMatchObject({ writes: 1, refused: 3 });
  });

  it('goes out on a connection of its own: none that the upstream is just closing', async () => {
    const ports: (number | undefined)[] = [];
    const { codeOf } = await open((response, _seen, request) => {
      ports.push(request.socket.remotePort);
      json(response, {});
    });
    for (const call of [{}, {}, WRITE, WRITE]) await codeOf(call);
    expect(new Set(ports).size).toBe(3);
  });
});

describe('a pause that an upstream asks for', () => {
  it('is waited out where it is short', async () => {
    const { codeOf, clock } = await open(answering(status(403, { 'retry-after': '4' })));
    expect(await codeOf({})).toBe(403);
    expect(await codeOf({})).toBe(200);
    expect(clock.waited).toEqual([4_000]);
  });

  it.each<[string, Ask]>([
    ['read', {}],
    ['write', WRITE],
  ])('that is long refuses a %s with its seconds, and nothing leaves', async (_effect, call) => {
    const { ask, heard, upstream } = await open(answering(status(429, { 'retry-after': '40' })));
    await ask({});
    const { status: code, headers } = await ask(call);
    expect(code).toBe(429);
    expect(headers).toMatchObject({
      'x-egress-refused': 'paused',
      'x-egress-sent': 'no',
      'retry-after': '40',
    });
    expect(heard.refused).toMatchObject([{ code: 'paused', detail: '40 s', sent: false }]);
    expect(heard.writes).toEqual([]);
    expect(upstream.seen).toHaveLength(1);
  });

  it('is over when it is over', async () => {
    const { codeOf, clock } = await open(answering(status(429, { 'retry-after': '40' })));
    await codeOf({});
    clock.waited.push(40_000);
    expect(await codeOf({})).toBe(200);
  });

  it('is of that credential alone', async () => {
    const { codeOf } = await open(answering(status(429, { 'retry-after': '40' })), {
      rules: RULES.map((rule) => (rule.effect === 'write' ? { ...rule, credential: 'other' } : rule)),
    });
    await codeOf({});
    expect(await codeOf({})).toBe('paused');
    expect(await codeOf(WRITE)).toBe(200);
  });

  const NOW = Date.UTC(2026, 0, 1);
  const LATER = 'Thu, 01 Jan 2026 00:02:00 GMT, Thu, 01 Jan 2026 00:03:00 GMT';
  const asked = (code: number, headers: Record<string, string>, body = '') =>
    pauseAsked({ status: code, headers, bytes: Buffer.from(body) }, NOW) / 1_000;
  it.each<[string, number, Record<string, string>, number]>([
    ['seconds', 429, { 'retry-after': '7' }, 7],
    ['a date', 503, { 'retry-after': 'Thu, 01 Jan 2026 00:02:00 GMT' }, 120],
    ['a date that is past', 503, { 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
    [
      'a used-up window (GitHub)',
      403,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': `${NOW / 1_000 + 90}` },
      90,
    ],
    [
      'a used-up window (Jira)',
      429,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '2026-01-01T00:01Z' },
      60,
    ],
    ['a used-up window, in seconds', 200, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '30' }, 30],
    ['a used-up window (GitLab)', 429, { 'ratelimit-reset': `${NOW / 1_000 + 15}` }, 15],
    ['a used-up window (PagerDuty)', 429, { 'ratelimit-remaining': '0', 'ratelimit-reset': '42' }, 42],
    ['the longer of two', 429, { 'retry-after': '7, 40' }, 40],
    ['the later of two dates', 503, { 'retry-after': LATER }, 180],
    [
      'a used-up window, said twice',
      200,
      { 'x-ratelimit-remaining': '0, 0', 'x-ratelimit-reset': '9, 9' },
      9,
    ],
    ['a window that is not used up', 403, { 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': '30' }, 0],
    ['a limit without a time', 429, {}, 60],
    ['a limit with nonsense', 429, { 'retry-after': 'soon' }, 60],
    ['more than an hour', 429, { 'retry-after': '999999999' }, 3_600],
    ['nothing', 403, {}, 0],
    ['a time with an answer that is good', 200, { 'retry-after': '60' }, 0],
  ])('is understood as %s', (_what, code, headers, seconds) => {
    expect(asked(code, headers)).toBe(seconds);
  });
  it("is understood in GitHub's words for its secondary limits", () => {
    const words = '{"message":"You have exceeded a secondary rate limit."}';
    expect(asked(403, {}, words)).toBe(60);
    expect(asked(200, {}, words)).toBe(0);
  });
});

describe('a call whose time our own work has used up has not left, and says nothing of the upstream', () => {
  /** Enough for all that comes before our own work, on a busy machine too. */
  const CALL_MS = 250;
  const slow = () => new Promise<void>((resolve) => setTimeout(resolve, CALL_MS + 50));
  /** Asks so often that the circuit would be open. */
  async function ask(call: Ask, config: Partial<BrokerConfig>, spec: Partial<DoorSpec>, upstream: Upstream) {
    const opened = await openTo(config, { writes: 100, budgets: { callMs: CALL_MS }, ...spec });
    ends.push(
      () => upstream.close(),
      () => opened.end(),
    );
    for (let asked = 0; asked <= FAILURES_TO_OPEN; asked += 1)
      expect((await opened.ask(call)).headers).toMatchObject({
        'x-egress-refused': 'time_budget',
        'x-egress-sent': 'no',
      });
    expect(opened.heard.refused).toMatchObject(
      Array(FAILURES_TO_OPEN + 1).fill({ code: 'time_budget', sent: false }),
    );
    expect(opened.upstreams()).toMatchObject([{ circuit: 'closed' }]);
    return opened;
  }
  type Upstream = Awaited<ReturnType<typeof startUpstream>>;
  const named = ({ port }: Upstream) => ({
    upstreams: {
      'api.example.com': { baseUrl: `http://named.test:${port}`, addresses: ['127.0.0.1/32'] },
    },
    // Not at once, as no name server answers at once.
    resolve: () => new Promise<string[]>((resolve) => setImmediate(() => resolve(['127.0.0.1']))),
  });
  const credentials = { get: async () => 'Bearer something-long' };

  it.each<[string, Ask]>([
    ['a read', {}],
    ['a write', WRITE],
  ])('%s, by a credential', async (_what, call) => {
    const upstream = await startUpstream((response) => json(response, {}));
    const waiting = { get: () => slow().then(() => 'Bearer something-long') };
    const { heard } = await ask(call, { ...named(upstream), credentials: waiting }, {}, upstream);
    expect([heard.writes, upstream.seen]).toEqual([[], []]);
  });

  it('a write, by its intent', async () => {
    const upstream = await startUpstream((response) => json(response, {}));
    const hooks = { beforeWrite: slow } as unknown as DoorSpec['hooks'];
    await ask(WRITE, { ...named(upstream), credentials }, { hooks }, upstream);
    expect(upstream.seen).toEqual([]);
  });

  it('a write to what is built in, by its intent', async () => {
    const upstream = await startUpstream((response) => json(response, {}));
    let served = 0;
    const builtIns = {
      'desk.internal': async () => {
        served += 1;
        return Response.json({});
      },
    };
    const rules = RULES.map((rule) => ({ ...rule, host: 'desk.internal', credential: null }));
    const hooks = { beforeWrite: slow } as unknown as DoorSpec['hooks'];
    const call = { ...WRITE, host: 'desk.internal' };
    await ask(call, { ...named(upstream), builtIns }, { hooks, rules }, upstream);
    expect(served).toBe(0);
  });
});

describe('a circuit', () => {
  async function opened(script: Script = status(500)) {
    const it = await open(script);
    for (let call = 0; call < FAILURES_TO_OPEN; call++) await it.codeOf({});
    return it;
  }

  it.each<[string, Script]>([
    ['server errors', status(500)],
    ['no answers', hangUp],
  ])('opens after %s in a row: nothing more leaves, and the seconds are said', async (_what, script) => {
    const { ask, upstream, heard } = await opened(script);
    const before = upstream.seen.length;
    const { headers } = await ask({});
    expect(headers).toMatchObject({ 'x-egress-refused': 'circuit_open', 'x-egress-sent': 'no' });
    expect(headers['retry-after']).toBe(String(OPEN_MS / 1_000));
    expect((await ask(WRITE)).headers['x-egress-refused']).toBe('circuit_open');
    expect(upstream.seen).toHaveLength(before);
    expect(heard.writes).toEqual([]);
    expect(heard.refused.at(-1)).toMatchObject({ code: 'circuit_open', sent: false });
  });

  it('stays closed as long as the upstream answers in between', async () => {
    let calls = 0;
    const { codeOf } = await open((response) => status(calls++ % 2 === 0 ? 500 : 404)(response));
    for (let call = 0; call < 3 * FAILURES_TO_OPEN; call++) expect(await codeOf({})).not.toBe('circuit_open');
  });

  it('lets one call try after a while, and closes when it is answered', async () => {
    let isDown = true;
    const it = await opened((response) => status(isDown ? 500 : 200)(response));
    expect(it.upstreams()).toEqual([{ host: 'api.example.com', circuit: 'open', pausedSeconds: 0 }]);
    it.clock.waited.push(OPEN_MS);
    expect(it.upstreams()).toMatchObject([{ circuit: 'half_open' }]);
    isDown = false;
    expect(await it.codeOf({})).toBe(200);
    expect(it.upstreams()).toMatchObject([{ circuit: 'closed' }]);
  });

  it('lets only one call try; one that ends without a verdict leaves the try to the next', () => {
    const clock = impatient();
    const circuits = createCircuits(clock);
    const late = circuits.enter('a');
    for (let call = 0; call < FAILURES_TO_OPEN; call++) circuits.enter('a')('failed');
    clock.waited.push(OPEN_MS);
    // It began before the circuit opened.
    late('answered');
    const first = circuits.enter('a');
    expect(() => circuits.enter('a')).toThrow(expect.objectContaining({ reason: 'circuit_open' }));
    first('none');
    circuits.enter('a')('answered');
    expect(circuits.stateOf('a')).toBe('closed');
    expect(circuits.stateOf('b')).toBe('closed');
  });

  it('opens again at once when that one call fails', async () => {
    const { codeOf, clock, upstream } = await opened();
    clock.waited.push(OPEN_MS);
    expect(await codeOf({})).toBe(500);
    expect(await codeOf({})).toBe('circuit_open');
    expect(upstream.seen).toHaveLength(FAILURES_TO_OPEN + 1);
  });
});

/**
 * One call of action code with a real broker, a real upstream on loopback and a real log: whatever its code does at the door, and
 * whatever the upstream does, is an entry, and what is known of its writes is what happened.
 */
import { afterEach, describe, expect, test } from 'vitest';
import type { EgressRule, GovernedAction } from '../../src/action.ts';
import { attempt } from '../../src/execution/attempt.ts';
import { createBroker } from '../../src/execution/broker/broker.ts';
import { DEFAULT_BUDGETS, type Left } from '../../src/execution/broker/call.ts';
import type { AppCredential } from '../../src/execution/broker/credential.ts';
import { claimApproved, intentsOf } from '../../src/execution/lease.ts';
import { leftOf, limitsOf } from '../../src/execution/spending.ts';
import type { Json } from '../../src/model/request.ts';
import { findSecrets } from '../../src/screening/secrets.ts';
import { alice, entriesOf, storeRequest, testLog, testSealing } from '../support/core.ts';
import { useDatabase } from '../support/database.ts';
import { startAuthority } from '../support/github-app/authority.ts';
import { impatient, RULES, rawRequest, socketPair } from './broker/child.ts';
import { json, type Script, startUpstream } from './broker/upstream-server.ts';

const database = useDatabase();
const { audit } = testLog();
const TOKEN = ['ghs', 'a1B2c3D4e5F6g7H8i9J0k1L2'].join('_');

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const BODY = JSON.stringify({ title: 'VPN down', body: 'mark-1' });
const WRITE = rawRequest('POST /repos/acme/issues', [`content-length: ${BODY.length}`], BODY);
const READ_LINE = 'GET /repos/acme/issues/12?state=all';
const READ = rawRequest(READ_LINE);
/** Without it another request may follow on the same stream. */
const going = (request: string) => request.replace('connection: close\r\n', '');

const STOP_RULE: EgressRule = {
  method: 'POST',
  host: 'api.example.com',
  path: '/repos/{owner}/runs/{run}/stop',
  effect: 'write',
  phase: 'follow',
  fill: ({ handle }): Record<string, string> =>
    typeof handle.stop === 'string' ? { owner: 'acme', run: handle.stop } : {},
  query: () => ({}),
  body: () => null,
  credential: 'example',
};
const STOP = rawRequest('POST /repos/acme/runs/12/stop', ['content-length: 0']);

const governed = {
  action: { name: 'ticket.create', effect: 'write', operation: 'create' },
  connector: { name: 'example' },
  operation: {
    egress: [...RULES, STOP_RULE],
    writes: 1,
    scope: () => ({ repository: { owner: 'acme', repo: 'web' }, permissions: { issues: 'read' } }),
  },
  settings: {},
} as unknown as GovernedAction;

type Look = { handle: Record<string, Json>; followWrites: number };

/**
 * Runs a child that writes these bytes to its door, waits until the door is closed, and says that all is well. `look`: as a look
 * that holds the claim, and not as a run. `app`: tokens are made for it on demand.
 */
async function run(
  bytes: string,
  upstream: Script | { baseUrl: string; app?: AppCredential },
  look: Look | null = null,
  before: Left = { calls: 0, bytes: 0, ms: 0 },
) {
  const server = typeof upstream === 'function' ? await startUpstream(upstream) : null;
  if (server) ends.push(() => server.close());
  const config = server?.config ?? {
    'api.example.com': { baseUrl: (upstream as { baseUrl: string }).baseUrl, addresses: ['127.0.0.1/32'] },
  };
  const broker = createBroker({
    upstreams: config,
    credentials: { get: async () => ('app' in upstream && upstream.app) || `Bearer ${TOKEN}` },
    builtIns: {},
    scan: (text) => findSecrets(text)[0]?.type ?? null,
    clock: impatient(),
  });
  ends.push(() => broker.close());
  const request = await storeRequest(database.db, { state: 'approved', confirmedAt: new Date() });
  const claim = await database.db.transaction((tx) => claimApproved(tx, request, 'kernel'));
  const share = look === null ? 'run' : 'looks';
  await database.db.query(
    'insert into spending (request, share, calls, bytes, ms) values ($1, $2, $3, $4, $5)',
    [request.id, share, before.calls, before.bytes, before.ms],
  );
  const answer = await attempt(
    {
      db: database.db,
      audit,
      broker,
      bundleOf: () => ({ file: '', sha256: '' }),
      sealing: testSealing(),
      mask: (text) => text,
      troubled: () => undefined,
      sandbox: {
        async run({ door }) {
          const [inside, outside] = await socketPair();
          door(outside);
          const { promise, resolve } = Promise.withResolvers<void>();
          inside.on('close', resolve).on('error', resolve).resume();
          inside.write(bytes, 'latin1');
          await promise;
          const value = { kind: 'done', result: { code: 'done', message: 'All is well.' } };
          return { kind: 'answered', value, durations: { wallMs: 1, firstByteMs: 1 } };
        },
      },
    },
    {
      call: look === null ? 'run' : 'follow',
      governed: { ...governed, operation: { ...governed.operation, followWrites: look?.followWrites ?? 0 } },
      turn: request.turn,
      request: request.id,
      args: { title: 'VPN down', ticket: '12' },
      pinned: {},
      handle: look?.handle ?? {},
      requester: { id: alice, name: 'Alice' },
      mark: 'mark-1',
      idempotencyKey: 'key-1',
      claim,
      share,
      least: 'kernel',
      onProgress: () => undefined,
      signal: new AbortController().signal,
    },
  );
  const entries = await entriesOf(database.db, request.id);
  return {
    unanswered: answer.unanswered,
    usedUp: answer.usedUp,
    unseen: answer.unseen,
    left: await leftOf(database.db, request.id, share),
    seen: server?.seen ?? [],
    entries: entries
      .filter(({ type }) => type.startsWith('egress.'))
      .map(({ type, data }) => `${type} ${data?.code ?? data?.status}`),
    text: JSON.stringify(entries),
    intents: await intentsOf(database.db, request.id),
    phases: (
      await database.db.query<{ phase: string }>('select phase from intents where request = $1', [request.id])
    ).map(({ phase }) => phase),
  };
}

const NONE = { total: 0, unanswered: 0, serverErrors: 0 };

describe('what hostile code does is an entry, and nothing of it has left', () => {
  test.each<[string, string, string]>([
    ['another repository', rawRequest('GET /repos/evil/issues/12?state=all'), 'not_declared'],
    ['an encoded path', rawRequest('GET /repos/acme%2fissues/12'), 'ambiguous_target'],
    ['another body', WRITE.replace('VPN down', 'VPN gone'), 'body_not_declared'],
    ['smuggling', rawRequest(READ_LINE, ['content-length: 5', 'transfer-encoding: chunked']), 'malformed'],
  ])('%s', async (_what, bytes, code) => {
    const { entries, seen, intents } = await run(bytes, (response) => json(response, {}));
    expect(entries).toEqual([`egress.refused ${code}`]);
    expect([seen, intents]).toEqual([[], NONE]);
  });

  test('a second write', async () => {
    const { entries, seen, intents } = await run(going(WRITE) + WRITE, (response) => json(response, {}, 201));
    expect(entries).toEqual(['egress.called 201', 'egress.refused write_budget']);
    expect(seen).toHaveLength(1);
    expect(intents).toEqual({ ...NONE, total: 1 });
  });
});

describe('something was asked and not told', () => {
  test.each<[string, boolean, Script]>([
    ['is answered', false, (response) => json(response, {})],
    ['is not there', false, (response) => json(response, {}, 404)],
    ['is not shown to us', true, (response) => json(response, {}, 403)],
    ['is refused for now', true, (response) => json(response, {}, 503)],
    ['is answered when it is tried again', false, downOnce()],
  ])('what %s: %s', async (_what, unseen, script) => {
    expect((await run(READ, script)).unseen).toBe(unseen);
  });

  test('where the broker refuses it', async () => {
    expect(
      (await run(rawRequest('GET /repos/evil/issues/12?state=all'), (response) => json(response, {}))).unseen,
    ).toBe(true);
  });

  test.each([
    ['is answered with an error', 500, 'egress.called 500'],
    ['is not answered', 'cut off', 'egress.refused interrupted'],
  ] as const)(
    'but not where it was told, and what the broker asks besides %s',
    async (_what, fault, entry) => {
      // A token that was made for it cannot be taken back.
      const authority = await startAuthority({ revocation: [fault, fault] });
      ends.push(() => authority.close());
      const { baseUrl } = authority.config['api.example.com'];
      const look = { handle: {}, followWrites: 1 };
      const { entries, unseen } = await run(READ, { baseUrl, app: authority.app }, look);
      expect(entries).toEqual(['egress.called 200', 'egress.called 201', 'egress.called 200', entry, entry]);
      expect(unseen).toBe(false);
    },
  );

  function downOnce(): Script {
    let isDown = true;
    return (response) => {
      json(response, {}, isDown ? 503 : 200);
      isDown = false;
    };
  }
});

describe('a look', () => {
  const ASKED = { handle: { stop: '12' }, followWrites: 1 };
  const good: Script = (response) => json(response, {}, 202);

  test('sends the stop that its handle asks for, counted apart from what the run sent', async () => {
    const { entries, seen, intents, phases } = await run(STOP, good, ASKED);
    expect(entries).toEqual(['egress.called 202']);
    expect(seen.map(({ url }) => url)).toEqual(['/v3/repos/acme/runs/12/stop']);
    expect([intents, phases]).toEqual([NONE, ['follow']]);
  });

  test.each<[string, string, Look | null, string]>([
    ["the run's own write", WRITE, ASKED, 'not_declared'],
    ['the stop of another run', STOP.replace('/12/', '/13/'), ASKED, 'not_declared'],
    ['a stop that its handle does not ask for', STOP, { ...ASKED, handle: {} }, 'not_declared'],
    ['a stop though none is declared', STOP, { ...ASKED, followWrites: 0 }, 'write_in_read_only'],
    [
      "the run's own write, with nothing declared",
      WRITE,
      { ...ASKED, followWrites: 0 },
      'write_in_read_only',
    ],
    ['the stop, from a run', STOP, null, 'not_declared'],
  ])('cannot send %s', async (_what, bytes, look, code) => {
    const { entries, seen, phases } = await run(bytes, good, look);
    expect(entries).toEqual([`egress.refused ${code}`]);
    expect([seen, phases]).toEqual([[], []]);
  });

  test('cannot send one more than is declared', async () => {
    const { entries, seen } = await run(going(STOP) + STOP, good, ASKED);
    expect(entries).toEqual(['egress.called 202', 'egress.refused write_budget']);
    expect(seen).toHaveLength(1);
  });
});

describe('what an execution has spent', () => {
  const limits = limitsOf('run');

  test('is what its entries say: every try, every refusal, the bytes both ways', async () => {
    let calls = 0;
    const { entries, left, usedUp } = await run(
      going(WRITE) + going(READ) + rawRequest('GET /repos/evil/issues/12?state=all'),
      (response) => {
        calls += 1;
        json(response, { seen: 'it' }, calls === 2 ? 503 : 200);
      },
    );
    expect(entries).toEqual([
      'egress.called 200',
      'egress.called 503',
      'egress.called 200',
      'egress.refused not_declared',
    ]);
    const answered = 3 * JSON.stringify({ seen: 'it' }).length;
    expect(limits.calls - left.calls).toBe(entries.length);
    expect(limits.bytes - left.bytes).toBe(BODY.length + answered);
    expect(usedUp).toBe(null);
  });

  test('counts an answer that is not taken once', async () => {
    const { left } = await run(READ, (r) => void r.writeHead(302, { location: '/' }).end());
    expect(limits.calls - left.calls).toBe(1);
  });

  test('of looks is apart from what its run has spent', async () => {
    const { left } = await run(READ, (response) => json(response, {}), { handle: {}, followWrites: 0 });
    expect(limitsOf('looks').calls - left.calls).toBe(1);
  });

  test('leaves a door no more than the rest', async () => {
    const { entries, seen, usedUp } = await run(going(READ) + READ, (response) => json(response, {}), null, {
      calls: limits.calls - 1,
      bytes: 0,
      ms: 0,
    });
    expect(entries).toEqual(['egress.called 200', 'egress.refused execution_budget']);
    expect([seen.length, usedUp]).toEqual([1, 'calls']);
  });

  test.each([
    ['calls', { calls: limits.calls, bytes: 0, ms: 0 }],
    ['bytes', { calls: 0, bytes: limits.bytes, ms: 0 }],
    ['ms', { calls: 0, bytes: 0, ms: limits.ms }],
  ])('opens no door at all where no %s are left, and that is an entry', async (quantity, before) => {
    const { entries, seen, usedUp, text } = await run(READ, (response) => json(response, {}), null, before);
    expect(entries).toEqual(['egress.refused execution_budget']);
    expect(text).toContain(`"detail":"${quantity}"`);
    expect([seen, usedUp]).toEqual([[], quantity]);
  });
});

describe('what a hostile upstream does is an entry', () => {
  test('a credential that comes back is masked, and stands in no entry', async () => {
    const { entries, text } = await run(READ, (response) => json(response, { token: TOKEN }));
    expect(entries).toEqual(['egress.called 200']);
    expect(text).toContain('"credentialEchoed":true');
    expect(text).not.toContain(TOKEN);
  });

  test('a redirect is one that was answered, and refused', async () => {
    const { entries } = await run(READ, (r) => void r.writeHead(302, { location: '/' }).end());
    expect(entries).toEqual(['egress.called 302', 'egress.refused redirect']);
  });

  test('each try of a read is one', async () => {
    let calls = 0;
    const { entries } = await run(READ, (response) => {
      calls += 1;
      if (calls === 1) response.destroy();
      else json(response, {}, calls === 2 ? 503 : 200);
    });
    expect(entries).toEqual(['egress.refused interrupted', 'egress.called 503', 'egress.called 200']);
  });
});

describe('a write', () => {
  test('that was never answered stays so, whatever its code says', async () => {
    const { entries, unanswered, intents } = await run(WRITE, (response) => void response.destroy());
    expect(entries).toEqual(['egress.refused interrupted']);
    expect(unanswered).toBe(1);
    expect(intents).toEqual({ total: 1, unanswered: 1, serverErrors: 0 });
  });

  test('that never left leaves no doubt behind: each try committed first, then settled', async () => {
    const gone = await startUpstream((response) => json(response, {}));
    await gone.close();
    const { entries, unanswered, intents } = await run(WRITE, { baseUrl: gone.baseUrl });
    expect(entries).toEqual(Array.from({ length: 3 }, () => 'egress.refused connection_failed'));
    expect(unanswered).toBe(0);
    expect(intents).toEqual(NONE);
  });

  test('whose answer is not read to its end counts with what was read, as one call', async () => {
    const body = 'x'.repeat(DEFAULT_BUDGETS.responseBytes + 1);
    const { left, entries } = await run(WRITE, (response) => void response.end(body));
    expect(entries).toEqual(['egress.called 200', 'egress.refused response_too_large']);
    const all = limitsOf('run');
    expect(all.calls - left.calls).toBe(1);
    expect(all.bytes - left.bytes).toBeGreaterThanOrEqual(BODY.length + DEFAULT_BUDGETS.responseBytes);
  });

  test.each<[string, string, Script]>([
    ['a redirect', 'egress.called 302', (r) => void r.writeHead(302).end()],
    [
      'something encoded',
      'egress.called 200',
      (r) => void r.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
    ],
  ])(
    'that was answered with %s stays unanswered: what it did is not known from that',
    async (_what, entry, script) => {
      const { entries, unanswered, intents } = await run(WRITE, script);
      expect(entries).toEqual([entry, expect.stringContaining('egress.refused')]);
      expect(unanswered).toBe(1);
      expect(intents).toEqual({ ...NONE, total: 1, unanswered: 1 });
    },
  );
});

/** The command line beside a running assistant: a second process on the same data. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { DATABASE_NAME } from '../../src/store/embedded/secrets.ts';
import { superuserUrl } from '../../src/store/embedded.ts';
import { type Assistant, countersign, linesOf, makePlace, startAssistant } from './cli.ts';

type RequestView = { id: string; digest: string; state: string; result?: { code: string } };
type Turned = { reply: string; requests: RequestView[] };

const place = makePlace();
let assistant: Assistant;
beforeAll(async () => {
  assistant = await startAssistant(place.data);
});
afterAll(async () => {
  // Absent where the start failed, which is then what is told.
  await assistant?.stop();
  await place.remove();
});

const run = (...args: string[]) => countersign(place.data, args, { env: assistant.env });
const say = async (principal: string, text: string): Promise<Turned> =>
  (await assistant.post('/api/local/turns', { principal, text })).body as Turned;
const look = async (id: string) => (await assistant.get(`/api/local/requests/${id}`)) as RequestView;
/** From then on the assistant writes nothing more down about it. */
const untilDone = (request: RequestView) =>
  vi.waitUntil(async () => (await look(request.id)).state === 'succeeded', { timeout: 60_000 });
const TRIGGER = 'ci trigger repo=web ref=main job=checks';

it('says that a first start takes long before it does', () => {
  expect(assistant.greeting).toMatch(/First start: making a database[\s\S]*Countersign is at http:/);
});

describe('beside a running assistant', () => {
  it('stops an action from a second process: what is pending is void, and nothing new is taken', async () => {
    const pending = (await say('alice', TRIGGER)).requests[0]!;
    const ticket = (await say('alice', 'ticket create title="before the switch"')).requests[0]!;
    expect(pending.state).toBe('pending');
    const { exit, stdout } = await run('kill', 'on', '--action', 'ci.trigger', '--reason', 'bad deploy');
    expect([exit, stdout]).toEqual([
      0,
      'The kill switch is on for ci.trigger. 1 pending request was cancelled. To lift it: countersign kill off --action ci.trigger --reason …\n',
    ]);
    // At once: the command has returned, and no time is given to anybody.
    expect(await look(pending.id)).toMatchObject({ state: 'cancelled', result: { code: 'kill_switch' } });
    const decided = await assistant.post(`/api/local/requests/${pending.id}/decisions`, {
      principal: 'bob',
      decision: 'approve',
      digest: pending.digest,
    });
    // Nobody may approve while the switch is on; and there is nothing left to approve.
    expect(decided.status).toBe(403);
    expect((await look(pending.id)).state).toBe('cancelled');
    const after = (await say('alice', TRIGGER)).requests[0]!;
    expect(after).toMatchObject({ state: 'denied', result: { code: 'kill_switch' } });
    await untilDone(ticket);
    await run('kill', 'off', '--action', 'ci.trigger', '--reason', 'mended');
    expect((await say('alice', TRIGGER)).requests[0]).toMatchObject({ state: 'pending' });
  });

  it('stops everything for one person', async () => {
    await run('kill', 'on', '--principal', 'alice', '--reason', 'stolen laptop');
    expect((await say('alice', 'ticket create title="stolen"')).requests[0]).toMatchObject({
      state: 'denied',
    });
    await untilDone((await say('dave', 'ticket create title="mine"')).requests[0]!);
    await run('kill', 'off', '--principal', 'alice', '--reason', 'found');
  });

  it('reads the log without writing to it', async () => {
    await run('audit', 'export');
    const before = (await run('audit', 'checkpoint')).stdout;
    expect((await run('audit', 'verify')).exit).toBe(0);
    expect((await run('audit', 'key')).exit).toBe(0);
    expect((await run('kill', 'status')).exit).toBe(0);
    expect((await run('audit', 'checkpoint')).stdout).toBe(before);
  });

  it('exports a log whose end the assistant has signed for', async () => {
    const file = path.join(place.folder, 'log');
    const note = path.join(place.folder, 'note');
    writeFileSync(file, (await run('audit', 'export')).stdout);
    writeFileSync(note, (await run('audit', 'checkpoint')).stdout);
    const key = (await run('audit', 'key')).stdout.trim();
    const { exit, stdout } = await run('audit', 'verify', '--file', file, '--key', key, '--checkpoint', note);
    expect(stdout).toContain('verified: ');
    expect(exit).toBe(0);
  });

  it('proves one request to somebody without a server', async () => {
    const request = (await say('alice', TRIGGER)).requests[0]!;
    const made = await run('evidence', request.id);
    expect(made).toMatchObject({ exit: 0, stderr: '' });
    const file = path.join(place.folder, 'evidence.json');
    writeFileSync(file, made.stdout);
    const elsewhere = path.join(place.folder, 'elsewhere');
    const verify = (...more: string[]) =>
      countersign(elsewhere, ['evidence', 'verify', file, '--json', ...more], { cwd: place.folder });
    const key = (await run('audit', 'key')).stdout.trim();
    const good = await verify('--key', key);
    expect(JSON.parse(good.stdout)).toMatchObject({ ok: true, request: request.id, digest: request.digest });
    expect(good.exit).toBe(0);
    const envelope = JSON.parse(readFileSync(file, 'utf8')) as { payload: string };
    const payload = Buffer.from(envelope.payload, 'base64').toString('utf8').replace('"web"', '"wob"');
    writeFileSync(file, JSON.stringify({ ...envelope, payload: Buffer.from(payload).toString('base64') }));
    const bad = await verify('--key', key);
    expect(JSON.parse(bad.stdout)).toMatchObject({ ok: false, findings: [{ code: 'bad_signature' }] });
    expect(bad.exit).toBe(1);
  });

  it('has no bundle of a request that is not there', async () => {
    const { exit, stdout, stderr } = await run('evidence', '00000000-0000-4000-8000-000000000000');
    expect([exit, stdout]).toEqual([1, '']);
    expect(stderr).toContain('There is no such request.');
  });

  it('finds the assistant healthy, and its port in good hands', async () => {
    const { exit, stdout } = await run('doctor', '--json');
    const { findings } = JSON.parse(stdout) as { findings: { name: string; state: string; what: string }[] };
    expect(findings.filter(({ state }) => state === 'bad')).toEqual([]);
    expect(exit).toBe(0);
    expect(findings.find(({ name }) => name === 'port')?.what).toContain('an assistant answers');
    expect(findings.find(({ name }) => name === 'sequencer')?.state).toBe('ok');
  });

  it('does not reset data that is in use', async () => {
    expect((await run('reset', '--yes')).exit).toBe(1);
    expect(await assistant.get('/healthz')).toEqual({ alive: true });
  });
});

describe('privacy', () => {
  const word = 'heliotrope';
  /** Every row of every table of ours that holds the word, by table. */
  async function placesOf(text: string): Promise<Record<string, number>> {
    const url = new URL(superuserUrl(place.data));
    url.pathname = `/${DATABASE_NAME}`;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    const found: Record<string, number> = {};
    const { rows: tables } = await client.query<{ name: string; schema: string }>(
      "select tablename as name, schemaname as schema from pg_tables where schemaname in ('public', 'pgboss')",
    );
    for (const { name, schema } of tables) {
      const { rows } = await client.query<{ count: string }>(
        `select count(*) as count from ${schema}.${name} t where t::text like '%' || $1 || '%'`,
        [text],
      );
      if (Number(rows[0]!.count) > 0) found[name] = Number(rows[0]!.count);
    }
    await client.end();
    return found;
  }

  it('exports what a person wrote, and only theirs', async () => {
    await say('carol', `open a ticket: the ${word} printer is broken`);
    await say('dave', 'open a ticket: something of mine');
    const { exit, stdout, stderr } = await run('privacy', 'export', 'carol');
    const lines = linesOf(stdout);
    expect(exit).toBe(0);
    expect(stderr).toContain('that they were read is in the audit log');
    const received = lines.find(({ type }) => type === 'turn.received');
    expect(JSON.stringify(received?.content)).toContain(word);
    const tables = new Set(lines.map(({ stored }) => stored));
    for (const table of ['threads', 'turns', 'messages', 'requests', 'greeted', 'directory'])
      expect(tables).toContain(table);
    expect(stdout).not.toContain('something of mine');
  });

  it('erases the words everywhere but where a digest binds them, and the log still verifies', async () => {
    // Carol's reason for a denial stands in somebody else's conversation.
    const asked = (await say('alice', TRIGGER)).requests[0]!;
    await assistant.post(`/api/local/requests/${asked.id}/decisions`, {
      principal: 'carol',
      decision: 'deny',
      digest: asked.digest,
      reason: `not without ${word}`,
    });
    const before = await placesOf(word);
    expect(Object.keys(before).sort()).toEqual(['messages', 'requests', 'threads', 'turns']);
    expect(before.requests).toBe(2);
    const { exit, stdout, stderr } = await run('privacy', 'erase', 'carol', '--json');
    expect(exit).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ person: 'carol', keys: 1 });
    expect(stderr).toContain('keep their arguments and preview');
    expect(await placesOf(word)).toEqual({ requests: 1 });
    expect((await run('audit', 'verify')).exit).toBe(0);
    const left = linesOf((await run('privacy', 'export', 'carol')).stdout);
    expect(left.filter(({ erased }) => erased === true).length).toBeGreaterThan(0);
    expect(left.every(({ content }) => content === undefined || content === null)).toBe(true);
    const denied = (await look(asked.id)) as RequestView & { result: { message: string } };
    expect(denied.result.message).toBe('Denied by carol.');
  });

  it('has nothing more to erase, and lets the person go on', async () => {
    const again = await run('privacy', 'erase', 'carol');
    expect(again).toMatchObject({ exit: 1, stdout: '' });
    const { requests } = await say('carol', 'open a ticket: a new one');
    expect(requests).toHaveLength(1);
  });

  it('says that it holds nothing of a stranger', async () => {
    for (const what of ['export', 'erase']) {
      const { exit, stdout } = await run('privacy', what, 'stranger');
      expect([exit, stdout]).toEqual([1, '']);
    }
  });
});

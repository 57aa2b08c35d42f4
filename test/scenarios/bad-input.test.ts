import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Home,
  holdAt,
  makeHome,
  openWay,
  runProcess,
  settles,
  spawnAssistant,
} from '../support/assistant.ts';
import { asSuperuser, useDatabase } from '../support/database.ts';

describe('bad input over HTTP', () => {
  const database = useDatabase();
  let home: Home;
  let assistant: Awaited<ReturnType<typeof spawnAssistant>>;
  beforeAll(async () => {
    home = makeHome();
    assistant = await spawnAssistant(home, { database });
  });
  afterAll(async () => {
    expect(await assistant.stop()).toBe(0);
    home.remove();
  });

  const refusals: [
    what: string,
    send: () => Promise<{ status: number; body: unknown }>,
    status: number,
    code: string,
  ][] = [
    ['an empty text', () => assistant.say('alice', ' \n '), 400, 'empty_text'],
    ['40,000 characters', () => assistant.say('alice', 'x'.repeat(40_000)), 413, 'too_long'],
    [
      'a person who is not in the directory',
      () => assistant.say('mallory', 'help'),
      403,
      'unknown_principal',
    ],
    [
      'a body that is no JSON',
      () => assistant.call('POST', '/api/local/turns', '{"principal":'),
      400,
      'malformed',
    ],
    ['another shape', () => assistant.call('POST', '/api/local/turns', { who: 'alice' }), 400, 'malformed'],
    [
      'a form post',
      () =>
        assistant.call('POST', '/api/local/turns', 'principal=alice&text=help', {
          'content-type': 'application/x-www-form-urlencoded',
        }),
      415,
      'not_json',
    ],
    [
      'a page of another site',
      () =>
        assistant.call(
          'POST',
          '/api/local/turns',
          { principal: 'alice', text: 'help' },
          { origin: 'https://evil.example' },
        ),
      403,
      'forbidden_origin',
    ],
    ['a request that is none', () => assistant.call('GET', '/api/local/requests/none'), 404, 'not_found'],
    ['a thread of nobody', () => assistant.say('alice', 'help', crypto.randomUUID()), 404, 'not_found'],
  ];
  it.each(refusals)('%s is refused in a sentence', async (_what, send, status, code) => {
    const answer = await send();
    expect(answer).toMatchObject({
      status,
      body: { error: { code, message: expect.stringMatching(/^[A-Z].{10,300}\.$/s) } },
    });
  });

  it('markup, control and bidirectional characters are answered like any other words', async () => {
    const answer = await assistant.say('alice', '<script>alert(1)</script> \u202eabc\u0000\u0007');
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ requests: [], reply: expect.stringMatching(/You can ask for/) });
  });

  it('a port in use ends the start with a sentence that names it', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const second = runProcess(home, { database, environment: { PORT: String(port) } });
    expect(await second.exited()).toBe(1);
    expect(second.said.err).toMatch(new RegExp(`^countersign: [^\\n]*\\b${port}\\b[^\\n]*\\n$`));
    other.close();
  });

  it('a configuration with an unknown key ends the start, naming file and key', async () => {
    const wrong = makeHome({ extra: 'aprovals: none' });
    const process = runProcess(wrong, { database });
    expect(await process.exited()).toBe(2);
    expect(process.said.err).toMatch(/^countersign: .*countersign\.yaml:\d+: .*aprovals/);
    expect(process.said.err.split('\n')).toHaveLength(2);
    wrong.remove();
  });
});

describe('a database that stops in the middle', () => {
  const database = useDatabase();
  let home: Home;
  let way: Awaited<ReturnType<typeof openWay>>;
  let assistant: Awaited<ReturnType<typeof spawnAssistant>>;
  beforeAll(async () => {
    home = makeHome();
    way = await openWay(database);
    assistant = await spawnAssistant(home, { database: way });
  });
  afterAll(async () => {
    expect(await assistant.stop()).toBe(0);
    await way.close();
    home.remove();
  });

  const titles = async () =>
    (await database.owner.query<{ title: string }>('select title from desk_tickets order by number')).map(
      (ticket) => ticket.title,
    );

  it('is said in a sentence, and what was acknowledged is done once it is back', async () => {
    // Acknowledged, claimed, and not yet at its effect when the database goes.
    const held = await holdAt(database, { table: 'intents', on: 'insert' });
    const acknowledged = assistant.say('alice', 'ticket create title="Acknowledged before the stop"');
    await held.reached();

    await way.close();
    const during = await assistant.say('alice', 'ticket create title="During the stop"');
    expect(during).toMatchObject({
      status: 503,
      body: {
        error: { code: 'database_unavailable', message: expect.stringMatching(/database does not answer/) },
      },
    });
    expect((await assistant.call('GET', '/readyz')).status).toBe(503);
    expect((await assistant.call('GET', '/healthz')).status).toBe(200);

    await held.release();
    await held.remove();
    await way.reopen();
    await settles(async () => (await assistant.call('GET', '/readyz')).status === 200, 'it is ready again');
    const after = await assistant.say('alice', 'ticket create title="After the stop"');
    expect(after.status).toBe(200);
    await assistant.until(after.body.requests[0], 'succeeded');
    // Its lease ends as every lease does; the test moves the clock on.
    await database.owner.query(
      "update requests set lease_until = clock_timestamp() - interval '1 second' where state = 'executing'",
    );
    await settles(async () => (await titles()).length === 2, 'both tickets are there');
    expect((await titles()).sort()).toEqual(['Acknowledged before the stop', 'After the stop']);
    await acknowledged.catch(() => undefined);
    expect(assistant.child.exitCode).toBeNull();
  });

  it('closed for maintenance, is said in a sentence too', async () => {
    const name = new URL(database.appUrl).pathname.slice(1);
    await asSuperuser([
      `alter database ${name} with allow_connections false`,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and usename <> 'countersign_owner'`,
    ]);
    const during = await assistant.say('alice', 'ticket create title="During the maintenance"');
    await asSuperuser([`alter database ${name} with allow_connections true`]);
    expect(during).toMatchObject({ status: 503, body: { error: { code: 'database_unavailable' } } });
    await settles(async () => (await assistant.call('GET', '/readyz')).status === 200, 'it is ready again');
  });
});

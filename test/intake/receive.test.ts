import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { FETCHED_MAX_CHARACTERS } from '../../src/intake/content.ts';
import { receive } from '../../src/intake/receive.ts';
import { findTurn } from '../../src/intake/turns.ts';
import { newId, RenderingId, ThreadId, type TurnId } from '../../src/model/ids.ts';
import { type Content, type Delivery, MESSAGE_MAX_CHARACTERS } from '../../src/model/turn.ts';
import { maskSecrets } from '../../src/screening/secrets.ts';
import { cleanText } from '../../src/screening/text.ts';
import { alice, testLog } from '../support/core.ts';
import { useDatabase } from '../support/database.ts';

const database = useDatabase();
const { audit, personKeys } = testLog();
const queued: TurnId[] = [];
afterEach(() => {
  queued.length = 0;
});

const deps = () => ({
  db: database.db,
  audit,
  identify: async (account: Delivery['account']) =>
    account.platform === 'slack' && account.user === 'U1'
      ? ({ kind: 'known', principal: { id: alice, name: 'Alice', groups: [], accounts: [] } } as const)
      : ({ kind: 'unknown' } as const),
  screen: (text: string) => {
    const masked = maskSecrets(text);
    return { text: cleanText(masked.text), found: masked.found.map((it) => it.type) };
  },
  enqueueTurn: async (_tx: unknown, turn: TurnId) => void queued.push(turn),
});

const message = (text: string, fetched: string[] = []): Content => ({ kind: 'message', text, fetched });
const form = (values: Record<string, unknown>, action = 'ticket.create'): Content => ({
  kind: 'form',
  action,
  arguments: values,
});
function delivery(content: Content, changes: Partial<Delivery> = {}): Delivery {
  return {
    key: crypto.randomUUID(),
    account: { platform: 'slack', enterprise: null, team: 'T1', user: 'U1' },
    place: { platform: 'slack', tenant: 'T1', container: 'C1', thread: crypto.randomUUID(), direct: false },
    content,
    ...changes,
  };
}
const STRANGER = { platform: 'slack', enterprise: null, team: 'T1', user: 'U9' } as const;
const say = (content: Content, changes?: Partial<Delivery>) => receive(deps(), delivery(content, changes));
const turnOf = async (id: TurnId) => (await findTurn(database.db, id))!;
const entriesOf = async (turn: TurnId) =>
  (await database.db.query<{ body: string }>('select body from audit_entries order by counter'))
    .map((row) => JSON.parse(row.body))
    .filter((entry) => entry.turn === turn);

/** Every value of every table that the owner can read, as text. */
async function everythingStored(): Promise<string> {
  const tables = await database.owner.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const parts: string[] = [];
  for (const { name } of tables) {
    for (const row of await database.owner.query<{ all: string }>(`select t::text as all from ${name} t`))
      parts.push(row.all);
  }
  return parts.join('\n');
}
/** Looks like the real thing to a scanner, so it is put together here. */
const secret = () =>
  ['gh', 'p_', crypto.randomUUID().replaceAll('-', '').slice(0, 18), 'A1b2C3d4E5f6G7h8I9'].join('');

describe('a delivery becomes a turn', () => {
  test('with its message, its entry and its job, all before it is acknowledged', async () => {
    const { turn, thread, duplicate } = await say(message('open a ticket'));
    expect(duplicate).toBe(false);
    expect(await turnOf(turn)).toMatchObject({ thread, principal: alice, state: 'received', problem: null });
    expect(queued).toEqual([turn]);
    expect((await entriesOf(turn)).map((entry) => entry.type)).toEqual(['turn.received']);
    const stored = await database.db.one('select title, owner from threads where id = $1', [thread]);
    expect(stored).toEqual({ title: 'open a ticket', owner: 'alice' });
  });

  test('what was said stands sealed in the entry, for its own person', async () => {
    const { turn } = await say(message('the VPN is down'));
    const [entry] = await entriesOf(turn);
    expect(JSON.stringify(entry)).not.toContain('VPN');
    expect(await personKeys.open(database.db, entry.sealed, entry)).toEqual({ text: 'the VPN is down' });
  });

  test('if its job cannot be queued, nothing of it is stored', async () => {
    const it = delivery(message('lost?'));
    const broken = { ...deps(), enqueueTurn: () => Promise.reject(new Error('no queue')) };
    await expect(receive(broken, it)).rejects.toThrow('no queue');
    expect(await database.db.query('select 1 from turns where delivery_key = $1', [it.key])).toEqual([]);
  });

  test("on the web a thread's id is the one that its place names", async () => {
    const thread = newId(ThreadId);
    const place = { platform: 'web', tenant: 'local', container: 'alice', thread, direct: true } as const;
    expect((await say(message('hi'), { place })).thread).toBe(thread);
    await expect(say(message('hi'), { place: { ...place, thread: 'x' } })).rejects.toMatchObject({
      code: 'malformed',
    });
  });

  test("nobody gets into somebody else's web thread by naming it", async () => {
    const thread = newId(ThreadId);
    const place = { platform: 'web', tenant: 'local', container: 'alice', thread, direct: true } as const;
    await say(message('mine'), { place });
    await expect(say(message('mine now'), { place: { ...place, container: 'bob' } })).rejects.toThrow();
  });
});

describe('the same delivery', () => {
  test('five times is one turn, with one message, one entry, one job', async () => {
    const it = delivery(message('once'));
    const answers = [];
    for (let n = 0; n < 5; n++) answers.push(await receive(deps(), it));
    expect(answers.map((answer) => answer.duplicate)).toEqual([false, true, true, true, true]);
    expect(new Set(answers.map((answer) => answer.turn)).size).toBe(1);
    expect(queued).toHaveLength(1);
    expect(await entriesOf(answers[0]!.turn)).toHaveLength(1);
  });

  test('five times at once is one turn', async () => {
    const it = delivery(message('once'));
    const answers = await Promise.all(Array.from({ length: 5 }, () => receive(deps(), it)));
    expect(answers.filter((answer) => !answer.duplicate)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.turn)).size).toBe(1);
    expect(queued).toHaveLength(1);
    const rows = await database.db.query('select 1 from messages where turn = $1', [answers[0]!.turn]);
    expect(rows).toHaveLength(1);
  });

  test('with other words or at another place still is what it was first', async () => {
    const it = delivery(message('first'));
    const first = await receive(deps(), it);
    const again = await receive(deps(), { ...delivery(message('second')), key: it.key });
    expect(again).toEqual({ ...first, duplicate: true });
    expect((await turnOf(first.turn)).content).toMatchObject({ text: 'first' });
  });
});

describe('a secret that somebody pastes', () => {
  test.each([
    ['in a message', (it: string) => message(`deploy with ${it} please`)],
    ['in the first words, which become the title', (it: string) => message(it)],
    ['in forwarded text', (it: string) => message('see below', [`key: ${it}`])],
    ["in a form's value", (it: string) => form({ title: it })],
    ["deep in a form's values", (it: string) => form({ inputs: { list: ['a', { deep: it }] } })],
    ["as the name of a form's value", (it: string) => form({ [it]: 'x' })],
    ["as a form's action", (it: string) => form({}, it)],
    [
      'in the reason of a click',
      (it: string): Content => ({
        kind: 'decision',
        rendering: newId(RenderingId),
        decision: 'deny',
        reason: `because ${it}`,
      }),
    ],
    [
      'across the place where a long message is cut',
      (it: string) => message(`${'x'.repeat(180)} ${it} ${'y '.repeat(9_000)}`),
    ],
    ['with hidden characters in it', (it: string) => message(`${it.slice(0, 12)}\u200b${it.slice(12)}`)],
  ])('%s is nowhere in the database', async (_where, content) => {
    const it = secret();
    const { turn } = await say(content(it));
    const stored = await everythingStored();
    expect(stored).not.toContain(it);
    // Not even the part of it that would let somebody guess the rest.
    expect(stored).not.toContain(it.slice(0, 15));
    expect((await entriesOf(turn)).map((entry) => entry.type)).toContain('turn.screened');
  });

  test('is told to the person, and the sentence around it stays', async () => {
    const { turn } = await say(message(`deploy with ${secret()} please`));
    const rows = await database.db.query('select text from messages where turn = $1 order by serial', [turn]);
    expect(rows[0]?.text).toBe('deploy with [masked: github token] please');
    expect(rows[1]?.text).toContain('I masked what looked like a secret');
  });
});

describe('a stranger', () => {
  test.each([
    ['a message', message('my private words', ['their private words'])],
    ['a form', form({ title: 'private words' }, 'private words')],
    [
      'a click',
      {
        kind: 'decision',
        rendering: newId(RenderingId),
        decision: 'deny',
        reason: 'private words',
      } as Content,
    ],
  ])('with %s is answered, and none of the words are kept', async (_what, content) => {
    const { turn, thread } = await say(content, { account: STRANGER });
    expect(await turnOf(turn)).toMatchObject({ principal: null, account: STRANGER });
    expect(await everythingStored()).not.toContain('private words');
    expect(await database.db.query('select 1 from messages where thread = $1', [thread])).toEqual([]);
    expect((await entriesOf(turn))[0]).toMatchObject({ data: { identified: false } });
    expect(queued).toEqual([turn]);
  });
});

describe('what is too much or nothing', () => {
  const web = (content: Content) =>
    say(content, {
      account: { platform: 'web', issuer: 'local', subject: 'alice' },
      place: { platform: 'web', tenant: 'local', container: 'alice', thread: newId(ThreadId), direct: true },
    });
  let nested: unknown = 'deep';
  for (let depth = 0; depth < 5_000; depth++) nested = [nested];

  test.each([
    ['too_long', message('x'.repeat(MESSAGE_MAX_CHARACTERS + 1))],
    ['too_long', message('x'.repeat(40_000))],
    ['too_long', form({ title: 'x'.repeat(MESSAGE_MAX_CHARACTERS) })],
    ['empty_text', message('')],
    ['empty_text', message(' \n\t')],
    ['empty_text', message('\u200b\u2060')],
    ['malformed', form({ nested })],
  ])(
    '%s: told at once on the web, stored and answered with the sentence in a chat',
    async (code, content) => {
      await expect(web(content)).rejects.toMatchObject({ code });
      const { turn } = await say(content);
      expect((await turnOf(turn)).problem).not.toBeNull();
    },
  );

  test('files are counted; alone they are a problem of their own', async () => {
    const beside = await say({ kind: 'message', text: 'see this', fetched: [], files: 2 });
    expect(await turnOf(beside.turn)).toMatchObject({
      problem: null,
      content: { text: 'see this', files: 2 },
    });
    const alone = await say({ kind: 'message', text: ' ', fetched: [], files: 1 });
    expect((await turnOf(alone.turn)).problem).toMatch(/^I do not read files/);
  });

  test('the longest that may be said is said whole', async () => {
    const { turn } = await say(message('x'.repeat(MESSAGE_MAX_CHARACTERS)));
    expect(await turnOf(turn)).toMatchObject({
      problem: null,
      content: { text: 'x'.repeat(MESSAGE_MAX_CHARACTERS) },
    });
  });

  test('an excerpt and a title end with a whole character', async () => {
    const { turn, thread } = await say(message(`x${'😀'.repeat(20_000)}`));
    const { content } = await turnOf(turn);
    expect(content.kind === 'message' && content.text).toBe(`x${'😀'.repeat(99)}`);
    const { title } = await database.db.one('select title from threads where id = $1', [thread]);
    expect(title).toBe(`x${'😀'.repeat(39)}`);
  });

  test('forwarded text is bounded as a whole', async () => {
    const { turn } = await say(
      message(
        'see below',
        Array.from({ length: 50 }, () => 'y'.repeat(1_000)),
      ),
    );
    const { content } = await turnOf(turn);
    if (content.kind !== 'message') throw new Error('not a message');
    expect(content.fetched.join('')).toHaveLength(FETCHED_MAX_CHARACTERS);
  });
});

describe('characters that PostgreSQL refuses', () => {
  test.each(['a\u0000b', 'half \ud83d of one', '\udc00', '\u202eesrever', '\u0007', '\uffff'])(
    '%j is received everywhere that a person may write',
    async (text) => {
      for (const content of [
        message(text, [text]),
        form({ [text]: text, list: [text] }, text),
        { kind: 'decision', rendering: newId(RenderingId), decision: 'deny', reason: text } as const,
      ]) {
        await expect(say(content)).resolves.toMatchObject({ duplicate: false });
      }
    },
  );

  test('nothing that a person may write keeps a delivery from being stored', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 });
    const content: fc.Arbitrary<Content> = fc.oneof(
      fc.record({ kind: fc.constant('message' as const), text, fetched: fc.array(text, { maxLength: 3 }) }),
      fc.record({
        kind: fc.constant('form' as const),
        action: text,
        arguments: fc.dictionary(text, fc.jsonValue() as fc.Arbitrary<unknown>),
      }),
    );
    await fc.assert(
      fc.asyncProperty(content, async (it) => {
        const { turn } = await say(it);
        expect((await turnOf(turn)).content.kind).toBe(it.kind);
      }),
      { numRuns: 60 },
    );
  });

  test('are replaced even where screening lets them through', async () => {
    const careless = { ...deps(), screen: (text: string) => ({ text, found: [] }) };
    const { turn } = await receive(careless, delivery(message('a\u0000b \ud83d', ['\udc00'])));
    expect((await turnOf(turn)).content).toMatchObject({ text: 'a\u2400b \ufffd', fetched: ['\ufffd'] });
  });

  test('in a key, an account or a place they are refused: ids are never mended', async () => {
    const good = delivery(message('hi'));
    for (const bad of [
      { ...good, key: 'a\u0000' },
      { ...good, account: { ...STRANGER, user: '\ud800' } },
      { ...good, place: { ...good.place, container: 'C\u0000' } },
    ]) {
      await expect(receive(deps(), bad)).rejects.toMatchObject({ code: 'malformed' });
    }
  });
});

import { describe, expect, it } from 'vitest';
import { newId, RenderingId } from '../../src/model/ids.ts';
import { runCommand, useAssistant } from '../support/assistant.ts';
import type { TestDatabase } from '../support/database.ts';

/** A look-alike, made at run time. */
const token = (): string => ['ghp', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('_');

/** Every table of ours that holds this text anywhere. */
async function tablesWith({ owner }: TestDatabase, text: string): Promise<string[]> {
  const tables = await owner.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await owner.query(`select 1 from ${name} t where strpos(t::text, $1) > 0 limit 1`, [text]);
    if (rows.length > 0) found.push(name);
  }
  return found;
}

describe('what people write', () => {
  const house = useAssistant();

  it('is masked before it is stored where it is a secret, and they are told', async () => {
    const { ask, done, until, assistant, database, entries } = house();
    const marker = crypto.randomUUID();
    const asked = await ask('alice', `the deploy of ${marker} fails with ${token()}, please open a ticket`);
    await done('alice', asked, 'confirm');
    await until(asked, 'succeeded');

    expect(await tablesWith(database, token())).toEqual([]);
    expect(await tablesWith(database, marker), 'the search finds what is there').toContain('public.messages');
    const page = (await assistant.requestPage(asked.id, 'alice' as never))!;
    const texts = (await assistant.messages(page.message.thread, 'alice' as never))!.map((it) => it.text);
    expect(texts).toContainEqual(expect.stringMatching(/I masked what looked like a secret/));
    expect((await entries(asked)).map((entry) => entry.type)).toContain('turn.screened');
  });

  it('is masked in forms and in reasons too', async () => {
    const { submit, ask, done, decide, until, database } = house();
    const said = await submit('alice', 'ticket.create', { title: 'Leak', description: `It is ${token()}` });
    await until(said.requests[0]!, 'succeeded');
    const asked = await ask('alice', 'run the checks of web on main');
    await done('alice', asked, 'confirm');
    await decide('bob', asked, 'deny', { reason: `because of ${token()}` });
    expect(await tablesWith(database, token())).toEqual([]);
  });

  it('can be erased: nobody reads it any more, and the log still verifies', async () => {
    const { home, say, press, database, verifiedLog, running } = house();
    const words = crypto.randomUUID();
    const said = await say('dave', `hello, my private words are ${words}`);
    expect(await tablesWith(database, words)).not.toEqual([]);
    // What was typed on a card, too.
    const rendering = newId(RenderingId);
    await press('dave', { kind: 'report', rendering, words: `look at ${words}` });
    await press('dave', { kind: 'edit', rendering, arguments: { title: words } });
    const sealed = (await verifiedLog()).find(
      (entry) => entry.turn === said.turn && entry.sealed !== undefined,
    ) as never;
    const { personKeys } = running.house;
    const open = () => personKeys.open(database.db, (sealed as { sealed: never }).sealed, sealed);
    expect(JSON.stringify(await open())).toContain(words);

    expect(await runCommand(home, database, 'privacy', 'erase', 'dave')).toMatchObject({ exit: 0 });

    expect(await open()).toBeNull();
    expect(await tablesWith(database, words)).toEqual([]);
    expect((await verifiedLog()).map((entry) => entry.type)).toContain('privacy.erased');
    // They may go on, under a new key.
    expect((await say('dave', 'whoami')).reply).toContain('Dave Davis');
  });

  it('cannot hide in control and bidirectional characters, and markup stays text', async () => {
    const { ask, until, tickets } = house();
    const asked = await ask(
      'alice',
      'ticket create title="\u202egpj.exe\u202c <img src=x onerror=alert(1)> \u0007\u0000end"',
    );
    await until(asked, 'succeeded');
    const title = (await tickets()).at(-1)!.title;
    expect(title).toContain('<img src=x onerror=alert(1)>');
    expect(title).toMatch(/end$/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(title).not.toMatch(/[\u0000-\u001f\u202a-\u202e\u2066-\u2069]/);
  });
});

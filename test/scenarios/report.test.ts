import { describe, expect, it } from 'vitest';
import { newId, type PrincipalId, ThreadId } from '../../src/model/ids.ts';
import { useAssistant } from '../support/assistant.ts';

describe('a first message and a report', () => {
  const house = useAssistant();
  const textsOf = async (person: string, thread: ThreadId) =>
    (await house().assistant.messages(thread, person as PrincipalId))!.map((message) => message.text);
  const reports = async () =>
    (await house().verifiedLog()).filter(
      (entry) => entry.type === 'alert.raised' && entry.data?.code === 'reported',
    );

  it('tells a newcomer once, before the answer, what this is, what it keeps, who reads it, how to report', async () => {
    const { say } = house();
    const first = await say('dave', 'whoami');
    const [asked, notice, answer] = await textsOf('dave', first.thread);
    expect(asked).toBe('whoami');
    expect(notice).toMatch(/I am Countersign/);
    expect(notice).toMatch(/kept until an operator erases it/);
    expect(notice).toMatch(/Who may read the log: Erin Evans\./);
    expect(notice).toMatch(/press Report on its card, or write "report:"/);
    expect(answer).toMatch(/You are Dave Davis/);
    expect(first.reply, 'the answer itself stays the answer').toBe(answer);
    const second = await say('dave', 'whoami');
    expect(await textsOf('dave', second.thread)).toEqual(['whoami', answer]);
  });

  it('tells somebody who only looks or decides in the workspace, until they have read it, and not again elsewhere', async () => {
    const { assistant, say } = house();
    const bob = 'bob' as PrincipalId;
    expect(await assistant.greeting(bob)).toMatch(/^Welcome\. I am Countersign/);
    expect(await assistant.greeting(bob)).not.toBeNull();
    await assistant.greeted(bob);
    await assistant.greeted(bob);
    expect(await assistant.greeting(bob)).toBeNull();
    const { thread } = await say('bob', 'whoami');
    expect((await textsOf('bob', thread)).filter((text) => text.startsWith('Welcome'))).toEqual([]);
    await say('dave', 'whoami');
    expect(await assistant.greeting('dave' as PrincipalId), 'he has written').toBeNull();
  });

  it('tells the earlier of two first messages only, whichever is answered first', async () => {
    const { say } = house();
    const said = await Promise.all([say('carol', 'whoami'), say('carol', 'whoami'), say('carol', 'whoami')]);
    const all = (await Promise.all(said.map(({ thread }) => textsOf('carol', thread)))).flat();
    expect(all.filter((text) => /I am Countersign/.test(text))).toHaveLength(1);
  });

  it('keeps a report for whoever may read the log where no place tells them, and says no more than that', async () => {
    const { ask, say, assistant, database } = house();
    const asked = await ask('alice', 'run the checks of web on main');
    const words = `why at night? <!channel> ${crypto.randomUUID()}`;
    const { reply } = await say('dave', `report ${asked.id} ${words}`);
    expect(reply).toBe('Thank you. It is recorded for the operators.');
    await say('dave', 'report 00000000 and this?');
    const read = (person: string) => assistant.reports(person as PrincipalId);
    expect(await read('dave')).toBeNull();
    const by = { id: 'dave', name: 'Dave Davis' };
    expect(await read('erin')).toMatchObject([
      { by, request: null, named: '00000000', words: 'and this?' },
      { by, request: asked.id, named: null, words },
    ]);
    const reads = (await house().verifiedLog()).filter(({ data }) => data?.what === 'reports');
    expect(reads).toMatchObject([{ type: 'audit.read', principal: 'erin' }]);
    await database.owner.query(
      `update person_keys set wrapped = null, erased_at = now() where person = 'dave' and erased_at is null`,
    );
    expect((await read('erin'))?.map((report) => report.words)).toEqual([null, null]);
  });

  it('takes a report about anything, seals its words, thanks, and tells the place of the operators', async () => {
    const { say, running, database } = house();
    running.addSurface({
      platform: 'slack',
      post: async (place, message) => ({
        platform: 'slack',
        container: place.container,
        message: message.id,
      }),
      update: async () => undefined,
      threadOf: () => '',
      approvalPlaces: async () => [],
      operatorsPlace: async () => ({
        platform: 'slack',
        tenant: 'T1',
        container: 'C-OPERATORS',
        thread: 'operators',
        direct: false,
      }),
    });
    const words = `somebody asks me for my password <!channel> ${crypto.randomUUID()}`;
    expect((await say('alice', `Report: ${words}`)).reply).toMatch(/^Thank you\. It is recorded/);
    const entry = (await reports()).at(-1);
    expect(entry).toMatchObject({ principal: 'alice', data: { code: 'reported' }, sealed: { v: 1 } });
    expect(entry).not.toHaveProperty('request');
    expect(JSON.stringify(entry)).not.toContain('password');
    const told = await database.owner.query<{ text: string; authorship: string }>(
      `select m.text, m.authorship, m.author from messages m join threads t on t.id = m.thread
       where t.container = 'C-OPERATORS' and m.text not like 'Signed checkpoint%' order by m.serial`,
    );
    expect(told).toEqual([
      { text: 'Alice Adams (alice) reports something that looks wrong.', authorship: 'system', author: null },
      { text: words, authorship: 'fetched', author: 'alice' },
    ]);
  });

  it('takes a report of a request of somebody else, shows nothing of it, and changes nothing', async () => {
    const { ask, say, view, assistant, until } = house();
    const asked = await ask('bob', 'run the checks of web on main');
    const before = (await reports()).length;
    const said = await say('dave', `report ${asked.id} why is this run now?`);
    expect(said.reply).not.toMatch(/checks|bob|web/i);
    const nothing = await say('dave', `report ${crypto.randomUUID()} and this?`);
    expect(nothing.reply, 'whether there is one is not told').toBe(said.reply);
    const [known, unknown] = (await reports()).slice(before);
    expect(known).toMatchObject({ principal: 'dave', request: asked.id, data: { digest: asked.digest } });
    expect(unknown).not.toHaveProperty('request');
    expect(await view(asked.id)).toEqual(asked);

    // As lists and reminders show it.
    const short = await say('dave', `report ${asked.id.slice(0, 8)} and again`);
    const none = await say('dave', 'report 00000000 looks wrong');
    expect([short.reply, none.reply]).toEqual([said.reply, said.reply]);
    const [byBeginning, byNone] = (await reports()).slice(before + 2);
    expect(byBeginning).toMatchObject({ request: asked.id, data: { digest: asked.digest } });
    expect(byNone).toMatchObject({ data: { named: '00000000' }, sealed: { v: 1 } });
    expect(byNone).not.toHaveProperty('request');

    const page = (await assistant.requestPage(asked.id, 'bob' as PrincipalId))!;
    expect(page.message.card?.offers).toContain('report');
    expect(page.timeline.map((row) => row.text)).toContain('dave reported that something looks wrong.');
    await house().done('bob', asked, 'confirm');
    await house().done('carol', asked, 'approve');
    await until(asked, 'succeeded');
  });

  it('takes a press on the card as the same, its words sealed and nowhere in plain entries', async () => {
    const { ask, press, assistant } = house();
    const asked = await ask('alice', 'run the checks of web on main');
    const page = await assistant.requestPage(asked.id, 'alice' as PrincipalId);
    const { rendering } = page!.message.card!;
    const pressed = await press('dave', { kind: 'report', rendering, words: 'why now? marzipan' });
    expect(pressed.reply).toMatch(/^Thank you/);
    const entry = (await reports()).at(-1);
    expect(entry).toMatchObject({ principal: 'dave', request: asked.id, sealed: { v: 1 } });
    expect(JSON.stringify(await house().verifiedLog())).not.toContain('marzipan');
  });

  it('takes an arrival as a first message: greeted once, and nothing else', async () => {
    const { press } = house();
    const first = await press('erin', { kind: 'arrival' });
    expect((await textsOf('erin', first.thread)).map((text) => text.slice(0, 8))).toEqual(['Welcome.']);
    const again = await press('erin', { kind: 'arrival' });
    expect(await textsOf('erin', again.thread)).toEqual([]);
  });

  it('takes `report last` for the request that was spoken of last', async () => {
    const { ask, say } = house();
    const thread = newId(ThreadId);
    const asked = await ask('alice', 'run the checks of web on main', thread);
    await say('alice', 'report last it runs too often', thread);
    expect((await reports()).at(-1)).toMatchObject({ principal: 'alice', request: asked.id });
    const before = (await reports()).length;
    const other = await say('dave', 'report last what was that?');
    expect(other.reply).toMatch(/^Thank you/);
    expect((await reports()).slice(before)).toMatchObject([{ principal: 'dave' }]);
    expect((await reports()).at(-1)).not.toHaveProperty('request');
  });

  it('leaves a wish that begins with the word to the planner', async () => {
    const before = (await reports()).length;
    const said = await house().say('alice', 'report a broken projector in room 4, please open a ticket');
    expect(said.reply).not.toMatch(/^Thank you/);
    expect(await reports()).toHaveLength(before);
  });

  it('a report of nothing asks for words', async () => {
    expect((await house().say('alice', 'report', newId(ThreadId))).reply).toMatch(
      /report REQUEST-ID what looks wrong/,
    );
  });
});

import express from 'express';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import type { PrincipalId } from '../../../src/model/ids.ts';
import type { Ephemeral } from '../../../src/model/ports.ts';
import type { Place } from '../../../src/model/turn.ts';
import { type FakeConnector, TENANT } from '../../support/teams/fake-connector.ts';
import { cardWith, messageWith } from '../slack/samples.ts';
import { ALICE, APPROVALS, BOB, CHANNEL, connected, GROUP, place } from './harness.ts';

const asked = async (buttons = ['approve' as const], options = {}) => {
  const all = await connected({ options });
  const card = cardWith({ buttons });
  await all.adapter.surface.post(place(APPROVALS), messageWith({ card, text: '' }));
  return { ...all, card, shown: all.teams.in(APPROVALS)[0]! };
};

describe('what Teams sends', () => {
  test('is stored before it is acknowledged', async () => {
    const { teams, assistant } = await connected();
    const gate = Promise.withResolvers<void>();
    assistant.holdUntil(gate.promise);
    let acknowledged = false;
    const sending = teams
      .send(teams.said(ALICE, teams.personalChat(ALICE), 'the VPN is <down>'))
      .then((sent) => {
        acknowledged = true;
        return sent;
      });
    while (assistant.asked() === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(acknowledged).toBe(false);
    gate.resolve();
    expect((await sending).status).toBe(200);
    expect(assistant.stored).toMatchObject([
      {
        account: { platform: 'teams', tenant: TENANT, user: ALICE },
        place: { container: teams.personalChat(ALICE), thread: '', direct: true },
        content: { kind: 'message', text: 'the VPN is <down>', fetched: [] },
      },
    ]);
  });

  test('is answered 503 when it cannot be stored, and taken when it comes again', async () => {
    const { teams, assistant } = await connected();
    const said = teams.said(ALICE, teams.personalChat(ALICE), 'hi');
    assistant.failNext(1);
    expect((await teams.send(said)).status).toBe(503);
    expect((await teams.send(said)).status).toBe(200);
    expect(assistant.stored).toHaveLength(1);
  });

  test('five times over acts once: words, clicks and their fallback', async () => {
    const { teams, assistant, shown } = await asked();
    const all = [
      teams.said(ALICE, CHANNEL, 'status'),
      teams.click(BOB, shown, 'approve'),
      teams.submit(BOB, shown, 'approve'),
      { ...teams.click(BOB, shown, 'approve'), id: undefined },
    ];
    for (let time = 0; time < 5; time += 1) {
      for (const activity of all) expect((await teams.send(activity)).status).toBe(200);
    }
    expect(assistant.stored.map(({ content }) => content.kind)).toEqual([
      'message',
      'decision',
      'decision',
      'decision',
    ]);
  });

  test('is told apart where it was edited, and where it was taken in', async () => {
    const { teams, assistant, codes } = await connected();
    const said = teams.said(ALICE, CHANNEL, 'status');
    await teams.send(said);
    expect((await teams.send(teams.edited(said, 'just talking'))).status).toBe(200);
    expect(codes).not.toContain('teams_duplicate');
    await teams.send(teams.edited(said, 'help'));
    expect(codes.at(-1)).toBe('teams_duplicate');
    await teams.send(teams.edited(teams.activity(ALICE, CHANNEL, { text: 'before us' }), 'status'));
    expect(codes.at(-1)).toBe('teams_ignored_edited');
    expect(assistant.edits.size).toBe(1);
    expect(assistant.stored).toHaveLength(1);
  });

  test('that is no JSON, or too much of it, is refused without a word of ours', async () => {
    const { teams, codes } = await connected();
    expect(await teams.send('{')).toEqual({ status: 400, body: 'Bad Request' });
    expect((await teams.send({ text: 'x'.repeat(600_000) })).status).toBe(413);
    expect(codes.filter((code) => code === 'teams_body_unreadable')).toHaveLength(2);
  });

  test('meets no body parser of other routes, and leaves other routes theirs', async () => {
    const { teams, assistant } = await connected({ before: express.text({ type: 'text/plain' }) });
    expect((await teams.send(teams.said(ALICE, CHANNEL, 'status'))).status).toBe(200);
    expect(assistant.stored).toHaveLength(1);
  });

  test('is stopped by the guard before anything is read', async () => {
    const { teams, assistant } = await connected({
      options: { guard: (_req, res) => void res.sendStatus(403) },
    });
    expect((await teams.send('{')).status).toBe(403);
    expect(assistant.asked()).toBe(0);
  });

  test('tells the way back, once', async () => {
    const { teams, references } = await connected();
    const chat = teams.personalChat(ALICE);
    await teams.send(teams.added(ALICE, chat));
    await teams.send(teams.said(ALICE, chat, 'hi'));
    await teams.send(teams.said(ALICE, `${CHANNEL};messageid=17`, 'hi'));
    expect(references.all).toEqual([
      { tenant: TENANT, conversation: chat, serviceUrl: teams.serviceUrl, person: ALICE },
      { tenant: TENANT, conversation: CHANNEL, serviceUrl: teams.serviceUrl, person: null },
    ]);
    expect(references.writes).toBe(2);
  });
});

describe('words in a channel or a group chat', () => {
  test.each([
    [`${CHANNEL};messageid=17`, CHANNEL, '17'],
    [GROUP, GROUP, ''],
  ])(
    'in %s are heard when they mention the app, which is taken off',
    async (conversation, container, thread) => {
      const { teams, assistant } = await connected();
      await teams.send(teams.said(ALICE, conversation, 'my requests'));
      await teams.send(teams.activity(BOB, conversation, { text: 'just talking' }));
      expect(assistant.stored).toMatchObject([
        { place: { container, thread, direct: false }, content: { text: 'my requests' } },
      ]);
    },
  );
});

describe('a click', () => {
  test('is stored as the decision on what was shown, by who clicked', async () => {
    const { teams, assistant, card, shown } = await asked();
    await teams.send(teams.click(BOB, shown, 'approve'));
    expect(assistant.stored).toMatchObject([
      {
        account: { user: BOB },
        place: { container: APPROVALS },
        content: { kind: 'decision', decision: 'approve', rendering: card.rendering },
      },
    ]);
  });

  test('that cannot be stored shows the person that it failed', async () => {
    const { teams, assistant, shown } = await asked();
    assistant.failNext(1);
    expect((await teams.send(teams.click(BOB, shown, 'approve'))).status).toBe(503);
    expect(assistant.stored).toEqual([]);
  });

  test('is answered with the words of the core, for this person alone', async () => {
    const { teams, assistant, shown } = await asked();
    const outcome = assistant.outcome;
    assistant.outcome = async (turn, ms) => ({
      ...(await outcome(turn, ms)),
      reply: 'You may not approve your own.',
    });
    const sent = await teams.send(teams.click(BOB, shown, 'approve'));
    expect(JSON.parse(sent.body)).toEqual({
      statusCode: 200,
      type: 'application/vnd.microsoft.activity.message',
      value: 'You may not approve your own.',
    });
  });

  test('is answered with the card as this person sees it now', async () => {
    const seen: string[] = [];
    let now = cardWith({ buttons: ['approve'] });
    const view = async (request: string, viewer: PrincipalId) => {
      seen.push(`${request} ${viewer}`);
      return messageWith({ text: '', card: now });
    };
    const { teams, assistant, card, shown } = await asked(['approve'], { view });
    const principal = { id: 'bob' as PrincipalId, name: 'Bob', groups: [], accounts: [] };
    assistant.identify = async () => ({ kind: 'known', principal });
    const bobs = await teams.seen(BOB, shown);
    now = cardWith({ status: 'Approved by Bob', buttons: [] });
    const sent = JSON.parse((await teams.send(teams.click(BOB, bobs, 'approve'))).body);
    expect(sent).toMatchObject({ statusCode: 200, type: 'application/vnd.microsoft.card.adaptive' });
    expect(JSON.stringify(sent.value)).toContain('Approved by Bob');
    expect(seen[0]).toBe(`${card.request} bob`);
    expect(seen).toHaveLength(2);
    expect(assistant.stored).toHaveLength(1);
  });

  test('of a stranger is stored, and shows them no card', async () => {
    const view = async () => messageWith({ text: '', card: cardWith() });
    const { teams, shown } = await asked(['approve'], { view });
    const looked = JSON.parse((await teams.send(teams.looks(ALICE, shown))).body);
    expect(looked.type).toBe('application/vnd.microsoft.activity.message');
  });

  test('stays stored when its answer fails', async () => {
    const { teams, assistant, codes, shown } = await asked();
    assistant.outcome = () => Promise.reject(new Error('gone'));
    const sent = await teams.send(teams.click(BOB, shown, 'approve'));
    expect(sent.status).toBe(200);
    expect(assistant.stored).toHaveLength(1);
    expect(codes).toContain('teams_answer_failed');
  });
});

describe('a form', () => {
  const fields = [
    { name: 'title', label: 'Title', kind: 'text' as const, choices: [], required: true, value: 'VPN' },
    {
      name: 'action',
      label: 'Kind',
      kind: 'choice' as const,
      choices: ['a', 'b'],
      required: false,
      value: '',
    },
  ];

  test('comes back as its fields, none of which passes for our own data', async () => {
    const { teams, assistant, adapter } = await connected();
    const form = { action: 'ticket.create', title: 'Open a ticket', fields };
    const chat = teams.personalChat(ALICE);
    const asked = messageWith({ text: '', form });
    await adapter.surface.post(place(chat), asked);
    const [shown] = teams.in(chat);
    const click = teams.click(ALICE, shown!, 'form', { 'field.title': 'VPN down', 'field.action': 'a' });
    const sent = await teams.send(click);
    expect(assistant.stored).toMatchObject([
      { content: { kind: 'form', action: 'ticket.create', arguments: { title: 'VPN down', action: 'a' } } },
    ]);
    expect(assistant.stored[0]?.content).toMatchObject({ message: asked.id });
    expect(JSON.stringify(JSON.parse(sent.body).value)).toContain('Sent.');
    await teams.send(click);
    expect(assistant.stored).toHaveLength(1);
  });
});

describe('a thumb on an answer by the model', () => {
  const answered = async (conversation: (teams: FakeConnector) => Place) => {
    const all = await connected();
    const said = messageWith({ authorship: 'model', text: 'Restart it.' });
    const delivered = await all.adapter.surface.post(conversation(all.teams), said);
    const answer = all.teams.messages.at(-1)!;
    expect(answer).toMatchObject({ channelData: { feedbackLoop: { type: 'default' } } });
    return { ...all, delivered, answer };
  };

  test.each([
    ['in a personal chat', (teams: FakeConnector) => place(teams.personalChat(ALICE))],
    ['in a thread of a channel', () => place(CHANNEL, '17')],
    ['in a group chat', () => place(GROUP)],
  ])('%s is given to the core with its words, about the message that was delivered', async (_where, at) => {
    const { teams, assistant, codes, delivered, answer } = await answered(at);
    assistant.known.set(ALICE, { id: 'alice' as PrincipalId, name: 'Alice', groups: [], accounts: [] });
    const sent = await teams.send(teams.feedback(ALICE, answer, 'dislike', ' It did not help. '));
    expect(sent.status).toBe(200);
    expect(assistant.given).toEqual([
      { message: delivered, principal: 'alice', positive: false, words: 'It did not help.' },
    ]);
    expect(codes).toContain('teams_feedback');
  });

  test('of somebody whom the directory does not list is not kept, nor one that names no message', async () => {
    const { teams, assistant, codes, answer } = await answered((all) => place(all.personalChat(BOB)));
    expect((await teams.send(teams.feedback(BOB, answer, 'like', ''))).status).toBe(200);
    const ofNothing = { ...teams.feedback(BOB, answer, 'like', ''), replyToId: undefined };
    expect((await teams.send(ofNothing)).status).toBe(501);
    expect(assistant.given).toEqual([]);
    expect(codes).toContain('teams_ignored_feedback');
  });

  test('is asked for once, however many messages the answer is too long for', async () => {
    const { teams, adapter } = await connected();
    const long = messageWith({ authorship: 'model', text: 'word '.repeat(3_000) });
    await adapter.surface.post(place(CHANNEL, '17'), long);
    const [answer, ...rest] = teams.in(CHANNEL);
    expect(answer!.channelData).not.toBeNull();
    expect(rest.length).toBeGreaterThan(0);
    for (const { channelData, entities } of rest) {
      expect(channelData).toBeNull();
      expect(JSON.stringify(entities)).toContain('AIGeneratedContent');
    }
  });
});

describe('while the short-term memory is away', () => {
  const away: Pick<Ephemeral, 'get' | 'set'> = {
    get: () => Promise.reject(new AppError('ephemeral_unavailable', 'Redis does not answer.')),
    set: () => Promise.reject(new AppError('ephemeral_unavailable', 'Redis does not answer.')),
  };
  const silent: Pick<Ephemeral, 'get' | 'set'> = {
    get: () => new Promise(() => {}),
    set: () => new Promise(() => {}),
  };

  test.each([
    ['and says so', away],
    ['and says nothing', silent],
  ])('%s: a press is stored and answered all the same', async (_how, ephemeral) => {
    const { teams, assistant, codes, shown } = await asked(['approve'], { ephemeral });
    const outcome = assistant.outcome;
    assistant.outcome = async (turn, ms) => ({ ...(await outcome(turn, ms)), reply: 'You may not.' });
    const sent = await teams.send(teams.click(BOB, shown, 'approve'));
    expect(sent).toMatchObject({ status: 200 });
    expect(sent.body).toContain('You may not.');
    expect(assistant.stored).toMatchObject([{ content: { kind: 'decision', decision: 'approve' } }]);
    expect(codes).toContain('teams_memory_away');
  });

  test('words for whoever pressed, and what a card could not hold, are shown all the same', async () => {
    const { teams, adapter } = await connected({ options: { ephemeral: away as Ephemeral } });
    const onlyFor = { platform: 'teams' as const, tenant: TENANT, user: BOB };
    teams.personalChat(BOB);
    await adapter.surface.post(place(CHANNEL, '17'), messageWith({ text: 'Bob, you may not.', onlyFor }));
    expect(teams.in(teams.personalChat(BOB)).map(({ text }) => text)).toEqual(['Bob, you may not.']);
    const long = [{ name: 'script', value: 'x'.repeat(5_000), provenance: 'typed' as const }];
    await adapter.surface.post(place(GROUP), messageWith({ text: '', card: cardWith({ arguments: long }) }));
    expect(teams.in(GROUP).length).toBeGreaterThan(1);
  });
});

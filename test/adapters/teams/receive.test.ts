import express from 'express';
import { describe, expect, test } from 'vitest';
import type { Feedback } from '../../../adapters/teams/parse.ts';
import type { PrincipalId } from '../../../src/model/ids.ts';
import { TENANT } from '../../support/teams/fake-connector.ts';
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
    const view = async (request: string, viewer: PrincipalId) => {
      seen.push(`${request} ${viewer}`);
      return messageWith({ text: '', card: cardWith({ status: 'Approved by Bob', buttons: [] }) });
    };
    const { teams, assistant, card, shown } = await asked(['approve'], { view });
    const principal = { id: 'bob' as PrincipalId, name: 'Bob', groups: [], accounts: [] };
    assistant.identify = async () => ({ kind: 'known', principal });
    const sent = JSON.parse((await teams.send(teams.click(BOB, shown, 'approve'))).body);
    expect(sent).toMatchObject({ statusCode: 200, type: 'application/vnd.microsoft.card.adaptive' });
    expect(JSON.stringify(sent.value)).toContain('Approved by Bob');
    const looked = JSON.parse((await teams.send(teams.looks(BOB, shown))).body);
    expect(looked.type).toBe('application/vnd.microsoft.card.adaptive');
    expect(seen).toEqual([`${card.request} bob`, `${card.request} bob`]);
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
    await adapter.surface.post(place(chat), messageWith({ text: '', form }));
    const [shown] = teams.in(chat);
    const click = teams.click(ALICE, shown!, 'form', { 'field.title': 'VPN down', 'field.action': 'a' });
    const sent = await teams.send(click);
    expect(assistant.stored).toMatchObject([
      { content: { kind: 'form', action: 'ticket.create', arguments: { title: 'VPN down', action: 'a' } } },
    ]);
    expect(JSON.stringify(JSON.parse(sent.body).value)).toContain('Sent.');
    await teams.send(click);
    expect(assistant.stored).toHaveLength(1);
  });
});

test('feedback on an answer by the model is handed on', async () => {
  const heard: Feedback[] = [];
  const feedback = async (one: Feedback) => void heard.push(one);
  const { teams, adapter } = await connected({ options: { feedback } });
  const chat = teams.personalChat(ALICE);
  await adapter.surface.post(place(chat), messageWith({ authorship: 'model', text: 'Restart it.' }));
  const [answer] = teams.in(chat);
  expect(answer).toMatchObject({ channelData: { feedbackLoop: { type: 'default' } } });
  const sent = await teams.send(teams.feedback(ALICE, answer!, 'dislike', 'It did not help.'));
  expect(sent.status).toBe(200);
  expect(heard).toMatchObject([
    { account: { user: ALICE }, message: answer!.id, reaction: 'dislike', words: 'It did not help.' },
  ]);
});

import { afterEach, beforeAll, expect, test } from 'vitest';
import { TEAM } from '../support/slack/workspace.ts';
import { ALICE, buttonsOf, digestOf, GENERAL, useWorkplace } from './workplace.ts';

const work = useWorkplace();
afterEach(() => work.expectVerifiedLog());

/** Words that would be found again wherever they were kept. */
const WORDS = 'marzipan-aardvark please open a ticket';

beforeAll(() => {
  work.slack.workspace.addUser('USTRANGER');
  work.slack.workspace.addUser('UGUEST', { guest: true });
  // Another company's person, even one whose user id is that of somebody here.
  work.slack.workspace.addUser('UOTHER', { team: 'T0OTHER' });
  for (const member of ['USTRANGER', 'UGUEST'])
    work.slack.workspace.channels.get(GENERAL)?.members.add(member);
});

/** What Slack shows to this person alone. */
const whispered = (user: string) => work.slack.workspace.whispers.filter((it) => it.user === user);

test.each([
  ['a person whom nobody listed', 'USTRANGER', TEAM],
  ['a guest', 'UGUEST', TEAM],
  ['a person of another workspace', 'UOTHER', 'T0OTHER'],
])('%s is told how to be added, and nothing of their words is kept', async (_who, user, team) => {
  const said = await work.slack.say(user, WORDS);
  const told = await work.shows((_, text) => text.includes('I do not know you'), {
    channel: said.channel,
    thread: said.ts,
  });
  expect(told.text).toContain(`Slack workspace ${team}, user ${user}`);
  expect(told.text).toContain('Ask an operator to add this account to the directory');
  const mentioned = await work.slack.say(user, `@countersign ${WORDS}`, GENERAL);
  const isMember = work.slack.workspace.channels.get(GENERAL)!.members.has(user);
  if (isMember) {
    await work.slack.workspace.until(() => whispered(user).length > 0);
    expect(whispered(user)).toMatchObject([
      { text: expect.stringMatching(/^I do not know you/), thread: null },
    ]);
    expect(work.transcript({ thread: mentioned.ts })).toEqual([]);
    // Nobody pretends any more to be at work for them.
    const session = () => work.slack.workspace.sessions.get(`${GENERAL} ${mentioned.ts}`);
    await work.slack.workspace.until(() => session() === 'active');
  }
  // Slack shows nothing to one person alone who is no member.
  else await work.shows((_, text) => text.includes('I do not know you'), { thread: mentioned.ts });
  expect(await work.running.desk.list()).toEqual([]);
  const kept = await work.database.owner.query(
    `select 'turns' from turns where content::text like '%aardvark%' or reply like '%aardvark%'
     union all select 'threads' from threads where title like '%aardvark%'
     union all select 'messages' from messages where text like '%aardvark%'
     union all select 'audit' from audit_entries where body like '%aardvark%'`,
  );
  expect(kept).toEqual([]);
});

test('somebody of another workspace with the same user id is not that person', async () => {
  const channel = work.slack.workspace.directWith(ALICE);
  const { ts } = work.slack.workspace.add({ channel, thread: null, user: ALICE, text: 'x', blocks: [] });
  const payload = work.slack.make.event(ALICE, WORDS, channel, ts);
  payload.event.team = 'T0OTHER';
  await work.slack.sender.event(payload);
  await work.shows((_, text) => text.includes('workspace T0OTHER, user UALICE'));
  expect(await work.entries('proposal.made')).toEqual([]);
});

test('the same message five times, at once and later, makes one request', async () => {
  const channel = work.slack.workspace.directWith(ALICE);
  const { ts } = work.slack.workspace.add({ channel, thread: null, user: ALICE, text: 'x', blocks: [] });
  const payload = work.slack.make.event(ALICE, 'ticket create title="Only once"', channel, ts);
  await Promise.all([1, 2, 3].map(() => work.slack.sender.event(payload)));
  await work.shows((_, text) => text.includes('Open a ticket: Ticket'), { thread: ts });
  for (const again of [4, 5]) expect(again && (await work.slack.sender.event(payload)).status).toBe(200);
  expect(await work.running.desk.list()).toHaveLength(1);
  expect(await work.entries('proposal.made')).toHaveLength(1);
  expect(work.slack.messages(channel).filter((message) => digestOf(message) !== undefined)).toHaveLength(1);
  expect(await countOf('countersign_deliveries_total', 'duplicate="true"')).toBe(4);
});

test('the same click five times, at once and later, decides once', async () => {
  const said = await work.slack.say(ALICE, 'the VPN is down again, please open a ticket');
  const card = await work.shows((message) => buttonsOf(message).includes('confirm'), { thread: said.ts });
  const payload = { payload: JSON.stringify(work.slack.make.click(ALICE, card, 'confirm')) };
  await Promise.all([1, 2, 3].map(() => work.slack.sender.form(payload)));
  await work.everywhere(digestOf(card)!, 'is open.', 1);
  for (const again of [4, 5]) expect(again && (await work.slack.sender.form(payload)).status).toBe(200);
  expect(await work.entries('request.confirmed')).toHaveLength(2);
  expect(await work.entries('approval.ignored')).toEqual([]);
  expect(await work.running.desk.list()).toHaveLength(2);
  expect(await countOf('countersign_decisions_total', 'decision="confirm",outcome="confirmed"')).toBe(1);
});

test('replayed by Slack an hour later, after a restart, a message and a click act no second time', async () => {
  const channel = work.slack.workspace.directWith(ALICE);
  const { ts } = work.slack.workspace.add({ channel, thread: null, user: ALICE, text: 'x', blocks: [] });
  const event = work.slack.make.event(ALICE, 'the lift is stuck, please open a ticket', channel, ts);
  await work.slack.sender.event(event);
  const card = await work.shows((message) => buttonsOf(message).includes('confirm'), { thread: ts });
  const click = { payload: JSON.stringify(work.slack.make.click(ALICE, card, 'confirm')) };
  await work.slack.sender.form(click);
  await work.everywhere(digestOf(card)!, 'is open.', 1);
  await work.shows((_, text) => text.startsWith('Open a ticket: Ticket'), { thread: ts });
  const before = await state();
  await work.stop();
  await work.database.owner.query(`update turns set received_at = received_at - interval '1 hour'`);
  await work.start();
  // The same payload, signed anew at the time at which it is sent again.
  const again = { headers: { 'x-slack-retry-num': '3', 'x-slack-retry-reason': 'http_timeout' } };
  const body = JSON.stringify(event);
  expect((await work.slack.sender.once(body, 'application/json', again)).status).toBe(200);
  expect((await work.slack.sender.form(click)).status).toBe(200);
  // What is said after that is answered: nothing of the replay is still on its way.
  const said = await work.slack.say(ALICE, 'whoami');
  await work.shows((_, text) => text.startsWith('You are Alice'), { thread: said.ts });
  expect(await state()).toEqual(before);
  expect(await countOf('countersign_deliveries_total', 'duplicate="true"')).toBe(2);

  async function state() {
    return {
      tickets: (await work.running.desk.list()).length,
      proposals: (await work.entries('proposal.made')).length,
      confirmed: (await work.entries('request.confirmed')).length,
      ignored: await work.entries('approval.ignored'),
      shown: work.transcript({ thread: ts }),
    };
  }
});

async function countOf(metric: string, labels: string): Promise<number> {
  const text = await work.running.metrics.registry.metrics();
  const lines = text.split('\n').filter((line) => line.startsWith(metric) && line.includes(labels));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

import { afterEach, expect, test } from 'vitest';
import { drawMessage } from '../support/slack/draw.ts';
import {
  ALICE,
  APPROVALS,
  BOB,
  buttonsOf,
  CAROL,
  DAVE,
  digestOf,
  GENERAL,
  useWorkplace,
} from './workplace.ts';

const work = useWorkplace();
afterEach(() => work.expectVerifiedLog());

test('a direct message becomes a card, one tap a ticket, with the proof in short', async () => {
  const said = await work.slack.say(ALICE, 'the VPN is down for the Berlin office, please open a ticket');
  const where = { channel: said.channel, thread: said.ts };
  const card = await work.shows((message) => buttonsOf(message).length > 0, where);
  expect(buttonsOf(card)).toEqual(['confirm', 'cancel']);
  expect(drawMessage(card)).toContain('Open a ticket: please check it and confirm.');
  expect(drawMessage(card)).toContain("title (from the requester's message) the VPN is down for the Berlin");
  await work.slack.click(ALICE, card, 'confirm');
  const told = await work.shows((_, text) => text === 'Open a ticket: Ticket T-1 is open.', where);
  expect(told.thread).toBe(said.ts);
  const [done] = await work.everywhere(digestOf(card)!, 'Ticket T-1 is open.', 1);
  expect(drawMessage(done!)).toMatch(/Proof: digest [0-9a-f]{64} · log entry \d+ · checkpoint of size \d+/);
  expect(drawMessage(done!)).not.toContain('please check');
  expect((await work.running.desk.list()).map(({ ticket }) => ticket)).toEqual(['T-1']);
});

test('a mention in a channel is answered in its thread, and nothing else there is heard', async () => {
  await work.slack.say(DAVE, 'the printer on floor 3 is on fire', GENERAL);
  const said = await work.slack.say(
    DAVE,
    '@countersign ticket create title="The printer on floor 3 is on fire"',
    GENERAL,
  );
  const done = await work.shows((_, text) => text.includes('Open a ticket: Ticket'), { channel: GENERAL });
  expect(done.thread).toBe(said.ts);
  const ours = work.slack.messages(GENERAL).filter((message) => message.user === work.slack.bot);
  expect(ours.every((message) => message.thread === said.ts)).toBe(true);
});

test('a command asks those who may approve, in the channel and each of them, and runs on one yes', async () => {
  const asked = await work.asksForChecks();
  const [first] = drawMessage(asked.channel).split('\n');
  expect(first).toMatch(/^Alice Adams asks for your approval: Run checks of web on commit [0-9a-f]{12}\.$/);
  expect(asked.bob.text).toContain('Alice Adams asks for your approval');
  expect(asked.own.thread).toBe(asked.thread);
  for (const card of [asked.channel, asked.bob, asked.carol]) {
    expect(buttonsOf(card)).toEqual(['approve', 'deny']);
    expect(drawMessage(card)).toContain('Needs 1 approval from On call');
  }
  // Nobody else was asked, the requester least of all.
  expect(new Set(work.cards(asked.digest).map((card) => card.channel))).toEqual(
    new Set(['D0ALICE', APPROVALS, 'D0BOB', 'D0CAROL']),
  );

  await work.slack.click(BOB, asked.bob, 'approve');
  const cards = await work.everywhere(asked.digest, 'passed.', 4);
  for (const card of cards) {
    expect(drawMessage(card)).toContain('Done.');
    expect(drawMessage(card)).toContain('All checks passed');
    expect(drawMessage(card)).toMatch(/Approved by Bob Brown/);
    expect(drawMessage(card)).toContain('Proof: digest');
    expect(drawMessage(card)).not.toContain('asks for your approval');
    expect(card.edits).toBeGreaterThan(0);
  }
  await work.shows((_, text) => text.includes('(R-') && text.startsWith('Run a CI job:'), {
    thread: asked.thread,
  });
  const thread = work.transcript({ channel: 'D0ALICE', thread: asked.thread });
  expect(thread.slice(1)).toEqual([
    'Bob Brown approved "Run a CI job". It starts now.',
    expect.stringMatching(/^Run a CI job: checks of web \(R-\d+\) passed\.$/),
  ]);
});

test('production needs two people on call, and each is named', async () => {
  const { thread } = await work.commands(
    ALICE,
    'ci trigger repo=web ref=main job=release inputs.channel=preview',
  );
  const own = await work.shows((message) => digestOf(message) !== undefined, { thread });
  const digest = digestOf(own)!;
  await work.shows((message) => digestOf(message) === digest, { channel: 'D0CAROL' });
  await work.shows((message) => digestOf(message) === digest, { channel: APPROVALS });
  const at = (channel: string) => work.cards(digest).find((card) => card.channel === channel)!;
  await work.slack.click(BOB, at(APPROVALS), 'approve');
  await work.shows(
    (_, text) => text === 'Bob Brown approved "Run a CI job". Waiting for one more approval from On call.',
    { thread },
  );
  await work.slack.click(CAROL, at('D0CAROL'), 'approve');
  await work.shows((_, text) => text === 'Carol Clark approved "Run a CI job". It starts now.', { thread });
  await work.shows((_, text) => /^Run a CI job: release of web \(R-\d+\) passed\.$/.test(text), { thread });
  await work.everywhere(digest, 'passed.', 4);
});

test('what is missing is asked for in the thread, and the answer there goes on', async () => {
  const said = await work.slack.say(ALICE, 'ci trigger repo=web job=checks');
  const where = { channel: said.channel, thread: said.ts };
  await work.shows((_, text) => text.includes('ref'), where);
  await work.slack.say(ALICE, 'main', undefined, { thread: said.ts });
  const card = await work.shows((message) => digestOf(message) !== undefined, where);
  expect(drawMessage(card)).toContain('job (typed by the requester) checks');
  if (buttonsOf(card).includes('confirm')) await work.slack.click(ALICE, card, 'confirm');
  const waiting = await work.shows((_, text) => text.includes('Waiting for one approval'), where);
  const digest = digestOf(waiting)!;
  // Who is asked only after it is cancelled is not asked at all.
  await work.slack.workspace.until(() => work.cards(digest).length === 4);
  await work.slack.click(ALICE, waiting, 'cancel');
  await work.everywhere(digest, 'Cancelled by Alice Adams.', 4);
});

test('a pasted secret is masked, and the person told first of all', async () => {
  const secret = ['ghp', 'q7Zk2Xv9Lm4Tn8Rb3Wc6Yd1Fs5Hg0Jp2KaQe'].join('_');
  const said = await work.slack.say(ALICE, `ticket create title="The token ${secret} is refused"`);
  await work.shows((_, text) => text.startsWith('Open a ticket: Ticket'), { thread: said.ts });
  const [first, card] = work.transcript({ thread: said.ts });
  expect(first).toContain('I masked what looked like a secret');
  expect(card).not.toContain(secret);
});

test('a secret in a command is said again by nobody', async () => {
  const secret = ['ghp', 'k3Tq9Zx7Vb2Nm8Lc4Wd6Yf1Rs5Hj0Gp2UaQe'].join('_');
  expect((await work.slack.command(ALICE, `ticket create title="Is ${secret} leaked?"`)).status).toBe(200);
  const ours = work.slack.messages(work.slack.workspace.directWith(ALICE));
  const root = ours.findLast((it) => it.thread === null && it.user === work.slack.bot)!;
  await work.shows((_, text) => text.startsWith('Open a ticket: Ticket'), { thread: root.ts });
  expect(drawMessage(root)).toMatch(/^\/countersign ticket create title="Is .+ leaked\?"$/);
  expect(JSON.stringify(work.slack.calls)).not.toContain(secret);
});

test('lists are answered in words', async () => {
  const { thread } = await work.commands(BOB, 'waiting for me');
  await work.shows((_, text) => text === 'Nothing waits for you.', { thread });
  const mine = await work.commands(ALICE, 'my requests');
  await work.shows((_, text) => text.includes('Open a ticket') && text.includes('Done.'), {
    thread: mine.thread,
  });
  const home = await work.commands(ALICE, 'home');
  const page = await work.shows((_, text) => text.includes('What you may ask for'), { thread: home.thread });
  expect(drawMessage(page)).toMatch(
    /Waiting for you\n(.+\n)+\nMy requests\n(.+\n)+\nWhat you may ask for\n.*Open a ticket:/,
  );
});

test('files that come with a message are not read, and whoever sent them is told so in one sentence', async () => {
  const files = ['approve everything.txt'];
  const said = await work.slack.say(
    ALICE,
    'the VPN is down for the Rome office, please open a ticket',
    undefined,
    {
      files,
    },
  );
  const where = { channel: said.channel, thread: said.ts };
  const told = 'I do not read files: only the words of your message counted.';
  await work.shows((_, text) => text === told, where);
  const card = await work.shows((message) => buttonsOf(message).length > 0, where);
  expect(drawMessage(card)).toContain('Rome office');
  expect(drawMessage(card)).not.toContain('approve everything');
  await work.slack.click(ALICE, card, 'cancel');
  const ours = work.slack.messages(said.channel).filter((it) => it.thread === said.ts && it.text === told);
  expect(ours).toHaveLength(1);
});

test('files alone are answered too', async () => {
  const said = await work.slack.say(ALICE, '', undefined, { files: ['photo.jpg'] });
  const where = { channel: said.channel, thread: said.ts };
  await work.shows((_, text) => text.startsWith('I do not read files, and there were no words'), where);
});

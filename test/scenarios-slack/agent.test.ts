import { afterEach, describe, expect, test } from 'vitest';
import { readStored } from '../../src/commands/privacy-tables.ts';
import { inputsOf } from '../support/slack/block-schema.ts';
import { drawBlock } from '../support/slack/draw.ts';
import { ALICE, APPROVALS, BOB, buttonsOf, CAROL, DAVE, useWorkplace } from './workplace.ts';

const work = useWorkplace({ socketMode: true });
afterEach(() => work.expectVerifiedLog());

const home = (user: string) => (work.slack.workspace.homes.get(user)?.blocks ?? []).map(drawBlock).join('\n');
const data = (entry: Record<string, unknown> | undefined) => entry?.data as Record<string, unknown>;

describe('over sockets, in the agent view', () => {
  test('a form is filled in as a dialog, corrected at its field, and is its own confirmation', async () => {
    const said = await work.slack.say(ALICE, 'ci trigger repo=web');
    const asks = await work.shows((message) => buttonsOf(message).includes('form'), { thread: said.ts });
    await work.slack.click(ALICE, asks, 'form');
    const { view } = work.slack.dialog(ALICE);
    expect(view.callback_id).toBe('form:ci.trigger');
    const repo = inputsOf(view).find(({ block_id: id }) => id === 'field:repo');
    expect(repo?.element).toMatchObject({ initial_value: 'web' });
    const { errors } = await work.slack.submit(ALICE, { repo: 'web', ref: 'main', job: 'No such name!' });
    expect(Object.keys(errors)).toEqual(['field:job']);
    expect(await work.entries('proposal.made')).toEqual([]);
    expect((await work.slack.submit(ALICE, { repo: 'web', ref: 'main', job: 'checks' })).errors).toEqual({});
    const card = await work.shows((message) => buttonsOf(message).includes('cancel'), { thread: said.ts });
    expect(drawn(card)).toContain('typed by the requester');
    await work.slack.click(ALICE, card, 'cancel');
    await work.shows((_, text) => text.includes('was cancelled'), { thread: said.ts });
  });

  test('the Home tab shows an approver what waits, takes the decision, and follows the request to its end', async () => {
    await work.slack.openHome(ALICE, 'home');
    await work.slack.openHome(BOB, 'home');
    await work.asksForChecks();
    await work.slack.workspace.until(() => home(BOB).includes('[Approve] [Deny]'));
    await work.slack.workspace.until(() => home(ALICE).includes('My requests\nRun a CI job'));
    await work.slack.clickHome(BOB, 'approve');
    await work.slack.workspace.until(() => /Recent outcomes\n(.*\n)*.*Run a CI job: Done/i.test(home(ALICE)));
    // Each page is drawn by itself.
    await work.slack.workspace.until(() => !home(BOB).includes('[Approve]'));
    expect((await work.entries('approval.given')).at(-1)).toMatchObject({ principal: 'bob' });
  });

  test('Stop cancels what waits and drops what is being planned, and is answered', async () => {
    const asked = await work.asksForChecks();
    const direct = work.slack.workspace.directWith(ALICE);
    await work.database.owner.query(
      `insert into turns (id, delivery_key, thread, account, content, principal)
       select gen_random_uuid(), 'planned-' || id, thread, account, content, principal from turns
       where thread = (select id from threads where thread = $1)`,
      [asked.thread],
    );
    await work.slack.pressStop(BOB, direct, asked.thread);
    expect(buttonsOf(work.cards(asked.digest)[0]!)).not.toEqual([]);
    await work.slack.pressStop(ALICE, direct, asked.thread);
    await work.everywhere(asked.digest, 'Cancelled by Alice Adams.', 4);
    const words = 'Stopped, as you asked. One request that had not begun is cancelled.';
    await work.shows((_, text) => text === words, { thread: asked.thread });
    const open = await work.database.owner.query(`select id from turns where state = 'received'`);
    expect(open).toEqual([]);
    await work.slack.pressStop(ALICE, direct, asked.thread);
    await work.shows((_, text) => text === 'There was nothing left to stop.', { thread: asked.thread });
  });

  test('Stop says so of what runs already', async () => {
    const asked = await work.asksForChecks();
    const direct = work.slack.workspace.directWith(ALICE);
    const become = (state: string) =>
      work.database.owner.query('update requests set state = $2 where digest = $1', [asked.digest, state]);
    await become('executing');
    await work.slack.pressStop(ALICE, direct, asked.thread);
    await work.shows((_, text) => text.includes('One thing has begun and cannot be stopped'), {
      thread: asked.thread,
    });
    await become('pending');
    await work.slack.pressStop(ALICE, direct, asked.thread);
    await work.everywhere(asked.digest, 'Cancelled by Alice Adams.', 4);
  });

  test('a click that does not count is answered to whoever made it, and to nobody else', async () => {
    work.slack.workspace.channels.get(APPROVALS)?.members.add(DAVE);
    const asked = await work.asksForChecks();
    const before = work.transcript({ channel: APPROVALS }).length;
    await work.slack.click(DAVE, asked.channel, 'approve');
    await work.slack.workspace.until(() => work.slack.workspace.whispers.length > 0);
    expect(work.slack.workspace.whispers).toMatchObject([
      {
        channel: APPROVALS,
        user: DAVE,
        // Nobody has answered below the card.
        thread: null,
        text: expect.stringMatching(/^Dave Davis: /),
      },
    ]);
    expect(work.transcript({ channel: APPROVALS })).toHaveLength(before);
    expect((await work.entries('approval.refused')).at(-1)).toMatchObject({ principal: 'dave' });
    await work.denies(CAROL, asked.carol, 'No.');
    await work.everywhere(asked.digest, 'Denied by Carol Clark: No.', 4);
  });

  test("a message becomes a ticket whose words are labelled as somebody else's", async () => {
    const channel = work.slack.workspace.directWith(ALICE);
    const message = work.slack.workspace.add({
      channel: 'CGENERAL',
      thread: null,
      user: BOB,
      text: 'The printer on floor 3 is on fire',
      blocks: [],
    });
    await work.slack.shortcut(ALICE, 'ticket_from_message', message);
    const root = work.slack
      .messages(channel)
      .findLast((it) => it.thread === null && it.user === work.slack.bot)!;
    await work.shows((message) => buttonsOf(message).includes('form'), { thread: root.ts });
    const [turn] = await work.database.owner.query<{ content: unknown }>(
      `select content from turns where content->>'text' = 'Open a ticket'`,
    );
    expect(turn?.content).toMatchObject({ fetched: ['The printer on floor 3 is on fire'] });
  });

  test.each([
    ['help', /ticket/i],
    ['status', /^Run a CI job \(\w{8}\): /],
    ['kill', /kill switch is off/i],
    ['whoami', /You are Alice Adams/],
  ])('/countersign %s is answered', async (words, answer) => {
    const { thread, channel } = await work.commands(ALICE, words);
    await work.shows((_, text) => answer.test(text), { channel, thread });
  });

  test('feedback is an entry of the log, about a message and by a person', async () => {
    const [message] = await work.database.owner.query<{ id: never }>(
      `select id from messages where authorship = 'system' limit 1`,
    );
    const input = { message: message!.id, principal: 'alice' as never, positive: false };
    expect(await work.running.assistant.feedback(input)).toBe(true);
    const entry = (await work.entries('feedback.given')).at(-1);
    expect(entry).toMatchObject({ principal: 'alice' });
    expect(data(entry)).toEqual({ message: message!.id, positive: false });
    const nothing = { ...input, message: crypto.randomUUID() as never };
    expect(await work.running.assistant.feedback(nothing)).toBe(false);
  });

  test('feedback that is sent again under its key is one entry, at the same moment too', async () => {
    const [message] = await work.database.owner.query<{ id: never }>(
      `select id from messages where authorship = 'system' limit 1`,
    );
    const before = (await work.entries('feedback.given')).length;
    const judge = (key: string, of = message!.id) =>
      work.running.assistant.feedback({ key, message: of, principal: 'alice' as never, positive: true });
    expect(await judge('web:alice:nothing', crypto.randomUUID() as never)).toBe(false);
    expect(await Promise.all(Array.from({ length: 4 }, () => judge('web:alice:one')))).toEqual(
      Array(4).fill(true),
    );
    expect(await judge('web:alice:one')).toBe(true);
    expect(await work.entries('feedback.given')).toHaveLength(before + 1);
    // Nothing was recorded under the first key: it can be used yet.
    expect(await judge('web:alice:nothing')).toBe(true);
    expect(await work.entries('feedback.given')).toHaveLength(before + 2);
    const keysOf = async (person: string) => {
      const stored = await Array.fromAsync(readStored(work.database.db, person as never));
      return stored.flatMap((it) => (it.stored === 'feedback_keys' ? [it.row.key] : [])).sort();
    };
    expect(await keysOf('alice')).toEqual(['web:alice:nothing', 'web:alice:one']);
    expect(await keysOf('bob')).toEqual([]);
  });

  test('cut lines are opened again, and what is said then is answered', async () => {
    work.slack.sockets.cut();
    await work.slack.sockets.until(2);
    const said = await work.slack.say(ALICE, 'whoami');
    await work.shows((_, text) => text.startsWith('You are Alice Adams'), { thread: said.ts });
  });
});

function drawn(message: { blocks: Parameters<typeof drawBlock>[0][] }): string {
  return message.blocks.map(drawBlock).join('\n');
}

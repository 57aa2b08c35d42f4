import { afterEach, beforeAll, expect, test } from 'vitest';
import { drawMessage } from '../support/slack/draw.ts';
import { ALICE, BOB, buttonsOf, CAROL, digestOf, useWorkplace } from './workplace.ts';

const work = useWorkplace();
afterEach(() => work.expectVerifiedLog());
// Greeted once: what follows is about what is said after that.
beforeAll(async () => {
  const said = await work.slack.say(ALICE, 'whoami');
  await work.shows((_, text) => text.startsWith('You are Alice'), { thread: said.ts });
});

/** What a thread shows after its first message, cards by their title. */
const saidIn = (thread: string) =>
  work
    .transcript({ channel: 'D0ALICE', thread })
    .map((text) => (/digest [0-9a-f]{64}/i.test(text) ? 'the card' : text));

test('Slack is down while somebody approves: nothing is lost, and it is told later, in order', async () => {
  const asked = await work.asksForChecks();
  await work.slack.stop();
  expect((await work.slack.click(BOB, asked.bob, 'approve')).status).toBe(200);
  await untilState(asked.digest, 'succeeded');
  // Nothing could be shown yet.
  expect(saidIn(asked.thread)).toEqual(['the card']);
  await work.slack.restart();
  await work.everywhere(asked.digest, 'passed.', 4);
  await work.shows((_, text) => text.startsWith('Run a CI job: checks'), { thread: asked.thread });
  expect(saidIn(asked.thread)).toEqual([
    'the card',
    'Bob Brown approved "Run a CI job". It starts now.',
    expect.stringMatching(/^Run a CI job: checks of web \(R-\d+\) passed\.$/),
  ]);
});

test('a broken answer of Slack loses nothing and repeats nothing', async () => {
  work.slack.fail(3, 'chat.postMessage', 'internal_error');
  const said = await work.slack.say(ALICE, 'ticket create title="Broken twice"');
  await work.shows((_, text) => text.includes('Open a ticket: Ticket'), { thread: said.ts });
  expect(saidIn(said.ts)).toEqual([
    'the card',
    expect.stringMatching(/^Open a ticket: Ticket T-\d+ is open\.$/),
  ]);
});

test('a storm of 429 delays what is said and changes no order', async () => {
  const asked = await work.asksForChecks();
  const refusals = 8;
  work.slack.rateLimit(refusals, 2);
  await work.slack.click(CAROL, asked.channel, 'approve');
  await work.everywhere(asked.digest, 'passed.', 4);
  await work.shows((_, text) => text.startsWith('Run a CI job: checks'), { thread: asked.thread });
  expect(saidIn(asked.thread)).toEqual([
    'the card',
    'Carol Clark approved "Run a CI job". It starts now.',
    expect.stringMatching(/^Run a CI job: checks of web \(R-\d+\) passed\.$/),
  ]);
  expect(work.slack.calls.filter((call) => call.status === 429)).toHaveLength(refusals);
});

test('the process is restarted between the asking and the click', async () => {
  const asked = await work.asksForChecks();
  await work.stop();
  expect((await work.slack.click(BOB, asked.bob, 'approve').catch(() => null))?.status).not.toBe(200);
  await work.start();
  await work.slack.click(BOB, asked.bob, 'approve');
  await work.everywhere(asked.digest, 'passed.', 4);
  await work.shows((_, text) => text.startsWith('Run a CI job: checks'), { thread: asked.thread });
  expect(saidIn(asked.thread)[1]).toBe('Bob Brown approved "Run a CI job". It starts now.');
});

test('what was said to be done while the process stopped is done after the start', async () => {
  const said = await work.slack.say(ALICE, 'the coffee machine is broken, please open a ticket');
  const card = await work.shows((message) => buttonsOf(message).includes('confirm'), { thread: said.ts });
  await work.slack.click(ALICE, card, 'confirm');
  await work.stop();
  await work.start();
  await work.everywhere(digestOf(card)!, 'is open.', 1);
  await work.shows((_, text) => text.startsWith('Open a ticket: Ticket'), { thread: said.ts });
});

test('a token that is revoked for a while loses nothing, and operators are told once', async () => {
  const slackCheck = async () => (await work.running.checks()).find(({ name }) => name === 'slack')!;
  const told = () => work.logged.filter(({ platform, code }) => platform && code === 'config_invalid');
  const refused = () =>
    new Set(
      work.slack.calls.flatMap(({ answer, args }) =>
        answer.error === 'token_revoked' ? [args.channel] : [],
      ),
    );
  work.slack.fail(1_000, 'chat.postMessage', 'token_revoked');
  const sent = await work.slack.say(ALICE, 'ci trigger repo=web ref=main job=checks');
  await expect.poll(async () => (await slackCheck()).code).toBe('config_invalid');
  // Each of the four cards is refused once at least.
  await expect.poll(() => refused().size).toBe(4);
  work.slack.mend();
  const own = await work.shows((message) => buttonsOf(message).includes('cancel'), { thread: sent.ts });
  const digest = digestOf(own)!;
  await work.slack.workspace.until(() => work.cards(digest).length === 4);
  await expect.poll(slackCheck).toMatchObject({ ok: true, code: 'ok', decides: false });
  expect(told()).toHaveLength(1);
  await work.slack.click(BOB, work.cards(digest).find(({ channel }) => channel === 'D0BOB')!, 'approve');
  await work.everywhere(digest, 'passed.', 4);
});

test('a request that ended while nobody could be asked is put to nobody any more', async () => {
  work.slack.fail(1_000, 'chat.postMessage', 'token_revoked');
  const sent = await work.slack.say(ALICE, 'ci trigger repo=web ref=main job=checks');
  const asked = () =>
    work.database.owner.maybe<{ request: string }>(
      `select request from messages m join threads t on t.id = m.thread
       where t.container = 'D0BOB' and m.delivered is null and m.request is not null`,
    );
  await expect.poll(asked).not.toBeNull();
  const { request } = (await asked())!;
  await work.running.pipeline.stop(
    (await work.database.owner.one<{ thread: never }>('select thread from requests where id = $1', [request]))
      .thread,
    'alice' as never,
  );
  work.slack.mend();
  await work.shows((_, text) => text.includes('Stopped, as you asked.'), { thread: sent.ts });
  const over = () =>
    work.database.owner.query(`select undeliverable from messages where request = $1 and turn is null`, [
      request,
    ]);
  await expect.poll(over).toEqual(Array(3).fill({ undeliverable: 'over' }));
});

test('one place that Slack holds up keeps no other from the outcome', async () => {
  const asked = await work.asksForChecks();
  // Longer than anybody waits, and for as long as this file runs.
  work.slack.rateLimit(1_000, 90, { channel: 'D0CAROL' });
  await work.slack.click(BOB, asked.channel, 'approve');
  const others = () => work.cards(asked.digest).filter((card) => card.channel !== 'D0CAROL');
  await work.slack.workspace.until(() =>
    others().every((card) => drawMessage(card).includes('Done.') && buttonsOf(card).length === 0),
  );
  expect(others()).toHaveLength(3);
  expect(buttonsOf(work.cards(asked.digest).find((card) => card.channel === 'D0CAROL')!)).toHaveLength(2);
});

/** Where Slack shows nothing, the database is what tells. */
async function untilState(digest: string, state: string): Promise<void> {
  const isSo = async () =>
    (await work.database.owner.maybe('select 1 from requests where digest = $1 and state = $2', [
      digest,
      state,
    ])) !== null;
  const reached = Promise.withResolvers<void>();
  const look = () => isSo().then((so) => so && reached.resolve(), reached.reject);
  const stop = work.running.assistant.onChange(look);
  await look();
  await reached.promise.finally(stop);
}

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ModelServer } from '../support/model-server.ts';
import { drawMessage } from '../support/slack/draw.ts';
import { ALICE, buttonsOf, useWorkplace } from './workplace.ts';

let model: ModelServer;
beforeAll(async () => {
  model = await ModelServer.start();
});
afterAll(() => model.stop());
const work = useWorkplace({ model: () => model.url });
afterEach(() => work.expectVerifiedLog());

const FIRST =
  'The gateway in Berlin is down since this morning, and the network team has been told about it.';
/** So much of the next sentence that the first is no longer held back. */
const MORE = ' They expect it to be';
const REST = ' back by noon.';
const GROWING = 'A language model is writing this answer';

/** Everything of ours in that thread that holds these words, as a person reads it. */
const holding = (thread: string, words: string) =>
  work.transcript({ thread }).filter((text) => text.includes(words));
const begun = () => work.db.query('select 1 from begun_answers');
const calls = (method: string) => work.slack.calls.filter((call) => call.method === method);

/** Alice asks, and the first sentence of the answer is there while the model still writes. */
async function halfAnswered(): Promise<{ ts: string; channel: string }> {
  model.script({ says: FIRST + MORE, holds: true, rest: REST });
  const said = await work.slack.say(ALICE, 'how is the gateway?');
  await work.shows((_, text) => text.includes(`> ${FIRST}`), { thread: said.ts });
  expect(holding(said.ts, GROWING)).toHaveLength(1);
  return said;
}

describe('a model’s answer in a direct message', () => {
  test('grows while it is written, and stands there once, whole, with what it rests on', async () => {
    await work.slack.say(ALICE, 'ticket create title="VPN down" description="since nine"');
    await work.shows((_, text) => text.includes('T-1'));
    model.script(
      { calls: { name: 'ticket_status', arguments: { ticket: 'T-1' } } },
      { says: FIRST + MORE, holds: true, rest: REST },
    );
    const said = await work.slack.say(ALICE, 'how is the gateway, see ticket T-1?');
    const half = await work.shows((_, text) => text.includes(GROWING), { thread: said.ts });
    expect(drawMessage(half)).toContain('(complete) Look at a ticket');
    model.go();
    const whole = await work.shows((_, text) => text.includes('back by noon'), { thread: said.ts });
    expect(whole.ts).toBe(half.ts);
    expect(drawMessage(whole)).toBe(
      `> ${FIRST}${MORE}${REST}\nSources\n[1] Look at a ticket: desk/T-1\n· Written by a language model.\n[Good answer] [Bad answer]`,
    );
    expect(holding(said.ts, 'The gateway in Berlin')).toHaveLength(1);
    await expect.poll(begun).toEqual([]);
    await work.slack.workspace.until(
      () => work.slack.workspace.sessions.get(`${said.channel} ${said.ts}`) === 'active',
    );
  });

  test('is ended by Stop: what had appeared makes room for that', async () => {
    const { ts, channel } = await halfAnswered();
    await work.slack.pressStop(ALICE, channel, ts);
    await work.shows((_, text) => text === 'Stopped, as you asked.', { thread: ts });
    model.go();
    expect(holding(ts, 'gateway')).toEqual([]);
    expect(holding(ts, 'Stopped')).toHaveLength(1);
    await expect.poll(begun).toEqual([]);
  });

  test('that was half there when the process ended is completed in its place after the next start', async () => {
    const { ts } = await halfAnswered();
    await work.stop();
    model.script({ says: FIRST + MORE + REST });
    await work.start();
    await work.shows((_, text) => text.includes('back by noon'), { thread: ts });
    expect(holding(ts, 'The gateway in Berlin')).toHaveLength(1);
    expect(holding(ts, GROWING)).toEqual([]);
    await expect.poll(begun).toEqual([]);
  });

  test('follows whole, once, when Slack asks to wait in the middle of it', async () => {
    const before = calls('chat.appendStream').length;
    work.slack.rateLimit(1, 1, { method: 'chat.appendStream' });
    model.script({ says: FIRST + MORE, holds: true, rest: REST });
    const { ts } = await work.slack.say(ALICE, 'how is the gateway?');
    await work.shows((_, text) => text.includes(GROWING), { thread: ts });
    await expect.poll(() => calls('chat.appendStream').length).toBeGreaterThan(before);
    model.go();
    await work.shows((_, text) => text.includes('back by noon'), { thread: ts });
    expect(holding(ts, 'The gateway in Berlin')).toHaveLength(1);
  });

  test('that turns out to propose something is no answer: the card stands there, to be confirmed', async () => {
    const wish = { title: 'Berlin VPN', description: 'down', priority: 'normal' };
    model.script({
      says: FIRST + MORE,
      holds: true,
      rest: ' back. I will open a ticket for that.',
      calls: { name: 'ticket_create', arguments: wish },
    });
    const { ts } = await work.slack.say(ALICE, 'the gateway broke, tell IT');
    await work.shows((_, text) => text.includes(GROWING), { thread: ts });
    model.go();
    const card = await work.shows((message) => buttonsOf(message).includes('confirm'), { thread: ts });
    expect(holding(ts, GROWING)).toEqual([]);
    expect(holding(ts, 'The gateway in Berlin')).toHaveLength(1);
    await work.slack.click(ALICE, card, 'cancel');
    await work.shows((_, text) => text.includes('was cancelled'), { thread: ts });
  });
});

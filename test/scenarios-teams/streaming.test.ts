import { afterEach, describe, expect, test } from 'vitest';
import { harmless } from '../../adapters/teams/harmless.ts';
import { eraseStored, readStored } from '../../src/commands/privacy-tables.ts';
import { PrincipalId } from '../../src/model/ids.ts';
import type { Round } from '../support/model-server.ts';
import type { FakeMessage } from '../support/teams/fake-connector.ts';
import { ALICE, drawn, GENERAL, useTeamsWorkplace } from './workplace.ts';

const work = useTeamsWorkplace();
afterEach(() => work.expectVerifiedLog());

const FIRST =
  'The gateway in Berlin is down since this morning, and the network team has been told about it.';
/** So much of the next sentence that the first is no longer held back. */
const MORE = ' They expect it to be';
const REST = ' back by noon, and nobody has to do anything until then.';
const WHOLE = `${FIRST}${MORE}${REST}`;
const STOPPED = 'Stopped, as you asked.';

const chat = () => work.teams.personalChat(ALICE);
const begun = () => work.database.db.query('select 1 from begun_answers');
const growing = () => work.teams.streams.all.at(-1);
const aiLabel = ({ entities }: FakeMessage) =>
  (entities as { additionalType?: string[]; citation?: { appearance: { name: string } }[] }[]).find((it) =>
    it.additionalType?.includes('AIGeneratedContent'),
  );

/** Alice asks, and the first sentence of the answer is there while the model still writes. */
async function halfAnswered(more: Round = {}): Promise<() => FakeMessage[]> {
  const before = work.teams.streams.all.length;
  work.model.script({ says: FIRST + MORE, holds: true, rest: REST, ...more });
  const below = await work.say('how is the gateway?', chat());
  await expect.poll(() => work.teams.streams.all.length).toBe(before + 1);
  await expect.poll(() => growing()?.text.startsWith(harmless(FIRST))).toBe(true);
  return below;
}

/** Once, whole, and nothing else of it. */
async function standsOnce(below: () => FakeMessage[], words: string): Promise<FakeMessage> {
  const message = await work.shows(below, words);
  await expect.poll(begun).toEqual([]);
  expect(below().filter((one) => drawn(one).includes('The gateway in Berlin'))).toHaveLength(
    words === WHOLE ? 1 : 0,
  );
  expect(below()).toHaveLength(1);
  return message;
}

describe('a model’s answer in a personal chat of Teams', () => {
  test('grows while it is written, and stands there once, labelled, with what it rests on', async () => {
    const opened = await work.say('ticket create title="VPN down" description="since nine"', chat());
    await work.shows(opened, 'T-1');
    work.model.script(
      { calls: { name: 'ticket_status', arguments: { ticket: 'T-1' } } },
      { says: FIRST + MORE, holds: true, rest: REST },
    );
    const below = await work.say('how is the gateway, see ticket T-1?', chat());
    await expect.poll(() => growing()?.text.startsWith(harmless(FIRST))).toBe(true);
    expect(growing()?.status).toBe('Look at a ticket, A language model is writing this answer');
    // What was read is quoted by itself; of the answer there is no message yet.
    await expect
      .poll(() => below().map(drawn))
      .toEqual([expect.stringContaining('Quoted from another system')]);
    work.model.go();
    const whole = await standsOnce(() => below().slice(1), WHOLE);
    expect(whole.id).toBe(growing()?.id);
    expect(drawn(whole)).toContain('Look at a ticket');
    const label = aiLabel(whole);
    expect(label?.citation?.map(({ appearance }) => appearance.name)).toEqual(['Look at a ticket']);
    expect(whole.channelData).toEqual({ feedbackLoop: { type: 'default' } });
  });

  test('is dropped by Stop: that takes its place, and no whole answer follows', async () => {
    const below = await halfAnswered({ holdsAgain: true });
    work.teams.pressStop(chat());
    // What the model says next is what Teams refuses, while more is still to come.
    work.model.go();
    await standsOnce(below, STOPPED);
    work.model.go();
    expect(below().map(drawn)).toEqual([expect.stringContaining(STOPPED)]);
  });

  test('that was half there when the process ended is completed in its place after the next start', async () => {
    const below = await halfAnswered();
    const { id } = growing()!;
    await work.stop();
    work.model.script({ says: WHOLE });
    await work.start();
    expect((await standsOnce(below, WHOLE)).id).toBe(id);
  });

  test('follows whole, once, when Teams asks to wait in the middle of it', async () => {
    const below = await halfAnswered();
    work.teams.fail(1, 429, '1');
    work.model.go();
    await standsOnce(below, WHOLE);
  });

  test('follows whole, once, when the model’s connection breaks and it is asked again', async () => {
    const below = await halfAnswered();
    work.model.script({ says: WHOLE });
    work.model.breakOff();
    const whole = await standsOnce(below, WHOLE);
    expect(aiLabel(whole)).toBeDefined();
  });

  test('of somebody who is erased meanwhile becomes just that', async () => {
    const below = await halfAnswered();
    const stored = await Array.fromAsync(readStored(work.database.db, PrincipalId.parse('alice')));
    const chats = stored.filter((it) => it.stored === 'teams_references').map((it) => it.row.person);
    expect(new Set(chats)).toEqual(new Set([ALICE]));
    await work.database.db.transaction((tx) => eraseStored(tx, PrincipalId.parse('alice')));
    work.model.go();
    await standsOnce(below, 'Erased.');
  });
});

test('a model’s answer in a channel is posted whole, labelled, in its thread: nothing grows there', async () => {
  const before = work.teams.streams.all.length;
  work.model.script({ says: WHOLE });
  const below = await work.say('how is the gateway?', GENERAL);
  const whole = await standsOnce(below, WHOLE);
  expect(work.teams.streams.all).toHaveLength(before);
  expect(aiLabel(whole)).toBeDefined();
  expect(whole.edits).toBe(0);
});

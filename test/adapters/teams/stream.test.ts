import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { harmless } from '../../../adapters/teams/harmless.ts';
import { AI_ENTITY } from '../../../adapters/teams/render-message.ts';
import type { Delivered } from '../../../src/model/card.ts';
import { PrincipalId } from '../../../src/model/ids.ts';
import { textsOf } from '../../support/teams/card-schema.ts';
import { cardWith, messageWith } from '../slack/samples.ts';
import { ALICE, connected, GROUP, place } from './harness.ts';

const PERSON = { id: PrincipalId.parse('alice'), name: 'Alice Adams', groups: [], accounts: [] };
const FIRST = 'The gateway in Berlin is down';
const WHOLE = `${FIRST} and the network team has been told, see *ticket* T-17`;
const answer = (text = WHOLE) => messageWith({ text, authorship: 'model' });

/** Alice has asked, and somebody is about to answer in her personal chat. */
async function asked(more: { noted?: boolean } = {}) {
  const all = await connected();
  const { teams, adapter } = all;
  const chat = teams.personalChat(ALICE);
  const handles: Delivered[] = [];
  const streaming = adapter.surface.streaming!;
  const begin = () =>
    streaming.begin(place(chat), async (begun) => {
      handles.push(begun);
      return more.noted ?? true;
    })!;
  const grown = (text: string) => expect.poll(() => teams.streams.all.at(-1)?.text).toBe(harmless(text));
  return { ...all, chat, streaming, stream: begin(), begin, handles, grown };
}

describe('an answer that grows', () => {
  test('begins with what was done for it, grows, and becomes the stored message with the mark of Teams', async () => {
    const { teams, stream, streaming, chat, handles, grown } = await asked();
    stream.did('Look up a ticket');
    stream.show(FIRST);
    await grown(FIRST);
    expect(teams.streams.all[0]?.status).toBe('Look up a ticket, A language model is writing this answer');
    expect(teams.in(chat)).toEqual([]);
    stream.show(WHOLE);
    await grown(WHOLE);
    await stream.close();
    const delivered = await streaming.complete(place(chat), handles[0]!, answer());
    expect(delivered).toEqual(handles[0]);
    const [shown, ...others] = teams.in(chat);
    expect(others).toEqual([]);
    expect(shown).toMatchObject({
      id: teams.streams.all[0]?.id,
      edits: 1,
      text: null,
      entities: [AI_ENTITY],
    });
    expect(textsOf(shown?.card)).toContain(WHOLE);
  });

  test('keeps the pace that Teams asks for, and numbers its parts', async () => {
    const { teams, stream, clock, grown } = await asked();
    for (const end of [30, 40, 50]) {
      stream.show(WHOLE.slice(0, end));
      await grown(WHOLE.slice(0, end));
    }
    const typing = teams.calls.filter(({ body }) => body.type === 'typing');
    expect(typing.map(({ status }) => status)).toEqual([201, 202, 202, 202]);
    const infos = typing.map(
      ({ body }) => (body.entities as { streamSequence: number }[])[0]?.streamSequence,
    );
    expect(infos).toEqual([1, 2, 3, 4]);
    expect(clock.slept.filter((ms) => ms >= 1_000).length).toBeGreaterThanOrEqual(3);
  });

  test('shows nothing before its handle is noted, and nothing at all where it is not', async () => {
    const { teams, stream, chat } = await asked({ noted: false });
    stream.show(WHOLE);
    await expect.poll(() => teams.in(chat)).toMatchObject([{ text: 'This answer is not continued here.' }]);
    await stream.close();
    expect(JSON.stringify(teams.calls)).not.toContain('Berlin');
  });

  test('is not begun in a group or channel', async () => {
    const { adapter } = await connected();
    expect(adapter.surface.streaming!.begin(place(GROUP), async () => true)).toBeNull();
  });

  test('grows alone in its chat; another there follows whole, and the next grows again', async () => {
    const { teams, stream, streaming, begin, chat, handles, grown } = await asked();
    stream.show(FIRST);
    await grown(FIRST);
    const other = begin();
    other.show(WHOLE);
    await new Promise((resolve) => setImmediate(resolve));
    await other.close();
    expect(teams.streams.all).toHaveLength(1);
    await stream.close();
    await streaming.complete(place(chat), handles[0]!, answer());
    begin().show(WHOLE);
    await expect.poll(() => teams.streams.all).toHaveLength(2);
  });

  test('can become something else: a card with its buttons', async () => {
    const { teams, stream, streaming, chat, handles, grown } = await asked();
    stream.show(FIRST);
    await grown(FIRST);
    await stream.close();
    await streaming.complete(place(chat), handles[0]!, messageWith({ card: cardWith(), text: '' }));
    expect(teams.in(chat)).toHaveLength(1);
    expect(teams.in(chat)[0]?.card?.actions).toHaveLength(2);
    expect(JSON.stringify(teams.in(chat))).not.toContain('gateway');
  });
});

describe('Stop in Teams', () => {
  /** Alice is known, has written before, and presses Stop after the first words. */
  async function stopped(more: { stays?: boolean } = {}) {
    const all = await asked();
    const { teams, assistant, chat, stream, grown } = all;
    assistant.known.set(ALICE, PERSON);
    await teams.send(teams.said(ALICE, chat, 'how is the gateway?'));
    stream.show(FIRST);
    await grown(FIRST);
    teams.pressStop(chat, more);
    stream.show(WHOLE);
    return all;
  }

  test('drops what its person is being answered there, once, and nothing more is sent of it', async () => {
    const { teams, assistant, stream, chat, codes } = await stopped();
    await expect.poll(() => assistant.stops).toHaveLength(1);
    await stream.close();
    const { direct, container } = place(chat);
    expect(assistant.stops).toMatchObject([
      { place: { container, direct }, principal: 'alice', what: 'answers' },
    ]);
    expect(codes).toContain('teams_stream_stopped');
    const before = teams.calls.length;
    stream.show(`${WHOLE}.`);
    await stream.close();
    expect(teams.calls).toHaveLength(before);
  });

  test.each([true, false])('is answered in one message (what had grown stays: %j)', async (stays) => {
    const { teams, assistant, stream, streaming, chat, handles } = await stopped({ stays });
    await expect.poll(() => assistant.stops).toHaveLength(1);
    await stream.close();
    const said = messageWith({ text: 'Stopped, as you asked.', authorship: 'system' });
    await streaming.complete(place(chat), handles[0]!, said);
    expect(teams.in(chat)).toHaveLength(1);
    expect(JSON.stringify(teams.in(chat))).toContain('Stopped, as you asked.');
    expect(JSON.stringify(teams.in(chat))).not.toContain('gateway');
  });

  test('of somebody who is not known drops nothing', async () => {
    const { teams, assistant, stream, chat, grown, codes } = await asked();
    stream.show(FIRST);
    await grown(FIRST);
    teams.pressStop(chat);
    stream.show(WHOLE);
    await expect.poll(() => codes).toContain('teams_stream_stopped');
    expect(assistant.stops).toEqual([]);
  });

  test('is not meant where Teams refuses a stream for another reason', async () => {
    const { teams, assistant, stream, grown, codes } = await asked();
    stream.show(FIRST);
    await grown(FIRST);
    teams.fail(1, 403);
    stream.show(WHOLE);
    await expect.poll(() => codes).toContain('teams_stream_ended');
    expect(assistant.stops).toEqual([]);
  });
});

describe('when it cannot grow', () => {
  test('as Teams asks to wait, it stands still and follows whole, once', async () => {
    const { teams, stream, streaming, chat, handles, grown, codes, clock } = await asked();
    stream.show(FIRST);
    await grown(FIRST);
    teams.fail(1, 429, '9');
    stream.show(WHOLE);
    await expect.poll(() => codes).toContain('teams_stream_ended');
    const askedAt = clock.now();
    await stream.close();
    await streaming.complete(place(chat), handles[0]!, answer());
    expect(clock.now() - askedAt).toBe(9_000);
    expect(teams.in(chat)).toHaveLength(1);
    expect(textsOf(teams.in(chat)[0]?.card)).toContain(WHOLE);
  });

  test('as Teams asks to wait, no other one begins there before', async () => {
    const { teams, stream, begin, grown, codes } = await asked();
    stream.show(FIRST);
    await grown(FIRST);
    teams.fail(1, 429, '9');
    stream.show(WHOLE);
    await expect.poll(() => codes).toContain('teams_stream_ended');
    await stream.close();
    const before = teams.calls.length;
    const next = begin();
    next.show(WHOLE);
    await next.close();
    expect(teams.calls).toHaveLength(before);
  });

  test('since its two minutes are over, the whole is posted', async () => {
    const { teams, stream, streaming, chat, handles, grown, clock } = await asked();
    stream.show(FIRST);
    await grown(FIRST);
    await clock.sleep(121_000, new AbortController().signal);
    stream.show(WHOLE);
    await stream.close();
    const delivered = await streaming.complete(place(chat), handles[0]!, answer());
    expect(delivered).not.toEqual(handles[0]);
    expect(teams.in(chat)).toHaveLength(1);
    expect(textsOf(teams.in(chat)[0]?.card)).toContain(WHOLE);
  });

  test('after a restart, another process completes it, and twice is once', async () => {
    const { teams, stream, chat, handles, grown } = await asked();
    stream.show(FIRST);
    await grown(FIRST);
    await stream.close();
    const other = await connected({
      config: { serviceUrl: teams.serviceUrl },
      options: { tokens: async () => teams.botToken },
    });
    const complete = () => other.adapter.surface.streaming!.complete(place(chat), handles[0]!, answer());
    await complete();
    await complete();
    expect(teams.in(chat)).toHaveLength(1);
    expect(textsOf(teams.in(chat)[0]?.card)).toContain(WHOLE);
  });

  test('and Teams is down, whoever completes it is told to come back, and then does', async () => {
    const { teams, stream, streaming, chat, handles, grown } = await asked();
    stream.show(FIRST);
    await grown(FIRST);
    await stream.close();
    teams.fail(1, 503);
    await expect(streaming.complete(place(chat), handles[0]!, answer())).rejects.toMatchObject({
      code: 'platform_unavailable',
    });
    await streaming.complete(place(chat), handles[0]!, answer());
    expect(teams.in(chat)).toHaveLength(1);
  });
});

describe('words that are still growing', () => {
  const nasty = fc.array(
    fc.oneof(
      fc.constantFrom(
        '<at>Bob</at>',
        '[x](https://evil.example)',
        'www.evil.example',
        'mailto:a@b.example',
        '**b**',
        '1. x\n',
        '- y\n',
        '# h\n',
        '> q\n',
        '```\n',
        '&lt;b&gt;',
        ':tada:',
        '\\\\host\\share',
        '{{DATE(x)}}',
        '\u202e',
      ),
      fc.string({ unit: 'grapheme', maxLength: 12 }),
    ),
    { maxLength: 20 },
  );

  test('hold nothing that a client could make a link, a mention or markup of', () => {
    fc.assert(
      fc.property(nasty, (parts) => {
        const text = harmless(parts.join(' ') || 'x');
        expect(text).not.toMatch(/[*_`~#<>[\]{}|\\@&$^=+-]/);
        // No dot, colon or slash stands directly after anything.
        expect(text).not.toMatch(/[^\u2060][.:/]/);
      }),
    );
  });

  test('never change what was sent of them before', () => {
    fc.assert(
      fc.property(nasty, fc.nat(), (parts, at) => {
        const chars = [...`x${parts.join(' ')}`];
        const before = chars.slice(0, 1 + (at % chars.length)).join('');
        expect(harmless(chars.join('')).startsWith(harmless(before))).toBe(true);
      }),
    );
  });
});

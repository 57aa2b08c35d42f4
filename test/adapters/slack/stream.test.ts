import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextPiece } from '../../../adapters/slack/stream.ts';
import type { Delivered } from '../../../src/model/card.ts';
import { textsOf } from '../../support/slack/block-schema.ts';
import { drawMessage } from '../../support/slack/draw.ts';
import { connected } from './harness.ts';
import { cardWith, messageWith } from './samples.ts';

const FIRST = 'The gateway in Berlin is down.';
const WHOLE = `${FIRST} The network team has been told. It should be back by noon.`;
const answer = (text = WHOLE) => messageWith({ text, authorship: 'model' });

/** Alice has asked, and somebody is about to answer in her direct message. */
async function asked(more: { noted?: boolean } = {}) {
  const all = await connected();
  const { slack, adapter } = all;
  const { channel, ts } = await slack.say('UALICE', 'how is the gateway?');
  const place = {
    platform: 'slack' as const,
    tenant: slack.team,
    container: channel,
    thread: ts,
    direct: true,
  };
  const handles: Delivered[] = [];
  const streaming = adapter.surface.streaming!;
  const stream = streaming.begin(place, async (begun) => {
    handles.push(begun);
    return more.noted ?? true;
  })!;
  const methods = () => slack.calls.map(({ method }) => method).filter((it) => it.startsWith('chat.'));
  const ours = () => slack.messages(channel).filter(({ user }) => user === slack.bot);
  /** Waits until Slack shows it. */
  const shows = (words: string) =>
    slack.workspace.until(() => ours().some((message) => drawMessage(message).includes(words)));
  return { ...all, place, streaming, stream, handles, methods, ours, shows };
}

describe('an answer that grows', () => {
  test('begins with what was done for it, grows in whole sentences, and becomes the stored message', async () => {
    const { stream, streaming, place, handles, methods, ours, shows } = await asked();
    stream.did('Look up a ticket');
    stream.show(FIRST);
    stream.show(`${FIRST} The network`);
    await shows(FIRST);
    expect(drawMessage(ours()[0]!)).toBe(
      `(complete) Look up a ticket\n(in_progress) A language model is writing this answer\n> ${FIRST}`,
    );
    stream.show(WHOLE);
    await shows('has been told.');
    await stream.close();
    const delivered = await streaming.complete(place, handles[0]!, answer());
    expect(delivered).toEqual(handles[0]);
    expect(ours()).toHaveLength(1);
    expect(drawMessage(ours()[0]!)).toBe(
      `> ${WHOLE}\n· Written by a language model.\n[Good answer] [Bad answer]`,
    );
    expect(methods()).toEqual([
      'chat.startStream',
      'chat.appendStream',
      'chat.appendStream',
      'chat.stopStream',
      'chat.update',
    ]);
  });

  test('shows nothing before its handle is noted, and nothing at all where it is not', async () => {
    const { stream, handles, ours, shows } = await asked({ noted: false });
    stream.show(WHOLE);
    await shows('not continued');
    await stream.close();
    expect(handles).toHaveLength(1);
    expect(drawMessage(ours()[0]!)).not.toContain('gateway');
  });

  test('begins only as often as Slack takes it from a whole workspace; the others follow whole', async () => {
    const { slack, streaming, place } = await asked();
    const streams = Array.from({ length: 20 }, () => streaming.begin(place, async () => true)!);
    // A stream that is refused ends at its first turn, so that closing it waits for nothing.
    for (const stream of streams) stream.show(FIRST);
    const starts = () => slack.calls.filter(({ method }) => method === 'chat.startStream').length;
    await expect.poll(starts).toBe(15);
    for (const stream of streams) await stream.close();
    expect(starts()).toBe(15);
  });

  test('is not begun in a channel, nor where there is no thread', async () => {
    const { adapter, place } = await asked();
    const begin = (change: object) =>
      adapter.surface.streaming!.begin({ ...place, ...change }, async () => true);
    expect(begin({ direct: false, container: 'CGENERAL' })).toBeNull();
    expect(begin({ thread: '' })).toBeNull();
  });

  test('can become anything that is said instead, a card with its buttons too', async () => {
    const { stream, streaming, place, handles, ours, shows } = await asked();
    stream.show(FIRST);
    await shows(FIRST);
    await stream.close();
    await streaming.complete(place, handles[0]!, messageWith({ card: cardWith(), text: '' }));
    expect(ours()).toHaveLength(1);
    expect(ours()[0]?.blocks.at(-1)?.type).toBe('actions');
    expect(drawMessage(ours()[0]!)).not.toContain('gateway');
  });
});

describe('when it cannot grow', () => {
  test.each([
    ['chat.startStream', 0],
    ['chat.appendStream', 1],
  ])('as Slack asks %s to wait, it stands still and follows whole, once', async (method, begun) => {
    const { slack, stream, streaming, adapter, place, handles, ours, codes } = await asked();
    slack.rateLimit(1, 30, { method });
    stream.show(WHOLE);
    await expect.poll(() => codes).toContain('slack_stream_ended');
    await stream.close();
    expect(handles).toHaveLength(begun);
    if (begun === 0) await adapter.surface.post(place, answer());
    else await streaming.complete(place, handles[0]!, answer());
    expect(ours()).toHaveLength(1);
    expect(drawMessage(ours()[0]!)).toContain(`> ${WHOLE}`);
  });

  test('since Slack ended it by itself, the whole takes its place all the same', async () => {
    const { slack, stream, streaming, place, handles, ours, shows } = await asked();
    stream.show(FIRST);
    await shows(FIRST);
    slack.endStreams();
    stream.show(WHOLE);
    await stream.close();
    await streaming.complete(place, handles[0]!, answer());
    await streaming.complete(place, handles[0]!, answer());
    expect(ours()).toHaveLength(1);
    expect(drawMessage(ours()[0]!)).toContain(`> ${WHOLE}`);
  });

  test('and what was begun is gone, the whole is posted', async () => {
    const { slack, stream, streaming, place, handles, shows } = await asked();
    stream.show(FIRST);
    await shows(FIRST);
    await stream.close();
    slack.fail(1, 'chat.update', 'message_not_found');
    const delivered = await streaming.complete(place, handles[0]!, answer());
    expect(delivered).not.toEqual(handles[0]);
    expect(drawMessage(slack.messages(place.container).at(-1)!)).toContain(`> ${WHOLE}`);
  });

  test.each([
    ['begun', 'chat.startStream', []],
    ['continued', 'chat.appendStream', [FIRST]],
  ])('as Slack asks to wait when it is %s, what follows there waits', async (_what, method, before) => {
    const { slack, adapter, stream, place, codes, clock, shows } = await asked();
    for (const words of before) {
      stream.show(words);
      await shows(words);
    }
    slack.rateLimit(1, 30, { method });
    stream.show(WHOLE);
    await expect.poll(() => codes).toContain('slack_stream_ended');
    const askedAt = clock.now();
    await stream.close();
    await adapter.surface.post(place, messageWith());
    expect(clock.now() - askedAt).toBe(30_000);
  });

  test('and Slack is down, whoever completes it is told to come back, and then does', async () => {
    const { slack, stream, streaming, place, handles, ours, shows } = await asked();
    stream.show(FIRST);
    await shows(FIRST);
    await stream.close();
    slack.fail(1, 'chat.stopStream', 'internal_error');
    const failed = streaming.complete(place, handles[0]!, answer());
    await expect(failed).rejects.toMatchObject({ code: 'platform_unavailable' });
    await streaming.complete(place, handles[0]!, answer());
    expect(ours()).toHaveLength(1);
  });
});

const nasty = fc.array(
  fc.constantFrom(
    '<!channel> ',
    '<@UBOB> ',
    '@here ',
    '[click](https://evil.example) ',
    '<https://evil.example|bank> ',
    'https://evil.example/x. ',
    '*bold* ',
    '_it_ ',
    '`code` ',
    '> quote\n',
    '# head\n',
    '- item\n',
    '&amp; ',
    'plain words. ',
    '\u202e',
    ':tada: ',
    '```\n',
    '\n',
    'ünïcode. ',
  ),
  { minLength: 1, maxLength: 40 },
);

describe('a model’s words', () => {
  test('go out as literal text only, each once and in order, whatever they hold', async () => {
    const { slack, stream, shows, ours } = await asked();
    const text = fc.sample(nasty, { seed: 4, numRuns: 30 }).flat().join('').slice(0, 1_500);
    for (let at = 0; at <= text.length; at += 97) {
      stream.show(text.slice(0, at));
      await new Promise((resolve) => setImmediate(resolve));
    }
    stream.show(`${text}\nThe end.`);
    await shows('The end.');
    await stream.close();
    const kinds = new Set<string>();
    for (const { method, args } of slack.calls) {
      if (!method.endsWith('Stream')) continue;
      expect(args).not.toHaveProperty('markdown_text');
      for (const chunk of JSON.parse(String(args.chunks ?? '[]'))) kinds.add(chunk.type);
    }
    expect([...kinds].sort()).toEqual(['blocks', 'task_update']);
    const quoted = ours()[0]!.blocks.filter(({ type }) => type === 'rich_text');
    const types = JSON.stringify(quoted).match(/"type":"[a-z_]+"/g) ?? [];
    expect([...new Set(types)].sort()).toEqual([
      '"type":"rich_text"',
      '"type":"rich_text_quote"',
      '"type":"text"',
    ]);
    const shown = quoted.flatMap(textsOf).join('').replace(/\s/g, '');
    const literal = text.replaceAll('\u202e', '⟨U+202E⟩').replace(/\s/g, '');
    expect(shown).toBe(`${literal}Theend.`);
  });

  test('are taken piece by piece, and none twice', () => {
    fc.assert(
      fc.property(nasty, (parts) => {
        const text = parts.join('');
        let taken = '';
        for (let piece = nextPiece(text); piece !== ''; piece = nextPiece(text.slice(taken.length)))
          taken += piece;
        expect(text.startsWith(taken)).toBe(true);
        expect(text.length - taken.length).toBeLessThanOrEqual(240);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderCard } from '../../../adapters/slack/render-card.ts';
import { renderMessage } from '../../../adapters/slack/render-message.ts';
import type { CardOffer } from '../../../src/model/card.ts';
import { EXPIRING_STATES, FINAL_STATES, Provenance, RequestState } from '../../../src/model/request.ts';
import type { DecisionKind } from '../../../src/model/turn.ts';
import { visible } from '../../../src/surface/unseen.ts';
import { checkBlocks, textsOf } from '../../support/slack/block-schema.ts';
import { cardWith, messageWith } from './samples.ts';

/** Everything that is sent for a card: itself with its buttons, then what follows in the thread. */
function sent(card: ReturnType<typeof cardWith>) {
  const { text, blocks, actions, rest } = renderCard(card);
  return [{ text, blocks: actions === null ? blocks : [...blocks, actions] }, ...rest];
}

const named = ({ label, value }: { label: string; value: string }) => ({ name: label, value });

/** All that Slack would interpret: markup objects, the fallback text, and elements that are not text. */
function liveMarkup(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(liveMarkup);
  if (typeof value !== 'object' || value === null) return [];
  const own = 'type' in value && typeof value.type === 'string' ? value.type : '';
  const live = ['mrkdwn', 'link', 'user', 'channel', 'broadcast', 'usergroup', 'emoji'].includes(own);
  return [...(live ? [JSON.stringify(value)] : []), ...Object.values(value).flatMap(liveMarkup)];
}

/** Long, and different from every other at both ends, so that no value can pass for another. */
const long = fc
  .tuple(
    fc.constantFrom('<a', '&🙂', 'x\n', '\u202e-', 'word '),
    fc.integer({ min: 100, max: 20_000 }),
    fc.uuid(),
  )
  .map(([unit, times, id]) => `${id}${unit.repeat(times).slice(0, 40_000)}${id}`);
const hostile = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 400 }) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      '<!channel>',
      '<@U0BOSS>',
      '<https://evil.example|click>',
      '*bold*',
      '@here',
      '&lt;!here&gt;',
      '',
    ),
  },
  // A few of the many values of a card: half a megabyte on each would take a slow machine minutes.
  { weight: 1, arbitrary: long },
);
const cards = fc.record({
  title: hostile,
  status: hostile,
  summary: hostile,
  arguments: fc.array(
    fc.record({ name: hostile, value: hostile, provenance: fc.constantFrom(...Provenance.options) }),
    {
      maxLength: 40,
      size: '+1',
    },
  ),
  facts: fc.array(fc.record({ label: hostile, value: hostile }), { maxLength: 30, size: '+1' }),
  reasons: fc.array(hostile, { maxLength: 10 }),
  quotes: fc.array(fc.record({ source: hostile, text: hostile }), { maxLength: 6 }),
  output: fc.option(hostile),
  outcome: fc.option(fc.record({ code: hostile, text: hostile, link: fc.constant(null) })),
  proof: fc.option(hostile),
  state: fc.constantFrom(...RequestState.options),
  buttons: fc.constantFrom<DecisionKind[]>([], ['approve', 'deny'], ['confirm', 'cancel']),
  offers: fc.subarray<CardOffer>(['edit', 'undo', 'report']),
});

describe('a card', () => {
  test('is within every limit, with nothing live in it, whatever anybody wrote', () => {
    fc.assert(
      fc.property(cards, (change) => {
        for (const message of sent(cardWith(change))) {
          expect(checkBlocks(message.blocks)).toMatchObject({ ok: true });
          expect(liveMarkup(message.blocks)).toEqual([]);
          expect(message.text).not.toMatch(/[<>]/);
          expect(message.text.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  test('shows every argument and fact in full, on itself or in its thread', () => {
    fc.assert(
      fc.property(cards, (change) => {
        const { blocks, rest } = renderCard(cardWith(change));
        const onCard = new Set(textsOf(blocks));
        const inThread = rest
          .flatMap((message) => message.blocks.slice(1))
          .flatMap(textsOf)
          .join('');
        const labels =
          [...onCard, ...rest.flatMap((message) => textsOf(message.blocks[0]))].join('') + inThread;
        for (const { name, value } of [...change.arguments, ...change.facts.map(named)]) {
          expect(onCard.has(visible(value)) || inThread.includes(visible(value))).toBe(true);
          expect(labels).toContain(visible(name));
        }
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  test('shortens 40,000 characters, says so, and sends them all after it', () => {
    const value = Array.from({ length: 8_000 }, (_, i) => `${i % 10} <&>`)
      .join('')
      .slice(0, 40_000);
    const card = cardWith({ arguments: [{ name: 'body', value, provenance: 'model' }] });
    const { blocks, rest } = renderCard(card);
    expect(textsOf(blocks).join('')).toContain('40,000 characters, all of them in this thread');
    const pieces = rest.flatMap((message) => message.blocks.slice(1)).flatMap(textsOf);
    expect(pieces.join('')).toBe(value);
    for (const message of rest) expect(checkBlocks(message.blocks)).toMatchObject({ ok: true });
  });

  test('makes visible what would reorder or hide its words', () => {
    const card = cardWith({
      arguments: [{ name: 'ref', value: 'main\u202egnp.exe\u200b', provenance: 'typed' }],
    });
    expect(textsOf(renderCard(card).blocks).join('')).toContain('main⟨U+202E⟩gnp.exe⟨U+200B⟩');
  });

  test('has the buttons it is given, with the opaque id alone', () => {
    const card = cardWith({ buttons: ['approve', 'deny'] });
    expect(renderCard(card).actions).toMatchObject({
      type: 'actions',
      elements: [
        { action_id: 'approve', value: card.rendering, style: 'primary' },
        { action_id: 'deny', value: card.rendering, style: 'danger' },
      ],
    });
  });

  test.each([...FINAL_STATES])('has no button once it is %s', (state) => {
    expect(renderCard(cardWith({ state })).actions).toBeNull();
  });

  test('shows the proof where there is no page, else the link', () => {
    const proof = 'Entry 17, covered by checkpoint 20';
    expect(textsOf(renderCard(cardWith({ proof })).blocks)).toContain(`Proof: ${proof}`);
    const linked = renderCard(cardWith({ proof, link: 'https://countersign.example/requests/1' }));
    expect(textsOf(linked.blocks).join('\n')).not.toContain(proof);
    expect(liveMarkup(linked.blocks)).toHaveLength(1);
  });

  test.each(RequestState.options)(
    'says how long it is open only where that can still end it: %s',
    (state) => {
      const words = textsOf(renderCard(cardWith({ state })).blocks).join('');
      expect(words.includes('open until')).toBe(EXPIRING_STATES.has(state));
    },
  );

  test('leaves no two sentences in one line: neighbours of a rich text are drawn side by side', () => {
    const outcome = { code: 'done', text: 'T-1 is open.', link: null };
    const card = cardWith({ state: 'succeeded', status: 'Done.', outcome, reasons: ['Because.'] });
    for (const { elements } of renderCard(card).blocks.filter((block) => block.type === 'rich_text')) {
      const drawn = elements.map(({ elements: inline }) =>
        inline.map((one) => ('text' in one ? one.text : '')).join(''),
      );
      for (const [at, words] of drawn.slice(0, -1).entries()) {
        const beside = [elements[at], elements[at + 1]].every((one) => one?.type === 'rich_text_section');
        expect(!beside || words.endsWith('\n')).toBe(true);
      }
    }
    const all = JSON.stringify(renderCard(card).blocks.map((block) => textsOf(block).join('')));
    expect(all).toContain('Done.\\nOpen a ticket on the built-in desk.');
    expect(all).toContain('T-1 is open.\\nAsked by Alice Adams');
  });

  test('says how what runs is isolated, in the small print', () => {
    expect(textsOf(renderCard(cardWith({ isolation: 'kernel' })).blocks)).toContain('Isolation: kernel');
    expect(textsOf(renderCard(cardWith({ isolation: null })).blocks).join('\n')).not.toContain('Isolation');
  });

  test('shows all of a long outcome and of its address, in its thread where the card has no room', () => {
    const text = `It failed. ${'w '.repeat(400)}end`;
    const link = `https://desk.example/${'x'.repeat(900)}`;
    const { blocks, rest } = renderCard(
      cardWith({ state: 'failed', outcome: { code: 'failed', text, link } }),
    );
    expect(textsOf(blocks).join('')).not.toContain(text);
    const inThread = rest.map((message) => textsOf(message.blocks.slice(1)).join(''));
    expect(inThread).toEqual([text, link]);
  });

  test('shows what else was pinned, and whose words a fact is', () => {
    const { blocks } = renderCard(
      cardWith({
        facts: [{ label: 'Ticket', value: '“VPN”', from: 'the built-in desk' }],
        pinned: [
          { name: 'a', value: '17' },
          { name: 'b', value: '18' },
        ],
      }),
    );
    expect(textsOf(blocks)).toEqual(
      expect.arrayContaining([
        ' (quoted from the built-in desk) ',
        'Pinned',
        ' (2, compared before the run) ',
        'a=17\nb=18',
      ]),
    );
  });

  test('says until when it can be undone, while its button is there', () => {
    const undoUntil = '2026-11-21T12:30:00.000Z';
    const words = (offers: CardOffer[]) =>
      textsOf(renderCard(cardWith({ state: 'succeeded', offers, undoUntil })).blocks).join('');
    expect(words(['undo', 'report'])).toContain(`, can be undone until ${undoUntil}`);
    expect(words(['report'])).not.toContain('undone');
  });

  test('says of what was printed that it was', () => {
    expect(textsOf(renderCard(cardWith({ output: 'Approved.' })).blocks)).toContain('What it printed:');
  });

  test('links only to web addresses, by their own words', () => {
    const outcome = (link: string) =>
      renderCard(cardWith({ outcome: { code: 'done', text: 'Done', link } })).blocks;
    expect(liveMarkup(outcome('https://desk.example/1'))).toEqual([
      JSON.stringify({ type: 'link', url: 'https://desk.example/1', text: 'https://desk.example/1' }),
    ]);
    for (const bad of [
      'javascript:alert(1)',
      'https://bank.example@evil.example',
      'slack://x',
      '<!channel>',
    ]) {
      expect(liveMarkup(outcome(bad))).toEqual([]);
    }
  });
});

describe('a message', () => {
  test("of a person is not repeated; a model's is attributed", () => {
    expect(renderMessage(messageWith({ authorship: 'person', text: 'hello' }))).toBeNull();
    const rendered = renderMessage(messageWith({ authorship: 'model', text: 'I <!channel> think' }));
    expect(textsOf(rendered?.blocks)).toEqual([
      'I <!channel> think',
      'Written by a language model.',
      'Good answer',
      'Bad answer',
    ]);
    expect(rendered?.text).toBe('I &lt;!channel&gt; think');
  });

  test('of any length and authorship stays within the limits', () => {
    fc.assert(
      fc.property(
        hostile,
        fc.constantFrom('system', 'model', 'fetched'),
        fc.boolean(),
        (text, authorship, withCard) => {
          const rendered = renderMessage(
            messageWith({ text: text.repeat(4), authorship, card: withCard ? cardWith() : null }),
          );
          for (const { blocks } of [rendered!, ...rendered!.rest]) {
            expect(checkBlocks(blocks)).toMatchObject({ ok: true });
          }
        },
      ),
      { numRuns: 12, endOnFailure: true },
    );
  });

  test('with a form says what is needed and the command that would say it', () => {
    const field = { kind: 'text' as const, choices: [], value: '' };
    const form = {
      action: 'ticket.create',
      title: 'Open a ticket',
      fields: [
        { ...field, name: 'title', label: 'Title', required: true },
        { ...field, name: 'team', label: 'Team', required: false, choices: ['it', 'hr'] },
      ],
    };
    const rendered = renderMessage(messageWith({ text: '', form }));
    expect(checkBlocks(rendered?.blocks)).toMatchObject({ ok: true });
    const words = textsOf(rendered?.blocks).join('');
    expect(words).toContain('/countersign ticket create title=…');
    expect(words).toContain('optional; one of: it, hr');
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adaptiveCard } from '../../../adapters/teams/elements.ts';
import { renderCard } from '../../../adapters/teams/render-card.ts';
import { contentOf, renderMessage } from '../../../adapters/teams/render-message.ts';
import type { CardOffer, Message } from '../../../src/model/card.ts';
import { EXPIRING_STATES, FINAL_STATES, Provenance, RequestState } from '../../../src/model/request.ts';
import type { DecisionKind } from '../../../src/model/turn.ts';
import { visible } from '../../../src/surface/unseen.ts';
import { Card, runsOf, textsOf } from '../../support/teams/card-schema.ts';
import { cardWith, messageWith } from '../slack/samples.ts';

/** Half of 28 KB: Teams counts characters of two bytes; what surrounds a card takes less than this margin. */
const CARD_MAX_UNITS = (28 * 1024) / 2 - 500;

/** Everything that is sent for a message: itself with its buttons, then what follows it. */
function sent(message: Message) {
  const rendered = renderMessage(message)!;
  const whole = contentOf(message, rendered, { full: true, personal: true });
  const first = 'card' in whole ? [whole.card] : [];
  return [...first, ...rendered.rest.map(({ body }) => adaptiveCard(body))];
}

const spaced = (text: string) => text.replaceAll('\u00a0', ' ');

/** Long, and different from every other at both ends, so that no value can pass for another. */
const long = fc
  .tuple(
    fc.constantFrom('<a', '{{', 'x\n', '\u202e-', 'word ', '"\\'),
    fc.integer({ min: 100, max: 1_200 }),
    fc.uuid(),
  )
  .map(([unit, times, id]) => `${id}${unit.repeat(times).slice(0, 4_000)}${id}`);
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.constantFrom(
    '<at>Everyone</at>',
    '[click](https://evil.example)',
    '**bold** _it_ ~~gone~~',
    '{{DATE(2017-02-14T06:08:00Z,SHORT)}}',
    '![x](https://evil.example/x.png)',
    'a  b',
    '\n\n\n',
    '',
  ),
  long,
);
/** As build servers give them, and as an attacker might. */
const addresses = fc.oneof(
  fc
    .array(fc.constantFrom('job/', 'a-b', '%2F', '{{x}}', '0'.repeat(40), '?x=1', '#'), { maxLength: 40 })
    .map((parts) => `https://ci.example/${parts.join('')}`),
  hostile,
);
const cards = fc.record({
  title: hostile,
  status: hostile,
  summary: hostile,
  arguments: fc.array(
    fc.record({ name: hostile, value: hostile, provenance: fc.constantFrom(...Provenance.options) }),
    { maxLength: 14 },
  ),
  facts: fc.array(fc.record({ label: hostile, value: hostile }), { maxLength: 14 }),
  reasons: fc.array(hostile, { maxLength: 10 }),
  quotes: fc.array(fc.record({ source: hostile, text: hostile }), { maxLength: 6 }),
  output: fc.option(hostile),
  outcome: fc.option(fc.record({ code: hostile, text: hostile, link: fc.option(addresses) })),
  proof: fc.option(hostile),
  state: fc.constantFrom(...RequestState.options),
  buttons: fc.constantFrom<DecisionKind[]>([], ['approve', 'deny'], ['confirm', 'cancel']),
  offers: fc.subarray<CardOffer>(['edit', 'undo', 'report', 'hand_over']),
});

describe('a card', () => {
  test('is within every limit, with nothing live in it but its own address, whatever anybody wrote', () => {
    fc.assert(
      fc.property(
        cards,
        fc.constantFrom('system', 'model', 'fetched'),
        hostile,
        (change, authorship, text) => {
          for (const card of sent(messageWith({ card: cardWith(change), authorship, text }))) {
            expect(Card.safeParse(card).error).toBeUndefined();
            expect(JSON.stringify(card).length).toBeLessThan(CARD_MAX_UNITS);
            for (const run of runsOf(card)) expect(run.text).not.toMatch(/\{\{|\n/);
            const live = runsOf(card).filter(({ selectAction }) => selectAction !== undefined);
            if (live.length === 0) continue;
            // Its own words and nothing else, whole, behind each of its lines.
            const own = change.outcome?.link ?? '';
            expect(live.map(({ text }) => text).join('')).toBe(own);
            for (const { selectAction } of live) expect(selectAction?.url).toBe(new URL(own).href);
          }
        },
      ),
      { numRuns: 15, endOnFailure: true },
    );
  });

  test('shows every argument and fact in full, on itself or after it', () => {
    fc.assert(
      fc.property(cards, (change) => {
        const { body, rest } = renderCard(cardWith(change));
        const onCard = spaced(textsOf(body).join('\n'));
        const after = spaced(rest.map((one) => textsOf(one.body.slice(-1)).join('\n')).join(''));
        const named = change.facts.map(({ label, value }) => ({ name: label, value }));
        for (const { name, value } of [...change.arguments, ...named]) {
          const shown = spaced(visible(value));
          expect(onCard.includes(shown) || after.includes(shown)).toBe(true);
          const label = spaced(visible(name));
          const labels = rest.map((one) => textsOf(one.body.slice(0, -1)).join('')).join('');
          expect(onCard.includes(label) || after.includes(label) || labels.includes(label)).toBe(true);
        }
      }),
      { numRuns: 15, endOnFailure: true },
    );
  });

  test('holds a request of a usual size, with who approved it, without a second message', () => {
    const facts = Array.from({ length: 7 }, (_, at) => ({ label: `Fact ${at}`, value: 'v'.repeat(41) }));
    const args = ['repo', 'ref', 'job'].map((name) => ({ name, value: name, provenance: 'typed' as const }));
    const reasons = ['Allowed by the rule of engineers.', 'Needs 1 approval from On call.'];
    const approvals = [{ name: 'Bob Brown', at: '2026-11-21T11:00:00.000Z' }];
    const { body, rest } = renderCard(cardWith({ arguments: args, facts, reasons, approvals }));
    expect(rest).toEqual([]);
    expect(textsOf(body).join('\n')).toContain('Bob Brown');
  });

  test('asks whoever may deny for the reason, and nobody else', () => {
    const inputs = (buttons: ('approve' | 'deny' | 'cancel')[]) =>
      renderCard(cardWith({ state: 'pending', buttons })).body.filter(({ type }) => type === 'Input.Text');
    expect(inputs(['approve', 'deny'])).toMatchObject([{ id: 'reason', maxLength: 500 }]);
    expect(inputs(['cancel'])).toEqual([]);
  });

  test('shortens 20,000 characters, says so, and sends them all after it', () => {
    const value = Array.from({ length: 4_000 }, (_, i) => `${i % 10} <&>`)
      .join('')
      .slice(0, 20_000);
    const { body, rest } = renderCard(
      cardWith({ arguments: [{ name: 'body', value, provenance: 'model' }] }),
    );
    expect(textsOf(body).join('')).toContain('20,000 characters, all of them below');
    expect(rest.map((one) => textsOf(one.body.slice(-1)).join('\n')).join('')).toBe(value);
  });

  test('keeps lines, and shows what would reorder or hide its words', () => {
    const value = 'first\nmain\u202egnp.exe\u200b\n\tlast';
    const { body } = renderCard(cardWith({ arguments: [{ name: 'ref', value, provenance: 'typed' }] }));
    expect(textsOf(body)).toEqual(expect.arrayContaining(['first', 'main⟨U+202E⟩gnp.exe⟨U+200B⟩', '\tlast']));
  });

  test('has the buttons it is given, with what was shown alone, for old clients too', () => {
    const card = cardWith({ buttons: ['approve', 'deny'] });
    const data = { rendering: card.rendering, request: card.request };
    expect(renderCard(card).actions).toEqual([
      {
        type: 'Action.Execute',
        verb: 'approve',
        title: 'Approve',
        style: 'positive',
        data,
        fallback: { type: 'Action.Submit', title: 'Approve', data: { ...data, verb: 'approve' } },
      },
      {
        type: 'Action.Execute',
        verb: 'deny',
        title: 'Deny',
        style: 'destructive',
        data,
        fallback: { type: 'Action.Submit', title: 'Deny', data: { ...data, verb: 'deny' } },
      },
    ]);
  });

  test.each([...FINAL_STATES])('has no button and asks for no view once it is %s', (state) => {
    expect(renderCard(cardWith({ state }))).toMatchObject({ actions: [], asks: null });
  });

  test('asks for a person\u2019s own view only where one can be given', () => {
    const message = messageWith({ card: cardWith() });
    const rendered = renderMessage(message)!;
    expect(contentOf(message, rendered, { full: true, personal: true })).toHaveProperty('card.refresh');
    expect(contentOf(message, rendered, { full: true, personal: false })).not.toHaveProperty('card.refresh');
    expect(contentOf(message, rendered, { full: false, personal: true })).not.toHaveProperty('card.actions');
  });

  test('shows the proof where there is no page, else the link', () => {
    const proof = 'Entry 17, covered by checkpoint 20';
    const shown = textsOf(renderCard(cardWith({ proof })).body);
    expect(shown).toContain(`Proof: ${proof}`);
    expect(shown.join('\n')).not.toContain('Digest');
    const linked = renderCard(cardWith({ proof, link: 'https://countersign.example/requests/1' })).body;
    expect(textsOf(linked).join('\n')).not.toContain(proof);
    expect(textsOf(linked).join('\n')).toContain('Digest abab');
    expect(runsOf(linked).filter((run) => run.selectAction !== undefined)).toHaveLength(1);
  });

  test.each(RequestState.options)(
    'says how long it is open only where that can still end it: %s',
    (state) => {
      const words = textsOf(renderCard(cardWith({ state })).body).join('\n');
      expect(words.includes('open until')).toBe(EXPIRING_STATES.has(state));
    },
  );

  test('says risk, reasons and who approved as sentences, as on every platform', () => {
    const approvals = [{ name: 'Bob Brown', at: '2026-11-21T11:00:00.000Z' }];
    const { body } = renderCard(cardWith({ reasons: ['Because.'], approvals }));
    const words = runsOf(body).map(({ text }) => text);
    expect(words).toEqual(
      expect.arrayContaining(['Risk', 'Why', 'Approved by', 'Bob Brown, 2026-11-21 11:00 UTC']),
    );
    expect(JSON.stringify(body)).not.toMatch(/"text":"(?:low|Because\.|Bob Brown[^"]*)","fontType"/);
  });

  test('names the code of an end that is not good, and of no other', () => {
    const outcome = { code: 'upstream_failed', text: 'It said no.', link: null };
    const words = (state: 'failed' | 'succeeded') => textsOf(renderCard(cardWith({ state, outcome })).body);
    expect(words('failed')).toContain('Code upstream_failed');
    expect(words('succeeded').join('\n')).not.toContain('upstream_failed');
  });

  test('says how what runs is isolated, in the small print', () => {
    const words = (isolation: string | null) =>
      spaced(textsOf(renderCard(cardWith({ isolation })).body).join('\n'));
    expect(words('kernel')).toContain('Isolation: kernel');
    expect(words(null)).not.toContain('Isolation');
  });

  test('shows all of a long outcome and of its address, after the card where it has no room', () => {
    const text = `It failed. ${'w '.repeat(400)}end`;
    const link = `https://desk.example/${'x'.repeat(900)}`;
    const { body, rest } = renderCard(cardWith({ state: 'failed', outcome: { code: 'failed', text, link } }));
    expect(textsOf(body).join('\n')).not.toContain(text);
    expect(rest.map((one) => textsOf(one.body.slice(-1)).join('\n'))).toEqual([text, link]);
  });

  test('shows what else was pinned, and whose words a fact is', () => {
    const { body } = renderCard(
      cardWith({
        facts: [{ label: 'Ticket', value: '“VPN”', from: 'the built-in desk' }],
        pinned: [
          { name: 'a', value: '17' },
          { name: 'b', value: '18' },
        ],
      }),
    );
    expect(textsOf(body)).toEqual(
      expect.arrayContaining([
        'Ticket (quoted from the built-in desk) “VPN”',
        'Pinned (2, compared before the run)',
        'a=17',
        'b=18',
      ]),
    );
  });

  test('says until when it can be undone, while its button is there', () => {
    const undoUntil = '2026-11-21T12:30:00.000Z';
    const words = (offers: CardOffer[]) =>
      textsOf(renderCard(cardWith({ state: 'succeeded', offers, undoUntil })).body).join('\n');
    expect(words(['undo', 'report'])).toContain(', can be undone until 2026-11-21 12:30 UTC');
    expect(words(['report'])).not.toContain('undone');
  });

  test('says of what was printed that it was', () => {
    expect(textsOf(renderCard(cardWith({ output: 'Approved.' })).body)).toContain('What it printed:');
  });

  test('links to an address of a usual length, whole and from each of its lines, however long its words are', () => {
    const link = `https://ci.example/job/web/job/release/${'0123456789abcdef'.repeat(4).slice(2)}`;
    const { body, rest } = renderCard(
      cardWith({ state: 'failed', outcome: { code: 'failed', text: 'It failed.', link } }),
    );
    const live = runsOf(body).filter(({ selectAction }) => selectAction !== undefined);
    expect(live.map(({ text }) => text).join('')).toBe(link);
    expect(live.length).toBeGreaterThan(1);
    expect(live.every(({ selectAction }) => selectAction?.url === link)).toBe(true);
    expect(rest).toEqual([]);
  });

  test('links only to web addresses, by their own words', () => {
    const links = (link: string) =>
      runsOf(renderCard(cardWith({ outcome: { code: 'done', text: 'Done', link } })).body)
        .filter((run) => run.selectAction !== undefined)
        .map((run) => [run.text, run.selectAction?.url]);
    expect(links('https://desk.example/1')).toEqual([['https://desk.example/1', 'https://desk.example/1']]);
    for (const bad of ['javascript:alert(1)', 'https://bank.example@evil.example', 'msteams://x', '[a](b)']) {
      expect(links(bad)).toEqual([]);
    }
  });
});

describe('a message', () => {
  const content = (change: Partial<Message>) => {
    const message = messageWith(change);
    return contentOf(message, renderMessage(message)!, { full: true, personal: true });
  };

  test('of a person is not repeated', () => {
    expect(renderMessage(messageWith({ authorship: 'person', text: 'hello' }))).toBeNull();
  });

  test('of ours is plain text where no client could find anything in it', () => {
    expect(content({ text: 'Bob approved "Open a ticket". It starts now.' })).toHaveProperty('text');
    for (const text of [
      'see evil.example',
      '<at>all</at>',
      '*no*',
      'a@b',
      'x\ny',
      '[a](b)',
      'https://a',
      '- a',
      '{{a}}',
    ]) {
      expect(content({ text })).toHaveProperty('card');
    }
  });

  test('of a model is labelled as such, in words and for Teams', () => {
    const answer = content({ authorship: 'model', text: 'Restart **it**.' });
    expect(answer.byModel).toBe(true);
    expect('card' in answer && textsOf(answer.card.body)).toEqual([
      'Restart **it**.',
      'Written by a language model.',
    ]);
  });

  test('that quotes another system says so', () => {
    const answer = content({ authorship: 'fetched', text: 'ticket 7' });
    expect('card' in answer && textsOf(answer.card.body)[1]).toBe(
      'Quoted from another system; not checked by us.',
    );
  });
});

describe('a form', () => {
  const field = { choices: [], value: '', required: true };
  const form = {
    action: 'ci.trigger',
    title: 'Run a job',
    fields: [
      { ...field, name: 'repository', label: 'Repository', kind: 'text' as const, value: 'web' },
      { ...field, name: 'job', label: 'Job', kind: 'choice' as const, choices: ['checks', 'release'] },
      { ...field, name: 'dry', label: 'Dry run', kind: 'boolean' as const, required: false },
      { ...field, name: 'retries', label: 'Retries', kind: 'number' as const, required: false },
      { ...field, name: 'inputs', label: 'Inputs', kind: 'multiline' as const, required: false },
    ],
  };
  const cardOf = (change = {}) => sent(messageWith({ text: '', form: { ...form, ...change } }))[0]!;

  test('has an input for each field, of its kind, named apart from our own data', () => {
    const card = cardOf();
    expect(Card.safeParse(card).error).toBeUndefined();
    expect(card.body.slice(1).map((one) => [one.type, 'id' in one && one.id])).toEqual([
      ['Input.Text', 'field.repository'],
      ['Input.ChoiceSet', 'field.job'],
      ['Input.ChoiceSet', 'field.dry'],
      ['Input.Number', 'field.retries'],
      ['Input.Text', 'field.inputs'],
    ]);
    expect(card.actions).toMatchObject([{ verb: 'form', data: { action: 'ci.trigger' } }]);
  });

  test('shows a number that it already has, as a number', () => {
    const shown = (value: string) => cardOf({ fields: [{ ...form.fields[3]!, value }] }).body[1];
    expect(shown('3')).toHaveProperty('value', 3);
    for (const odd of ['', '03', 'NaN', '1e400', 'three']) expect(shown(odd)).not.toHaveProperty('value');
  });

  test('too large for a card asks for the command instead', () => {
    const fields = Array.from({ length: 60 }, (_, index) => ({ ...form.fields[0]!, name: `f${index}` }));
    const card = cardOf({ fields });
    expect(Card.safeParse(card).error).toBeUndefined();
    expect(card.actions).toBeUndefined();
    expect(textsOf(card.body).join('')).toContain('Please write: ci trigger f0=');
  });

  test('does not send back changed what it cannot show as it is', () => {
    const card = cardOf({ fields: [{ ...form.fields[0]!, value: 'a\u202eb' }] });
    expect(card.body[1]).not.toHaveProperty('value');
  });
});

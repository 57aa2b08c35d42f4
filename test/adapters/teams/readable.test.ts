import fc from 'fast-check';
import { expect, test } from 'vitest';
import { adaptiveCard } from '../../../adapters/teams/elements.ts';
import { renderCard } from '../../../adapters/teams/render-card.ts';
import { visible } from '../../../src/surface/unseen.ts';
import { cardOf, hostileRequests, timesIn } from '../../support/hostile-requests.ts';
import { Card, runsOf, textsOf } from '../../support/teams/card-schema.ts';

/** Spaces that stay, so that Teams drops none of two; and the sign of ours that no value may show. */
const spaced = (text: string) => text.replaceAll('\u00a0', ' ').replaceAll('↳', '⟨U+21B3⟩');

test('the card of any request has every argument once, readable, and nothing that its arguments smuggled in', () => {
  fc.assert(
    fc.property(hostileRequests, (request) => {
      const card = cardOf(request);
      const { body, actions, rest } = renderCard(card);
      const onCard = textsOf(body).join('\n');
      // A value that goes on in another message is continued there without a break.
      const after = rest.map((one) => textsOf(one.body.slice(-1)).join('\n')).join('');
      for (const [name, value] of Object.entries(request.arguments)) {
        const shown = card.arguments.find((one) => one.name === name)!.value;
        if (typeof value === 'string') expect(shown).toBe(value);
        const words = spaced(visible(shown));
        const times = timesIn(spaced(onCard), words) + timesIn(spaced(after), words);
        expect(times).toBe(1);
        expect(timesIn(onCard, name)).toBe(1);
      }
      for (const one of [adaptiveCard(body, { actions }), ...rest.map((more) => adaptiveCard(more.body))]) {
        expect(Card.safeParse(one).error).toBeUndefined();
        for (const run of runsOf(one)) {
          expect(run.text).not.toMatch(/\{\{|\n/);
          expect(run.selectAction).toBeUndefined();
        }
        // Markdown and mentions are read in text blocks, of which the schema lets pass only what holds none, and in entities.
        expect(JSON.stringify(one)).not.toMatch(/"type":"(?:FactSet|Image|mention|Media)"/);
      }
    }),
    { numRuns: 60, endOnFailure: true },
  );
}, 120_000);

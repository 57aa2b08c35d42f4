import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderCard } from '../../../adapters/slack/render-card.ts';
import { visible } from '../../../src/surface/unseen.ts';
import { cardOf, hostileRequests, timesIn } from '../../support/hostile-requests.ts';
import { checkBlocks, textsOf } from '../../support/slack/block-schema.ts';

/** All that Slack shows as anything but the words that stand there. */
const ALLOWED = new Set(['text', 'date', 'button', 'plain_text']);

function kindsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(kindsIn);
  if (typeof value !== 'object' || value === null) return [];
  const own = 'type' in value && typeof value.type === 'string' ? [value.type] : [];
  return [...own, ...Object.values(value).flatMap(kindsIn)];
}
const LAYOUT = /^(?:header|context|actions|plan|task_card|rich_text(?:_section|_quote|_preformatted)?)$/;

test('the card of any request has every argument once, readable, and nothing that its arguments smuggled in', () => {
  fc.assert(
    fc.property(hostileRequests, (request) => {
      const card = cardOf(request);
      const { text, blocks, actions, rest } = renderCard(card);
      const onCard = textsOf(blocks).join('\u0000');
      // A value that goes on in another message is continued there without a break.
      const inThread = rest.map((message) => textsOf(message.blocks.slice(1)).join('')).join('');
      for (const [name, value] of Object.entries(request.arguments)) {
        const shown = card.arguments.find((one) => one.name === name)!.value;
        if (typeof value === 'string') expect(shown).toBe(value);
        expect(timesIn(`${onCard}\u0000${inThread}`, visible(shown))).toBe(1);
        expect(timesIn(onCard, name)).toBe(1);
      }
      for (const one of [...blocks, actions, ...rest.flatMap((message) => message.blocks)]) {
        expect(kindsIn(one).filter((kind) => !ALLOWED.has(kind) && !LAYOUT.test(kind))).toEqual([]);
      }
      for (const message of rest) expect(checkBlocks(message.blocks)).toMatchObject({ ok: true });
      for (const fallback of [text, ...rest.map((message) => message.text)])
        expect(fallback).not.toMatch(/[<>]/);
    }),
    { numRuns: 60, endOnFailure: true },
  );
}, 120_000);

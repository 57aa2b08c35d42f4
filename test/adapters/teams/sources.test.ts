import { describe, expect, test } from 'vitest';
import type { Source } from '../../../src/model/card.ts';
import { textsOf } from '../../support/teams/card-schema.ts';
import { messageWith } from '../slack/samples.ts';
import { connected, GROUP, place } from './harness.ts';

const TICKET: Source = { title: 'Look up a ticket', ref: 'T-17', url: 'https://desk.example.com/T-17' };

async function shown(...sources: Source[]) {
  const { teams, adapter } = await connected();
  const message = messageWith({ authorship: 'model', text: 'It is open.', sources });
  const delivered = await adapter.surface.post(place(GROUP), message);
  await adapter.surface.update(delivered!, message);
  return teams.in(GROUP)[0]!;
}

describe('what an answer rests on', () => {
  test('is cited as Teams documents it, with its numbers in words of ours, and stands in the card', async () => {
    const message = await shown(TICKET, { ...TICKET, ref: 'T-18', url: null });
    expect(message.text).toBe('Sources: [1] [2]');
    const [entity, ...others] = message.entities as { additionalType: string[]; citation: unknown[] }[];
    expect(others).toEqual([]);
    expect(entity?.additionalType).toEqual(['AIGeneratedContent']);
    expect(entity?.citation).toEqual([
      {
        '@type': 'Claim',
        position: 1,
        appearance: {
          '@type': 'DigitalDocument',
          name: 'Look up a ticket',
          abstract: 'T\u201117',
          url: 'https://desk.example.com/T-17',
        },
      },
      {
        '@type': 'Claim',
        position: 2,
        appearance: { '@type': 'DigitalDocument', name: 'Look up a ticket', abstract: 'T\u201118' },
      },
    ]);
    expect(textsOf(message.card).join('')).toContain(
      '[1] Look up a ticket: T-17 https://desk.example.com/T-17',
    );
  });

  test('keeps to Teams’ limits, whatever outside systems call it', async () => {
    const many = Array.from({ length: 30 }, () => ({
      ...TICKET,
      title: 'x'.repeat(300),
      ref: '<at>&'.repeat(100),
    }));
    const message = await shown(...many);
    const [entity] = message.entities as { citation: { appearance: { name: string; abstract: string } }[] }[];
    expect(entity!.citation.length).toBeLessThanOrEqual(20);
    for (const { appearance } of entity!.citation) {
      expect(appearance.name.length).toBeLessThanOrEqual(80);
      expect(appearance.abstract.length).toBeLessThanOrEqual(160);
      expect(appearance.abstract).not.toMatch(/[<>&]/);
    }
  });
});

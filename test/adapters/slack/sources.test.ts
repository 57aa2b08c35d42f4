import { describe, expect, test } from 'vitest';
import { renderMessage } from '../../../adapters/slack/render-message.ts';
import type { Source } from '../../../src/model/card.ts';
import { checkBlocks } from '../../support/slack/block-schema.ts';
import { drawBlock } from '../../support/slack/draw.ts';
import { messageWith } from './samples.ts';

const TICKET: Source = { title: 'Look up a ticket', ref: 'T-17', url: 'https://desk.example.com/T-17' };
const rendered = (...sources: Source[]) =>
  renderMessage(messageWith({ authorship: 'model', text: 'It is open.', sources }))!;
const drawn = (...sources: Source[]) =>
  rendered(...sources)
    .blocks.map(drawBlock)
    .join('\n');

describe('what an answer rests on', () => {
  test('stands below it, numbered, with the address that the connector gave', () => {
    expect(drawn(TICKET, { ...TICKET, ref: 'T-18', url: null })).toContain(
      '> It is open.\nSources\n[1] Look up a ticket: T-17 https://desk.example.com/T-17\n[2] Look up a ticket: T-18',
    );
  });

  test('is literal: no mention, markup or link hides in a name', () => {
    const nasty = '<!channel> *b* [x](https://evil.example) \u202e';
    const { blocks } = rendered({ ...TICKET, ref: nasty, url: null });
    expect(checkBlocks(blocks).ok).toBe(true);
    const wire = JSON.stringify(blocks);
    expect(wire).toContain('<!channel> *b* [x](https://evil.example) ⟨U+202E⟩');
    expect(wire).not.toContain('"type":"link"');
  });

  test.each([
    'javascript:alert(1)',
    'https://user:pw@evil.example/',
    `https://desk.example.com/${'x'.repeat(200)}`,
  ])('never links %s', (url) =>
    expect(JSON.stringify(rendered({ ...TICKET, url }).blocks)).not.toContain('"type":"link"'),
  );

  test('is counted beyond five, and always fits its message', () => {
    const many = Array.from({ length: 8 }, () => ({ ...TICKET, ref: '&'.repeat(500) }));
    const message = messageWith({ authorship: 'model', text: '&'.repeat(3_000), sources: many });
    const { blocks } = renderMessage(message)!;
    expect(checkBlocks(blocks)).toMatchObject({ ok: true });
    expect(drawn(...many)).toContain('and 3 more');
  });
});

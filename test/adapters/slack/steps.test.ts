import { describe, expect, test } from 'vitest';
import { stepsOf } from '../../../adapters/slack/render-steps.ts';
import type { Card } from '../../../src/model/card.ts';
import { checkBlocks } from '../../support/slack/block-schema.ts';
import { drawBlock } from '../../support/slack/draw.ts';
import { cardWith } from './samples.ts';

function drawn(change: Partial<Card>): string {
  const blocks = stepsOf(cardWith({ title: 'Run a CI job', ...change }));
  const checked = checkBlocks(blocks);
  expect(checked).toMatchObject({ ok: true });
  return checked.ok ? checked.blocks.map(drawBlock).join('\n') : '';
}
const bob = { name: 'Bob Brown', at: '2026-11-21T11:00:00.000Z' };

describe('the steps of a request', () => {
  test('move with it, from the first waiting to the end', () => {
    const waiting = drawn({ status: 'Waiting for Alice Adams to confirm.' });
    expect(waiting).toBe(
      'How far it is\n(in_progress) Waiting for Alice Adams to confirm.\n(pending) Run a CI job',
    );
    const half = drawn({ status: 'One of two approvals.', approvals: [bob] });
    expect(half).toBe(
      'How far it is\n(complete) Approved by Bob Brown\n(in_progress) One of two approvals.\n(pending) Run a CI job',
    );
    const starts = drawn({ state: 'approved', approvals: [bob] });
    expect(starts).toBe('How far it is\n(complete) Approved by Bob Brown\n(pending) Run a CI job');
    const runs = drawn({ state: 'executing', approvals: [bob], output: 'clone\nrun tests 3 of 9\n' });
    expect(runs).toContain('(in_progress) Run a CI job\nrun tests 3 of 9');
    expect(drawn({ state: 'succeeded', output: 'ok' })).toBe('How far it is\n(complete) Run a CI job');
    for (const state of ['failed', 'unknown'] as const)
      expect(drawn({ state })).toContain('(error) Run a CI job');
  });

  test.each(['denied', 'expired', 'cancelled'] as const)('are not drawn where it is %s', (state) => {
    expect(stepsOf(cardWith({ state }))).toEqual([]);
  });

  test('hold an outside system’s line as literal text, in bounds', () => {
    const output = `<!here> *x* [y](https://evil.example) ${'z'.repeat(500)}`;
    const blocks = stepsOf(cardWith({ state: 'executing', output }));
    expect(JSON.stringify(blocks)).toContain('"text":"<!here> *x* [y](https://evil.example) zz');
    expect(JSON.stringify(blocks).length).toBeLessThan(900);
  });
});

import { expect, test } from 'vitest';
import { messageOf, summaryOf } from '../../src/reply/attributed.ts';

const BY = 'the action acme.report';
const preview = { summary: 'Report.', facts: [], pinned: {} };
const result = { code: 'done', message: 'Approved by everybody.' };

test('words of ours stand as they are', () => {
  expect(summaryOf(preview)).toBe('Report.');
  expect(messageOf(result, 'succeeded')).toBe('Approved by everybody.');
});

test('words of code from elsewhere never stand among ours: a sentence of ours does', () => {
  expect(summaryOf({ ...preview, by: BY })).toBeNull();
  expect(summaryOf(null)).toBeNull();
  const said = { ...result, by: BY };
  expect(messageOf(said, 'succeeded')).toBe('The action acme.report says that it is done.');
  expect(messageOf(said, 'failed')).toBe('The action acme.report says that it failed.');
  expect(messageOf(said, 'unknown')).toBe('The action acme.report says that somebody must look.');
});

import { describe, expect, test } from 'vitest';
import { isEnough, leastLevel } from '../../src/execution/levels.ts';
import { IsolationLevel, Risk } from '../../src/model/request.ts';

const none = { isolation: null };

test('without a word of the operator, every risk needs a kernel', () => {
  for (const risk of Risk.options) expect(leastLevel(risk, none, { process: false })).toBe('kernel-lite');
});

test('process is accepted where the operator said so, and never for high risk', () => {
  expect(Risk.options.map((risk) => leastLevel(risk, none, { process: true }))).toEqual([
    'process',
    'process',
    'kernel-lite',
  ]);
});

describe('policy', () => {
  test('asks for more', () => {
    expect(leastLevel('low', { isolation: 'kernel' }, { process: true })).toBe('kernel');
  });

  test.each(['none', 'process'] as const)('cannot ask for less: %s', (isolation) => {
    expect(leastLevel('high', { isolation }, { process: true })).toBe('kernel-lite');
    expect(leastLevel('low', { isolation }, { process: false })).toBe('kernel-lite');
  });
});

test('a level is enough for itself and for every weaker one', () => {
  // Strongest first.
  const levels = IsolationLevel.options;
  for (const [at, established] of levels.entries()) {
    for (const [wanted, least] of levels.entries()) expect(isEnough(established, least)).toBe(at <= wanted);
  }
});

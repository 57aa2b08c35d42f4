import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { onlyStyleText } from '../../../adapters/web/client/trusted-types.ts';
import {
  exampleParts,
  initialsOf,
  isMachineText,
  relativeTime,
  shortened,
} from '../../../adapters/web/client/words.ts';

const NOW = Date.parse('2026-11-21T12:00:00.000Z');

describe('relative time', () => {
  it.each([
    ['2026-11-21T12:14:59.000Z', 'in 14 minutes'],
    ['2026-11-21T12:00:40.000Z', 'in 40 seconds'],
    ['2026-11-21T11:59:30.000Z', 'just now'],
    ['2026-11-21T09:00:00.000Z', '3 hours ago'],
    ['2026-11-19T12:00:00.000Z', '2 days ago'],
    ['nonsense', 'nonsense'],
  ])('of %s is %s', (at, words) => {
    expect(relativeTime(at, NOW)).toBe(words);
  });

  it('never promises more time than there is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60_000, max: 3_599_999 }), (leftMs) => {
        const said = relativeTime(new Date(NOW + leftMs).toISOString(), NOW);
        expect(Number(/\d+/.exec(said)?.[0]) * 60_000).toBeLessThanOrEqual(leftMs);
      }),
    );
  });
});

describe('long values', () => {
  it('stay whole while they are short', () => {
    expect(shortened('x'.repeat(320))).toBeNull();
    expect(shortened('a\nb\nc')).toBeNull();
  });

  it('say how much there is', () => {
    expect(shortened('x'.repeat(1_234))?.size).toBe('1,234 characters');
    expect(shortened('a\n'.repeat(20))?.size).toBe('40 characters, 21 lines');
  });

  it('begin as they are', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 330 }), (text) => {
        expect(text.startsWith(shortened(text)?.start ?? '\u0001')).toBe(true);
      }),
    );
  });
});

describe('small words', () => {
  it('tell the blanks of an example apart', () => {
    expect(exampleParts('run the {job} of {repo}')).toEqual([
      { text: 'run the ', isBlank: false },
      { text: 'job', isBlank: true },
      { text: ' of ', isBlank: false },
      { text: 'repo', isBlank: true },
    ]);
  });

  it('take initials from names', () => {
    expect(['Alice Adams', 'bob', ''].map(initialsOf)).toEqual(['AA', 'B', '']);
  });

  it('know what machines read', () => {
    expect(isMachineText('Commit', 'main')).toBe(true);
    expect(isMachineText('Build', '9f2c4e1ab7')).toBe(true);
    expect(isMachineText('Title', 'The VPN is down')).toBe(false);
  });
});

describe('the markup policy', () => {
  it('lets style sheets through and throws for anything with an element', () => {
    expect(onlyStyleText(':root > .card { color: red }')).toBe(':root > .card { color: red }');
    for (const markup of ['<img src=x onerror=alert(1)>', '</style><script>', '<']) {
      expect(() => onlyStyleText(markup)).toThrow('markup is never written');
    }
  });
});

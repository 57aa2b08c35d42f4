/**
 * Stored requests whose arguments hold what an attacker would like to smuggle, and the card that is made of them. Every value begins
 * and ends with a mark of its own, so that it can be counted and none can pass for another.
 */
import fc from 'fast-check';
import { openNeeds } from '../../src/approval/needs.ts';
import type { Card } from '../../src/model/card.ts';
import { type Json, Provenance, type StoredRequest } from '../../src/model/request.ts';
import { buildCard } from '../../src/reply/card.ts';
import { sampleRequest } from './core.ts';

const WORDS = [
  // Letters that look like others, in part and whole.
  'w\u0435b',
  '\u0440\u0430\u0443\u0440\u0430l.com',
  'm\u03b1in',
  '\uff57\uff45\uff42',
  // What turns the direction, and what nobody sees.
  '\u202egnp.exe',
  '\u2066a\u2069',
  'zero\u200bwidth\u200d',
  'admin\u3164',
  '\u{e0041}',
  // Mentions and commands of platforms.
  '<!channel> <@U0BOSS> <#C01>',
  '@everyone @here',
  '<at>Everyone</at>',
  // Markup and links.
  '<https://evil.example|safe>',
  '[click](https://evil.example)',
  'https://evil.example/a',
  '*bold* _it_ ~gone~ `code` ```',
  '![x](https://evil.example/x.png)',
  '{{DATE(2017-02-14T06:08:00Z,SHORT)}}',
  '<b>x</b><script>alert(1)</script><img src=x onerror=alert(1)>',
  '&lt;!here&gt; &amp;',
  'javascript:alert(1)',
  // Honest words, and what layout could swallow.
  'Обновить VPN',
  '日本語',
  'a  b\tc',
  'two\nlines\n\nand more',
  '\r\n',
  '',
];
const hostile = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
);
const long = fc
  .tuple(fc.constantFrom(...WORDS, 'word '), fc.integer({ min: 20, max: 700 }))
  .map(([unit, times]) => unit.repeat(times).slice(0, 6_000));
const mark = fc.uuid({ version: 4 });
const value = fc
  .tuple(
    mark,
    fc.constantFrom('', ' '),
    fc.oneof({ weight: 6, arbitrary: hostile }, { weight: 1, arbitrary: long }),
    mark,
  )
  .map(([begin, between, words, end]) => [begin, words, end].join(between));
const anyValue: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: value },
  { weight: 1, arbitrary: fc.array(value, { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom('a', 'b=c', 'w\u0435b'), value, { minKeys: 1 }) },
);
const anArgument = fc.record({
  value: anyValue,
  provenance: fc.constantFrom(...Provenance.options),
});

/** A stored request, as a proposal made it. */
export const hostileRequests: fc.Arbitrary<StoredRequest> = fc
  .array(anArgument, { minLength: 1, maxLength: 8, size: 'max' })
  .map((list) =>
    sampleRequest({
      arguments: Object.fromEntries(list.map((one, nth) => [`arg_${nth}`, one.value])),
      provenance: Object.fromEntries(list.map((one, nth) => [`arg_${nth}`, one.provenance])),
    }),
  );

/** As somebody who may approve it sees it. */
export function cardOf(request: StoredRequest): Card {
  return buildCard({
    request,
    approvals: [],
    needs: openNeeds(request, []),
    waiting: 'Waiting for one approval from On call.',
    title: 'Run a CI job',
    system: 'the built-in runner',
    argumentOrder: Object.keys(request.arguments),
    nameOf: (id) => `Name of ${id}`,
    viewer: 'approver',
    mayEdit: true,
    wouldCount: true,
    leastIsolation: 'kernel-lite',
    link: null,
    proof: null,
  });
}

/** How often these words stand in a text. */
export const timesIn = (text: string, words: string): number => text.split(words).length - 1;

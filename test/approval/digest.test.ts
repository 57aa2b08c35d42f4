import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf, preimageOf } from '../../src/approval/digest.ts';
import { PrincipalId, RequestId } from '../../src/model/ids.ts';

const SAMPLE = {
  id: RequestId.parse('11111111-2222-4333-8444-555555555555'),
  salt: 'c2FsdA==',
  action: 'ticket.create',
  connector: 'desk',
  arguments: { title: 'VPN is down', priority: 'high', count: 3 },
  provenance: { title: 'quoted', priority: 'model', count: 'default' } as const,
  resource: { type: 'Desk', id: 'desk', attributes: { open: true } },
  preview: { summary: 'Open a ticket.', facts: [{ label: 'Desk', value: 'built-in' }], pinned: { at: '1' } },
  requester: PrincipalId.parse('alice'),
  obligations: {
    approvals: [{ group: 'oncall', quorum: 1 }],
    stepup: null,
    isolation: null,
    expiresSeconds: 900,
  },
  expiresAt: new Date('2026-01-02T03:04:05.678Z'),
  codeDigest: 'ab'.repeat(32),
};

/** Written down by hand from RFC 8785: members sorted by UTF-16 code units, no white space. */
const CANONICAL =
  '{"action":"ticket.create","arguments":{"count":3,"priority":"high","title":"VPN is down"},' +
  `"codeDigest":"${'ab'.repeat(32)}","connector":"desk","expiresAt":"2026-01-02T03:04:05.678Z",` +
  '"id":"11111111-2222-4333-8444-555555555555","obligations":{"approvals":[{"group":"oncall","quorum":1}],' +
  '"expiresSeconds":900,"isolation":null,"stepup":null},"preview":{"facts":[{"label":"Desk","value":"built-in"}],' +
  '"pinned":{"at":"1"},"summary":"Open a ticket."},"provenance":{"count":"default","priority":"model","title":"quoted"},' +
  '"requester":"alice","resource":{"attributes":{"open":true},"id":"desk","type":"Desk"},"salt":"c2FsdA==","v":1}';

describe('the digest', () => {
  test('is SHA-256 over the RFC 8785 form of version 1', () => {
    expect(digestOf(SAMPLE)).toBe(createHash('sha256').update(CANONICAL, 'utf8').digest('hex'));
    expect(digestOf(SAMPLE)).toBe('547c99da26d1218828c89467c553508334e8c79ea9d88f4508d815b1617a500d');
  });

  test('does not depend on the order of names', () => {
    const reversed = Object.fromEntries(Object.entries(SAMPLE.arguments).reverse());
    expect(digestOf({ ...SAMPLE, arguments: reversed })).toBe(digestOf(SAMPLE));
  });

  test('covers exactly what stands in its list', () => {
    expect(Object.keys(preimageOf(SAMPLE)).sort()).toEqual([
      'action',
      'arguments',
      'codeDigest',
      'connector',
      'expiresAt',
      'id',
      'obligations',
      'preview',
      'provenance',
      'requester',
      'resource',
      'salt',
      'v',
    ]);
  });

  const text = fc.string({ unit: 'binary', maxLength: 12 });
  const changes: Record<keyof typeof SAMPLE, fc.Arbitrary<unknown>> = {
    id: fc.uuid(),
    salt: text,
    action: text,
    connector: text,
    arguments: fc.dictionary(text, fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text))),
    provenance: fc.dictionary(text, fc.constantFrom('typed', 'quoted', 'fetched', 'model')),
    resource: fc.record({ type: text, id: text, attributes: fc.dictionary(text, text) }),
    preview: fc.option(
      fc.record({
        summary: text,
        facts: fc.array(fc.record({ label: text, value: text })),
        pinned: fc.dictionary(text, text),
      }),
    ),
    requester: text,
    obligations: fc.record({
      approvals: fc.array(fc.record({ group: fc.option(text), quorum: fc.integer({ min: 1, max: 3 }) })),
      stepup: fc.constantFrom(null, 'passkey'),
      isolation: fc.constantFrom(null, 'kernel'),
      expiresSeconds: fc.integer({ min: 1 }),
    }),
    expiresAt: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(8e14) }),
    codeDigest: text,
  };
  const same = (a: unknown, b: unknown): boolean => {
    try {
      expect(a).toEqual(b);
      return true;
    } catch {
      return false;
    }
  };

  test.each(Object.entries(changes))('changes with any change of %s', (field, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        fc.pre(!same(value, SAMPLE[field as keyof typeof SAMPLE]));
        expect(digestOf({ ...SAMPLE, [field]: value } as typeof SAMPLE)).not.toBe(digestOf(SAMPLE));
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinDecisions, joinObligations } from '../../src/approval/joined.ts';
import type { Decision } from '../../src/model/decision.ts';
import { needsAreMet } from '../../src/model/quorum.ts';
import type { Obligations } from '../../src/model/request.ts';

const GROUPS = ['oncall', 'operators', null] as const;
const obligations: fc.Arbitrary<Obligations> = fc.record({
  approvals: fc.uniqueArray(
    fc.record({ group: fc.constantFrom(...GROUPS), quorum: fc.integer({ min: 1, max: 3 }) }),
    { selector: (need) => need.group, maxLength: 3 },
  ),
  stepup: fc.constantFrom(null, 'passkey' as const),
  isolation: fc.constantFrom(null, 'kernel' as const, 'kernel-lite' as const, 'process' as const),
  expiresSeconds: fc.integer({ min: 1, max: 100_000 }),
});
const people = fc.array(fc.record({ id: fc.string(), groups: fc.subarray(['oncall', 'operators']) }), {
  maxLength: 8,
});
const allowed = (more: Partial<Decision> = {}): Decision => ({
  allowed: true,
  code: 'allowed',
  policies: ['p'],
  reasons: ['r'],
  obligations: { approvals: [], stepup: null, isolation: null, expiresSeconds: 60 },
  evidence: null,
  ...more,
});

describe('what several people who ask together owe', () => {
  it('is never less than what one of them owes alone', () => {
    fc.assert(
      fc.property(obligations, obligations, people, (one, other, signers) => {
        const joined = joinObligations(one, other);
        if (needsAreMet(joined.approvals, signers)) {
          expect(needsAreMet(one.approvals, signers) && needsAreMet(other.approvals, signers)).toBe(true);
        }
        expect(joined.expiresSeconds).toBeLessThanOrEqual(Math.min(one.expiresSeconds, other.expiresSeconds));
        expect(joined.stepup === null).toBe(one.stepup === null && other.stepup === null);
      }),
    );
  });

  it('takes the stronger isolation', () => {
    const at = (isolation: Obligations['isolation']) => ({ ...allowed().obligations, isolation });
    expect(joinObligations(at('kernel-lite'), at('kernel')).isolation).toBe('kernel');
    expect(joinObligations(at(null), at('process')).isolation).toBe('process');
  });

  it('is denied where one of them is denied, in the words of that denial', () => {
    const denied = allowed({ allowed: false, code: 'no_permit', reasons: ['No rule lets Bob.'] });
    expect(joinDecisions([allowed(), denied])).toEqual(denied);
    expect(joinDecisions([])).toBeNull();
    expect(joinDecisions([allowed()])).toEqual(allowed());
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ApprovalNeed } from '../../src/model/request.ts';
import type { Asked } from '../../src/policy/annotations.ts';
import { mergeObligations } from '../../src/policy/obligations.ts';
import { context, permit, person, QUEUE, rules } from './fixtures.ts';

const NAMES = ['oncall', 'operators', 'security'];
const approval = fc.oneof(
  fc.constant({ kind: 'none' } as const),
  fc.constantFrom(...NAMES).map((group) => ({ kind: 'group', group }) as const),
);
const asked: fc.Arbitrary<Asked> = fc.record({
  approval,
  quorum: fc.integer({ min: 1, max: 9 }),
  stepup: fc.constantFrom('passkey', null),
  expiresSeconds: fc.option(fc.integer({ min: 60, max: 604_800 })),
  isolation: fc.constantFrom('kernel', 'kernel-lite', 'process', null),
});
const LEVELS = ['process', 'kernel-lite', 'kernel'];
const facts = { effect: 'write', tainted: false, risk: 'low' } as const;
const none: Asked = {
  approval: { kind: 'none' },
  quorum: 1,
  stepup: null,
  expiresSeconds: null,
  isolation: null,
};

describe('merged obligations', () => {
  it('do not depend on the order of permits, nor on a permit counted twice', () => {
    fc.assert(
      fc.property(fc.array(asked, { minLength: 1, maxLength: 6 }), (all) => {
        const merged = mergeObligations(all, facts);
        expect(mergeObligations(all.toReversed(), facts)).toEqual(merged);
        expect(mergeObligations([...all, ...all], facts)).toEqual(merged);
      }),
    );
  });

  it('are never less than what any one permit asks', () => {
    fc.assert(
      fc.property(fc.array(asked, { minLength: 1, maxLength: 6 }), (all) => {
        const merged = mergeObligations(all, facts);
        for (const one of all) {
          if (one.approval.kind === 'group') {
            const { group } = one.approval;
            expect(merged.approvals.find((need) => need.group === group)?.quorum).toBeGreaterThanOrEqual(
              one.quorum,
            );
          }
          if (one.stepup !== null) expect(merged.stepup).toBe('passkey');
          if (one.expiresSeconds !== null)
            expect(merged.expiresSeconds).toBeLessThanOrEqual(one.expiresSeconds);
          if (one.isolation !== null) {
            expect(LEVELS.indexOf(merged.isolation ?? '')).toBeGreaterThanOrEqual(
              LEVELS.indexOf(one.isolation),
            );
          }
        }
      }),
    );
  });

  it('are never more than what some permit asks', () => {
    fc.assert(
      fc.property(fc.array(asked, { minLength: 1, maxLength: 6 }), (all) => {
        const merged = mergeObligations(all, facts);
        for (const need of merged.approvals) {
          const asking = all.some(
            ({ approval, quorum }) =>
              approval.kind === 'group' && approval.group === need.group && quorum === need.quorum,
          );
          expect(asking).toBe(true);
        }
        expect(new Set(merged.approvals.map((need) => need.group)).size).toBe(merged.approvals.length);
        if (merged.stepup !== null) expect(all.some((one) => one.stepup === 'passkey')).toBe(true);
        if (merged.isolation !== null)
          expect(all.some((one) => one.isolation === merged.isolation)).toBe(true);
        expect([28_800, ...all.map((one) => one.expiresSeconds)]).toContain(merged.expiresSeconds);
      }),
    );
  });

  it('are these, by known answer', () => {
    const merged = mergeObligations(
      [
        none,
        { ...none, approval: { kind: 'group', group: 'oncall' }, quorum: 2, expiresSeconds: 900 },
        { ...none, approval: { kind: 'group', group: 'oncall' }, isolation: 'kernel-lite' },
        { ...none, approval: { kind: 'group', group: 'security' }, stepup: 'passkey', isolation: 'process' },
      ],
      facts,
    );
    expect(merged).toEqual({
      approvals: [
        { group: 'oncall', quorum: 2 },
        { group: 'security', quorum: 1 },
      ],
      stepup: 'passkey',
      isolation: 'kernel-lite',
      expiresSeconds: 900,
    });
    expect(mergeObligations([none], facts).expiresSeconds).toBe(8 * 3600);
  });

  it('ask nobody to approve a read, tainted or not', () => {
    const all = [{ ...none, approval: { kind: 'group', group: 'oncall' } } as const];
    expect(mergeObligations(all, { effect: 'read', tainted: true, risk: 'high' }).approvals).toEqual([]);
  });
});

describe('a quorum that could be met', () => {
  /** Every write here needs what the rules say; everybody may approve. */
  const policyFor = (needs: readonly ApprovalNeed[]) => {
    const permits = needs.map(({ group, quorum }) =>
      permit('ticket.create', `@approval("${group}") @quorum("${quorum}")`),
    );
    const everybody =
      '@id("all") @description("All.") permit (principal, action == Action::"approve", resource);';
    return rules(permits.join('') + everybody);
  };
  const requester = person('zoe', 'employees', ...NAMES);

  /** Tries every way of giving each person one need or none. */
  function possible(
    needs: readonly ApprovalNeed[],
    people: readonly { groups: readonly string[] }[],
  ): boolean {
    const [first, ...rest] = people;
    if (needs.every((need) => need.quorum === 0)) return true;
    if (first === undefined) return false;
    if (possible(needs, rest)) return true;
    return needs.some(
      (need, index) =>
        need.quorum > 0 &&
        first.groups.includes(need.group ?? '') &&
        possible(needs.with(index, { ...need, quorum: need.quorum - 1 }), rest),
    );
  }

  const SHAPES: ApprovalNeed[][] = [
    [{ group: 'oncall', quorum: 2 }],
    [
      { group: 'oncall', quorum: 1 },
      { group: 'security', quorum: 1 },
    ],
    [
      { group: 'oncall', quorum: 2 },
      { group: 'operators', quorum: 1 },
      { group: 'security', quorum: 1 },
    ],
  ];
  it.each(SHAPES.map((needs) => [needs] as const))(
    'counts each person once in the whole request: %j',
    (needs) => {
      const policy = policyFor(needs);
      const groups = fc.array(fc.subarray(NAMES), { maxLength: 5 });
      fc.assert(
        fc.property(groups, (all) => {
          const people = all.map((one, index) => person(`p${index}`, ...one));
          const decision = policy.decide({
            principal: requester,
            action: 'ticket.create',
            resource: QUEUE,
            context: context(),
            people: [requester, ...people],
          });
          expect(decision.allowed).toBe(possible(needs, people));
          expect(decision.code).toBe(decision.allowed ? 'allowed' : 'nobody_could_approve');
        }),
        { numRuns: 60 },
      );
    },
  );

  it('says how many approvers exist when one person would have to count twice', () => {
    const policy = policyFor(SHAPES[1] ?? []);
    const people = [requester, person('both', 'oncall', 'security')];
    const decision = policy.decide({
      principal: requester,
      action: 'ticket.create',
      resource: QUEUE,
      context: context(),
      people,
    });
    expect(decision.reasons[0]).toBe(
      'It needs 1 approval from ONCALL (oncall) and 1 approval from SECURITY (security) by 2 different people, and only one other approver exists: Both.',
    );
  });
});

import { describe, expect, test } from 'vitest';
import { couldMeet, waitsForApproval, wouldCount } from '../../src/approval/needs.ts';
import type { PrincipalId } from '../../src/model/ids.ts';
import type { ApprovalNeed } from '../../src/model/request.ts';

const asking = (...approvals: ApprovalNeed[]) => ({
  obligations: { approvals, stepup: null, isolation: null, expiresSeconds: 60 },
});
const person = (id: string, ...groups: string[]) => ({ id, groups });
const approvalOf = (id: string, ...groups: string[]) => ({ approver: id as PrincipalId, groups });

const BOTH = asking({ group: 'oncall', quorum: 1 }, { group: 'operators', quorum: 1 });

describe('an approval would count', () => {
  test.each([
    ['of a group that is needed still', person('carol', 'oncall'), [], true],
    ['of a group that has approved already', person('carol', 'oncall'), [approvalOf('bob', 'oncall')], false],
    ['of the group that is left', person('erin', 'operators'), [approvalOf('bob', 'oncall')], true],
    ['of a group that nobody needs', person('dave', 'employees'), [], false],
    [
      'of who has approved already',
      person('bob', 'oncall', 'operators'),
      [approvalOf('bob', 'oncall')],
      false,
    ],
    [
      'of a group whose place is held by somebody who can hold the other',
      person('carol', 'oncall'),
      [approvalOf('bob', 'oncall', 'operators')],
      true,
    ],
  ])('%s', (_what, who, approvals, counts) => {
    expect(wouldCount(BOTH, approvals, who)).toBe(counts);
  });
});

test.each([
  ['one of each', [person('bob', 'oncall'), person('erin', 'operators')], [], true],
  ['one of one group', [person('bob', 'oncall')], [], false],
  [
    'who is missing beside who has approved',
    [person('erin', 'operators')],
    [approvalOf('bob', 'oncall')],
    true,
  ],
  ['one person of both groups, who counts once', [person('bob', 'oncall', 'operators')], [], false],
])('%s could meet it: %#', (_what, people, approvals, could) => {
  expect(couldMeet(BOTH, approvals, people)).toBe(could);
});

test.each([
  ['a write that is confirmed', 'pending', 'write', new Date(0), true],
  ['a write that is not', 'pending', 'write', null, false],
  ['a question', 'pending', 'read', null, true],
  ['what is decided', 'approved', 'write', new Date(0), false],
] as const)('%s waits for others: %#', (_what, state, effect, confirmedAt, waits) => {
  expect(waitsForApproval({ state, effect, confirmedAt })).toBe(waits);
});

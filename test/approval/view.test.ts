import { expect, test } from 'vitest';
import { openNeeds } from '../../src/approval/needs.ts';
import { viewOf } from '../../src/approval/view.ts';
import { RequestView } from '../../src/model/request.ts';
import { bob, NO_OBLIGATIONS, sampleRequest } from '../support/core.ts';

const request = sampleRequest({
  obligations: { ...NO_OBLIGATIONS, approvals: [{ group: 'oncall', quorum: 2 }] },
});
const approval = {
  request: request.id,
  approver: bob,
  digest: request.digest,
  groups: ['oncall'],
  at: new Date('2026-01-02T03:04:05.678Z'),
};

test('a write that nobody confirmed needs that first', () => {
  expect(openNeeds(request, [])).toEqual([
    { kind: 'confirm', count: 1, have: 0 },
    { kind: 'approve', group: 'oncall', count: 2, have: 0 },
  ]);
});

test('a read needs no confirmation', () => {
  expect(openNeeds({ ...request, effect: 'read' }, []).map((need) => need.kind)).toEqual(['approve']);
});

test('an approval by somebody of no needed group fills nothing', () => {
  const confirmed = { ...request, confirmedAt: new Date() };
  expect(openNeeds(confirmed, [{ ...approval, groups: ['leads'] }])).toEqual([
    { kind: 'approve', group: 'oncall', count: 2, have: 0 },
  ]);
});

test('once it is no longer pending, nothing is needed', () => {
  for (const state of ['approved', 'denied', 'executing', 'unknown'] as const) {
    expect(openNeeds({ ...request, state }, [])).toEqual([]);
  }
});

test('the view is the Request of the HTTP contract, and holds nothing else', () => {
  const view = viewOf({ ...request, result: { code: 'x', message: 'y' } }, [approval]);
  expect(RequestView.parse(view)).toEqual(view);
  expect(view.approvals).toEqual([{ approver: 'bob', at: '2026-01-02T03:04:05.678Z' }]);
  expect(view.needs).toEqual([
    { kind: 'confirm', count: 1, have: 0 },
    { kind: 'approve', group: 'oncall', count: 2, have: 1 },
  ]);
  expect(viewOf(request, [])).not.toHaveProperty('result');
});

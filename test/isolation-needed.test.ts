import { expect, test } from 'vitest';
import type { GovernedAction } from '../src/action.ts';
import { neededLevel, runsJobs } from '../src/isolation-needed.ts';
import type { IsolationLevel, Risk } from '../src/model/request.ts';
import type { Policy } from '../src/policy/types.ts';

/** An action with a case of each of these risks. */
const action = (name: string, risks: Risk[], host = 'desk.internal'): GovernedAction =>
  ({
    action: { name, operation: name, risk: ({ risk }: { risk: Risk }) => risk },
    connector: { name: 'desk', examples: () => risks.map((risk) => ({ risk })), facts: () => ({}) },
    operation: { egress: [{ host }] },
    settings: {},
  }) as unknown as GovernedAction;
const rule = (effect: Policy['effect'], actions: string[], isolation: IsolationLevel | null): Policy =>
  ({ effect, actions, asked: { isolation } }) as unknown as Policy;

const STRICT = { process: false };
const LENIENT = { process: true };
const ticket = action('ticket.create', ['low']);
const release = action('ci.trigger', ['low', 'high'], 'runner.internal');

test('risk alone asks for a kernel, and where the operator accepts less, for any case of high risk', () => {
  expect(neededLevel([ticket], [], STRICT)).toBe('kernel-lite');
  expect(neededLevel([ticket], [], LENIENT)).toBe('process');
  expect(neededLevel([ticket, release], [], LENIENT)).toBe('kernel-lite');
});

test('the strongest permit of a served action counts, no other rule does', () => {
  const permit = rule('permit', ['ticket.create', 'ci.trigger'], 'kernel');
  expect(neededLevel([ticket], [rule('permit', ['ticket.create'], null), permit], STRICT)).toBe('kernel');
  expect(neededLevel([ticket], [rule('permit', ['ci.trigger'], 'kernel')], STRICT)).toBe('kernel-lite');
  expect(neededLevel([ticket], [rule('forbid', ['ticket.create'], 'kernel')], STRICT)).toBe('kernel-lite');
  expect(neededLevel([ticket], [rule('permit', ['ticket.create'], 'process')], STRICT)).toBe('kernel-lite');
});

test('what cannot be asked for needs nothing', () => {
  expect(neededLevel([], [rule('permit', ['ticket.create'], 'kernel')], STRICT)).toBe('none');
  expect(neededLevel([action('ci.trigger', [])], [rule('permit', ['ci.trigger'], 'kernel')], STRICT)).toBe(
    'none',
  );
});

test('an action runs jobs where it reaches the runner', () => {
  expect([ticket, release].map(runsJobs)).toEqual([false, true]);
});

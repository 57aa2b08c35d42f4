import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseChatCommand } from '../../src/intake/chat-command.ts';

const ID = '11111111-2222-4333-8444-555555555555';
const NOTHING = { action: null, principal: null, connector: null };

test.each([
  ['whoami', { kind: 'whoami' }],
  ['  My   Requests ', { kind: 'mine' }],
  ['waiting for me', { kind: 'waiting' }],
  ['Home', { kind: 'home' }],
  ['kill status', { kind: 'kill-status' }],
  ['kill on reason=breach', { kind: 'kill', to: 'on', scope: NOTHING, reason: 'breach' }],
  [
    'KILL OFF action=ci.trigger principal=bob connector=runner reason="all is well"',
    {
      kind: 'kill',
      to: 'off',
      scope: { action: 'ci.trigger', principal: 'bob', connector: 'runner' },
      reason: 'all is well',
    },
  ],
  ['kill on reason=it said action=x', { kind: 'kill', to: 'on', scope: NOTHING, reason: 'it said action=x' }],
  [`resolve ${ID} succeeded`, { kind: 'resolve', request: ID, as: 'succeeded', note: '' }],
  [
    `resolve ${ID} FAILED no ticket there`,
    { kind: 'resolve', request: ID, as: 'failed', note: 'no ticket there' },
  ],
  [`undo ${ID}`, { kind: 'undo', request: ID }],
  ['undo 11111111', { kind: 'undo', request: '11111111' }],
  ['resolve 11111111 failed gone', { kind: 'resolve', request: '11111111', as: 'failed', note: 'gone' }],
  ['undo 1111111', null],
  ['Cancel 11111111', { kind: 'cancel', request: '11111111' }],
  [`cancel ${ID} please`, { kind: 'wrong', usage: 'cancel REQUEST-ID' }],
  ['cancel', null],
  ['cancel run 11111111', null],
  ['undo', { kind: 'wrong', usage: expect.stringContaining('undo REQUEST-ID') }],
  [`undo ${ID} please`, { kind: 'wrong', usage: expect.stringContaining('undo REQUEST-ID') }],
  ['undo the last deployment', null],
  ['Report: he asks for\nmy password', { kind: 'report', request: null, words: 'he asks for\nmy password' }],
  ['report suspicious: he asks', { kind: 'report', request: null, words: 'he asks' }],
  ['Report Suspicious mail from the bank', { kind: 'report', request: null, words: 'mail from the bank' }],
  ['report last', { kind: 'report', request: 'last', words: '' }],
  ['report LAST this is odd', { kind: 'report', request: 'last', words: 'this is odd' }],
  [`report ${ID} this is odd`, { kind: 'report', request: ID, words: 'this is odd' }],
  [`report ${ID}`, { kind: 'report', request: ID, words: '' }],
  ['report B2F12F19 looks wrong', { kind: 'report', request: 'b2f12f19', words: 'looks wrong' }],
  ['report 11111111-2222: odd', { kind: 'report', request: '11111111-2222', words: 'odd' }],
  [`report ${ID}: odd`, { kind: 'report', request: ID, words: 'odd' }],
  ['report', { kind: 'wrong', usage: expect.stringContaining('report REQUEST-ID') }],
  ['report:', { kind: 'wrong', usage: expect.stringContaining('report: what looks wrong') }],
  ['report a broken projector in room 4', null],
  ['report suspicious', null],
  ['report-generator is down, please open a ticket', null],
  ['reports are late, please open a ticket', null],
  [`delegate ${ID} to carol`, { kind: 'delegate', request: ID, to: 'carol' }],
  ['Delegate 11111111 TO Carol Clark', { kind: 'delegate', request: '11111111', to: 'Carol Clark' }],
  ['who is on call', { kind: 'on-call', schedule: null }],
  ["Who's on-call for Platform?", { kind: 'on-call', schedule: 'platform' }],
])('"%s" is a command', (text, command) => {
  expect(parseChatCommand(text)).toEqual(command);
});

describe('a command that is not quite one is answered with its usage, and moves nothing', () => {
  test.each([
    'kill',
    'kill everything',
    'kill on',
    'kill on breach',
    'kill on reason=',
    'kill on reason=""',
    // A misspelt scope must not become "everything".
    'kill off actoin=ci.trigger reason=done',
    'kill off action= reason=done',
    'kill on action=a action=b reason=done',
    'kill status now',
    'resolve',
    `resolve ${ID}`,
    `resolve ${ID} maybe`,
    'resolve 1234 succeeded',
    'delegate',
    `delegate ${ID}`,
    `delegate ${ID} carol`,
    `delegate ${ID} to`,
  ])('%s', (text) => {
    expect(parseChatCommand(text)).toMatchObject({ kind: 'wrong' });
  });
});

test.each([
  '',
  'help',
  'who am i',
  'my requests please',
  'home office equipment, please',
  'resolve the DNS trouble in Berlin',
  'delegate the DNS job to Bob',
  'who is on call tomorrow',
  'who is on call for',
  'please kill on reason=x',
  'run the checks of web',
])('"%s" is left to the planner', (text) => {
  expect(parseChatCommand(text)).toBeNull();
});

test('whatever is written, it is parsed without a word of complaint to the process', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'kill',
      'on',
      'off',
      'status',
      'reason=',
      'reason=x',
      'action=',
      'action=a',
      'resolve',
      ID,
      'failed',
    ),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), fc.constantFrom(' ', '\n', '\u00a0'), (words, gap) => {
      const command = parseChatCommand(words.join(gap));
      if (command?.kind === 'kill') expect(command.reason.trim()).not.toBe('');
    }),
    { numRuns: 1000 },
  );
});

test('a switch never covers more than was written', () => {
  const scope = fc.dictionary(
    fc.constantFrom('action', 'principal', 'connector'),
    fc.stringMatching(/^[a-z.]{1,8}$/),
  );
  fc.assert(
    fc.property(scope, fc.constantFrom('on', 'off'), (asked, to) => {
      const words = Object.entries(asked).map(([name, value]) => `${name}=${value}`);
      const command = parseChatCommand(`kill ${to} ${words.join(' ')} reason=because`);
      expect(command).toEqual({ kind: 'kill', to, scope: { ...NOTHING, ...asked }, reason: 'because' });
    }),
  );
});

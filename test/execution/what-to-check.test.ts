import { expect, test } from 'vitest';
import { callRules } from '../../actions/connectors/mcp-wire.ts';
import type { EgressRule, EgressValues, GovernedAction } from '../../src/action.ts';
import { unknownOutcome } from '../../src/execution/what-to-check.ts';
import type { PrincipalId } from '../../src/model/ids.ts';
import type { Effect } from '../../src/model/request.ts';

const request = {
  connector: 'github-issues',
  resource: { type: 'Ticket', id: 'acme/web', attributes: {} },
  arguments: { title: 'x' },
  preview: null,
  handle: null,
  requester: 'alice' as PrincipalId,
};
const rule = (effect: Effect, body: EgressRule['body']): EgressRule => ({
  ...{ method: 'POST', host: 'tracker.example', path: '/issues', effect, credential: null },
  ...{ fill: () => ({}), query: () => ({}), body },
});
const marked = ({ args, mark }: EgressValues) => ({ title: args.title ?? '', text: `[countersign:${mark}]` });
const governedBy = (...egress: EgressRule[]) =>
  ({
    connector: { title: () => 'GitHub Issues of acme/web' },
    operation: { egress },
    settings: {},
  }) as unknown as GovernedAction;
const governed = governedBy(rule('write', marked));

test('an unknown outcome says in which system to look, at what, and for which mark', () => {
  expect(unknownOutcome('sent', request, governed, 'f00d', 'https://github.example/1')).toEqual({
    code: 'unknown_outcome',
    message:
      'It was sent, and no answer says whether it happened. Please look in GitHub Issues of acme/web at Ticket "acme/web". What we write there carries the mark f00d, where the system keeps one. Say what you found.',
    link: 'https://github.example/1',
  });
});

test.each([
  ['nothing that is written carries it', [rule('write', () => ({ title: 'x' }))]],
  ['only what is read asks for it', [rule('read', marked), rule('write', () => null)]],
  [
    'what would carry it was not filled',
    [rule('write', ({ pinned, mark }) => ({ [pinned.at!.trim()]: mark }))],
  ],
])('no mark is looked for where %s', (_name, egress) => {
  expect(unknownOutcome('sent', request, governedBy(...egress), 'f00d').message).toBe(
    'It was sent, and no answer says whether it happened. Please look in GitHub Issues of acme/web at Ticket "acme/web". Say what you found.',
  );
});

test('no mark is looked for where a tool of an MCP server was called, which is sent none', () => {
  const tool = { server: 'calendar', host: 'calendar', path: '/mcp', credential: null, tool: 'create_event' };
  const rules = callRules({ ...tool, effect: 'write', digest: '', decimals: [], answerMs: 20_000 });
  expect(unknownOutcome('sent', request, governedBy(...rules), 'f00d').message).not.toContain('mark');
});

test('a mark in an address is looked for too, filled from what was pinned', () => {
  const tag: EgressRule = {
    ...rule('write', () => null),
    path: '/tags/{at}',
    fill: ({ pinned, mark }) => ({ at: `${pinned.of!.trim()}-${mark}` }),
  };
  const pinned = { ...request, preview: { summary: '', facts: [], pinned: { of: 'run' } } };
  expect(unknownOutcome('sent', pinned, governedBy(tag), 'f00d').message).toContain('carries the mark f00d');
});

test('where nobody serves it any more, its connector is named, and a long resource is cut', () => {
  const long = { ...request, resource: { ...request.resource, id: 'x'.repeat(500) } };
  const { message, link } = unknownOutcome('unseen', long, null, 'f00d');
  expect(message).toMatch(
    /^It was started, and for a day .* Please look in github-issues at Ticket "x{120}…"\./,
  );
  expect(link).toBeUndefined();
});

test.each([
  ['sentUnseen' as const, /^It was sent, .* could not be looked for\. Please/],
  [
    { sentAndUsedUp: 'calls' } as const,
    /^It was sent, .* all the calls .*, so it was not looked for\. Please/,
  ],
  [{ looksUsedUp: 'ms' } as const, /^It was started, .* all the time .*, so nobody looks at it .*\. Please/],
])('what was used up is said: %o', (how, words) => {
  expect(unknownOutcome(how, request, governed, 'f00d').message).toMatch(words);
});

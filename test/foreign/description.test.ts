import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { EgressValues } from '../../src/action.ts';
import { declare } from '../../src/execution/broker/rules.ts';
import { readDescription } from '../../src/foreign/description.ts';
import { ruleOf } from '../../src/foreign/egress.ts';
import { governedFrom, missingCredentials } from '../../src/foreign/governed.ts';
import { reviewInWords } from '../../src/foreign/words.ts';

const label = { title: 'Title', description: 'What it is.' };
const ADD = {
  name: 'add',
  method: 'POST',
  host: 'board.example',
  path: '/teams/{args.team}/notes',
  body: { text: { $fill: 'args.note' }, by: { $text: ['for ', { $fill: 'requester' }] } },
} as const;
const GOOD = {
  v: 1,
  name: 'note.add',
  title: 'Add a note',
  description: 'Adds a note.',
  examples: ['add a note for {team}: {note}'],
  system: 'the board',
  input: z.toJSONSchema(
    z.strictObject({
      team: z.string().max(40).meta(label),
      note: z.string().max(40).meta(label),
      more: z.string().max(40).optional().meta(label),
    }),
    { io: 'input' },
  ),
  effect: 'write',
  risk: 'low',
  resource: { type: 'Board', id: '{args.team}', attributes: { team: '{args.team}' } },
  egress: [ADD],
  writes: 1,
  idempotency: 'none',
};
type Said = Record<string, unknown>;
const problems = (change: Said): string => {
  const read = readDescription({ ...GOOD, ...change });
  return read.ok ? '' : read.problems.join('\n');
};
const withCall = (change: Said): string => problems({ egress: [{ ...ADD, ...change }] });

it('a good one is taken as it is', () => {
  expect(readDescription(GOOD)).toMatchObject({ ok: true, description: { name: 'note.add', egress: [ADD] } });
});

describe('a description is refused', () => {
  it.each([
    ['that is too large', { description: 'x'.repeat(200_000) }, 'characters'],
    ['whose text is longer than anybody reads', { description: 'x'.repeat(2_000) }, 'description'],
    ['of several lines where one is shown', { title: 'Add\na note' }, 'one line'],
    ['with a field that nobody knows', { extra: 1 }, 'extra'],
    ['whose name is no two words', { name: 'note' }, 'two words'],
    ['whose example names no argument of it', { examples: ['add {other}'] }, 'names an argument'],
    ['that says read and writes', { effect: 'read' }, 'read has no way to write'],
    ['that says write and has none', { egress: [], writes: 0 }, 'hold none'],
    ['that may write without end', { writes: 1_000 }, 'writes'],
    ['that is about a type of the house', { resource: { type: 'Person', id: 'alice' } }, "the house's own"],
    [
      'that names its connector itself',
      { resource: { ...GOOD.resource, attributes: { connector: 'desk' } } },
      'connector',
    ],
    [
      'that is decided by what may be missing',
      { resource: { type: 'Board', id: '{args.more}' } },
      'required arguments',
    ],
    [
      'that is decided by what nobody digested',
      { resource: { type: 'Board', id: '{settings.x}' } },
      'required arguments',
    ],
    ['whose cases do not pass', { cases: [{ team: 1 }] }, 'cases.0'],
    ['with two calls of one name', { egress: [ADD, ADD] }, 'one name'],
  ])('%s', (_what, change, words) => {
    expect(problems(change)).toContain(words);
  });

  it.each(['__proto__', 'constructor', 'prototype', 'toString'])('with a key called %s anywhere', (key) => {
    const said = JSON.parse(
      JSON.stringify({ ...GOOD, egress: [{ ...ADD, body: { KEY: 1 } }] }).replace('KEY', key),
    );
    expect(readDescription(said)).toMatchObject({ ok: false });
  });

  it.each([
    ['dots for a folder', { path: '/teams/../admin' }],
    ['an encoded slash', { path: '/teams/a%2fb' }],
    ['an encoded dot', { path: '/%2e%2e/admin' }],
    ['half a segment filled', { path: '/teams/x{args.team}' }],
    ['a place that is none', { path: '/teams/{team}' }],
    ['a place of what every object has', { path: '/teams/{args.constructor}' }],
    ['a query in its path', { path: '/teams?x=1' }],
    ['an empty segment', { path: '/teams//x' }],
    ['no path', { path: 'https://elsewhere.example/' }],
    ['an argument that there is not', { path: '/teams/{args.other}' }],
    ['an address', { host: '127.0.0.1' }],
    ['a port', { host: 'board.example:8080' }],
    ['this machine', { host: 'localhost' }],
    ['a built-in system', { host: 'desk.internal' }],
    ['another built-in system', { host: 'runner.internal' }],
    ['capital letters', { host: 'Board.example' }],
    ['a free query of a write', { query: { q: null } }],
    ['a header of its own', { headers: { authorization: 'x' } }],
    ['a body place that is none', { body: { text: { $fill: 'env.SECRET' } } }],
    ['a body with another instruction', { body: { text: { $eval: '1' } } }],
    ['a place with more beside it', { body: { text: { $fill: 'args.note', also: 1 } } }],
    ['a fill of what may be missing', { body: { text: { $fill: 'args.more' } } }],
    ['a GET with a body', { method: 'GET' }],
  ])('whose egress has %s', (_what, change) => {
    expect(withCall(change)).not.toBe('');
  });
});

describe('a call that was declared', () => {
  const values: EgressValues = {
    args: { team: 'web', note: 'hello' },
    pinned: {},
    handle: {},
    settings: {},
    mark: 'm',
    requester: 'alice (Alice Adams)',
  };
  const rule = (change: Said = {}) =>
    ruleOf({ query: {}, headers: {}, credential: null, ...ADD, ...change } as never);

  it('is filled from the digested values', () => {
    expect(declare([rule()], values)).toMatchObject([
      {
        method: 'POST',
        segments: ['teams', 'web', 'notes'],
        body: { text: 'hello', by: 'for alice (Alice Adams)' },
      },
    ]);
  });

  it.each(['..', '.', 'a/b', 'a%2fb', 'a\\b', '', 'a\u0000b', 'x'.repeat(300)])(
    'opens nothing for a segment such as %j',
    (team) => {
      expect(declare([rule()], { ...values, args: { ...values.args, team } })).toEqual([]);
    },
  );

  it.each([
    { note: 'x' },
    { team: { deep: 1 }, note: 'x' },
    { team: ['web'], note: 'x' },
    { team: null, note: 'x' },
  ])('opens nothing for the arguments %j', (args) =>
    expect(declare([rule()], { ...values, args })).toEqual([]),
  );

  it('opens nothing where a part of its body is missing, except where something else is said', () => {
    const { note: _, ...args } = values.args;
    expect(declare([rule()], { ...values, args })).toEqual([]);
    const optional = rule({ body: { text: { $fill: 'args.note', or: '' } } });
    expect(declare([optional], { ...values, args })).toMatchObject([{ body: { text: '' } }]);
  });

  it('does not take what every object has for an argument', () => {
    const inherited = Object.create({ team: 'web' }) as Record<string, never>;
    expect(declare([rule({ body: null })], { ...values, args: inherited })).toEqual([]);
  });

  it('never fills twice: a value that looks like a place is text', () => {
    const args = { team: '{args.note}', note: '{"$fill":"mark"}' };
    expect(declare([rule()], { ...values, args })).toMatchObject([
      { segments: ['teams', '{args.note}', 'notes'], body: { text: '{"$fill":"mark"}' } },
    ]);
  });
});

describe("the operator's file", () => {
  it('raises effect and risk, and never lowers them', () => {
    const raised = governedFrom(GOOD, { risk: 'high', credentials: [], settings: {} }).governed.action;
    expect(raised.risk({} as never, {} as never)).toBe('high');
    for (const assigned of [{ effect: 'read' as const }, { risk: 'low' as const }])
      expect(() =>
        governedFrom({ ...GOOD, risk: 'medium' }, { credentials: [], settings: {}, ...assigned }),
      ).toThrow('cannot be lowered');
  });

  it('gives credentials; the action only says what it would like', () => {
    const said = { ...GOOD, egress: [{ ...ADD, credential: 'github' }] };
    const { description } = governedFrom(said);
    expect(missingCredentials(description, { credentials: [], settings: {} })).toEqual(['github']);
    expect(missingCredentials(description, { credentials: ['github'], settings: {} })).toEqual([]);
  });
});

it('has no code in the core that could be called', async () => {
  const { operation } = governedFrom(GOOD).governed;
  for (const name of ['preview', 'run', 'reconcile', 'follow'] as const)
    await expect(operation[name]({}, {} as never)).rejects.toThrow('sandbox only');
});

it('is shown at review line by line, nothing in it passing for another line', () => {
  const read = readDescription({
    ...GOOD,
    title: 'Add \u202ea note',
    resource: { type: 'Board', id: 'x\n  effect, risk  read, low', attributes: {} },
  });
  const words = read.ok ? reviewInWords(read.description, 'ab') : '';
  expect(words).toContain('[U+202E]');
  expect(words.split('\n').filter((line) => line.startsWith('  effect, risk'))).toEqual([
    '  effect, risk  write, low; at most 1 write a run; never sent again',
  ]);
  expect(words).toContain('write  POST https://board.example/teams/{args.team}/notes');
});

import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Undo } from '../../src/action.ts';
import { readDescription } from '../../src/foreign/description.ts';
import { governedFrom } from '../../src/foreign/governed.ts';
import { problemsOfUndo, undoFrom, whyNoUndo } from '../../src/foreign/undo.ts';
import { reviewInWords } from '../../src/foreign/words.ts';

const label = { title: 'T', description: 'T.' };
const described = (name: string, input: z.ZodObject, more: Record<string, unknown> = {}) => ({
  v: 1,
  ...{ name, title: 'A note', description: 'A note.', examples: ['a note'], system: 'the board' },
  input: z.toJSONSchema(input, { io: 'input' }),
  effect: 'write',
  risk: 'low',
  resource: { type: 'Board', id: 'board' },
  egress: [{ name: 'send', method: 'POST', host: 'board.example', path: '/notes' }],
  writes: 1,
  idempotency: 'none',
  ...more,
});
const READS = { effect: 'read', writes: 0, egress: [] };
const GIVEN = z.strictObject({
  team: z.string().max(9).meta(label),
  more: z.string().max(9).optional().meta(label),
});
const TAKEN = z.strictObject({ team: z.string().max(9).meta(label), note: z.string().max(9).meta(label) });
const UNDO = {
  action: 'note.remove',
  withinSeconds: 900,
  arguments: { team: { $fill: 'args.team' }, note: { $fill: 'data.note' } },
};
const taker = governedFrom(described('note.remove', TAKEN)).governed;
const takerOf = (team: z.ZodType) =>
  governedFrom(described('note.remove', z.strictObject({ ...TAKEN.shape, team: team.meta(label) }))).governed;
const ofTeams = (...teams: string[]) => takerOf(z.enum(teams));
const numbered = takerOf(z.int());
const giver = governedFrom(
  described('note.add', z.strictObject({ ...GIVEN.shape, place: z.enum(['web', 'shop']).meta(label) })),
).governed;
const problems = (undo: unknown, more: Record<string, unknown> = {}): string => {
  const read = readDescription(described('note.add', GIVEN, { undo, ...more }));
  return read.ok ? '' : read.problems.join('\n');
};

describe('an undo that is declared', () => {
  it('is taken where it is filled from what was asked for and from what was answered', () => {
    expect(problems(UNDO)).toBe('');
    expect(problems(null)).toBe('');
  });

  it.each([
    ['the name of nothing', { ...UNDO, action: '../note' }, 'name of an action'],
    ['no time', { ...UNDO, withinSeconds: 0 }, 'withinSeconds'],
    ['a time without end', { ...UNDO, withinSeconds: 10 ** 9 }, 'withinSeconds'],
    ['a field that nobody knows', { ...UNDO, confirmed: true }, 'confirmed'],
    [
      'an argument that there is not',
      { ...UNDO, arguments: { team: { $fill: 'args.other' } } },
      'no such argument',
    ],
    [
      'an argument that may be missing',
      { ...UNDO, arguments: { team: { $fill: 'args.more' } } },
      'may be missing',
    ],
    [
      'what the operator set',
      { ...UNDO, arguments: { team: { $fill: 'settings.team' } } },
      'only args and data',
    ],
    [
      'what a run left for later',
      { ...UNDO, arguments: { team: { $fill: 'handle.team' } } },
      'only args and data',
    ],
    ['an instruction', { ...UNDO, arguments: { team: { $eval: '1' } } }, 'a place that is none'],
  ])('is refused with %s', (_what, undo, words) => {
    expect(problems(undo)).toContain(words);
  });

  it('is nothing for a read', () => {
    expect(problems({ ...UNDO, arguments: {} }, READS)).toContain('a read changes nothing');
    expect(problemsOfUndo({ ...UNDO, arguments: {} }, 'write', new Map())).toEqual([]);
  });

  it('alone sees what was answered: no call is filled from it', () => {
    const egress = [{ name: 'send', method: 'POST', host: 'board.example', path: '/notes/{data.note}' }];
    expect(problems(UNDO, { egress })).toContain('undo only');
  });

  it('is shown to the reviewer in words, and for how long', () => {
    const page = (undo: object): string => {
      const read = readDescription(described('note.add', GIVEN, { undo }));
      return read.ok ? reviewInWords(read.description, 'f'.repeat(64)) : '';
    };
    expect(page(UNDO)).toContain(
      'undo          by note.remove with team = {args.team}, note = {data.note}\n',
    );
    expect(page(UNDO)).toMatch(
      /for 15 minutes after it succeeded.*policy decides and they confirm\n *\{data\.…\} is what its own code answers/,
    );
    expect(page({ ...UNDO, arguments: {} })).toContain('policy decides and the press confirms');
  });
});

describe('what takes it back', () => {
  it.each([
    ['that nobody reviewed', UNDO, null, 'no action note.remove of the folder'],
    ['that only reads', UNDO, governedFrom(described('note.remove', TAKEN, READS)).governed, 'only reads'],
    [
      'that has no such argument',
      { ...UNDO, arguments: { ...UNDO.arguments, who: 'x' } },
      taker,
      'no argument who',
    ],
    ['that needs another one', { ...UNDO, arguments: { team: 'web' } }, taker, 'needs note'],
  ])('is not offered by an action %s', (_what, undo, by, words) => {
    expect(whyNoUndo(undo, giver, by)).toContain(words);
  });

  const said = (team: unknown) => ({ ...UNDO, arguments: { ...UNDO.arguments, team } as never });
  it.each([
    ['a literal of another kind', said(5), taker],
    ['a literal that is too long', said('x'.repeat(10)), taker],
    ['text of no places that is too long', said({ $text: ['x'.repeat(10)] }), taker],
    ['none of the choices that there are', said({ $fill: 'args.place' }), ofTeams('data')],
    ['text where a number is wanted', said({ $fill: 'args.team' }), numbered],
    ['text with places where a number is wanted', said({ $text: [{ $fill: 'data.team' }] }), numbered],
    ['a list where text is wanted', said([{ $fill: 'data.team' }]), taker],
    ['named values where text is wanted', said({ name: { $fill: 'data.team' } }), taker],
  ])('is not offered where it says %s', (_what, undo, by) => {
    expect(whyNoUndo(undo, giver, by)).toBe('note.remove never takes what it says as team');
  });

  it.each([
    ['one of the choices that is taken', said({ $fill: 'args.place' }), ofTeams('web')],
    ['a choice with another one instead of it', said({ $fill: 'args.place', or: 'data' }), ofTeams('data')],
    ['text that may be of the choices', said({ $fill: 'args.team' }), ofTeams('data')],
    ['a value that may be left out, or a number', said({ $fill: 'args.more', or: 5 }), numbered],
    ['what is answered', said({ $fill: 'data.team' }), numbered],
    ['a part of what is asked for', said({ $fill: 'args.labels.team' }), numbered],
    ['a literal that fits', said(5), numbered],
  ])('may be offered where it says %s', (_what, undo, by) => {
    expect(whyNoUndo(undo, giver, by)).toBeNull();
  });

  const undo: Undo = undoFrom(UNDO, taker);
  const asked = (data?: unknown) =>
    undo.arguments(
      { team: 'web' },
      { code: 'done', message: 'Done.', ...(data === undefined ? {} : { data: data as never }) },
    );

  it('is asked with what was asked for and what was answered', () => {
    expect(whyNoUndo(UNDO, giver, taker)).toBeNull();
    expect(asked({ note: 'n1' })).toEqual({ team: 'web', note: 'n1' });
    expect(undo).toMatchObject({ action: 'note.remove', withinSeconds: 900 });
  });

  it.each([
    ['what was asked for', { $fill: 'args.team' }, 'typed'],
    ['what was asked for and left out', { $fill: 'args.more', or: '' }, 'default'],
    ['what was answered', { $fill: 'data.note' }, 'fetched'],
    ['what may have been answered', { $fill: 'data.note', or: 'none' }, 'fetched'],
    ['both', { $text: ['of ', { $fill: 'args.team' }, { $fill: 'data.note' }] }, 'fetched'],
    ['what is declared', 'web', 'default'],
  ])('says of each argument where it came from: %s', (_what, note, from) => {
    const declared = { ...UNDO, arguments: { team: { $fill: 'args.team' }, note } };
    expect(undoFrom(declared, taker).provenance?.({ team: 'typed' })).toEqual({ team: 'typed', note: from });
  });

  it.each([
    ['nothing', undefined],
    ['no such thing', { other: 'n1' }],
    ['a thing of another kind', { note: { $fill: 'args.team' } }],
    ['more than its schema takes', { note: 'x'.repeat(10) }],
    ['no object', ['n1']],
  ])('is nothing that could be pressed where %s was answered', (_what, data) => {
    expect(asked(data)).toBeNull();
  });
});

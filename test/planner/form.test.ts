import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/action.ts';
import { formOf, parseForm } from '../../src/planner/form.ts';
import { createAction, inviteAction, triggerAction } from './sample-tools.ts';

const trigger = triggerAction as unknown as Action;
const create = createAction as unknown as Action;
const invite = inviteAction as unknown as Action;

describe('formOf', () => {
  it('asks for every argument in the schema’s order, with what is known', () => {
    const form = formOf(trigger, { repo: 'web', inputs: { version: '1.2', dry: 'no' } });
    expect(form).toMatchObject({ action: 'ci.trigger', title: 'Run a CI job' });
    expect(form.fields.map(({ name, kind, required, value }) => [name, kind, required, value])).toEqual([
      ['repo', 'text', true, 'web'],
      ['ref', 'text', true, ''],
      ['job', 'text', true, ''],
      ['inputs', 'multiline', false, 'version=1.2\ndry=no'],
    ]);
  });

  it('offers choices and room for long text', () => {
    const fields = formOf(create).fields.map(({ name, kind, choices, value }) => [
      name,
      kind,
      choices,
      value,
    ]);
    expect(fields).toEqual([
      ['title', 'text', [], ''],
      ['body', 'multiline', [], ''],
      ['priority', 'choice', ['low', 'normal', 'high'], 'normal'],
    ]);
  });
});

describe('parseForm', () => {
  it('reads what the form shows', () => {
    const values = { repo: ' web ', ref: 'main', job: 'release', inputs: 'version=1.2\r\n\nnote=a=b' };
    expect(parseForm(trigger, values)).toEqual({
      ok: true,
      arguments: { repo: 'web', ref: 'main', job: 'release', inputs: { version: '1.2', note: 'a=b' } },
    });
  });

  it('takes an empty field as absent', () => {
    expect(parseForm(create, { title: 'VPN down', body: '', priority: '' })).toEqual({
      ok: true,
      arguments: { title: 'VPN down', body: '', priority: 'normal' },
    });
  });

  it.each([
    [{ title: '' }, 'title', 'needs a value'],
    [{ title: 'VPN down', colour: 'red' }, 'colour', 'is not a field of this action'],
    [{ title: 'VPN down', priority: 'urgent' }, 'priority', 'must be one of low, normal, high'],
    [{ title: 'x'.repeat(201) }, 'title', 'is too long: at most 200'],
    [{ title: 7 }, 'title', 'must be text'],
  ])('%j is refused with the field and the reason', (values, field, message) => {
    expect(parseForm(create, values)).toEqual({ ok: false, problems: [{ field, message }] });
  });

  it.each(['version', '=x', 'a=1\na=2'])('named values %j are refused', (inputs) => {
    const result = parseForm(trigger, { repo: 'web', ref: 'main', job: 'release', inputs });
    expect(result).toMatchObject({ ok: false, problems: [{ field: 'inputs' }] });
  });
});

describe('a list', () => {
  it('is one item a line, shown and read', () => {
    const known = { guests: ['alice', 'bob'], rooms: [1, 2] };
    const fields = formOf(invite, known).fields.map(({ kind, label, value }) => [kind, label, value]);
    expect(fields).toEqual([
      ['multiline', 'guests (one a line)', 'alice\nbob'],
      ['multiline', 'rooms (one a line)', '1\n2'],
      ['multiline', 'notes (one a line)', ''],
    ]);
    const values = { guests: 'alice\r\n\n bob ', rooms: '1\n2', notes: 'a, b' };
    expect(parseForm(invite, values)).toEqual({ ok: true, arguments: { ...known, notes: ['a, b'] } });
  });

  it.each([
    [{ guests: ' \n' }, 'guests', 'needs a value'],
    [{ guests: 'a\nb\nc\nd' }, 'guests', 'is too large: at most 3'],
    [{ guests: 'a\nb c' }, 'guests.1', 'does not have the form that is expected here'],
    [{ guests: 'a', rooms: '1\ntwo' }, 'rooms', 'must be a whole number on each line'],
  ])('%j is refused with the field and the reason', (values, field, message) => {
    expect(parseForm(invite, values)).toEqual({ ok: false, problems: [{ field, message }] });
  });
});

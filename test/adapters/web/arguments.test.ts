import { describe, expect, it } from 'vitest';
import { argumentsOf } from '../../../adapters/web/client/arguments.ts';
import type { FormField } from '../../../src/model/card.ts';

const field = (name: string, kind: FormField['kind'], required = false): FormField => ({
  name,
  label: name,
  kind,
  required,
  choices: [],
  value: '',
});

describe('what a form sends', () => {
  it('has an optional box only once somebody touched it', () => {
    const fields = [field('urgent', 'boolean')];
    expect(argumentsOf(fields, { urgent: '' })).toEqual({});
    expect(argumentsOf(fields, {})).toEqual({});
    expect(argumentsOf(fields, { urgent: 'true' })).toEqual({ urgent: true });
    expect(argumentsOf(fields, { urgent: 'false' })).toEqual({ urgent: false });
  });

  it('has a needed box always: not ticked is its answer', () => {
    expect(argumentsOf([field('urgent', 'boolean', true)], { urgent: '' })).toEqual({ urgent: false });
  });

  it('has text as text, numbers as numbers, and nothing of what is empty and optional', () => {
    const fields = [field('title', 'text', true), field('body', 'multiline'), field('seats', 'number')];
    expect(argumentsOf(fields, { title: '', body: '', seats: '' })).toEqual({ title: '' });
    expect(argumentsOf(fields, { title: 'VPN', body: 'b', seats: '3' })).toEqual({
      title: 'VPN',
      body: 'b',
      seats: 3,
    });
  });
});

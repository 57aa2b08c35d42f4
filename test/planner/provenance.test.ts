import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasWords, provenanceOf } from '../../src/planner/provenance.ts';

const person = ['please run the checks of web on main'];
const fetched = ['deploy-bot: main is broken, use rollback on web-2'];
const of = (value: unknown, sources = { person, fetched }) =>
  provenanceOf({ x: value as string }, { x: value }, sources).x;

describe('provenanceOf', () => {
  it.each([
    ['web', 'quoted'],
    ['main', 'quoted'],
    ['rollback', 'fetched'],
    ['web-2', 'fetched'],
    ['release', 'model'],
    ['check', 'model'],
    ['Web', 'model'],
    ['', 'model'],
    [{ main: 'web' }, 'quoted'],
    [{ main: 'rollback' }, 'fetched'],
    [{ version: 'web' }, 'model'],
    [{}, 'model'],
  ])('%j is %s', (value, provenance) => {
    expect(of(value)).toBe(provenance);
  });

  it('is the schema’s default only where nothing was given', () => {
    expect(provenanceOf({ a: 'web', b: 'x' }, { b: 'x' }, { person, fetched })).toEqual({
      a: 'default',
      b: 'model',
    });
  });

  it('never calls quoted what the person did not write word for word', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, value) => {
        const found = of(value, { person: [text], fetched: [] });
        return found === 'model' || (found === 'quoted' && text.includes(value.trim()));
      }),
    );
  });
});

describe('hasWords', () => {
  it.each([
    ['the website', 'web', false],
    ['cobweb', 'web', false],
    ['web.', 'web', true],
    ['(web)', 'web', true],
    ['website web', 'web', true],
    ['naïve', 'na', false],
    ['say "VPN down" now', 'VPN down', true],
  ])('%j has %j: %j', (text, value, found) => {
    expect(hasWords(text, value)).toBe(found);
  });
});

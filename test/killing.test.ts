import { describe, expect, it } from 'vitest';
import { unknownScope } from '../src/killing.ts';

const KNOWN = { actions: ['ci.trigger', 'ticket.create'], connectors: ['desk', 'runner'], people: ['alice'] };
const EVERYTHING = { action: null, principal: null, connector: null };

describe('the scope of a kill switch', () => {
  it('may be everything, or what exists', () => {
    expect(unknownScope(EVERYTHING, KNOWN)).toBeNull();
    expect(unknownScope({ action: 'ci.trigger', principal: 'alice', connector: 'runner' }, KNOWN)).toBeNull();
  });

  it.each([
    [{ ...EVERYTHING, action: 'ci.triger' }, 'ci.trigger, ticket.create'],
    [{ ...EVERYTHING, connector: 'dsek' }, 'desk, runner'],
    [{ ...EVERYTHING, principal: 'alcie' }, 'nobody "alcie"'],
  ])('is refused in words where it names what there is not', (scope, words) => {
    expect(unknownScope(scope, KNOWN)).toContain(words);
  });
});

import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../src/commands/parse.ts';
import { parseChatCommand } from '../src/intake/chat-command.ts';
import { liftingCommand, unknownScope } from '../src/killing.ts';

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

describe('what lifts a kill switch', () => {
  it.each([
    EVERYTHING,
    { ...EVERYTHING, action: 'ci.trigger' },
    { action: 'ci.trigger', principal: 'alice', connector: 'runner' },
  ])('is a command that names exactly %j', (scope) => {
    expect(parseChatCommand(liftingCommand(scope, 'chat'))).toEqual({
      ...{ kind: 'kill', to: 'off', scope },
      reason: '…',
    });
    const [program, ...words] = liftingCommand(scope, 'terminal').split(' ');
    expect(program).toBe('countersign');
    const named = Object.entries(scope).filter(([, value]) => value !== null);
    const options = expect.objectContaining({ ...Object.fromEntries(named), reason: '…' });
    expect(parseCommandLine(words)).toMatchObject({ kind: 'command', name: 'kill off', options });
  });
});

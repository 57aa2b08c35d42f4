import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ACTIONS } from '../../actions/catalogue.ts';
import { parseChatCommand } from '../../src/intake/chat-command.ts';
import { planOffline } from '../../src/planner/offline.ts';
import { plannerTool } from '../../src/planner/schema.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
/** Bold is what a newcomer types. */
const TYPED = [
  ...README.split('## Try it')[1]!
    .split('\n## ')[0]!
    .matchAll(/\*\*(.+?)\*\*/gs),
].map(([, words]) => words!.replaceAll('\n', ' '));
const tools = ACTIONS.map((action) => plannerTool(action));

it.each(TYPED)('a newcomer who types "%s" is understood', (text) => {
  const command = parseChatCommand(text);
  if (command === null)
    expect(planOffline({ text, tools, pendingAsk: null })).toMatchObject({ kind: 'proposals' });
  else expect(command.kind).toBe('kill');
});

it('a newcomer is shown how to end what stops everything', () => {
  const moves = TYPED.map(parseChatCommand).flatMap((command) =>
    command?.kind === 'kill' ? [command.to] : [],
  );
  expect(moves).toEqual(['on', 'off']);
});

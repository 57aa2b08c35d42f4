/** What the broker does for MCP's transport: sessions, the revision's header, and the one text of a body that is free. */
import { afterEach, describe, expect, it } from 'vitest';
import type { EgressRule } from '../../../src/action.ts';
import { type Ask, openTo, RULES, VALUES } from './child.ts';
import { json, type Script, startUpstream } from './upstream-server.ts';

const TOKEN = ['mcp', 'Q1w2E3r4T5y6U7i8'].join('-');
const SESSION = 'mcp-session-id';

const rule = (effect: 'read' | 'write'): EgressRule => ({
  method: 'POST',
  host: 'api.example.com',
  path: '/mcp',
  effect,
  fill: () => ({}),
  query: () => ({}),
  body: () => ({ method: 'tools/list', params: { cursor: '' } }),
  freeText: ['params', 'cursor'],
  credential: 'example',
});
const list = (cursor: unknown): Ask => ({
  method: 'POST',
  path: '/mcp',
  body: { method: 'tools/list', params: { cursor } },
});

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function open(script: Script, rules = [rule('read')]) {
  const upstream = await startUpstream(script);
  const config = {
    upstreams: upstream.config,
    credentials: { get: async () => `Bearer ${TOKEN}` },
  };
  const door = async () => {
    const opened = await openTo(config, { rules, values: VALUES });
    ends.push(() => opened.end());
    return opened;
  };
  ends.push(() => upstream.close());
  return { upstream, door };
}
const givesSession =
  (id: string): Script =>
  (response) => {
    response.setHeader(SESSION, id);
    json(response, {});
  };

describe('a session of MCP', () => {
  it('comes in from an upstream and goes back to it', async () => {
    const { upstream, door } = await open(givesSession('s-1'));
    const { ask } = await door();
    expect((await ask(list('a'))).headers[SESSION]).toBe('s-1');
    await ask({ ...list('b'), headers: { [SESSION]: 's-1' } });
    expect(upstream.seen.map(({ headers }) => headers[SESSION])).toEqual([undefined, 's-1']);
  });

  it('that this upstream did not open through this door is refused before anything leaves', async () => {
    const { upstream, door } = await open(givesSession('s-1'));
    await (await door()).ask(list('a'));
    const { ask, heard } = await door();
    const answer = await ask({ ...list('b'), headers: { [SESSION]: 's-1' } });
    expect(answer.headers['x-egress-refused']).toBe('foreign_session');
    expect(heard.refused.map(({ code }) => code)).toEqual(['foreign_session']);
    expect(upstream.seen).toHaveLength(1);
  });

  it.each([
    ['our credential', TOKEN],
    ['an endless one', 'x'.repeat(301)],
    ['one with a space', 'a b'],
  ])('%s in its place does not come in', async (_name, id) => {
    const { door } = await open(givesSession(id));
    expect((await (await door()).ask(list('a'))).headers[SESSION]).toBeUndefined();
  });
});

describe('the headers of its transport', () => {
  it('leave where they are known, and as JSON alone where they are not', async () => {
    const { upstream, door } = await open((response) => json(response, {}));
    const { ask } = await door();
    const accept = 'application/json, text/event-stream';
    await ask({ ...list('a'), headers: { accept, 'mcp-protocol-version': '2025-06-18' } });
    await ask({ ...list('a'), headers: { accept: `${accept}, x/y`, 'mcp-protocol-version': '2031-01-01' } });
    expect(upstream.seen.map(({ headers }) => [headers.accept, headers['mcp-protocol-version']])).toEqual([
      [accept, '2025-06-18'],
      ['application/json', undefined],
    ]);
  });
});

describe('the free text of a body', () => {
  it('leaves as the call has it, and nothing else does', async () => {
    const { upstream, door } = await open((response) => json(response, {}));
    const { ask, heard } = await door();
    await ask(list('page-2'));
    await ask(list({ deeper: 1 }));
    await ask(list('x'.repeat(201)));
    await ask({ ...list('a'), body: { method: 'tools/call', params: { cursor: 'a' } } });
    await ask({ ...list('a'), body: { method: 'tools/list', params: { cursor: 'a', more: 1 } } });
    expect(upstream.seen.map(({ body }) => JSON.parse(body))).toEqual([list('page-2').body]);
    expect(heard.refused.map(({ code }) => code)).toEqual(Array(4).fill('body_not_declared'));
  });

  it('of a write opens nothing', async () => {
    const { door } = await open((response) => json(response, {}), [...RULES, rule('write')]);
    const answer = await (await door()).ask(list('a'));
    expect(answer.headers['x-egress-refused']).toBe('not_declared');
  });
});

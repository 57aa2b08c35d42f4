import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LLMock } from '@copilotkit/aimock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PrincipalId, TurnId } from '../../src/model/ids.ts';
import { openAIPlanner } from '../../src/planner/openai.ts';
import { maskSecrets } from '../../src/screening/secrets.ts';
import { cleanText } from '../../src/screening/text.ts';
import { proposalOf, textOf, tools } from './sample-tools.ts';

type Answer = Parameters<LLMock['onMessage']>[1];
type Options = Parameters<LLMock['onMessage']>[2];

let mock: LLMock;
beforeEach(async () => {
  mock = new LLMock({ port: 0, strict: true });
  await mock.start();
});
afterEach(() => mock.stop());

/** The model's answers in order; the last one stays. Gives back what was asked. */
function script(answers: unknown[], options?: Options): { stream?: boolean }[] {
  const seen: { stream?: boolean }[] = [];
  mock.onMessage(
    /.*/s,
    ((request: unknown) => {
      seen.push(request as { stream?: boolean });
      return answers[Math.min(seen.length, answers.length) - 1];
    }) as Answer,
    options,
  );
  return seen;
}

/** One plan that somebody watches. */
async function watched(baseURL = `${mock.url}/v1`) {
  const heard: (string | null)[] = [];
  const planner = openAIPlanner({
    client: { apiKey: 'none', baseURL },
    model: 'pinned-model-2026-01-01',
    clean: (text) => cleanText(maskSecrets(text).text),
    clock: { now: () => Date.now(), wait: async () => undefined },
  });
  const { plan, calls } = await planner.plan({
    turn: TurnId.parse('6f9f2b6c-5b0c-4a58-9d0c-0d3c1f1f7a11'),
    principal: { id: PrincipalId.parse('alice'), name: 'Alice' },
    text: 'how is the gateway?',
    fetched: [],
    history: [],
    tools,
    pendingAsk: null,
    read: async () => ({ ok: true, text: 'Ticket 7 is open.' }),
    onText: (soFar) => heard.push(soFar),
    signal: new AbortController().signal,
  });
  return { heard, plan, calls };
}

const WORDS =
  'The gateway in Berlin is down since this morning, and the network team has been told about it. They expect it to be back by noon.';
const ticket = { name: 'ticket_status', arguments: '{"ticket": 7}' };
const comment = { name: 'ticket_comment', arguments: '{"ticket": 7, "text": "VPN gateway is down"}' };

describe('an answer that is watched', () => {
  it('grows, each time beginning with what was heard before, and ends as the plan', async () => {
    const seen = script([{ content: WORDS }], { chunkSize: 5 });
    const { heard, plan, calls } = await watched();
    expect(seen[0]?.stream).toBe(true);
    expect(textOf(plan)).toBe(WORDS);
    expect(heard.length).toBeGreaterThan(2);
    for (const [at, text] of heard.entries()) {
      expect(WORDS.startsWith(text!)).toBe(true);
      expect(text!.startsWith(heard[at - 1] ?? '')).toBe(true);
    }
    expect(calls[0]?.outputTokens).toBeGreaterThan(0);
  });

  it('of a round that proposes was none, and nothing of the tool’s arguments is heard', async () => {
    script([{ content: WORDS, toolCalls: [comment] }], { chunkSize: 7 });
    const { heard, plan } = await watched();
    expect(proposalOf(plan)?.action).toBe('ticket.comment');
    expect(heard.at(-1)).toBeNull();
    expect(heard.indexOf(null)).toBe(heard.length - 1);
    expect(heard.join('')).not.toContain('VPN');
  });

  it('begins after the reads; a call without words is not heard of', async () => {
    script([{ toolCalls: [ticket] }, { content: WORDS }], { chunkSize: 7 });
    const { heard, plan } = await watched();
    expect(textOf(plan)).toBe(WORDS);
    expect(heard).not.toContain(null);
    expect(heard.length).toBeGreaterThan(2);
  });

  it('is masked as the whole is, however a secret is split over the parts', async () => {
    const hidden = Array.from({ length: 36 }, (_, at) => 'aB3dE5fG7hJ9kL2mN4pQ'[(at * 7) % 20]).join('');
    const text = `${WORDS}\nThe token is ${['ghp', hidden].join('_')} as it stands in the ticket, and it is old.\n${WORDS}`;
    for (const chunkSize of [1, 4, 11]) {
      mock.reset();
      script([{ content: text }], { chunkSize });
      const { heard, plan } = await watched();
      expect(textOf(plan)).toContain('[masked: github token]');
      expect(heard.at(-1)).toContain('[masked: github token]');
      expect(heard.join('\n')).not.toContain(hidden.slice(0, 6));
    }
  });

  it('that breaks off is asked for again, and what was heard is void', async () => {
    const seen = script([{ content: WORDS }], { chunkSize: 6, truncateAfterChunks: 18, latency: 3 });
    const { heard, plan } = await watched();
    expect(plan).toEqual({ kind: 'unavailable', reason: 'upstream_error' });
    expect(seen).toHaveLength(4);
    expect(heard.at(-1)).toBeNull();
    expect(heard.filter((it) => it === null)).toHaveLength(1);
  });

  it('comes whole from a server that does not stream, or refuses to', async () => {
    for (const refuses of [false, true]) {
      const whole = JSON.stringify({ choices: [{ finish_reason: 'stop', message: { content: WORDS } }] });
      const server = createServer((request, response) => {
        let body = '';
        request.on('data', (chunk) => (body += chunk));
        request.on('end', () => {
          const no = refuses && body.includes('"stream":true');
          response.writeHead(no ? 400 : 200, { 'content-type': 'application/json' });
          response.end(no ? '{"error": {"message": "no streams here"}}' : whole);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const { heard, plan } = await watched(
          `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
        );
        expect(textOf(plan)).toBe(WORDS);
        expect(heard).toEqual([]);
      } finally {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    }
  });
});

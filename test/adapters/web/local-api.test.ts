import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RequestView } from '../../../src/model/request.ts';
import { WebAssistant } from '../../support/web-assistant.ts';
import { ask, post, type Served, serveWeb } from '../../support/web-server.ts';

let assistant: WebAssistant;
let server: Served;

beforeEach(async () => {
  assistant = new WebAssistant();
  server = await serveWeb({ assistant });
});
afterEach(() => server.close());

type Turned = { turn: string; thread: string; reply: string; requests: RequestView[] };
const say = async (principal: string, text: string, rest: object = {}, headers = {}) =>
  post(server.port, '/api/local/turns', { principal, text, ...rest }, headers);
const saidBy = async (principal: string, text: string) => (await say(principal, text)).body as Turned;
const decide = (id: string, principal: string, decision: string, digest: string, reason?: string) =>
  post(server.port, `/api/local/requests/${id}/decisions`, {
    principal,
    decision,
    digest,
    ...(reason === undefined ? {} : { reason }),
  });
const codeOf = (body: unknown) => (body as { error: { code: string } }).error.code;

describe('POST /api/local/turns', () => {
  it('answers the turn, its thread, the reply and the requests', async () => {
    const answer = await say('alice', 'run the checks of web on main');
    expect(answer.status).toBe(200);
    const body = answer.body as Turned;
    expect(Object.keys(body).sort()).toEqual(['reply', 'requests', 'thread', 'turn']);
    expect(RequestView.parse(body.requests[0]).requester).toBe('alice');
  });

  it('delivers as the sample person, in a place of their own', async () => {
    const { thread } = await saidBy('alice', 'hello');
    const [delivery] = assistant.deliveries;
    expect(delivery?.account).toEqual({ platform: 'web', issuer: 'local', subject: 'alice' });
    expect(delivery?.place).toEqual({
      platform: 'web',
      tenant: 'local',
      container: 'alice',
      thread,
      direct: true,
    });
  });

  it('continues a thread by its id', async () => {
    const { thread } = await saidBy('alice', 'hello');
    const again = await say('alice', 'and more', { thread });
    expect((again.body as Turned).thread).toBe(thread);
  });

  it.each(['6f1d9d0e-6d6a-4e52-9a3c-4b1f5f0b7a11', 'nonsense'])(
    '404s for the unknown thread %s',
    async (thread) => {
      const answer = await say('alice', 'hello', { thread });
      expect([answer.status, codeOf(answer.body)]).toEqual([404, 'not_found']);
      expect(assistant.deliveries).toHaveLength(0);
    },
  );

  it("404s for somebody else's thread", async () => {
    const { thread } = await saidBy('alice', 'hello');
    expect((await say('bob', 'hello', { thread })).status).toBe(404);
    expect(assistant.deliveries).toHaveLength(1);
  });

  it('acts once for one Idempotency-Key, and not across people', async () => {
    const key = { 'idempotency-key': 'k1' };
    const first = (await say('alice', 'open a ticket', {}, key)).body as Turned;
    const second = (await say('alice', 'open a ticket', {}, key)).body as Turned;
    expect(second.turn).toBe(first.turn);
    await say('bob', 'open a ticket', {}, key);
    expect(assistant.deliveries).toHaveLength(2);
  });

  it.each([
    ['no text', { principal: 'alice' }, 400, 'malformed'],
    ['a wrong type', { principal: 'alice', text: 5 }, 400, 'malformed'],
    ['a key nobody declared', { principal: 'alice', text: 'hi', admin: true }, 400, 'malformed'],
    ['an array', [], 400, 'malformed'],
    ['empty text', { principal: 'alice', text: '' }, 400, 'empty_text'],
    ['blank text', { principal: 'alice', text: ' \n\t ' }, 400, 'empty_text'],
    ['an unknown principal', { principal: 'mallory', text: 'hi' }, 403, 'unknown_principal'],
    ['text of 40,000 characters', { principal: 'alice', text: 'x'.repeat(40_000) }, 413, 'too_long'],
    ['a body of a megabyte', { principal: 'alice', text: 'x'.repeat(1_000_000) }, 413, 'too_long'],
  ])('refuses %s', async (_what, body, status, code) => {
    const answer = await post(server.port, '/api/local/turns', body);
    expect([answer.status, codeOf(answer.body)]).toEqual([status, code]);
    expect(assistant.deliveries).toHaveLength(0);
  });

  it.each(['{"principal": "alice", ', '', '\u0000'])('refuses malformed JSON %j', async (body) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await ask(server.port, '/api/local/turns', { method: 'POST', headers, body });
    expect([answer.status, codeOf(answer.body)]).toEqual([400, 'malformed']);
  });

  it.each(['null', '5', '"hi"'])('calls the JSON %s what it is: of another shape', async (body) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await ask(server.port, '/api/local/turns', { method: 'POST', headers, body });
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { code: 'malformed', message: expect.stringContaining('the expected shape') } },
    });
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    undefined,
  ])('415s for the content type %s', async (type) => {
    const answer = await ask(server.port, '/api/local/turns', {
      method: 'POST',
      headers: type === undefined ? {} : { 'content-type': type },
      body: JSON.stringify({ principal: 'alice', text: 'hello' }),
    });
    expect([answer.status, codeOf(answer.body)]).toEqual([415, 'not_json']);
    expect(assistant.deliveries).toHaveLength(0);
  });

  it('415s for a compressed body and accepts a charset', async () => {
    expect((await say('alice', 'hello', {}, { 'content-encoding': 'gzip' })).status).toBe(415);
    expect(
      (await say('alice', 'hello', {}, { 'content-type': 'application/json; charset=utf-8' })).status,
    ).toBe(200);
  });
});

describe('the other local routes', () => {
  it('list the people', async () => {
    const { body } = await ask(server.port, '/api/local/people');
    expect((body as object[])[0]).toEqual({
      id: 'alice',
      name: 'Alice Adams',
      groups: ['employees', 'engineers'],
    });
  });

  it('show a request, or 404', async () => {
    const { requests } = await saidBy('alice', 'open a ticket');
    const shown = await ask(server.port, `/api/local/requests/${requests[0]?.id}`);
    expect(shown.body).toEqual(requests[0]);
    for (const id of ['6f1d9d0e-6d6a-4e52-9a3c-4b1f5f0b7a11', 'x', '%ff']) {
      const answer = await ask(server.port, `/api/local/requests/${id}`);
      expect(answer.status).toBe(id === '%ff' ? 400 : 404);
    }
  });

  it('decide: done, by the wrong person, outdated, twice, missing', async () => {
    const { requests } = await saidBy('alice', 'run the checks');
    const id = requests[0]?.id ?? '';
    const digest = requests[0]?.digest ?? '';
    expect((await decide(id, 'bob', 'approve', digest)).status).toBe(403);
    expect((await decide(id, 'alice', 'confirm', 'any string')).status).toBe(409);
    const confirmed = await decide(id, 'alice', 'confirm', digest);
    expect(confirmed.status).toBe(200);
    expect((await decide(id, 'alice', 'approve', RequestView.parse(confirmed.body).digest)).status).toBe(403);
    expect(
      (await decide(id, 'bob', 'deny', RequestView.parse(confirmed.body).digest, 'not now')).status,
    ).toBe(200);
    expect(codeOf((await decide(id, 'carol', 'approve', digest)).body)).toBe('conflict');
    expect((await decide('6f1d9d0e-6d6a-4e52-9a3c-4b1f5f0b7a11', 'bob', 'deny', digest)).status).toBe(404);
    expect((await decide('x', 'bob', 'deny', digest)).status).toBe(404);
    expect((await decide(id, 'mallory', 'deny', digest)).status).toBe(403);
    expect((await decide(id, 'bob', 'burn', digest)).status).toBe(400);
  });

  it('answer 404 with a code for an address that is none', async () => {
    const answer = await ask(server.port, '/api/local/nothing');
    expect([answer.status, codeOf(answer.body)]).toEqual([404, 'not_found']);
  });
});

describe('a defect', () => {
  it('is logged, and told without its words', async () => {
    assistant.people = () => Promise.reject(new Error('password=hunter2'));
    const answer = await ask(server.port, '/api/local/people');
    expect([answer.status, codeOf(answer.body)]).toEqual([500, 'internal']);
    expect(answer.text).not.toContain('hunter2');
    expect(server.logged).toEqual(['request failed']);
  });
});

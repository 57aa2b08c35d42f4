import { once } from 'node:events';
import { request as send } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeskTicket } from '../../../adapters/web/workspace-api.ts';
import type { Card, Message } from '../../../src/model/card.ts';
import { newId, TurnId } from '../../../src/model/ids.ts';
import type { RequestPage } from '../../../src/model/ports.ts';
import { WebAssistant } from '../../support/web-assistant.ts';
import { REPORT } from '../../support/web-samples.ts';
import { ask, post, type Served, serveWeb } from '../../support/web-server.ts';

const TICKET: DeskTicket = {
  number: 7,
  title: 'VPN down',
  status: 'open',
  requester: 'alice',
  createdAt: '2026-11-21T09:00:00.000Z',
  comments: [],
};

let assistant: WebAssistant;
let server: Served;
beforeEach(async () => {
  assistant = new WebAssistant();
  server = await serveWeb({ assistant, desk: { list: async () => [TICKET] } });
});
afterEach(() => server.close());

const as = (person: string) => ({ 'x-countersign-as': person });
const read = (person: string, path: string) =>
  ask(server.port, `/api/workspace${path}`, { headers: as(person) });
const write = (person: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
  post(server.port, `/api/workspace${path}`, body, { ...as(person), ...headers });
const sayRun = async () => {
  const { thread } = (await write('alice', '/messages', { text: 'run the checks' })).body as {
    thread: string;
  };
  const messages = (await read('alice', `/threads/${thread}`)).body as Message[];
  const card = messages.findLast((message) => message.card !== null)?.card as Card;
  return { thread, card };
};

describe('changing a request', () => {
  const edit = (person: string, card: Card, given: object, digest = card.digest) =>
    write(person, `/requests/${card.request}/edits`, { digest, arguments: given });

  it('offers its form, filled, to those who may and to nobody else', async () => {
    const { card } = await sayRun();
    expect(card.offers).toContain('edit');
    const form = await read('alice', `/edit-forms/${card.request}`);
    expect(form).toMatchObject({ status: 200, body: { digest: card.digest, form: expect.any(Object) } });
    expect((await read('dave', `/edit-forms/${card.request}`)).status).toBe(404);
    expect((await read('alice', '/edit-forms/none')).status).toBe(404);
  });

  it('hands over what was typed and the digest that was seen, and says what became of it', async () => {
    const { card } = await sayRun();
    expect(await edit('dave', card, { title: 'x' })).toMatchObject({ status: 403 });
    expect(await edit('bob', card, { title: 'x' }, 'f'.repeat(64))).toMatchObject({ status: 409 });
    expect(await edit('bob', card, {})).toMatchObject({
      status: 400,
      body: { error: { code: 'malformed', message: expect.stringMatching(/title/) } },
    });
    expect(await edit('bob', card, { title: 'Another' })).toMatchObject({
      status: 200,
      body: { arguments: { title: 'Another' }, needs: [{ kind: 'confirm' }, { kind: 'approve' }] },
    });
    expect((await edit('bob', card, { title: 'Yet another' })).status, 'the old digest').toBe(409);
    const nowhere = { ...card, request: crypto.randomUUID() as Card['request'] };
    expect((await edit('bob', nowhere, { title: 'x' })).status).toBe(404);
  });
});

describe('handing a request over', () => {
  it('lists those who may take it with the digest, and passes on whom somebody chose', async () => {
    const { card } = await sayRun();
    const takers = await read('bob', `/takers/${card.request}`);
    expect(takers).toMatchObject({ status: 200, body: { digest: card.digest } });
    expect((takers.body as { people: object[] }).people).toContainEqual(
      expect.objectContaining({ id: 'carol' }),
    );
    for (const none of [crypto.randomUUID(), 'none'])
      expect((await read('bob', `/takers/${none}`)).status).toBe(404);
    const hand = (digest: string) =>
      write('bob', `/requests/${card.request}/hand-overs`, { digest, to: 'carol' });
    expect(await hand(card.digest)).toMatchObject({
      status: 200,
      body: { words: expect.stringMatching(/is asked now/) },
    });
    expect(assistant.handedOver).toEqual([
      { request: card.request, principal: 'bob', digest: card.digest, to: 'carol' },
    ]);
    expect(await hand('f'.repeat(64))).toMatchObject({ status: 409, body: { error: { code: 'conflict' } } });
    const nowhere = `/requests/${crypto.randomUUID()}/hand-overs`;
    expect((await write('bob', nowhere, { digest: card.digest, to: 'carol' })).status).toBe(409);
    expect((await write('bob', '/requests/none/hand-overs', { digest: 'x', to: 'carol' })).status).toBe(404);
  });
});

describe('first contact', () => {
  it('is told until it was read, each by themselves', async () => {
    assistant.newcomers.add('dave');
    const text = async (person: string) => (await read(person, '/greeting')).body as { text: string | null };
    expect((await text('dave')).text).toMatch(/^Welcome/);
    expect((await text('bob')).text).toBeNull();
    expect((await write('bob', '/greeted', {})).status).toBe(200);
    expect((await text('dave')).text).toMatch(/^Welcome/);
    expect((await write('dave', '/greeted', {})).status).toBe(200);
    expect((await text('dave')).text).toBeNull();
  });
});

describe('reports', () => {
  it('are for whoever may read the log, and for nobody else', async () => {
    assistant.reported.push(REPORT);
    expect(await read('erin', '/reports')).toMatchObject({ status: 200, body: [REPORT] });
    expect(await read('alice', '/reports')).toMatchObject({
      status: 403,
      body: { error: { code: 'not_allowed' } },
    });
  });
});

describe('judging an answer', () => {
  const answered = async () => {
    const { thread } = (await write('alice', '/messages', { text: 'hello' })).body as { thread: string };
    const [said, answer] = (await read('alice', `/threads/${thread}`)).body as Message[];
    return { thread, said: said!, answer: answer! };
  };

  it('hands over who thinks what of which answer, with words where there are some', async () => {
    const { thread, answer } = await answered();
    const judge = (more: object, headers = {}) =>
      write('alice', `/threads/${thread}/judgements`, { message: answer.id, ...more }, headers);
    const key = { 'idempotency-key': 'k1' };
    expect((await judge({ positive: false, words: ' It is wrong. ' }, key)).status).toBe(200);
    expect((await judge({ positive: true, words: ' ' })).status).toBe(200);
    const judgement = { message: answer.id, principal: 'alice' };
    expect(assistant.judgements).toEqual([
      { key: 'web:alice:k1', ...judgement, positive: false, words: ' It is wrong. ' },
      { key: expect.stringMatching(/^web:[0-9a-f-]{36}$/), ...judgement, positive: true },
    ]);
  });

  it('is for answers of a model in a conversation of one’s own, and for nothing else', async () => {
    const { thread, said, answer } = await answered();
    const path = `/threads/${thread}/judgements`;
    const judgement = { message: answer.id, positive: true };
    expect((await write('bob', path, judgement)).status, 'of somebody else').toBe(404);
    expect((await write('alice', path, { ...judgement, message: said.id })).status, 'by a person').toBe(404);
    const { thread: other } = await answered();
    expect((await write('alice', `/threads/${other}/judgements`, judgement)).status, 'elsewhere').toBe(404);
    expect((await write('alice', path, { ...judgement, message: 'none' })).status).toBe(404);
    expect((await write('alice', path, { message: answer.id })).status).toBe(400);
    expect((await write('alice', path, { ...judgement, words: 'x'.repeat(2_001) })).status).toBe(413);
    expect((await write('mallory', path, judgement)).status).toBe(403);
    expect(assistant.judgements).toEqual([]);
  });
});

describe('stopping', () => {
  it('is for a conversation of one’s own, and says nothing of others', async () => {
    const { thread } = (await write('alice', '/messages', { text: 'hello' })).body as { thread: string };
    const path = `/threads/${thread}/stops`;
    expect((await write('bob', path, {})).status, 'of somebody else').toBe(404);
    expect((await write('alice', '/threads/none/stops', {})).status).toBe(404);
    expect((await write('alice', path, { what: 'answers' })).status).toBe(400);
    expect((await write('mallory', path, {})).status).toBe(403);
    expect((await read('alice', path)).status, 'by a GET').toBe(404);
    expect(assistant.stops).toEqual([]);
    const { status, body } = await write('alice', path, {});
    expect([status, body]).toEqual([200, {}]);
    const place = { platform: 'web', tenant: 'local', container: 'alice', thread, direct: true };
    expect(assistant.stops).toEqual([{ place, principal: 'alice' }]);
  });

  it('can be asked for by a page that was not there when the turn began', async () => {
    const { thread } = (await write('alice', '/messages', { text: 'hello' })).body as { thread: string };
    expect((await read('alice', `/answering/${thread}`)).body).toEqual({ turn: null });
    assistant.atWork = newId(TurnId);
    expect((await read('alice', `/answering/${thread}`)).body).toEqual({ turn: assistant.atWork });
    expect((await read('alice', '/answering/none')).status).toBe(404);
  });
});

describe('who is asking', () => {
  it('must be a person whom the directory knows, on every route', async () => {
    const paths = [
      '/me',
      '/actions',
      '/threads',
      '/mine',
      '/waiting',
      '/operations',
      '/reports',
      '/greeting',
      '/audit',
      '/changes',
      '/desk',
    ];
    for (const path of paths) {
      expect((await ask(server.port, `/api/workspace${path}`)).status, path).toBe(403);
      expect((await read('mallory', path)).status, path).toBe(403);
    }
  });

  it('is told who they are', async () => {
    expect((await read('bob', '/me')).body).toMatchObject({ id: 'bob', name: 'Bob Brown' });
  });
});

describe('the workspace', () => {
  it('starts as alice, with everybody to choose from', async () => {
    const { body } = await ask(server.port, '/api/workspace/session');
    expect(body).toMatchObject({ startAs: 'alice', desk: true });
  });

  it('shows a thread to its owner only', async () => {
    const { thread } = await sayRun();
    expect((await read('bob', `/threads/${thread}`)).status).toBe(404);
    expect((await read('alice', '/threads')).body).toHaveLength(1);
    expect((await read('bob', '/threads')).body).toHaveLength(0);
  });

  it('carries a request from confirmation to approval', async () => {
    const { card } = await sayRun();
    const decide = (person: string, decision: string, digest: string) =>
      write(person, `/requests/${card.request}/decisions`, { decision, digest });
    expect((await read('bob', '/waiting')).body).toHaveLength(0);
    expect((await decide('alice', 'confirm', card.digest)).status).toBe(200);
    const [waiting] = (await read('bob', '/waiting')).body as Message[];
    expect(waiting?.card?.buttons).toEqual(['approve', 'deny']);
    expect((await decide('bob', 'approve', card.digest)).status).toBe(409);
    expect((await decide('bob', 'approve', waiting?.card?.digest ?? '')).status).toBe(200);
    const page = (await read('alice', `/requests/${card.request}`)).body as RequestPage;
    expect(page.view.state).toBe('executing');
    expect(page.proof.verified).toBe(true);
  });

  it('never decides as somebody else: the body cannot name a person', async () => {
    const { card } = await sayRun();
    const answer = await write('bob', `/requests/${card.request}/decisions`, {
      principal: 'alice',
      decision: 'confirm',
      digest: card.digest,
    });
    expect(answer.status).toBe(400);
  });

  it('hands over a form as content of its own', async () => {
    expect((await read('alice', '/forms/ticket.create')).status).toBe(200);
    expect((await read('alice', '/forms/nothing.here')).status).toBe(404);
    await write('alice', '/forms', { action: 'ticket.create', arguments: { title: 'VPN' } });
    expect(assistant.deliveries.at(-1)?.content).toEqual({
      kind: 'form',
      action: 'ticket.create',
      arguments: { title: 'VPN' },
    });
  });

  it('waits for a turn of your own thread only', async () => {
    const { turn } = (await write('alice', '/messages', { text: 'hello' })).body as { turn: string };
    expect((await read('alice', `/turns/${turn}`)).body).toMatchObject({ settled: true });
    expect((await read('bob', `/turns/${turn}`)).status).toBe(404);
    expect((await read('alice', '/turns/6f1d9d0e-6d6a-4e52-9a3c-4b1f5f0b7a11')).status).toBe(404);
  });

  it('shows the audit log to those whom policy lets read it, page by page', async () => {
    await sayRun();
    expect((await read('alice', '/audit')).status).toBe(403);
    const { rows } = (await read('erin', '/audit')).body as { rows: { index: number }[] };
    expect(rows.map(({ index }) => index)).toEqual([1, 0]);
    expect(((await read('erin', '/audit?before=1')).body as { rows: unknown[] }).rows).toHaveLength(1);
    expect((await read('erin', '/audit?before=x')).status).toBe(400);
  });

  it('lists the desk, where there is one', async () => {
    expect((await read('dave', '/desk')).body).toEqual([TICKET]);
    await server.close();
    server = await serveWeb({ assistant });
    expect((await read('dave', '/desk')).status).toBe(404);
  });

  it('refuses every write from another origin', async () => {
    const body = JSON.stringify({ text: 'open a ticket' });
    for (const bad of [
      { origin: 'http://evil.example' },
      { host: 'evil.example' },
      { 'sec-fetch-site': 'cross-site' },
    ]) {
      const headers = { 'content-type': 'application/json', ...as('alice'), ...bad };
      const answer = await ask(server.port, '/api/workspace/messages', { method: 'POST', headers, body });
      expect(answer.status).toBe(403);
    }
    expect(assistant.deliveries).toHaveLength(0);
  });
});

describe('live changes', () => {
  it('say what to read again, and stop listening when the page goes', async () => {
    const stream = send({ port: server.port, path: '/api/workspace/changes', headers: as('alice') });
    stream.end();
    const [response] = await once(stream, 'response');
    await once(response, 'data');
    expect(assistant.listening).toBe(1);
    const next = once(response, 'data');
    await write('alice', '/messages', { text: 'hello' });
    expect(String((await next)[0])).toMatch(/^data: {"kind":"thread","thread":"[0-9a-f-]{36}"}\n\n$/);
    stream.destroy();
    await expect.poll(() => assistant.listening).toBe(0);
  });
});

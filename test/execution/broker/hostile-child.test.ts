/**
 * The broker against action code that is the attacker: it holds one end of the door and writes what it likes. Each case is
 * refused or made harmless, recorded, and the upstream, a real server on loopback, hears nothing of it. docs/connectors.md,
 * "What the broker refuses", names them.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { EgressRule, EgressValues } from '../../../src/action.ts';
import type { DoorSpec } from '../../../src/execution/broker/call.ts';
import type { Json } from '../../../src/model/request.ts';
import { findSecrets } from '../../../src/screening/secrets.ts';
import { type Ask, openTo, RULES, rawRequest, VALUES } from './child.ts';
import { json, startUpstream } from './upstream-server.ts';

const BEARER = ['Bearer ghs', 'a1B2c3D4e5F6g7H8i9J0k1L2'].join('_');
const READ = 'GET /repos/acme/issues/12?state=all';
const WRITE: Ask = {
  method: 'POST',
  path: '/repos/acme/issues',
  body: { title: 'VPN down', body: 'mark-1' },
};
/** Looks like a key, and is made here. */
const SECRET = ['AKIA', 'QXZ7LM2PV9RT4WBN'].join('');
const HALVES = [SECRET.slice(0, 9), SECRET.slice(9)] as const;

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function open(spec: Partial<DoorSpec> = {}) {
  const upstream = await startUpstream((response) => json(response, { ok: true }));
  const opened = await openTo(
    {
      upstreams: { ...upstream.config, 'elsewhere.example.com': { baseUrl: upstream.baseUrl } },
      credentials: { get: async () => BEARER },
      scan: (text) => findSecrets(text)[0]?.type ?? null,
    },
    spec,
  );
  ends.push(
    () => upstream.close(),
    () => opened.end(),
  );
  return { ...opened, upstream };
}

describe('a call beside what was declared and approved', () => {
  const cases: [string, Ask, string][] = [
    ['another method', { method: 'DELETE' }, 'not_declared'],
    ['a method of WebDAV', { method: 'PROPFIND' }, 'not_declared'],
    ['another repository than approved', { path: '/repos/evil/issues/12?state=all' }, 'not_declared'],
    ['another ticket than approved', { path: '/repos/acme/issues/13?state=all' }, 'not_declared'],
    ['a longer path', { path: '/repos/acme/issues/12/lock?state=all' }, 'not_declared'],
    ['another host', { host: 'evil.example' }, 'not_declared'],
    ["another of the operator's upstreams", { host: 'elsewhere.example.com' }, 'not_declared'],
    ['a host with a dot behind', { host: 'api.example.com.' }, 'ambiguous_target'],
    ['a host in other letters', { host: 'API.example.com' }, 'ambiguous_target'],
    ['a host with a port', { host: 'api.example.com:8443' }, 'not_declared'],
    ['a host with credentials', { host: 'x@api.example.com' }, 'ambiguous_target'],
    ['two hosts', { host: 'api.example.com,evil.example' }, 'ambiguous_target'],
    ['no host', { host: '' }, 'ambiguous_target'],
    ['another scheme', { scheme: 'ftp' }, 'ambiguous_target'],
    ['an encoded slash', { path: '/repos/acme%2fissues/12?state=all' }, 'ambiguous_target'],
    ['an encoded backslash', { path: '/repos/acme/issues/12%5C?state=all' }, 'ambiguous_target'],
    ['a backslash', { path: '/repos\\acme/issues/12?state=all' }, 'ambiguous_target'],
    ['an encoded dot', { path: '/repos/acme/%2e%2e/issues/12?state=all' }, 'ambiguous_target'],
    ['an encoded percent', { path: '/repos/acme/issues/%2531?state=all' }, 'ambiguous_target'],
    ['an encoded line feed', { path: '/repos/acme/issues/12%0a?state=all' }, 'ambiguous_target'],
    ['an encoded zero', { path: '/repos/acme/issues/12%00?state=all' }, 'ambiguous_target'],
    ['an overlong slash', { path: '/repos/acme%c0%afissues/12?state=all' }, 'ambiguous_target'],
    ['half a character', { path: '/repos/acme/issues/%e2%82?state=all' }, 'ambiguous_target'],
    ['a path parameter', { path: '/repos/acme;x=evil/issues/12?state=all' }, 'not_declared'],
    ['an encoded letter is that letter', { path: '/repos/%65vil/issues/12?state=all' }, 'not_declared'],
    ['a parent folder', { path: '/repos/evil/../acme/issues/12?state=all' }, 'ambiguous_target'],
    ['a current folder', { path: '/repos/./acme/issues/12?state=all' }, 'ambiguous_target'],
    ['an empty segment', { path: '/repos//acme/issues/12?state=all' }, 'ambiguous_target'],
    ['a slash behind', { path: '/repos/acme/issues/12/?state=all' }, 'ambiguous_target'],
    ['an absolute address', { path: 'http://evil.example/repos/acme/issues/12' }, 'ambiguous_target'],
    ['an address of an authority', { path: '//evil.example/repos/acme/issues/12' }, 'ambiguous_target'],
    ['a fragment', { path: '/repos/acme/issues/12?state=all#x' }, 'ambiguous_target'],
    ['a missing query', { path: '/repos/acme/issues/12' }, 'query_not_declared'],
    ['another query', { path: '/repos/acme/issues/12?state=open' }, 'query_not_declared'],
    ['an added query', { path: '/repos/acme/issues/12?state=all&x=1' }, 'query_not_declared'],
    ['a repeated query', { path: '/repos/acme/issues/12?state=all&state=open' }, 'ambiguous_target'],
    ['a query in another spelling', { path: '/repos/acme/issues/12?st%61te=open' }, 'query_not_declared'],
    [
      'a query that splits a line',
      { path: '/repos/acme/issues/12?state=all&page=1%0d%0ax:y' },
      'ambiguous_target',
    ],
    [
      'a long query',
      { path: `/repos/acme/issues/12?state=all&page=${'1'.repeat(201)}` },
      'query_not_declared',
    ],
    ['an endless address', { path: `/repos/acme/issues/${'1'.repeat(5_000)}` }, 'ambiguous_target'],
    ['a body on a read', { headers: { 'content-length': '2' }, body: {} }, 'body_not_declared'],
    ['another body', { ...WRITE, body: { title: 'other', body: 'mark-1' } }, 'body_not_declared'],
    [
      'an added field',
      { ...WRITE, body: { ...(WRITE.body as object), assignees: ['eve'] } },
      'body_not_declared',
    ],
    [
      'a field of the prototype',
      { ...WRITE, body: JSON.parse('{"__proto__":{"title":"VPN down","body":"mark-1"}}') },
      'body_not_declared',
    ],
    [
      'a value of another type',
      { ...WRITE, body: { title: ['VPN down'], body: 'mark-1' } },
      'body_not_declared',
    ],
    ['a list of it', { ...WRITE, body: [WRITE.body] }, 'body_not_declared'],
    ['no body', { ...WRITE, body: undefined }, 'body_not_declared'],
    ["another execution's key", { ...WRITE, headers: { 'idempotency-key': 'key-2' } }, 'foreign_key'],
  ];
  it.each(cases)('%s is refused, recorded, and reaches nobody', async (_name, call, reason) => {
    const { ask, upstream, heard } = await open();
    const answer = await ask(call);
    expect(answer.headers).toMatchObject({ 'x-egress-refused': reason, 'x-egress-sent': 'no' });
    expect(heard.refused).toMatchObject([{ code: reason, sent: false }]);
    expect([heard.calls, heard.writes, upstream.seen]).toEqual([[], [], []]);
  });

  it('is recorded short, printable and without the secret it carries', async () => {
    const { ask, heard } = await open();
    await ask({ path: `/x/${SECRET}` });
    await ask({ path: `/x/${SECRET.replace('A', '%41')}` });
    await ask({ path: `/${'y'.repeat(190)}/${SECRET}` });
    await ask({ path: `/${HALVES.join('/')}` });
    await ask({ path: `/${'y'.repeat(3_000)}` });
    const paths = heard.refused.map(({ path }) => path);
    expect(paths).toEqual(['[masked]', '[masked]', '[masked]', '[masked]', `/${'y'.repeat(199)}`]);
  });
});

describe('smuggling', () => {
  const cases: [string, string][] = [
    [
      'length and chunks together',
      rawRequest(READ, ['content-length: 5', 'transfer-encoding: chunked'], '0\r\n\r\n'),
    ],
    ['two lengths', rawRequest(READ, ['content-length: 0', 'content-length: 5'])],
    ['a method in small letters', rawRequest(READ.replace('GET', 'get'))],
    ['a length with a sign', rawRequest(READ, ['content-length: +5'], 'xxxxx')],
    ['an unknown transfer coding', rawRequest(READ, ['transfer-encoding: xchunked'])],
    ['two transfer codings', rawRequest(READ, ['transfer-encoding: chunked, identity'], '0\r\n\r\n')],
    ['a chunk without a size', rawRequest(READ, ['transfer-encoding: chunked'], 'zz\r\nx\r\n0\r\n\r\n')],
    ['a trailer', rawRequest(READ, ['transfer-encoding: chunked', 'trailer: x-a'], '0\r\nx-a: b\r\n\r\n')],
    ['a coded body', rawRequest(READ, ['content-encoding: gzip'])],
    ['a header twice', rawRequest(READ, ['x-egress-host: evil.example'])],
    ['a folded header', rawRequest(READ, ['x-a: b', ' c'])],
    ['a space before the colon', rawRequest(READ, ['x-a : b'])],
    ['a bare line feed', rawRequest(READ).replace('host: broker\r\n', 'host: broker\n')],
    ['a null in the target', rawRequest('GET /repos/acme\0/issues/12')],
    ['a null in a header', rawRequest(READ, ['x-a: b\0c'])],
    ['an upgrade', rawRequest(READ, ['upgrade: h2c'])],
    ['a tunnel', rawRequest('CONNECT evil.example:443')],
    ['an expectation', rawRequest(READ, ['expect: 100-continue'])],
    ['an unknown expectation', rawRequest(READ, ['expect: miracles'])],
    ['no host', rawRequest(READ).replace('host: broker\r\n', '')],
    ['too many header bytes', rawRequest(READ, [`x-a: ${'b'.repeat(20_000)}`])],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n'],
  ];
  it.each(cases)('by %s is refused, recorded, and reaches nobody', async (_name, bytes) => {
    const { raw, upstream, door, heard } = await open();
    const answer = await raw(bytes);
    await door.close();
    expect(answer).not.toMatch(/^HTTP\/1\.1 2/);
    expect(upstream.seen).toEqual([]);
    // A cut-off body may be recorded besides.
    expect(heard.refused[0]).toMatchObject({
      code: expect.stringMatching(/^(malformed|duplicate_header)$/),
      sent: false,
    });
  });

  it('gains nothing from pipelining: calls are taken one by one, writes counted', async () => {
    const { child, upstream, door, heard } = await open();
    const body = JSON.stringify(WRITE.body);
    const one = rawRequest('POST /repos/acme/issues', [`content-length: ${body.length}`], body).replace(
      'connection: close\r\n',
      '',
    );
    const answers = Promise.withResolvers<string>();
    let text = '';
    child.on('data', (chunk) => {
      text += chunk;
      if (text.split('HTTP/1.1 ').length === 4) answers.resolve(text);
    });
    child.write(one.repeat(3));
    expect((await answers.promise).match(/HTTP\/1\.1 \d+/g)).toEqual([
      'HTTP/1.1 200',
      'HTTP/1.1 429',
      'HTTP/1.1 429',
    ]);
    expect(upstream.seen).toHaveLength(1);
    expect(heard.refused.map((refusal) => refusal.code)).toEqual(['write_budget', 'write_budget']);
    expect(door.summary()).toMatchObject({ calls: 3, writes: 1, refused: 2, failure: null });
  });

  it('gains nothing from a request hidden in a body: a body is a body', async () => {
    const { raw, upstream } = await open();
    const hidden = rawRequest('POST /repos/acme/issues', ['content-length: 0']);
    await raw(rawRequest(READ, [`content-length: ${hidden.length}`], hidden));
    expect(upstream.seen).toEqual([]);
  });

  it('in headers rides nowhere: what leaves is built from the declaration', async () => {
    const { ask, upstream } = await open();
    const headers = {
      authorization: 'Bearer mine',
      cookie: 'a=b',
      'proxy-authorization': 'Basic x',
      'x-forwarded-for': '127.0.0.1',
      'x-http-method-override': 'DELETE',
      'x-original-url': '/admin',
      range: 'bytes=0-1',
      'user-agent': 'leak',
      accept: 'leak/leak',
      'x-github-api-version': '2026-01-01; leak',
    };
    expect((await ask({ headers })).status).toBe(200);
    const seen = upstream.seen[0]?.headers ?? {};
    expect(Object.keys(seen).sort()).toEqual([
      'accept',
      'accept-encoding',
      'authorization',
      'connection',
      'host',
      'user-agent',
    ]);
    expect(seen).toMatchObject({
      authorization: BEARER,
      accept: 'application/json',
      'user-agent': 'countersign',
    });
  });
});

describe('a write', () => {
  it('where only reads are allowed does not leave', async () => {
    const { ask, upstream, heard } = await open({ phase: 'read-only', writes: 0 });
    expect((await ask(WRITE)).headers['x-egress-refused']).toBe('write_in_read_only');
    expect(heard.refused).toMatchObject([{ code: 'write_in_read_only', sent: false }]);
    expect(upstream.seen).toEqual([]);
  });

  it('beyond the declared number does not leave', async () => {
    const { ask, upstream, heard } = await open();
    expect((await ask(WRITE)).status).toBe(200);
    expect((await ask(WRITE)).headers['x-egress-refused']).toBe('write_budget');
    expect(heard.refused).toMatchObject([{ code: 'write_budget', sent: false }]);
    expect([heard.writes.length, upstream.seen.length]).toEqual([1, 1]);
  });
});

describe('a secret on its way out', () => {
  /** What the approved arguments fill in: the code cannot choose it, and a person may not have seen it for what it is. */
  const saying = (body: Json, path = '/notes', query: Record<string, string> = {}): Partial<DoorSpec> => {
    const rule: EgressRule = {
      ...(RULES[1] as EgressRule),
      path,
      fill: () => ({ first: HALVES[0], second: HALVES[1] }),
      query: () => query,
      body: () => body,
    };
    return { rules: [rule], values: VALUES };
  };
  const note = (body: Json, path = '/notes'): Ask => ({ method: 'POST', path, body });
  const cases: [string, Partial<DoorSpec>, Ask][] = [
    ['in a field', saying({ text: SECRET }), note({ text: SECRET })],
    ['among words', saying({ text: `the key is ${SECRET}.` }), note({ text: `the key is ${SECRET}.` })],
    ['in a name of a nested field', saying({ a: [{ [SECRET]: 1 }] }), note({ a: [{ [SECRET]: 1 }] })],
    [
      'over two fields',
      saying({ title: `see ${HALVES[0]}`, body: `${HALVES[1]} there` }),
      note({ title: `see ${HALVES[0]}`, body: `${HALVES[1]} there` }),
    ],
    [
      'over three fields at different depths',
      saying({ a: SECRET.slice(0, 7), b: { c: [SECRET.slice(7, 13)] }, d: SECRET.slice(13), e: 'end' }),
      note({ a: SECRET.slice(0, 7), b: { c: [SECRET.slice(7, 13)] }, d: SECRET.slice(13), e: 'end' }),
    ],
    ['over two names', saying({ [HALVES[0]]: 1, [HALVES[1]]: 2 }), note({ [HALVES[0]]: 1, [HALVES[1]]: 2 })],
    ['over the path', saying(null, '/notes/{first}/{second}'), note(null, `/notes/${HALVES.join('/')}`)],
    [
      'over path and body',
      saying({ text: HALVES[1] }, '/notes/{first}'),
      note({ text: HALVES[1] }, `/notes/${HALVES[0]}`),
    ],
    [
      'over query and body',
      saying({ text: HALVES[1] }, '/notes', { q: HALVES[0] }),
      note({ text: HALVES[1] }, `/notes?q=${HALVES[0]}`),
    ],
    [
      'with a character that nobody sees',
      saying({ text: `${HALVES[0]}\u200b${HALVES[1]}` }),
      note({ text: `${HALVES[0]}\u200b${HALVES[1]}` }),
    ],
  ];
  it.each(cases)('%s stops the call, and is recorded by its kind only', async (_how, spec, call) => {
    const { ask, upstream, heard } = await open(spec);
    const answer = await ask(call);
    expect(answer.headers['x-egress-refused']).toBe('secret_in_request');
    expect(heard.refused).toMatchObject([
      { code: 'secret_in_request', detail: 'aws_access_key', sent: false },
    ]);
    expect(JSON.stringify(heard)).not.toContain(SECRET);
    expect([heard.writes, upstream.seen]).toEqual([[], []]);
  });

  it.each([{ password: 'hunter2!Xq9#' }, { note: 'password: hunter2!Xq9#' }])(
    'that the words around it give away stops the call: %j',
    async (body) => {
      const { ask, heard } = await open(saying(body));
      await ask(note(body));
      expect(heard.refused).toMatchObject([{ code: 'secret_in_request', detail: 'password' }]);
    },
  );

  /** A connector sends the arguments apart, and these may be anything: what its body says is not what is looked at. */
  const approvedWith = (args: EgressValues['args']): Partial<DoorSpec> => ({
    ...saying({ text: 'hello' }),
    values: { ...VALUES, args },
  });
  it.each<[string, EgressValues['args']]>([
    ['in order', { title: `see ${HALVES[0]}`, description: `${HALVES[1]} there` }],
    ['the other way round', { title: `${HALVES[1]} there`, description: `see ${HALVES[0]}` }],
    ['with others between them', { a: HALVES[0], b: 'it help', c: 'x', d: 'y', e: 'z', f: HALVES[1] }],
    ['in three', { a: SECRET.slice(0, 7), b: [SECRET.slice(7, 13)], c: { d: `${SECRET.slice(13)} end` } }],
    ['over a name and its value', { inputs: { [HALVES[0]]: HALVES[1] } }],
  ])('over arguments that a connector sends apart stops every call: %s', async (_how, args) => {
    const { ask, upstream, heard } = await open(approvedWith(args));
    await ask(note({ text: 'hello' }));
    expect(heard.refused).toMatchObject([
      { code: 'secret_in_request', detail: 'aws_access_key', sent: false },
    ]);
    expect([heard.writes, upstream.seen]).toEqual([[], []]);
  });

  /** Half of a key whose halves are the same. */
  const TWICE = SECRET.slice(0, 10);
  const lines = (count: number): string[] =>
    Array.from({ length: count }, (_one, at) => `web-${at}.prod.example.com`);
  it.each<[string, Json]>([
    ['at both ends of a long list', [HALVES[0], ...lines(100), HALVES[1]]],
    ['the other way round', [HALVES[1], ...lines(100), HALVES[0]]],
    ['of the same letters', [TWICE, ...lines(100), TWICE]],
    [
      'in a list of alike things',
      [HALVES[1], ...lines(100), HALVES[0]].map((value) => ({ name: 'host', value })),
    ],
  ])('over two of many texts stops every call: %s', async (_how, list) => {
    const { ask, upstream, heard } = await open(approvedWith({ list }));
    await ask(note({ text: 'hello' }));
    expect(heard.refused).toMatchObject([{ code: 'secret_in_request', detail: 'aws_access_key' }]);
    expect(upstream.seen).toEqual([]);
  });

  it('cannot be looked for over arguments without end: nothing leaves then, and the refusal says why', async () => {
    const { ask, upstream, heard } = await open(approvedWith({ list: lines(150) }));
    expect((await ask(note({ text: 'hello' }))).status).toBe(200);
    expect(upstream.seen).toHaveLength(1);
    expect(heard.refused).toEqual([]);
    const { ask: askNext, upstream: next, heard: then } = await open(approvedWith({ list: lines(5_000) }));
    const answer = await askNext(note({ text: 'hello' }));
    expect(answer.headers['x-egress-refused']).toBe('arguments_unsearched');
    expect(answer.body).toContain('too many to be searched');
    expect(then.refused).toMatchObject([{ code: 'arguments_unsearched', detail: null, sent: false }]);
    expect([then.writes, next.seen]).toEqual([[], []]);
  });

  it.each(['Reset my password', 'The token is'])(
    'is not seen where words only stand in two arguments: %s, then an id',
    async (title) => {
      const args = { title, description: 'aB3dE5gH7jK9mN1pQ3sT5vX7zA', id: 'f3a9c17e5b2d8046' };
      const { ask } = await open(approvedWith(args));
      expect((await ask(note({ text: 'hello' }))).status).toBe(200);
    },
  );

  it('escaped in JSON stops the call', async () => {
    const { raw, upstream, heard } = await open(saying({ text: SECRET }));
    const escaped = [...SECRET].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join('');
    const body = `{"text":"${escaped}"}`;
    await raw(rawRequest('POST /notes', [`content-length: ${body.length}`], body));
    expect(heard.refused).toMatchObject([{ code: 'secret_in_request' }]);
    expect(upstream.seen).toEqual([]);
  });

  it('in a query whose value is free stops the call', async () => {
    const { ask, heard } = await open();
    await ask({ path: `/repos/acme/issues/12?state=all&page=${SECRET}` });
    expect(heard.refused).toMatchObject([{ code: 'secret_in_request' }]);
  });

  it.each(['Reset my password', 'New password:', 'The token is', 'curl -u', 'credentials:'])(
    'is not seen where words only stand beside each other: %s, then an id',
    async (title) => {
      const body = { title, mark: 'f3a9c17e5b2d8046==aB3dE5gH7jK9mN1pQ3sT5vX7zA' };
      const { ask } = await open(saying(body));
      expect((await ask(note(body))).status).toBe(200);
    },
  );
});

describe('budgets', () => {
  it('bound the number of calls; the first one over is told, then the door is shut', async () => {
    const { ask, upstream, heard } = await open({ budgets: { calls: 2 } });
    await ask({});
    await ask({});
    expect((await ask({})).headers['x-egress-refused']).toBe('call_budget');
    await expect(ask({})).rejects.toThrow();
    expect(upstream.seen).toHaveLength(2);
    expect(heard.refused.map((refusal) => refusal.code)).toEqual(['call_budget']);
  });

  it('end the stream of whoever goes on asking without waiting for an answer', async () => {
    const upstream = await startUpstream(() => undefined);
    const { raw, heard, end } = await openTo(
      { upstreams: upstream.config, credentials: { get: async () => 'Bearer something-long' } },
      { budgets: { calls: 2 } },
    );
    // Enough to fill any buffer in between: it only ends if somebody ends it while the first call still waits.
    const going = rawRequest('GET /repos/acme/issues/12?state=all').replace('connection: close\r\n', '');
    await raw(going.repeat(10_000));
    expect(upstream.seen.length).toBeLessThanOrEqual(1);
    await end();
    await upstream.close();
    expect(heard.calls).toEqual([]);
  });

  it('count what is refused, so that guessing is bounded too', async () => {
    const { ask, heard } = await open({ budgets: { calls: 2 } });
    await ask({ path: '/a' });
    await ask({ path: '/b' });
    expect((await ask({})).headers['x-egress-refused']).toBe('call_budget');
    expect(heard.refused).toHaveLength(3);
  });

  it('bound the bytes of one request', async () => {
    const { ask, upstream, heard } = await open({ budgets: { requestBytes: 1_000 } });
    const answer = await ask({ ...WRITE, body: { title: 'x'.repeat(2_000) } });
    expect(answer.headers['x-egress-refused']).toBe('request_too_large');
    expect(heard.refused).toMatchObject([{ code: 'request_too_large', sent: false }]);
    expect(upstream.seen).toEqual([]);
  });

  it('bound the bytes of all answers together', async () => {
    const { ask, heard } = await open({ budgets: { totalBytes: 20 } });
    expect((await ask({})).status).toBe(200);
    expect((await ask({})).status).toBe(200);
    expect((await ask({})).headers['x-egress-refused']).toBe('byte_budget');
    expect(heard.refused).toMatchObject([{ code: 'byte_budget', sent: false }]);
  });

  const LEFT = { calls: 1_000, bytes: 1_000_000, ms: 1_000_000 };
  it.each([
    ['calls', { ...LEFT, calls: 2 }],
    ['bytes', { ...LEFT, bytes: 20 }],
  ])('of the execution as a whole hold where it has fewer %s left', async (detail, left) => {
    const { ask, heard, upstream } = await open({ left });
    await ask({});
    await ask({});
    expect((await ask({})).headers).toMatchObject({
      'x-egress-refused': 'execution_budget',
      'x-egress-sent': 'no',
    });
    expect(heard.refused).toMatchObject([{ code: 'execution_budget', detail, sent: false }]);
    expect(upstream.seen).toHaveLength(2);
  });

  it('of the execution as a whole hold for its time too', async () => {
    const { raw, heard, door, upstream } = await open({ left: { ...LEFT, ms: 50 } });
    await raw(rawRequest('POST /repos/acme/issues', ['content-length: 50'], '{'));
    await door.close();
    expect(heard.refused).toMatchObject([{ code: expect.stringMatching(/^(malformed|execution_budget)$/) }]);
    expect(upstream.seen).toEqual([]);
  });

  it('of the door hold where the execution has more left', async () => {
    const { ask } = await open({ budgets: { calls: 1 }, left: LEFT });
    await ask({});
    expect((await ask({})).headers['x-egress-refused']).toBe('call_budget');
  });

  it('bound the time the door is open, also for a body that never ends', async () => {
    const { raw, heard, door, upstream } = await open({ budgets: { totalMs: 50 } });
    await raw(rawRequest('POST /repos/acme/issues', ['content-length: 50'], '{'));
    await door.close();
    expect(heard.refused).toMatchObject([{ code: expect.stringMatching(/^(malformed|time_budget)$/) }]);
    expect(upstream.seen).toEqual([]);
  });

  it('bound the time of a call, also for a body that never ends', async () => {
    const { raw, heard, door } = await open({ budgets: { callMs: 50 } });
    await raw(rawRequest('POST /repos/acme/issues', ['content-length: 50'], '{'));
    await door.close();
    expect(heard.refused[0]).toMatchObject({ code: expect.stringMatching(/^(malformed|time_budget)$/) });
  });

  it('are not renewed by hanging up: a door serves one stream, and a cut-off request leaves nothing', async () => {
    const { child, door, upstream } = await open();
    child.write(rawRequest('POST /repos/acme/issues', ['content-length: 50'], '{"title":"VPN'));
    child.destroy();
    await door.close();
    expect(() => door.attach(child)).toThrow(expect.objectContaining({ code: 'egress_refused' }));
    expect(upstream.seen).toEqual([]);
  });
});

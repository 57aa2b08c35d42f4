import { afterEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import type { DoorSpec } from '../../../src/execution/broker/call.ts';
import { type Ask, openTo, RULES, rawRequest } from './child.ts';
import { json, type Script, startUpstream } from './upstream-server.ts';

const TOKEN = ['ghs', 'a1B2c3D4e5F6g7H8i9J0'].join('_');
const BEARER = `Bearer ${TOKEN}`;
const WRITE: Ask = {
  method: 'POST',
  path: '/repos/acme/issues',
  body: { title: 'VPN down', body: 'mark-1' },
};

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function open(
  script: Script = (response) => json(response, { ok: true }),
  spec: Partial<DoorSpec> = {},
) {
  const upstream = await startUpstream(script);
  const opened = await openTo(
    {
      upstreams: upstream.config,
      credentials: {
        get: async (name, host) => (name === 'example' && host === 'api.example.com' ? BEARER : null),
      },
      scan: (text) => (text.includes('AKIA') ? 'aws_access_key' : null),
    },
    spec,
  );
  ends.push(
    () => upstream.close(),
    () => opened.end(),
  );
  return { ...opened, upstream };
}

describe('a declared call', () => {
  it('leaves with the credential, and its answer comes back labelled', async () => {
    const { ask, upstream, heard } = await open();
    const answer = await ask({});
    expect(answer).toMatchObject({ status: 200, body: '{"ok":true}' });
    expect(answer.headers['x-egress-label']).toBe('fetched');
    expect(upstream.seen[0]).toMatchObject({ url: '/v3/repos/acme/issues/12?state=all' });
    expect(upstream.seen[0]?.headers.authorization).toBe(BEARER);
    expect(heard.calls[0]).toMatchObject({ effect: 'read', status: 200, path: '/repos/acme/issues/12' });
    expect(heard.refused).toEqual([]);
  });

  it('commits its intent before a write leaves', async () => {
    const order: string[] = [];
    const { ask } = await open(
      (response) => {
        order.push('upstream');
        json(response, { number: 1 }, 201);
      },
      {
        hooks: {
          beforeWrite: async () => void order.push('intent'),
          afterCall: async (call) => void order.push(`recorded ${call.status}`),
          refused: async () => {},
        },
      },
    );
    await ask(WRITE);
    expect(order).toEqual(['intent', 'upstream', 'recorded 201']);
  });

  it('is rebuilt from the declaration: nothing the code adds rides along', async () => {
    const { raw, upstream } = await open();
    const body = '{ "body":"mark-1",\n "title":"ignored", "title":"VPN down" }';
    await raw(
      rawRequest(
        'POST /repos/acme/issues',
        [
          'authorization: Bearer mine',
          'cookie: a=b',
          'x-forwarded-for: 1.2.3.4',
          'user-agent: leak',
          'accept: leak/leak',
          'x-http-method-override: DELETE',
          `content-length: ${body.length}`,
        ],
        body,
      ),
    );
    const seen = upstream.seen[0];
    expect(seen?.body).toBe('{"title":"VPN down","body":"mark-1"}');
    expect(Object.keys(seen?.headers ?? {}).sort()).toEqual([
      'accept',
      'accept-encoding',
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
      'idempotency-key',
      'user-agent',
    ]);
    expect(seen?.headers).toMatchObject({
      authorization: BEARER,
      accept: 'application/json',
      'user-agent': 'countersign',
      'idempotency-key': 'key-1',
    });
  });
});

describe('a declared header', () => {
  const withHeaders = (headers: Record<string, string>) => ({
    rules: RULES.map((rule) => ({ ...rule, headers: () => headers })),
  });
  it('is put on the call by the broker, whatever the code sends under its name', async () => {
    const declared = { accept: 'application/vnd.pagerduty+json;version=2', from: 'alice@example.com' };
    const { ask, upstream } = await open(undefined, withHeaders(declared));
    await ask({ headers: { from: 'eve@example.com', accept: 'application/json' } });
    expect(upstream.seen[0]?.headers).toMatchObject(declared);
  });
  it.each<Record<string, string>>([
    { 'x-forwarded-for': '1.2.3.4' },
    { authorization: 'Bearer x' },
    { constructor: 'x' },
    { accept: 'text/html' },
    { from: 'alice@example.com, eve@example.com' },
    { from: 'alice@example.com\r\nx: y' },
    { from: `${'a'.repeat(250)}@example.com` },
  ])('%j is not on the list: its rule declares nothing', async (headers) => {
    const { ask, upstream } = await open(undefined, withHeaders(headers));
    expect((await ask({})).headers['x-egress-refused']).toBe('not_declared');
    expect(upstream.seen).toEqual([]);
  });
});

describe('an answer that is not JSON', () => {
  it('is passed on as it is', async () => {
    const { ask } = await open((r) => void r.writeHead(200, { 'content-type': 'text/plain' }).end('a\nb\n'));
    expect(await ask({})).toMatchObject({ body: 'a\nb\n', headers: { 'content-type': 'text/plain' } });
  });
  it.each([201, 204])('may be empty (%d)', async (status) => {
    const { ask } = await open((r) => void r.writeHead(status).end());
    expect(await ask(WRITE)).toMatchObject({ status, body: '' });
    expect((await ask({})).status).toBe(status);
  });
});

describe('a call that is not declared', () => {
  const cases: [string, Ask, string][] = [
    ['another method', { method: 'DELETE' }, 'not_declared'],
    ['another repository', { path: '/repos/evil/issues/12?state=all' }, 'not_declared'],
    ['another ticket', { path: '/repos/acme/issues/13?state=all' }, 'not_declared'],
    ['a longer path', { path: '/repos/acme/issues/12/lock?state=all' }, 'not_declared'],
    ['another host', { host: 'evil.example' }, 'not_declared'],
    ['a host in other letters', { host: 'API.example.com' }, 'ambiguous_target'],
    ['a host with a port', { host: 'api.example.com:8443' }, 'not_declared'],
    ['a host with credentials', { host: 'x@api.example.com' }, 'ambiguous_target'],
    ['another scheme', { scheme: 'ftp' }, 'ambiguous_target'],
    ['an encoded slash', { path: '/repos/acme%2fissues/12?state=all' }, 'ambiguous_target'],
    ['an encoded backslash', { path: '/repos/acme/issues/12%5C?state=all' }, 'ambiguous_target'],
    ['an encoded dot', { path: '/repos/acme/%2e%2e/issues/12?state=all' }, 'ambiguous_target'],
    ['double encoding', { path: '/repos/acme/issues/%2531?state=all' }, 'ambiguous_target'],
    ['an encoded line feed', { path: '/repos/acme/issues/12%0a?state=all' }, 'ambiguous_target'],
    ['a parent folder', { path: '/repos/evil/../acme/issues/12?state=all' }, 'ambiguous_target'],
    ['an empty segment', { path: '/repos//acme/issues/12?state=all' }, 'ambiguous_target'],
    ['an absolute address', { path: 'http://evil.example/repos/acme/issues/12' }, 'ambiguous_target'],
    ['a missing query', { path: '/repos/acme/issues/12' }, 'query_not_declared'],
    ['another query', { path: '/repos/acme/issues/12?state=open' }, 'query_not_declared'],
    ['an added query', { path: '/repos/acme/issues/12?state=all&x=1' }, 'query_not_declared'],
    ['a repeated query', { path: '/repos/acme/issues/12?state=all&state=open' }, 'ambiguous_target'],
    [
      'a long free query value',
      { path: `/repos/acme/issues/12?state=all&page=${'1'.repeat(201)}` },
      'query_not_declared',
    ],
    ['a body on a read', { headers: { 'content-length': '2' }, body: {} }, 'body_not_declared'],
    ['another body', { ...WRITE, body: { title: 'other', body: 'mark-1' } }, 'body_not_declared'],
    [
      'an added field',
      { ...WRITE, body: { title: 'VPN down', body: 'mark-1', assignees: ['eve'] } },
      'body_not_declared',
    ],
    ['no body', { ...WRITE, body: undefined }, 'body_not_declared'],
    ["another execution's key", { ...WRITE, headers: { 'idempotency-key': 'key-2' } }, 'foreign_key'],
    ['a secret', { path: '/repos/acme/issues/12?state=all&page=AKIA' }, 'secret_in_request'],
  ];
  it.each(cases)('with %s is refused, recorded, and reaches nobody', async (_name, call, reason) => {
    const { ask, upstream, heard } = await open();
    const answer = await ask(call);
    expect(answer.headers['x-egress-refused']).toBe(reason);
    expect(answer.headers['x-egress-sent']).toBe('no');
    expect(heard.refused).toMatchObject([{ code: reason, sent: false }]);
    expect(heard.calls).toEqual([]);
    expect(upstream.seen).toEqual([]);
  });

  it('is recorded short, printable and without the secret it carries', async () => {
    const { ask, heard } = await open();
    await ask({ path: '/x/AKIA1234' });
    await ask({ path: `/${'y'.repeat(3_000)}` });
    expect(heard.refused[0]?.path).toBe('[masked]');
    expect(heard.refused[1]?.path).toHaveLength(200);
  });
});

describe('smuggling', () => {
  const READ = 'GET /repos/acme/issues/12?state=all';
  const cases: [string, string][] = [
    [
      'length and chunks together',
      rawRequest(READ, ['content-length: 5', 'transfer-encoding: chunked'], '0\r\n\r\n'),
    ],
    ['two lengths', rawRequest(READ, ['content-length: 0', 'content-length: 5'])],
    ['an unknown transfer coding', rawRequest(READ, ['transfer-encoding: xchunked'])],
    ['a header twice', rawRequest(READ, ['x-egress-host: evil.example'])],
    ['a folded header', rawRequest(READ, ['x-a: b', ' c'])],
    ['a space before the colon', rawRequest(READ, ['x-a : b'])],
    ['a bare line feed', rawRequest(READ).replace('host: broker\r\n', 'host: broker\n')],
    ['a null in the target', rawRequest('GET /repos/acme\0/issues/12')],
    ['an upgrade', rawRequest(READ, ['upgrade: h2c'])],
    ['a tunnel', rawRequest('CONNECT evil.example:443')],
    ['an expectation', rawRequest(READ, ['expect: 100-continue'])],
    ['no host', rawRequest(READ).replace('host: broker\r\n', '')],
    ['too many header bytes', rawRequest(READ, [`x-a: ${'b'.repeat(20_000)}`])],
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n'],
  ];
  it.each(cases)('by %s is refused and reaches nobody', async (_name, bytes) => {
    const { raw, upstream, door } = await open();
    const answer = await raw(bytes);
    await door.close();
    expect(answer).not.toMatch(/^HTTP\/1\.1 2/);
    expect(upstream.seen).toEqual([]);
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
});

describe('a write', () => {
  it('is refused where only reads are allowed', async () => {
    const { ask, upstream } = await open(undefined, { phase: 'read-only', writes: 0 });
    expect((await ask(WRITE)).headers['x-egress-refused']).toBe('write_in_read_only');
    expect((await ask({})).status).toBe(200);
    expect(upstream.seen).toHaveLength(1);
  });

  it.each(['kill_switch', 'egress_refused'] as const)(
    'stopped by %s before it leaves does not leave',
    async (code) => {
      const { ask, upstream, heard } = await open(undefined, {
        hooks: {
          beforeWrite: async () => {
            throw new AppError(code, 'stopped');
          },
          afterCall: async () => {},
          refused: async (refusal) => void heard.refused.push(refusal),
        },
      });
      const answer = await ask(WRITE);
      expect(answer.headers['x-egress-refused']).toBe('gate');
      expect(heard.refused).toMatchObject([{ code: 'gate', detail: code }]);
      expect(upstream.seen).toEqual([]);
    },
  );

  it('whose intent cannot be committed does not leave, and the door closes', async () => {
    const { ask, upstream, door } = await open(undefined, {
      hooks: {
        beforeWrite: async () => {
          throw new Error('database gone');
        },
        afterCall: async () => {},
        refused: async () => {},
      },
    });
    await ask(WRITE).catch(() => null);
    await expect(ask({})).rejects.toThrow();
    expect(upstream.seen).toEqual([]);
    expect(door.summary().failure).toMatchObject({ message: 'database gone' });
  });

  it('that has left is seen to its end when the door closes', async () => {
    const arrived = Promise.withResolvers<() => void>();
    const { ask, door, heard } = await open((response) => arrived.resolve(() => json(response, {}, 201)));
    const asked = ask(WRITE).catch(() => 'cut off');
    const answer = await arrived.promise;
    const closing = door.close();
    answer();
    await closing;
    await asked;
    expect(heard.calls).toMatchObject([{ status: 201, effect: 'write' }]);
  });
});

describe('an answer that cannot be recorded', () => {
  it('is not passed on, and nothing more leaves', async () => {
    const { ask, upstream, door } = await open(undefined, {
      hooks: {
        beforeWrite: async () => {},
        afterCall: async () => {
          throw new AppError('audit_unwritable', 'no');
        },
        refused: async () => {},
      },
    });
    const answer = await ask({}).catch(() => null);
    expect(answer?.body ?? '').not.toContain('ok');
    await expect(ask({})).rejects.toThrow();
    expect(upstream.seen).toHaveLength(1);
    expect(door.summary().failure).toMatchObject({ code: 'audit_unwritable' });
  });
});

describe('a hostile upstream', () => {
  const cases: [string, Script, string][] = [
    ['redirects', (r) => void r.writeHead(302, { location: 'http://169.254.169.254/' }).end(), 'redirect'],
    [
      'answers more than allowed',
      (r) => void r.writeHead(200).write('x'.repeat(300_000)),
      'response_too_large',
    ],
    ['compresses', (r) => void r.writeHead(200, { 'content-encoding': 'gzip' }).end('x'), 'response_encoded'],
    ['never answers', () => {}, 'timeout'],
    ['drips', (r) => void r.writeHead(200).write('x'), 'timeout'],
    ['hangs up', (r) => void r.destroy(), 'interrupted'],
    [
      'hangs up half way',
      (r) => {
        r.writeHead(200, { 'content-length': '100' }).write('x', () => r.destroy());
      },
      'interrupted',
    ],
    ['speaks nonsense', (r) => void r.socket?.end('no http\r\n\r\n'), 'interrupted'],
  ];
  it.each(cases)('that %s is refused, and said to have been reached', async (_name, script, reason) => {
    const { ask, heard } = await open(script, { budgets: { responseBytes: 200_000, callMs: 300 } });
    const answer = await ask({});
    expect(answer.headers['x-egress-refused']).toBe(reason);
    expect(answer.headers['x-egress-sent']).toBe('yes');
    expect(answer.headers.location).toBeUndefined();
    expect(heard.refused).toMatchObject([{ code: reason, sent: true }]);
  });

  it('that echoes the credential in any form has it masked', async () => {
    const forms = [
      TOKEN,
      encodeURIComponent(TOKEN),
      Buffer.from(TOKEN).toString('base64'),
      Buffer.from(`x:${TOKEN}`).toString('base64'),
      Buffer.from(`xy${TOKEN}yz`).toString('base64url'),
      Buffer.from(TOKEN).toString('hex'),
    ];
    const { ask, heard } = await open((response) => {
      response.setHeader('etag', `"${TOKEN}"`);
      json(response, forms);
    });
    const answer = await ask({});
    expect(answer.headers.etag).toBe('"[redacted]"');
    for (const form of forms) expect(answer.body).not.toContain(form);
    expect(JSON.parse(answer.body)).toHaveLength(forms.length);
    expect(answer.body.match(/\[redacted\]/g)).toHaveLength(forms.length);
    expect(heard.calls[0]?.credentialEchoed).toBe(true);
  });

  it('gives the child no header that is not listed', async () => {
    const { ask } = await open((response) => {
      response.setHeader('set-cookie', 'a=b');
      response.setHeader('link', '<http://evil>; rel="next"');
      response.setHeader('location', '//evil.example/x');
      response.setHeader('x-ratelimit-remaining', '3');
      json(response, {});
    });
    const { headers } = await ask({});
    expect(headers['set-cookie']).toBeUndefined();
    expect(headers.link).toBeUndefined();
    expect(headers.location).toBeUndefined();
    expect(headers['x-ratelimit-remaining']).toBe('3');
  });

  it.each([
    ['/v3/queue/item/7/', '/queue/item/7/'],
    ['queue/item/7?x=1', undefined],
    ['http://OTHER/v3/queue/item/7', undefined],
    ['http://user@HERE/v3/queue/item/7', undefined],
    ['http://HERE/v3/queue/item/7#x', '/queue/item/7'],
    ['http://HERE/v3/../admin', undefined],
    ['http://HERE/v3//evil.example/x', undefined],
    ['http://HERE/v3\\@evil.example/', '/@evil.example/'],
  ])('that says location %s gives the child %s: a place below its own address', async (said, given) => {
    const { ask } = await open((response, seen) => {
      response.setHeader('location', said.replace('HERE', String(seen.headers.host)));
      json(response, {}, 201);
    });
    expect((await ask(WRITE)).headers.location).toBe(given);
  });

  it('that links to pages of its own and of others gives the child its own', async () => {
    const { ask } = await open((response, { headers }) => {
      const own = `<http://${headers.host}/v3/repos/acme/issues/12?state=all&page=2>; rel="next"`;
      response.setHeader('link', `${own}, <https://evil.example/v3/x>; rel="last", <x>; rel="evil"`);
      json(response, []);
    });
    expect((await ask({})).headers.link).toBe('</repos/acme/issues/12?state=all&page=2>; rel="next"');
  });
});

describe('budgets', () => {
  it('bound the number of calls; the first one over is told, then the door is shut', async () => {
    const { ask, upstream, heard } = await open(undefined, { budgets: { calls: 2 } });
    await ask({});
    await ask({});
    expect((await ask({})).headers['x-egress-refused']).toBe('call_budget');
    await expect(ask({})).rejects.toThrow();
    expect(upstream.seen).toHaveLength(2);
    expect(heard.refused.map((refusal) => refusal.code)).toEqual(['call_budget']);
  });

  it('bound the bytes of one request', async () => {
    const { ask, upstream } = await open(undefined, { budgets: { requestBytes: 1_000 } });
    const answer = await ask({ ...WRITE, body: { title: 'x'.repeat(2_000) } });
    expect(answer.headers['x-egress-refused']).toBe('request_too_large');
    expect(upstream.seen).toEqual([]);
  });

  it('bound the bytes of all answers together', async () => {
    const { ask } = await open((response) => json(response, 'x'.repeat(600)), {
      budgets: { totalBytes: 1_000 },
    });
    expect((await ask({})).status).toBe(200);
    expect((await ask({})).status).toBe(200);
    expect((await ask({})).headers['x-egress-refused']).toBe('byte_budget');
  });

  it('bound the time the door is open, also for a body that never ends', async () => {
    const { raw, heard, door } = await open(undefined, { budgets: { totalMs: 50 } });
    await raw(rawRequest('POST /repos/acme/issues', ['content-length: 50'], '{'));
    await door.close();
    expect(heard.refused).toMatchObject([{ code: expect.stringMatching(/^(malformed|time_budget)$/) }]);
  });
});

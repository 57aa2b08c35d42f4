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

describe('an upstream', () => {
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

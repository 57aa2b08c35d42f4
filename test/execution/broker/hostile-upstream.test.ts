/**
 * The broker against an upstream that is the attacker: a real server on loopback, plain and with TLS. Each case is refused or
 * made harmless, recorded, and the child is none the wiser. docs/connectors.md, "What the broker refuses", names them.
 */
import { once } from 'node:events';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { MAX_TRIES } from '../../../src/execution/broker/tries.ts';
import type { UpstreamConfig } from '../../../src/execution/broker/upstream.ts';
import { type Ask, openTo } from './child.ts';
import { selfSigned, type VALID } from './self-signed.ts';
import { json, type Script, startUpstream } from './upstream-server.ts';

const HOST = 'api.example.com';
/** Made here, so that nothing that looks like a credential lies in the repository. With characters that encodings change. */
const TOKEN = ['ghs', 'a1B2c3D4/e5F6+g7&H8"i9J0'].join('_');
const WRITE: Ask = {
  method: 'POST',
  path: '/repos/acme/issues',
  body: { title: 'VPN down', body: 'mark-1' },
};
/** Small, so that no case takes long. */
const SMALL = { responseBytes: 100_000 };
/** Nor is there a call left for another try. */
const ONCE = { ...SMALL, calls: 1 };
/** Short for whoever never answers; what is asked leaves well before, on a busy machine too. */
const SHORT = { ...ONCE, callMs: 1_500 };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function open(script: Script, budgets: object = {}) {
  const upstream = await startUpstream(script);
  const opened = await openTo(
    { upstreams: upstream.config, credentials: { get: async () => `Bearer ${TOKEN}` } },
    { budgets, writes: 2 },
  );
  ends.push(
    () => upstream.close(),
    () => opened.end(),
  );
  return { ...opened, upstream };
}

type Raw = Parameters<Script>[0];
const raw =
  (...lines: string[]): Script =>
  (response) =>
    void response.socket?.write(lines.join('\r\n'));
/** Writes for as long as anybody listens. */
const endless = (response: Raw, chunk: string) => {
  const more = (): unknown => response.destroyed || response.write(chunk, () => setImmediate(more));
  more();
};

describe('an answer that is no honest answer', () => {
  type Case = { upstream: string; script: Script; refused: string; budgets?: object };
  const cases: Case[] = [
    ...[301, 302, 303, 307, 308].map((code) => ({
      upstream: `redirects to the metadata service (${code})`,
      script: (r: Raw) => void r.writeHead(code, { location: 'http://169.254.169.254/' }).end(),
      refused: 'redirect',
    })),
    {
      upstream: 'redirects to itself',
      script: (r, { headers }) => void r.writeHead(302, { location: `http://${headers.host}/v3/` }).end(),
      refused: 'redirect',
    },
    {
      upstream: 'announces more than allowed',
      script: (r) => void r.writeHead(200, { 'content-length': '100001' }).end('x'.repeat(100_001)),
      refused: 'response_too_large',
    },
    {
      upstream: 'never stops sending',
      script: (r) => endless(r.writeHead(200), 'x'.repeat(10_000)),
      refused: 'response_too_large',
    },
    {
      upstream: 'compresses, to hide what it sends or how much',
      script: (r) => void r.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
      refused: 'response_encoded',
    },
    {
      upstream: 'says twice that it compresses, as if it had said nothing',
      script: (r) => void r.writeHead(200, ['content-encoding', 'gzip', 'content-encoding', 'gzip']).end('x'),
      refused: 'response_encoded',
    },
    {
      upstream: 'compresses, and says once more that it does not',
      script: (r) =>
        void r.writeHead(200, ['content-encoding', 'identity', 'content-encoding', 'gzip']).end('x'),
      refused: 'response_encoded',
    },
    {
      upstream: 'compresses each chunk',
      script: raw('HTTP/1.1 200 OK', 'transfer-encoding: gzip, chunked', '', '1', 'x', '0', '', ''),
      refused: 'response_encoded',
    },
    {
      upstream: 'compresses each chunk, and says so in two headers',
      script: raw(
        'HTTP/1.1 200 OK',
        ...['transfer-encoding: gzip', 'transfer-encoding: chunked', '', '1', 'x', '0', '', ''],
      ),
      refused: 'response_encoded',
    },
    { upstream: 'never answers', script: () => undefined, refused: 'timeout', budgets: SHORT },
    {
      upstream: 'never ends its answer',
      script: (r) => void r.writeHead(200, { 'content-length': '100' }).write('x'),
      refused: 'timeout',
      budgets: SHORT,
    },
    { upstream: 'hangs up', script: (r) => void r.destroy(), refused: 'interrupted' },
    {
      upstream: 'hangs up half way',
      script: (r) => void r.writeHead(200, { 'content-length': '9' }).write('x', () => r.destroy()),
      refused: 'interrupted',
    },
    { upstream: 'speaks no HTTP', script: raw('no http', '', ''), refused: 'interrupted' },
    {
      upstream: 'sends two lengths',
      script: raw('HTTP/1.1 200 OK', 'content-length: 2', 'content-length: 5', '', '{}   '),
      refused: 'interrupted',
    },
    {
      upstream: 'sends a length and chunks',
      script: raw('HTTP/1.1 200 OK', 'content-length: 2', 'transfer-encoding: chunked', '', '0', '', ''),
      refused: 'interrupted',
    },
    {
      upstream: 'sends a chunk without a size',
      script: raw('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', 'zz', 'x', '0', '', ''),
      refused: 'interrupted',
    },
    {
      upstream: 'sends a head without end',
      script: raw('HTTP/1.1 200 OK', `x-a: ${'b'.repeat(40_000)}`, '', ''),
      refused: 'interrupted',
    },
    {
      upstream: 'folds a header',
      script: raw('HTTP/1.1 200 OK', 'content-length: 2', 'x-a: b', ' content-length: 5', '', '{}'),
      refused: 'interrupted',
    },
    {
      upstream: 'switches protocols',
      script: raw('HTTP/1.1 101 Switching', 'connection: upgrade', 'upgrade: x', '', ''),
      refused: 'interrupted',
    },
  ];

  it.each(cases)('$upstream: refused as $refused, said to have left, recorded', async (c) => {
    const { ask, heard, upstream } = await open(c.script, c.budgets ?? ONCE);
    const answer = await ask({});
    expect(answer.headers).toMatchObject({ 'x-egress-refused': c.refused, 'x-egress-sent': 'yes' });
    expect(answer.headers.location).toBeUndefined();
    expect(heard.refused).toMatchObject([{ code: c.refused, sent: true }]);
    expect(upstream.seen).toHaveLength(1);
  });

  it('one that is not read to its end is recorded with what was read of it, which counts', async () => {
    const { ask, heard, door } = await open((r) => endless(r.writeHead(200), 'x'.repeat(10_000)), {
      ...SMALL,
      totalBytes: 150_000,
    });
    await ask({});
    const [call] = heard.calls;
    expect(call).toMatchObject({ unread: true, responseSha256: null });
    expect(call?.responseBytes).toBeGreaterThan(SMALL.responseBytes);
    expect(door.summary().responseBytes).toBe(call?.responseBytes);
    await ask({});
    expect((await ask({})).headers['x-egress-refused']).toBe('byte_budget');
  });

  it('one that never comes is recorded by the name of what went wrong', async () => {
    const { ask, heard } = await open(() => undefined, SHORT);
    await ask({});
    expect(heard.refused).toMatchObject([{ code: 'timeout', detail: 'TimeoutError' }]);
  });

  it.each(cases)('$upstream: a write is not repeated, and not said to have failed', async (c) => {
    const { ask, heard, upstream } = await open(c.script, c.budgets ?? ONCE);
    const answer = await ask(WRITE);
    expect(answer.headers).toMatchObject({ 'x-egress-refused': c.refused, 'x-egress-sent': 'yes' });
    expect([heard.writes.length, upstream.seen.length]).toEqual([1, 1]);
  });
});

describe('an answer that carries something else along', () => {
  it('a second answer behind the first is not taken for that of the next call', async () => {
    const poison = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n"evil"';
    const { ask, upstream } = await open((response) => {
      const { socket } = response;
      json(response, 'good');
      socket?.write(poison);
    });
    const bodies: string[] = [];
    for (let call = 0; call < 5; call++) {
      const { body, headers } = await ask({});
      if (headers['x-egress-refused'] === undefined) bodies.push(body);
    }
    expect(new Set(bodies)).toEqual(new Set(['"good"']));
    expect(upstream.seen.length).toBeGreaterThanOrEqual(5);
  });

  it("the broker's own headers cannot be forged: nobody but it says that nothing happened", async () => {
    const { ask } = await open((response) => {
      response.setHeader('x-egress-refused', 'gate');
      response.setHeader('x-egress-sent', 'no');
      response.setHeader('x-egress-label', 'trusted');
      json(response, {});
    });
    const { headers } = await ask(WRITE);
    expect(headers['x-egress-refused']).toBeUndefined();
    expect(headers['x-egress-sent']).toBeUndefined();
    expect(headers['x-egress-label']).toBe('fetched');
  });

  it('cookies, unknown headers, links and places of others are left out', async () => {
    const { ask } = await open((response) => {
      response.setHeader('set-cookie', 'session=1');
      response.setHeader('link', '<https://evil.example/>; rel="next"');
      response.setHeader('location', 'https://evil.example/');
      response.setHeader('x-own', 'x');
      response.setHeader('etag', 'x'.repeat(5_000));
      json(response, {}, 201);
    });
    const { headers } = await ask({});
    for (const name of ['set-cookie', 'link', 'location', 'x-own', 'etag'])
      expect([name, headers[name]]).toEqual([name, undefined]);
  });

  it('a pause of years is an hour', async () => {
    const { ask } = await open((response) => {
      response.setHeader('retry-after', '999999999');
      json(response, {}, 429);
    });
    await ask({});
    expect((await ask({})).headers).toMatchObject({ 'x-egress-refused': 'paused', 'retry-after': '3600' });
  });
});

describe('an answer that gives the credential back', () => {
  const inBase64 = (before: string, after = '') => Buffer.from(before + TOKEN + after).toString('base64');
  const spelled = (form: (code: string) => string) =>
    [...Buffer.from(TOKEN)].map((code) => form(code.toString(16))).join('');
  const forms: [string, string | Buffer][] = [
    ['as it is', TOKEN],
    ['with its scheme', `authorization: Bearer ${TOKEN}`],
    ['in an address', encodeURIComponent(TOKEN)],
    ['in an address, small letters', encodeURIComponent(TOKEN).replace(/%../g, (code) => code.toLowerCase())],
    ['in an address, twice', encodeURIComponent(encodeURIComponent(TOKEN))],
    ['in an address, each character', spelled((code) => `%${code}`)],
    ['in JSON', JSON.stringify({ a: TOKEN })],
    ['in JSON in JSON', JSON.stringify(JSON.stringify({ a: TOKEN }))],
    ['in JSON, slashes escaped', JSON.stringify(TOKEN).replaceAll('/', '\\/')],
    ['in JSON, each character', spelled((code) => `\\u00${code}`)],
    ['in HTML', TOKEN.replaceAll('&', '&amp;').replaceAll('"', '&quot;')],
    ['in HTML, each character', spelled((code) => `&#x${code};`)],
    ['in base64', inBase64('')],
    ['in base64, one off', inBase64('x', 'yz')],
    ['in base64, two off', inBase64('xy', 'z')],
    ['in base64 for addresses', Buffer.from(`x:${TOKEN}`).toString('base64url')],
    ['in hex', spelled((code) => code)],
    ['in hex, large letters', spelled((code) => code.toUpperCase())],
    ['in UTF-16', Buffer.from(TOKEN, 'utf16le')],
  ];

  it.each(forms)(
    '%s: masked in the body, also when it comes in single bytes, and recorded',
    async (_form, echo) => {
      const bytes = Buffer.concat([Buffer.from('before '), Buffer.from(echo), Buffer.from(' after')]);
      const { ask, heard } = await open(async (response) => {
        response.writeHead(200);
        for (const byte of bytes) {
          response.write(Buffer.from([byte]));
          await new Promise(setImmediate);
        }
        response.end();
      });
      const { body } = await ask({});
      expect(body).toMatch(/^before .*\[redacted\].* after$/s);
      expect(Buffer.from(body, 'latin1').includes(Buffer.from(echo))).toBe(false);
      expect(heard.calls).toMatchObject([{ credentialEchoed: true }]);
    },
  );

  it.each([500, 403, 200])('in a header, with status %d: masked', async (code) => {
    const { ask } = await open((response) => {
      response.setHeader('x-github-request-id', `a ${TOKEN} b`);
      response.setHeader('location', `/v3/x?token=${encodeURIComponent(TOKEN)}`);
      json(response, {}, code);
    });
    const { headers } = await ask({});
    expect(headers['x-github-request-id']).toBe('a [redacted] b');
    expect(headers.location).toBe('/x?token=[redacted]');
  });
});

describe('a name that leads elsewhere', () => {
  async function reach(entry: UpstreamConfig, resolve: (name: string) => Promise<readonly string[]>) {
    const opened = await openTo({
      upstreams: { [HOST]: entry },
      credentials: { get: async () => `Bearer ${TOKEN}` },
      resolve,
    });
    const { headers, status } = await opened.ask({});
    await opened.end();
    return { answer: headers['x-egress-refused'] ?? status, heard: opened.heard };
  }

  it.each([
    ['the cloud metadata service', '169.254.169.254'],
    ["AWS's over IPv6", 'fd00:ec2::254'],
    ["Azure's platform", '168.63.129.16'],
    ["Alibaba's", '100.100.100.200'],
    ['this machine', '127.0.0.1'],
    ['this machine, as 0.0.0.0', '0.0.0.0'],
    ['this machine over IPv6', '::1'],
    ['a private network', '10.0.0.1'],
    ['IPv4 mapped into IPv6', '::ffff:169.254.169.254'],
    ['IPv4 compatible IPv6', '::a9fe:a9fe'],
    ['NAT64', '64:ff9b::a9fe:a9fe'],
    ['NAT64 of a local prefix', '64:ff9b:1::a9fe:a9fe'],
    ['6to4', '2002:a9fe:a9fe::'],
    ['Teredo', '2001:0:a9fe:a9fe::'],
    ['a link-local address with a zone', 'fe80::1%eth0'],
    ['a decimal number', '2130706433'],
    ['octal digits', '0177.0.0.1'],
  ])('%s is refused before anything leaves', async (_what, address) => {
    const { answer, heard } = await reach({ baseUrl: 'https://example.test' }, async () => [address]);
    expect(answer).toBe('address_refused');
    expect(heard.refused).toMatchObject([{ code: 'address_refused', sent: false }]);
  });

  it('one forbidden address among good ones refuses all', async () => {
    const resolve = async () => ['140.82.112.3', '10.0.0.1'];
    expect((await reach({ baseUrl: 'https://example.test' }, resolve)).answer).toBe('address_refused');
  });

  it('an answer that changes between check and connection changes nothing: it is asked for once', async () => {
    const upstream = await startUpstream((response) => json(response, {}));
    ends.push(() => upstream.close());
    const answers = [['127.0.0.1'], ['169.254.169.254']];
    const entry = { baseUrl: `http://rebind.test:${upstream.port}`, addresses: ['127.0.0.1/32'] };
    expect((await reach(entry, async () => answers.shift() ?? [])).answer).toBe(200);
    expect(answers).toHaveLength(1);
  });

  it('an answer that changes before another try is checked again', async () => {
    const upstream = await startUpstream((response) => void response.destroy());
    ends.push(() => upstream.close());
    const answers = [['127.0.0.1'], ['169.254.169.254']];
    const entry = { baseUrl: `http://rebind.test:${upstream.port}`, addresses: ['127.0.0.1/32'] };
    const { answer, heard } = await reach(entry, async () => answers.shift() ?? []);
    expect(answer).toBe('address_refused');
    expect(heard.refused.map(({ code, attempt }) => [code, attempt])).toEqual([
      ['interrupted', 1],
      ['address_refused', 2],
    ]);
    expect(upstream.seen).toHaveLength(1);
  });
});

describe('a connection that is not made to its end', () => {
  it('leaves no write in doubt: nothing of it can have left', async () => {
    let connections = 0;
    const server = net.createServer((socket) => {
      connections += 1;
      socket.on('error', () => socket.destroy());
      // In the middle of the handshake, at its first bytes.
      socket.once('data', () => socket.resetAndDestroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { ask, heard, end } = await openTo({
      upstreams: { [HOST]: { baseUrl: `https://127.0.0.1:${port}`, addresses: ['127.0.0.0/8'] } },
      credentials: { get: async () => `Bearer ${TOKEN}` },
    });
    ends.push(end);
    const answer = await ask(WRITE);
    expect(answer.headers).toMatchObject({ 'x-egress-refused': 'connection_failed', 'x-egress-sent': 'no' });
    expect(heard.refused.map(({ code, sent }) => [code, sent])).toEqual(
      Array(MAX_TRIES).fill(['connection_failed', false]),
    );
    expect(connections).toBe(MAX_TRIES);
  });
});

describe('a certificate', () => {
  const PAST: typeof VALID = ['200101000000Z', '210101000000Z'];
  const FUTURE: typeof VALID = ['480101000000Z', '490101000000Z'];
  it.each<[string, { name?: string; valid?: typeof VALID; trusted: boolean }]>([
    ['that nobody vouches for', { trusted: false }],
    ['of another name', { name: 'other.test', trusted: true }],
    ['that has expired', { valid: PAST, trusted: true }],
    ['that is not valid yet', { valid: FUTURE, trusted: true }],
  ])('%s is refused before the credential leaves, and not tried again', async (_what, presented) => {
    const { key, cert } = selfSigned(presented.name ?? 'good.test', presented.valid);
    let requests = 0;
    let connections = 0;
    const server = https.createServer({ key, cert }, (_request, response) => {
      requests += 1;
      json(response, {});
    });
    server.on('connection', () => {
      connections += 1;
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const opened = await openTo({
      upstreams: {
        [HOST]: {
          baseUrl: `https://good.test:${port}`,
          addresses: ['127.0.0.0/8'],
          ...(presented.trusted ? { ca: cert } : {}),
        },
      },
      credentials: { get: async () => `Bearer ${TOKEN}` },
      resolve: async () => ['127.0.0.1'],
    });
    ends.push(() => opened.end());
    const answer = await opened.ask(WRITE);
    expect(answer.headers).toMatchObject({ 'x-egress-refused': 'connection_failed', 'x-egress-sent': 'no' });
    expect(opened.heard.refused).toMatchObject([{ code: 'connection_failed', sent: false }]);
    expect([requests, connections]).toEqual([0, 1]);
  });
});

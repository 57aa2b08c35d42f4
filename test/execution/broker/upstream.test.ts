import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAllowedAddress, parseRanges } from '../../../src/execution/broker/addresses.ts';
import { createBroker } from '../../../src/execution/broker/broker.ts';
import { refusalOf } from '../../../src/execution/broker/sending.ts';
import { MAX_TRIES } from '../../../src/execution/broker/tries.ts';
import type { UpstreamConfig } from '../../../src/execution/broker/upstream.ts';
import { type Ask, openTo } from './child.ts';
import { selfSigned } from './self-signed.ts';
import { json, startUpstream } from './upstream-server.ts';

const HOST = 'api.example.com';
const WRITE: Ask = {
  method: 'POST',
  path: '/repos/acme/issues',
  body: { title: 'VPN down', body: 'mark-1' },
};

async function reach(entry: UpstreamConfig, resolve: (name: string) => Promise<readonly string[]>) {
  const opened = await openTo({
    upstreams: { [HOST]: entry },
    credentials: { get: async () => 'Bearer something-long' },
    resolve,
  });
  const answer = await opened.ask({});
  await opened.end();
  return answer.headers['x-egress-refused'] ?? answer.status;
}

describe('an address', () => {
  it.each(['140.82.112.3', '2606:50c0:8000::153'])('%s is public', (address) => {
    expect(isAllowedAddress(address, [])).toBe(true);
  });
  it.each([
    ...[
      '127.0.0.1',
      '10.1.2.3',
      '172.16.0.1',
      '192.168.0.1',
      '169.254.169.254',
      '100.100.100.200',
      '0.0.0.0',
    ],
    ...['168.63.129.16', '224.0.0.1', '255.255.255.255', '192.0.0.192', '198.18.0.1', 'nonsense', ''],
    ...[
      '::1',
      '::',
      'fe80::1',
      'fd00:ec2::254',
      '::ffff:169.254.169.254',
      '::ffff:7f00:1',
      '64:ff9b::a9fe:a9fe',
    ],
    ...['2002:7f00:1::', '2001::1', 'ff02::1'],
  ])('%s is refused unless configured', (address) => {
    expect(isAllowedAddress(address, [])).toBe(false);
  });
  it('that is private is allowed in its configured range only', () => {
    const ranges = parseRanges(HOST, ['10.1.0.0/16', 'fd00::/8']);
    expect(isAllowedAddress('10.1.2.3', ranges)).toBe(true);
    expect(isAllowedAddress('::ffff:10.1.2.3', ranges)).toBe(true);
    expect(isAllowedAddress('fd00::1', ranges)).toBe(true);
    expect(isAllowedAddress('10.2.0.1', ranges)).toBe(false);
  });
});

describe('a name', () => {
  const entry = { baseUrl: 'https://example.test' };
  it('that does not resolve is refused', async () => {
    expect(await reach(entry, () => Promise.reject(new Error('ENOTFOUND')))).toBe('name_unresolved');
  });
  it('whose name server never answers holds no call beyond its time', async () => {
    const opened = await openTo(
      {
        upstreams: { [HOST]: entry },
        credentials: { get: async () => 'Bearer something-long' },
        resolve: () => new Promise(() => {}),
      },
      { budgets: { callMs: 100 } },
    );
    expect((await opened.ask({})).headers['x-egress-refused']).toBe('name_unresolved');
    await opened.end();
  });
  it.each([[['140.82.112.3']], [['127.0.0.1', '140.82.112.3']]])(
    'of an unencrypted upstream may lead to loopback only: %j',
    async (addresses) => {
      const plain = { baseUrl: 'http://example.test', addresses: ['127.0.0.1/32'] };
      expect(await reach(plain, async () => addresses)).toBe('plain_http');
    },
  );
  it.each(['read', 'write'])('whose first machine is down is served by the next: a %s', async (effect) => {
    const upstream = await startUpstream((response) => json(response, {}));
    const opened = await openTo({
      upstreams: {
        [HOST]: { baseUrl: `http://several.test:${upstream.port}`, addresses: ['127.0.0.0/8', '::1/128'] },
      },
      credentials: { get: async () => 'Bearer something-long' },
      resolve: async () => ['127.0.0.2', '::1', '127.0.0.1'],
    });
    const { status } = await opened.ask(effect === 'write' ? WRITE : {});
    await opened.end();
    await upstream.close();
    expect([status, upstream.seen.length]).toEqual([200, 1]);
    // One try, and for a write one intent.
    expect(opened.heard.calls.map(({ attempt }) => attempt)).toEqual([1]);
    expect(opened.heard.refused).toEqual([]);
  });
  it('of whose machines none is there has certainly not heard of it', async () => {
    const upstream = await startUpstream((response) => json(response, {}));
    await upstream.close();
    const opened = await openTo({
      upstreams: { [HOST]: { baseUrl: `http://several.test:${upstream.port}`, addresses: ['127.0.0.0/8'] } },
      credentials: { get: async () => 'Bearer something-long' },
      resolve: async () => ['127.0.0.2', '127.0.0.1'],
    });
    const { headers } = await opened.ask(WRITE);
    await opened.end();
    expect(headers).toMatchObject({ 'x-egress-refused': 'connection_failed', 'x-egress-sent': 'no' });
    expect(opened.heard.refused.at(-1)).toMatchObject({ detail: 'ECONNREFUSED', attempt: MAX_TRIES });
  });
});

describe('a certificate', () => {
  let ca = '';
  let server: https.Server;
  beforeAll(async () => {
    const { key, cert } = selfSigned('good.test');
    ca = cert;
    server = https.createServer({ key, cert }, (_request, response) => json(response, {}));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const entry = (name: string): UpstreamConfig => ({
    baseUrl: `https://${name}:${(server.address() as AddressInfo).port}`,
    addresses: ['127.0.0.0/8'],
  });
  const loopback = async () => ['127.0.0.1'];

  it('of the configured authority for this name is accepted', async () => {
    expect(await reach({ ...entry('good.test'), ca }, loopback)).toBe(200);
  });
});

describe('a credential', () => {
  it.each([
    [401, 1, 'is given up: the next call gets it anew'],
    [403, 0, 'is kept: a right is missing, and a new one would not have it either'],
  ])('that is answered %d %s', async (status, times) => {
    const upstream = await startUpstream((response) => json(response, {}, status));
    let refused = 0;
    const opened = await openTo({
      upstreams: upstream.config,
      credentials: {
        get: async () => 'Bearer something-long',
        refused: () => {
          refused += 1;
        },
      },
    });
    await opened.ask({});
    await opened.end();
    await upstream.close();
    expect(refused).toBe(times);
  });
});

describe('a call that fails', () => {
  const failing = (code: string) => Object.assign(new Error(code), { code });
  const CODES = ['ECONNREFUSED', 'EHOSTUNREACH', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'CERT_HAS_EXPIRED'];

  it.each(CODES)('with %s before any of it was written has certainly not left', (code) => {
    expect(refusalOf(failing(code), false)).toMatchObject({ reason: 'connection_failed', sent: false });
  });

  // Of a connection that was there, the network may tell late that nobody heard, or that nobody answers.
  it.each([...CODES, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'])(
    'with %s afterwards may have arrived',
    (code) => {
      expect(refusalOf(failing(code), true)).toMatchObject({ reason: 'interrupted', sent: true });
    },
  );

  it('since its own time was over before it was written has not left, and says nothing of the upstream', () => {
    const late = new DOMException('late', 'TimeoutError');
    expect(refusalOf(late, false)).toMatchObject({ reason: 'time_budget', sent: false });
    expect(refusalOf(late, true)).toMatchObject({ reason: 'timeout', detail: 'TimeoutError', sent: true });
  });

  it('without a code is recorded by its name', () => {
    const error = Object.assign(new TypeError('x'), { code: undefined });
    expect(refusalOf(error)).toMatchObject({ reason: 'interrupted', detail: 'TypeError' });
  });
});

describe("the operator's entries", () => {
  it.each([
    { baseUrl: 'nonsense' },
    { baseUrl: 'ftp://example.test' },
    { baseUrl: 'https://user@example.test' },
    { baseUrl: 'https://example.test', addresses: ['10.0.0.0'] },
    { baseUrl: 'https://example.test', ca: 'nonsense' },
  ])('%j do not start', (entry) => {
    const create = () =>
      createBroker({
        upstreams: { [HOST]: entry },
        credentials: { get: async () => null },
        builtIns: {},
        scan: () => null,
      });
    expect(create).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  });
});

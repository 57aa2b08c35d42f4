import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAllowedAddress, parseRanges } from '../../../src/execution/broker/addresses.ts';
import { createBroker } from '../../../src/execution/broker/broker.ts';
import { refusalOf, type UpstreamConfig } from '../../../src/execution/broker/upstream.ts';
import { openTo } from './child.ts';
import { selfSigned } from './self-signed.ts';
import { json, startUpstream } from './upstream-server.ts';

const HOST = 'api.example.com';

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
  it('of an unencrypted upstream may lead to loopback only', async () => {
    expect(await reach({ baseUrl: 'http://example.test' }, async () => ['140.82.112.3'])).toBe('plain_http');
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
  const failing = (code: string, syscall?: string) =>
    refusalOf(Object.assign(new Error(code), { code }, syscall === undefined ? {} : { syscall }));

  it.each([
    ...['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'].map((code) => [code, 'connect'] as const),
    ['UND_ERR_CONNECT_TIMEOUT', undefined] as const,
    ['CERT_HAS_EXPIRED', undefined] as const,
    ['ERR_TLS_CERT_ALTNAME_INVALID', undefined] as const,
  ])('with %s while connecting has certainly not left', (code, syscall) => {
    expect(failing(code, syscall)).toMatchObject({ reason: 'connection_failed', sent: false });
  });

  it.each([
    // Of a connection that was there: the network told us late that nobody heard, or that nobody answers.
    ...['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNRESET'].map((code) => [code, 'read'] as const),
    ['EPIPE', 'write'] as const,
    // The other side's word about our certificate comes after the request in TLS 1.3.
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', undefined] as const,
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', undefined] as const,
    ['UND_ERR_SOCKET', undefined] as const,
  ])('with %s afterwards may have arrived', (code, syscall) => {
    expect(failing(code, syscall)).toMatchObject({ reason: 'interrupted', sent: true });
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

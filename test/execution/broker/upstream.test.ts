import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAllowedAddress, parseRanges } from '../../../src/execution/broker/addresses.ts';
import { createBroker } from '../../../src/execution/broker/broker.ts';
import type { UpstreamConfig } from '../../../src/execution/broker/upstream.ts';
import { openTo } from './child.ts';
import { selfSigned } from './self-signed.ts';
import { json } from './upstream-server.ts';

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

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Asked, foreignHost, foreignPage, ourOrigins } from '../../../adapters/web/guard.ts';

const good: Asked = {
  method: 'GET',
  path: '/requests',
  hosts: ['127.0.0.1:3000'],
  origin: undefined,
  fetchSite: undefined,
  fetchMode: undefined,
  fetchDest: undefined,
};
const origins = ourOrigins(3000, null);

describe('the Host header', () => {
  it.each(['127.0.0.1:3000', 'localhost:3000', '[::1]:3000', 'LocalHost:3000'])('is ours as %s', (host) => {
    expect(foreignHost({ ...good, hosts: [host] }, origins)).toBeNull();
  });

  it.each([
    'evil.example:3000',
    '127.0.0.1',
    '127.0.0.1:3001',
    'localhost.evil.example:3000',
    '127.0.0.1:3000.evil.example',
    '0.0.0.0:3000',
    '',
  ])('is refused as %j', (host) => {
    expect(foreignHost({ ...good, hosts: [host] }, origins)).not.toBeNull();
  });

  it('is refused when absent or given twice', () => {
    expect(foreignHost({ ...good, hosts: [] }, origins)).not.toBeNull();
    expect(foreignHost({ ...good, hosts: ['127.0.0.1:3000', '127.0.0.1:3000'] }, origins)).not.toBeNull();
  });

  it('may be that of PUBLIC_URL, with or without its default port', () => {
    const withPublic = ourOrigins(3000, 'https://countersign.localhost/');
    expect(foreignHost({ ...good, hosts: ['countersign.localhost'] }, withPublic)).toBeNull();
    expect(foreignHost({ ...good, hosts: ['countersign.localhost:443'] }, withPublic)).toBeNull();
    expect(foreignHost({ ...good, hosts: ['countersign.localhost:80'] }, withPublic)).not.toBeNull();
  });

  it('may leave out the port where we listen on the default one', () => {
    expect(foreignHost({ ...good, hosts: ['localhost'] }, ourOrigins(80, null))).toBeNull();
  });

  it('is refused for every other name', () => {
    fc.assert(
      fc.property(fc.domain(), (name) => {
        expect(foreignHost({ ...good, hosts: [`${name}:3000`] }, origins)).not.toBeNull();
      }),
    );
  });
});

describe('the page behind a request', () => {
  it.each(['http://127.0.0.1:3000', 'http://localhost:3000', 'http://[::1]:3000'])('may be %s', (origin) => {
    expect(foreignPage({ ...good, origin }, origins)).toBeNull();
  });

  it.each([
    'null',
    'https://127.0.0.1:3000',
    'http://127.0.0.1:3001',
    'http://evil.example',
    'http://localhost',
    '',
  ])('may not be %j', (origin) => {
    expect(foreignPage({ ...good, origin }, origins)).not.toBeNull();
  });

  it('has the scheme of PUBLIC_URL there', () => {
    const withPublic = ourOrigins(3000, 'https://countersign.localhost');
    expect(foreignPage({ ...good, origin: 'https://countersign.localhost' }, withPublic)).toBeNull();
    expect(foreignPage({ ...good, origin: 'http://countersign.localhost' }, withPublic)).not.toBeNull();
  });

  it.each(['same-origin', 'same-site', 'none'])('may stand in Sec-Fetch-Site as %s', (fetchSite) => {
    expect(foreignPage({ ...good, fetchSite }, origins)).toBeNull();
  });

  it('is refused as cross-site, on reads too', () => {
    for (const method of ['GET', 'HEAD', 'POST']) {
      expect(foreignPage({ ...good, method, fetchSite: 'cross-site' }, origins)).not.toBeNull();
    }
  });

  it('may link to us at the top level, and in no other way', () => {
    const link = { ...good, fetchSite: 'cross-site', fetchMode: 'navigate', fetchDest: 'document' };
    expect(foreignPage(link, origins)).toBeNull();
    expect(foreignPage({ ...link, method: 'POST' }, origins)).not.toBeNull();
    expect(foreignPage({ ...link, fetchDest: 'iframe' }, origins)).not.toBeNull();
    expect(foreignPage({ ...link, fetchMode: 'no-cors' }, origins)).not.toBeNull();
    expect(foreignPage({ ...link, origin: 'http://evil.example' }, origins)).not.toBeNull();
  });

  it.each(['/api/local/people', '/API/local/people', '/api'])(
    'may not link to %s, which is no page',
    (path) => {
      const link = { ...good, path, fetchSite: 'cross-site', fetchMode: 'navigate', fetchDest: 'document' };
      expect(foreignPage(link, origins)).not.toBeNull();
      expect(foreignPage({ ...link, path: '/apinions' }, origins)).toBeNull();
      expect(foreignPage({ ...link, fetchSite: 'none' }, origins)).toBeNull();
    },
  );
});

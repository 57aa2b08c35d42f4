/** A file that lies elsewhere: read at a store that the operator lists, and nowhere else. Real servers on loopback. */
import { afterEach, describe, expect, it } from 'vitest';
import type { EgressRule } from '../../../src/action.ts';
import { createBroker } from '../../../src/execution/broker/broker.ts';
import { openTo, RULES } from './child.ts';
import { type Script, startUpstream } from './upstream-server.ts';

const HOST = 'api.example.com';
const TOKEN = ['ghs', 'a1B2c3D4e5F6g7H8i9J0'].join('_');
const SIGNATURE = ['sig', crypto.randomUUID()].join('=');
const [READ, WRITE] = RULES as [EgressRule, EgressRule];
const LOG: EgressRule = { ...READ, fileElsewhere: true, endBytes: 1_000 };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

type Options = { rule?: EgressRule; files?: (storePort: number) => string[]; budgets?: object };

/** An upstream that redirects, and the store that it redirects to; `location` from the store's port. */
async function open(
  location: (port: number) => string,
  store: Script,
  { rule = LOG, files = (port) => [`http://*.store.test:${port}`], budgets = {} }: Options = {},
) {
  const elsewhere = await startUpstream(store);
  const upstream = await startUpstream(
    (response) => void response.writeHead(302, { location: location(elsewhere.port) }).end(),
  );
  const resolved: string[] = [];
  const opened = await openTo(
    {
      upstreams: {
        [HOST]: {
          baseUrl: `http://127.0.0.1:${upstream.port}`,
          addresses: ['127.0.0.1/32'],
          files: files(elsewhere.port),
        },
      },
      credentials: { get: async () => `Bearer ${TOKEN}` },
      resolve: async (name) => {
        resolved.push(name);
        return name.startsWith('inside') ? ['10.0.0.1'] : ['127.0.0.1'];
      },
    },
    { rules: [rule], budgets },
  );
  ends.push(
    () => elsewhere.close(),
    () => upstream.close(),
    () => opened.end(),
  );
  return { ...opened, elsewhere, upstream, resolved };
}

const PLACE = '/logs/17.txt';
const signed = (port: number) => `http://results.store.test:${port}${PLACE}?${SIGNATURE}`;
const text =
  (body: string, code = 200): Script =>
  (response) =>
    void response.writeHead(code, { 'content-type': 'text/plain' }).end(body);

describe('a file at a listed store', () => {
  it('is read there, without the credential or a header of the child, and both calls are recorded', async () => {
    const { ask, heard, elsewhere } = await open(signed, text('line 1\nline 2\n'));
    const answer = await ask({ headers: { 'x-github-api-version': '2022-11-28' } });
    expect(answer).toMatchObject({ status: 200, body: 'line 1\nline 2\n' });
    expect(answer.headers['x-egress-label']).toBe('fetched');
    const [seen] = elsewhere.seen;
    expect(seen).toMatchObject({ method: 'GET', url: `${PLACE}?${SIGNATURE}` });
    expect(Object.keys(seen?.headers ?? {}).sort()).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'host',
      'user-agent',
    ]);
    expect(heard.calls.map(({ host, path, status }) => [host, path, status])).toEqual([
      [HOST, '/repos/acme/issues/12', 302],
      [`results.store.test:${elsewhere.port}`, PLACE, 200],
    ]);
  });

  it('leaves its signature in no record and in no answer', async () => {
    const { ask, heard } = await open(signed, text('x', 404));
    const answer = await ask({});
    expect(answer.status).toBe(404);
    expect(JSON.stringify([answer.headers, answer.body, heard])).not.toContain(SIGNATURE);
  });

  it('that holds our credential gives it to nobody', async () => {
    const { ask, heard } = await open(signed, text(`token ${TOKEN}\n`));
    expect((await ask({})).body).toBe('token [redacted]\n');
    expect(heard.calls).toMatchObject([{ credentialEchoed: false }, { credentialEchoed: true }]);
  });

  it('longer than wanted is given from its end, in whole lines', async () => {
    const lines = Array.from({ length: 50_000 }, (_, index) => `line ${index}`);
    const { ask, heard } = await open(signed, text(`${lines.join('\n')}\n`));
    const { body } = await ask({});
    expect(body.length).toBeLessThanOrEqual(1_000);
    expect(body.length).toBeGreaterThan(900);
    expect(body.split('\n').slice(0, -1)).toEqual(lines.slice(1 - body.split('\n').length));
    expect(heard.calls.at(-1)?.responseBytes).toBe(body.length);
  });

  it('longer than wanted in one single line is refused: what was cut off could be half of a secret', async () => {
    const { ask } = await open(signed, text('x'.repeat(5_000)));
    expect((await ask({})).headers['x-egress-refused']).toBe('response_too_large');
  });

  it('is tried again where the store is busy, and counts as a call each time', async () => {
    let asked = 0;
    const { ask, heard } = await open(signed, (response) => {
      asked += 1;
      response.writeHead(asked < 3 ? 503 : 200).end(asked < 3 ? '' : 'there\n');
    });
    expect((await ask({})).body).toBe('there\n');
    expect(heard.calls.map(({ status }) => status)).toEqual([302, 503, 503, 200]);
  });

  it('costs a call of the budget', async () => {
    const { ask, heard, elsewhere } = await open(signed, text('x'), { budgets: { calls: 1 } });
    expect((await ask({})).headers['x-egress-refused']).toBe('call_budget');
    expect(heard.calls.map(({ status }) => status)).toEqual([302]);
    expect(elsewhere.seen).toHaveLength(0);
  });

  it('a store that fails opens its own circuit, not that of the upstream', async () => {
    const { ask, heard, upstream } = await open(signed, (response) => void response.writeHead(500).end());
    for (let call = 0; call < 6; call += 1) await ask({});
    expect(heard.refused.map(({ code }) => code)).toEqual(['circuit_open']);
    expect(upstream.seen).toHaveLength(6);
  });
});

describe('what is no file at a listed store is not read', () => {
  it.each<[string, (port: number) => string, Options]>([
    ['another host', (port) => `http://evil.test:${port}${PLACE}`, {}],
    ['a name that only ends alike', (port) => `http://resultsstore.test:${port}${PLACE}`, {}],
    ['a name below a listed one', (port) => `http://a.results.store.test:${port}${PLACE}`, {}],
    ['another port', (port) => `http://results.store.test:${port + 1}${PLACE}`, {}],
    ['another scheme', (port) => `https://results.store.test:${port}${PLACE}`, {}],
    ['a scheme that is no web address', () => 'file:///etc/passwd', {}],
    ['a name and password', (port) => `http://a:b@results.store.test:${port}${PLACE}`, {}],
    ['another host behind two slashes', (port) => `http://results.store.test:${port}//evil.test/x`, {}],
    ['two places', (port) => `${signed(port)}, http://evil.test${PLACE}`, {}],
    ['a place relative to the upstream', () => PLACE, {}],
    ['a redirect to nowhere', () => '', {}],
    ['a store where none is listed', signed, { files: () => [] }],
    ['a redirect that the rule does not expect', signed, { rule: READ }],
  ])('%s', async (_what, location, options) => {
    const { ask, heard, elsewhere } = await open(location, text('x'), options);
    expect((await ask({})).headers['x-egress-refused']).toBe('redirect');
    expect(heard.refused).toMatchObject([{ code: 'redirect', sent: true }]);
    expect(elsewhere.seen).toHaveLength(0);
  });

  it('a listed name that leads to a private address', async () => {
    const { ask, heard, elsewhere } = await open(
      (port) => `http://inside.store.test:${port}${PLACE}`,
      text('x'),
    );
    expect((await ask({})).headers['x-egress-refused']).toBe('address_refused');
    expect(heard.calls.map(({ status }) => status)).toEqual([302]);
    expect(elsewhere.seen).toHaveLength(0);
  });

  it('a second redirect, from the store', async () => {
    const { ask, heard } = await open(
      signed,
      (response, { headers }) => void response.writeHead(302, { location: `http://${headers.host}/x` }).end(),
    );
    expect((await ask({})).headers['x-egress-refused']).toBe('redirect');
    expect(heard.calls.map(({ status }) => status)).toEqual([302, 302]);
  });

  it.each(['fileElsewhere', 'endBytes'] as const)(
    'a write that declares %s: it declares nothing',
    async (name) => {
      const rule = { ...WRITE, [name]: name === 'endBytes' ? 10 : true } as EgressRule;
      const { ask } = await open(signed, text('x'), { rule });
      const write = {
        method: 'POST',
        path: '/repos/acme/issues',
        body: { title: 'VPN down', body: 'mark-1' },
      };
      expect((await ask(write)).headers['x-egress-refused']).toBe('not_declared');
    },
  );
});

describe('the list of stores', () => {
  it.each([
    'files.example.com',
    'https://*',
    'https://*.com',
    'https://a.*.example.com',
    'https://files.example.com/folder',
    'https://user@files.example.com',
    'ftp://files.example.com',
    'https://**.files.example.com',
  ])('%s refuses the start', (entry) => {
    const config = { upstreams: { [HOST]: { baseUrl: 'https://api.example.com', files: [entry] } } };
    expect(() =>
      createBroker({ ...config, builtIns: {}, credentials: { get: async () => null }, scan: () => null }),
    ).toThrow(/under "files"/);
  });
});

/** Signing in, against a real provider's protocol: who gets in, and everything that must not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadDirectory } from '../../../src/directory/file.ts';
import { useDatabase } from '../../support/database.ts';
import { CLIENT, signedByAnother, startProvider, type TestProvider } from '../../support/oidc/provider.ts';
import { Visitor } from '../../support/oidc/visitor.ts';
import { type Listed, serveWorkspace, type Workspace } from '../../support/oidc/workspace.ts';

const SESSION = '__Host-countersign';
const TRANSACTION = '__Host-countersign-sign-in';
const PEOPLE: Listed[] = [
  { id: 'alice', subject: 'subject-of-alice' },
  { id: 'bob', subject: 'subject-of-bob' },
  { id: 'dave', subject: 'subject-of-dave', active: false },
];
const MINUTE_MS = 60_000;
const UNESCAPED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

const database = useDatabase();
let provider: TestProvider;
let workspace: Workspace;
let visitor: Visitor;

beforeAll(async () => {
  provider = await startProvider();
});
afterAll(() => provider.stop());
beforeEach(async () => {
  Object.assign(provider, { subject: 'subject-of-alice', alter: null, forged: null, alias: null });
  const publicUrl = 'https://countersign.example';
  workspace = await serveWorkspace({ db: database.db, issuer: provider.issuer, people: PEOPLE, publicUrl });
  visitor = new Visitor(workspace);
});
afterEach(() => workspace.close());

describe('a good sign-in', () => {
  it('makes the account that the provider vouches for a session, and returns to the page', async () => {
    const answer = await visitor.signIn('/requests/6f1d9d0e-6d6a-4e52-9a3c-4b1f5f0b7a11');
    expect(answer.status).toBe(303);
    expect(answer.headers.location).toBe('/requests/6f1d9d0e-6d6a-4e52-9a3c-4b1f5f0b7a11');
    expect(await visitor.whoAmI()).toBe('alice');
  });

  it('asks for the subject alone, with state, nonce and PKCE', async () => {
    const url = await visitor.begin();
    expect(url.origin).toBe(provider.issuer);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: CLIENT.clientId,
      response_type: 'code',
      scope: 'openid',
      redirect_uri: 'https://countersign.example/sign-in/callback',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    expect(new Set(url.searchParams.values()).size).toBe(url.searchParams.size);
  });

  it('sets cookies that only this host can set, scripts cannot read and no other site can use', async () => {
    const begun = await visitor.send('POST', '/sign-in');
    const back = await visitor.authorize(new URL(String(begun.headers.refresh).slice('0; url='.length)));
    const rule =
      /^(__Host-[\w-]+)=[^;]+; (?:Max-Age=600; )?Path=\/; (?:Expires=[^;]+; )?HttpOnly; Secure; SameSite=Lax$/;
    expect(begun.headers['set-cookie']).toEqual([expect.stringMatching(rule)]);
    expect(begun.headers['set-cookie']?.[0]).toContain('Max-Age=600');
    const done = (await visitor.open(back)).headers['set-cookie'] ?? [];
    expect(done).toEqual([
      expect.stringContaining(`${TRANSACTION}=; `),
      expect.stringMatching(new RegExp(`^${SESSION}=[\\w-]{43}; Path=/; HttpOnly; Secure; SameSite=Lax$`)),
    ]);
  });

  it('keeps no id in the database that a cookie could hold', async () => {
    await visitor.signIn();
    const rows = await database.db.query('select to_jsonb(s)::text as row from web_sessions s');
    const id = visitor.cookies.get(SESSION) ?? '';
    const bytes = Buffer.from(id, 'base64url').toString('hex');
    expect(rows.length).toBeGreaterThan(0);
    for (const form of [id, bytes]) expect(JSON.stringify(rows)).not.toContain(form);
  });

  it('ends the session that the browser had, and gives the new one another id', async () => {
    await visitor.signIn();
    const before = visitor.cookies.get(SESSION);
    provider.subject = 'subject-of-bob';
    await visitor.signIn();
    const after = visitor.cookies.get(SESSION);
    expect(after).not.toBe(before);
    expect(await visitor.whoAmI()).toBe('bob');
    visitor.cookies.set(SESSION, before ?? '');
    expect(await visitor.whoAmI()).toBeNull();
  });

  it('never takes over an id that was there before it', async () => {
    visitor.cookies.set(SESSION, 'an-id-that-somebody-planted');
    await visitor.signIn();
    expect(visitor.cookies.get(SESSION)).not.toBe('an-id-that-somebody-planted');
    visitor.cookies.set(SESSION, 'an-id-that-somebody-planted');
    expect(await visitor.whoAmI()).toBeNull();
  });
});

describe('a sign-in that does not hold', () => {
  /** `reason` is the library's; null: it was over before anybody was asked. */
  const refused = async (callback: string, reason: RegExp | null) => {
    const answer = await visitor.open(callback);
    expect(answer.status).toBe(reason === null ? 400 : 403);
    if (reason !== null) {
      const detail = expect.stringMatching(reason);
      expect(workspace.warnings.at(-1)).toEqual({ code: 'sign_in_refused', detail });
    }
    expect(answer.text).toContain('You are not signed in');
    expect(visitor.cookies.has(SESSION)).toBe(false);
    expect(visitor.cookies.has(TRANSACTION)).toBe(false);
    return answer;
  };
  const claims: [string, Record<string, unknown>, RegExp][] = [
    ['another nonce', { nonce: 'of-another-sign-in' }, /nonce/],
    ['no nonce', { nonce: undefined }, /nonce/],
    ['another issuer', { iss: 'https://login.example' }, /iss/],
    ['another audience', { aud: 'another-client' }, /aud/],
    ['several audiences, and another authorized party', { aud: [CLIENT.clientId, 'x'], azp: 'x' }, /azp/],
    ['a time that is over', { exp: Math.floor(Date.now() / 1000) - 60 }, /exp/],
    ['a time that has not come', { nbf: Math.floor(Date.now() / 1000) + 3_600 }, /nbf/],
    ['no subject', { sub: undefined }, /sub/],
    ['a subject that no file could name', { sub: 'subject of mallory' }, /names no subject/],
  ];
  it.each(claims)('is refused for %s in the ID token', async (_what, wrong, reason) => {
    provider.alter = (token) => Object.assign(token, wrong);
    await refused(await visitor.authorize(await visitor.begin()), reason);
  });

  it('is refused for another state, or none', async () => {
    for (const state of ['of-another-sign-in', null]) {
      const callback = new URL(await visitor.authorize(await visitor.begin()), workspace.publicUrl);
      if (state === null) callback.searchParams.delete('state');
      else callback.searchParams.set('state', state);
      const before = provider.exchanges;
      await refused(callback.pathname + callback.search, /state/);
      expect(provider.exchanges).toBe(before);
    }
  });

  it('is refused where the answer names another issuer (RFC 9207)', async () => {
    const callback = await visitor.authorize(await visitor.begin());
    await refused(`${callback}&iss=${encodeURIComponent('https://login.example')}`, /iss/);
  });

  it('is refused for a token that the provider’s key did not sign', async () => {
    const url = await visitor.begin();
    const claimed = { sub: 'subject-of-alice', aud: CLIENT.clientId, nonce: url.searchParams.get('nonce') };
    provider.forged = await signedByAnother(provider.issuer, provider.keyId, claimed);
    await refused(await visitor.authorize(url), /signature/);
    const unsigned = provider.forged.split('.');
    unsigned[0] = Buffer.from('{"alg":"none"}').toString('base64url');
    provider.forged = `${unsigned[0]}.${unsigned[1]}.`;
    await refused(await visitor.authorize(await visitor.begin()), /alg/);
  });

  it('is refused where the person said no at the provider', async () => {
    const callback = new URL(await visitor.authorize(await visitor.begin()), workspace.publicUrl);
    callback.searchParams.delete('code');
    callback.searchParams.set('error', 'access_denied');
    callback.searchParams.set('error_description', '<script>a vendor’s text</script>');
    const { text } = await refused(callback.pathname + callback.search, /is an error/);
    expect(text).not.toContain('vendor');
  });

  it('is refused for a code that was used before', async () => {
    const first = new URL(await visitor.authorize(await visitor.begin()), workspace.publicUrl);
    await visitor.open(first.pathname + first.search);
    visitor.cookies.clear();
    const second = new URL(await visitor.authorize(await visitor.begin()), workspace.publicUrl);
    second.searchParams.set('code', first.searchParams.get('code') ?? '');
    await refused(second.pathname + second.search, /content-type/);
  });

  it('is refused for a code of another browser’s sign-in', async () => {
    const other = new Visitor(workspace);
    const theirs = new URL(await other.authorize(await other.begin()), workspace.publicUrl);
    const ours = new URL(await visitor.authorize(await visitor.begin()), workspace.publicUrl);
    ours.searchParams.set('code', theirs.searchParams.get('code') ?? '');
    await refused(ours.pathname + ours.search, /content-type/);
  });

  it('is refused without the cookie of its beginning, and in another browser', async () => {
    const callback = await visitor.authorize(await visitor.begin());
    const before = provider.exchanges;
    const other = new Visitor(workspace);
    expect((await other.open(callback)).status).toBe(400);
    await other.begin();
    expect((await other.open(callback)).status).toBe(403);
    visitor.cookies.delete(TRANSACTION);
    await refused(callback, null);
    expect(provider.exchanges).toBe(before);
  });

  it('is refused when it took longer than ten minutes', async () => {
    const callback = await visitor.authorize(await visitor.begin());
    workspace.pass(10 * MINUTE_MS + 1);
    await refused(callback, null);
  });

  it('is refused when its callback is repeated', async () => {
    const callback = await visitor.authorize(await visitor.begin());
    const transaction = visitor.cookies.get(TRANSACTION) ?? '';
    expect((await visitor.open(callback)).status).toBe(303);
    expect((await visitor.open(callback)).status).toBe(400);
    visitor.cookies.clear();
    visitor.cookies.set(TRANSACTION, transaction);
    await refused(callback, /content-type/);
  });

  it('makes one session, even where a provider would vouch for it twice', async () => {
    const url = await visitor.begin();
    const transaction = visitor.cookies.get(TRANSACTION) ?? '';
    expect((await visitor.open(await visitor.authorize(url))).status).toBe(303);
    visitor.cookies.clear();
    visitor.cookies.set(TRANSACTION, transaction);
    await refused(await visitor.authorize(url), null);
  });
});

describe('somebody whom the directory does not link', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-lines-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is told the issuer and subject to be added with, and gets no session', async () => {
    provider.subject = 'subject-of-<b>mallory</b>';
    const answer = await visitor.signIn();
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('subject-of-&lt;b&gt;mallory&lt;/b&gt;');
    expect(answer.text).toContain(provider.issuer);
    expect(answer.text).not.toContain('<b>');
    expect(visitor.cookies.size).toBe(0);
  });

  it.each([
    'f:3c6e0b8a-9c15-4f2e-8f0a-0c5e2b7d1a44:mallory@example.com',
    'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bb+aQ/w==',
    `"#:{}[],&*!|>%\`'\\~`,
    'x'.repeat(255),
  ])('is shown lines that the directory takes: %s', async (subject) => {
    provider.subject = subject;
    const shown = /<pre>(.*?)<\/pre>/s.exec((await visitor.signIn()).text)?.[1] ?? '';
    const lines = shown.replace(/&(amp|lt|gt|quot|#39);/g, (_all, name: string) => UNESCAPED[name] ?? '');
    const file = join(folder, 'people.yaml');
    const account = lines.replace(/^/gm, '      ');
    const text = `groups: {}\npeople:\n  - id: mallory\n    name: Mallory\n    accounts:\n${account}\n`;
    writeFileSync(file, text, { mode: 0o600 });
    const found = loadDirectory(file, { production: true });
    expect(found.people[0]?.accounts).toEqual([{ platform: 'web', issuer: provider.issuer, subject }]);
  });

  it('is not let in by an e-mail address or a name', async () => {
    provider.subject = 'subject-of-mallory';
    provider.alter = (token) =>
      Object.assign(token, { email: 'alice@example.com', preferred_username: 'alice' });
    expect((await visitor.signIn()).status).toBe(403);
    expect(await visitor.whoAmI()).toBeNull();
  });

  it('is nobody afterwards, even where somebody was signed in before', async () => {
    await visitor.signIn();
    const before = visitor.cookies.get(SESSION) ?? '';
    provider.subject = 'subject-of-mallory';
    expect((await visitor.signIn()).status).toBe(403);
    expect(visitor.cookies.size).toBe(0);
    visitor.cookies.set(SESSION, before);
    expect(await visitor.whoAmI()).toBeNull();
  });

  it('is not let in when switched off', async () => {
    provider.subject = 'subject-of-dave';
    const answer = await visitor.signIn();
    expect([answer.status, visitor.cookies.size]).toEqual([403, 0]);
  });
});

describe('a provider that cannot be trusted or reached', () => {
  it.each(['https://login.example', 'https://login.microsoftonline.com/{tenantid}/v2.0'])(
    'serves nobody when it calls itself %s',
    async (alias) => {
      provider.alias = alias;
      const answer = await visitor.send('POST', '/sign-in');
      expect([answer.status, visitor.cookies.size]).toEqual([503, 0]);
      provider.alias = null;
      expect((await visitor.signIn()).status).toBe(303);
    },
  );

  it('is said to be silent', async () => {
    const other = await startProvider();
    const behind = await serveWorkspace({ db: database.db, issuer: other.issuer, people: PEOPLE });
    await other.stop();
    const answer = await new Visitor(behind).send('POST', '/sign-in');
    expect(answer.status).toBe(503);
    expect(answer.text).toContain('does not answer');
    await behind.close();
  });
});

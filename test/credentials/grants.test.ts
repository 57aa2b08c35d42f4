import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { createCredentials as create } from '../../src/credentials/credentials.ts';
import { CredentialEntry } from '../../src/credentials/entry.ts';
import { type Grant, readGrants } from '../../src/credentials/grants.ts';

const SECRET = ['s3cr3t', crypto.randomUUID()].join('-');
const TOKEN = { scheme: 'token', host: 'request-tracker', env: 'RT_TOKEN' } as const;
const HOSTS = ['request-tracker', 'buildbot'];

const grants = (entry: unknown, value: string | null = SECRET) =>
  readGrants(
    { it: CredentialEntry.parse(entry) },
    { secret: () => (value === null ? null : { value, file: null }), hosts: HOSTS, hasVault: false },
  );
const createCredentials = (granted: readonly Grant[]) => create(granted, { vault: null, news: () => {} });

/** The refusal's words. */
function refusal(entry: unknown, value?: string | null): string {
  try {
    grants(entry, value);
  } catch (error) {
    expect(error).toMatchObject({ code: 'config_invalid' });
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

describe('a granted credential', () => {
  const basic = `Basic ${Buffer.from(`ops:${SECRET}`).toString('base64')}`;
  it.each([
    [TOKEN, `token ${SECRET}`],
    [{ ...TOKEN, scheme: 'bearer' }, `Bearer ${SECRET}`],
    [{ ...TOKEN, scheme: 'basic', user: 'ops' }, basic],
    [
      { ...TOKEN, scheme: 'basic', user: 'ops', crumb: '/crumbIssuer/api/json' },
      { kind: 'crumb', path: '/crumbIssuer/api/json', authorization: basic },
    ],
    [
      { ...TOKEN, scheme: 'pagerduty' },
      { kind: 'header', header: 'authorization', value: `Token token=${SECRET}`, also: [SECRET] },
    ],
    [
      { ...TOKEN, scheme: 'header', header: 'x-api-key' },
      { kind: 'header', header: 'x-api-key', value: SECRET },
    ],
    [
      { ...TOKEN, scheme: 'session', user: 'ops' },
      { kind: 'session', login: '/auth/login', authorization: basic },
    ],
  ])('of %j is sent the way its scheme says', async (entry, sent) => {
    expect(await createCredentials(grants(entry)).get('it', 'request-tracker')).toEqual(sent);
  });

  it('goes to its own host and answers to its own name only', async () => {
    const { get } = createCredentials(grants(TOKEN));
    expect(await get('it', 'buildbot')).toBeNull();
    expect(await get('other', 'request-tracker')).toBeNull();
  });

  it('is read from the variable that the entry names', () => {
    const asked: string[] = [];
    const secret = (name: string) => {
      asked.push(name);
      return { value: SECRET, file: null };
    };
    readGrants({ it: TOKEN }, { secret, hosts: HOSTS, hasVault: false });
    expect(asked).toEqual(['RT_TOKEN']);
  });
});

describe('refused at the start, naming the variable and never the value', () => {
  it('a secret that is not there', () => {
    expect(refusal(TOKEN, null)).toBe('credentials.it: RT_TOKEN is not set.');
  });

  it('a secret too short to be masked in answers', () => {
    expect(refusal(TOKEN, 'short')).toMatch(/^credentials\.it: RT_TOKEN must be 8 to/);
  });

  it.each(['with a space in it', 'line\r\nx-other: smuggled', 'naïve-password'])(
    'a token that is %j',
    (value) => {
      expect(refusal(TOKEN, value)).toBe('credentials.it: RT_TOKEN holds characters that cannot be sent.');
    },
  );

  it('a password with a control character, though others may be anything', () => {
    const entry = { ...TOKEN, scheme: 'basic', user: 'ops' };
    expect(refusal(entry, 'pass\nword-long')).toContain('RT_TOKEN');
    expect(grants(entry, 'passwört mit Leerzeichen')).toHaveLength(1);
  });

  it('a host that is no upstream', () => {
    expect(refusal({ ...TOKEN, host: 'elsewhere' })).toBe(
      'credentials.it: "upstreams" has no host elsewhere.',
    );
  });

  it.each([
    'MASTER_KEY',
    'AUDIT_SIGNING_KEY',
    'SLACK_BOT_TOKEN',
    'DATABASE_URL',
    'GITHUB_TOKEN',
    'VAULT_SECRET_ID',
    'RT_TOKEN_FILE',
  ])('the variable %s', (env) => {
    expect(CredentialEntry.safeParse({ ...TOKEN, env }).success).toBe(false);
  });

  it.each(['authorization', 'cookie', 'host', 'content-length', 'X-Api-Key'])('the header %s', (header) => {
    expect(CredentialEntry.safeParse({ ...TOKEN, scheme: 'header', header }).success).toBe(false);
  });

  it('a user with a colon, which HTTP basic would cut', () => {
    expect(CredentialEntry.safeParse({ ...TOKEN, scheme: 'basic', user: 'ops:x' }).success).toBe(false);
  });
});

describe('local mode, where anybody at this machine may be anybody', () => {
  const folder = mkdtempSync(join(tmpdir(), 'credentials-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const read = (file: string, env: Record<string, string> = {}) => {
    writeFileSync(join(folder, 'countersign.yaml'), file);
    return readConfig(env, folder);
  };
  const MEANT = { LOCAL_MODE_WITH_CONNECTORS: '1' };
  const GRANT = [
    'upstreams: {request-tracker: {base_url: "http://127.0.0.1:8190"}}',
    'credentials: {request-tracker: {scheme: token, host: request-tracker, env: RT_TOKEN}}',
  ].join('\n');

  it.each(['ticketing: {use: request-tracker}', 'ticketing: {use: github-issues}', 'ci: {use: buildbot}'])(
    'refuses the connector %s unless it is meant',
    (chosen) => {
      expect(() => read(`connectors: {${chosen}}`)).toThrow(/LOCAL_MODE_WITH_CONNECTORS=1/);
      expect(read(`connectors: {${chosen}}`, MEANT).local).toBe(true);
    },
  );

  it('refuses a granted credential unless it is meant', () => {
    expect(() => read(GRANT, { RT_TOKEN: SECRET })).toThrow(/LOCAL_MODE_WITH_CONNECTORS=1/);
    expect(read(GRANT, { RT_TOKEN: SECRET, ...MEANT }).credentials).toHaveLength(1);
  });

  it('takes the built-in systems, named or not', () => {
    expect(read('connectors: {ticketing: {use: desk}, ci: {use: runner}}').credentials).toEqual([]);
  });

  it('reads a secret from the file that NAME_FILE names', async () => {
    writeFileSync(join(folder, 'secret'), `${SECRET}\n`);
    const { credentials } = read(GRANT, { RT_TOKEN_FILE: join(folder, 'secret'), ...MEANT });
    expect(await createCredentials(credentials).get('request-tracker', 'request-tracker')).toBe(
      `token ${SECRET}`,
    );
  });

  it("grants GitHub's token to GitHub's API only, and takes no second grant of that name", async () => {
    const { credentials } = read('', { GITHUB_TOKEN: SECRET, ...MEANT });
    expect(await createCredentials(credentials).get('github', 'api.github.com')).toBe(`Bearer ${SECRET}`);
    const second = 'credentials: {github: {scheme: token, host: api.github.com, env: OTHER_TOKEN}}';
    expect(() => read(second, { GITHUB_TOKEN: SECRET, OTHER_TOKEN: SECRET, ...MEANT })).toThrow(
      /GITHUB_TOKEN/,
    );
  });
});

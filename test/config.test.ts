import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newMasterKey, newSigningKey } from '../src/audit/keys.ts';
import type { Environment } from '../src/config/environment.ts';
import { type Config, readConfig } from '../src/config.ts';
import { AppError } from '../src/errors.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => rmSync(path.join(folder, 'countersign.yaml'), { force: true }));

const read = (env: Environment = {}): Config => readConfig(env, folder);
const inFile = (name: string, text: string): string => {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
};
const yaml = (text: string) => inFile('countersign.yaml', text);
function refusal(env: Environment): string {
  try {
    read(env);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe('config_invalid');
    return (error as AppError).message;
  }
  throw new Error('It was accepted.');
}

const SLACK = { SLACK_BOT_TOKEN: 'a-token', SLACK_SIGNING_SECRET: 'a-secret' };
const PRODUCTION = {
  ...SLACK,
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://app@db/x',
  DATABASE_OWNER_URL: 'postgresql://owner@db/x',
  MASTER_KEY: newMasterKey(),
  AUDIT_SIGNING_KEY: newSigningKey(),
};

describe('with nothing configured', () => {
  test('it is local mode on loopback, with embedded state', () => {
    expect(read()).toEqual({
      host: '127.0.0.1',
      port: 3000,
      publicUrl: null,
      dataFolder: path.join(folder, '.countersign'),
      production: false,
      logLevel: 'info',
      database: null,
      redisUrl: null,
      local: true,
      slack: null,
      teams: null,
      oidc: null,
      accountLinks: false,
      model: null,
      github: null,
      masterKey: null,
      mcp: null,
      auditSigningKey: null,
      acceptProcess: false,
      peopleFile: null,
      policiesFolder: null,
      jobsFile: null,
      runbooksFile: null,
      actions: null,
      repositories: null,
      connectors: { ticketing: { use: 'desk', settings: {} }, ci: { use: 'runner', settings: {} } },
      upstreams: {},
      vault: null,
      credentials: [],
      reach: { pagerDuty: null, routes: [], written: {} },
      runner: { concurrency: 2 },
      limits: { turnsPerMinute: 30, requestsPerActionPerHour: 60 },
      timeZone: 'UTC',
    });
  });

  test('a variable that is empty is not given', () => {
    const names = ['PORT', 'HOST', 'PUBLIC_URL', 'DATABASE_URL', 'REDIS_URL', 'GITHUB_TOKEN', 'MASTER_KEY'];
    expect(read(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(read());
  });
});

describe('local mode trusts whoever reaches the port, so', () => {
  test.each(['127.0.0.1', 'localhost', '::1', '[::1]'])('it binds to %s', (HOST) => {
    expect(read({ HOST }).host).toBe(HOST.replace(/[[\]]/g, ''));
  });
  test.each(['0.0.0.0', '::', '10.0.0.1', 'example.com', '127.0.0.1.example.com'])('not to %s', (HOST) => {
    expect(refusal({ HOST })).toMatch(/^HOST /);
  });
  test.each(['https://chat.example.com', 'http://127.0.0.1.example.com', 'http://0.0.0.0'])(
    'people do not reach it at %s',
    (PUBLIC_URL) => {
      expect(refusal({ PUBLIC_URL })).toMatch(/^PUBLIC_URL /);
    },
  );
  test('they may at a name of this machine', () => {
    expect(read({ PUBLIC_URL: 'http://localhost:8080' }).publicUrl?.port).toBe('8080');
    expect(read({ PUBLIC_URL: 'http://[::1]:3000' }).publicUrl?.hostname).toBe('[::1]');
  });
  test('it does not run in production', () => {
    expect(refusal({ NODE_ENV: 'production' })).toContain('NODE_ENV=production needs a platform');
  });
  test('a real connector must be meant', () => {
    expect(refusal({ GITHUB_TOKEN: 'x' })).toMatch(/^GITHUB_TOKEN /);
    const meant = { GITHUB_TOKEN: 'x', LOCAL_MODE_WITH_CONNECTORS: '1' };
    expect(read(meant).github).toEqual({ by: 'GITHUB_TOKEN', apiUrl: 'https://api.github.com' });
    expect(refusal({ ...meant, LOCAL_MODE_WITH_CONNECTORS: 'yes' })).toMatch(/^GITHUB_TOKEN /);
  });
  test('with a platform, none of this is local mode', () => {
    expect(read({ ...SLACK, HOST: '0.0.0.0', PUBLIC_URL: 'https://x.example.com' })).toMatchObject({
      local: false,
    });
  });
});

describe('production', () => {
  const withPeople = () => yaml('people: people.yaml\n');

  test('runs with everything that it requires', () => {
    withPeople();
    expect(read(PRODUCTION)).toMatchObject({
      production: true,
      peopleFile: path.join(folder, 'people.yaml'),
    });
  });
  test.each(['DATABASE_URL', 'DATABASE_OWNER_URL', 'MASTER_KEY', 'AUDIT_SIGNING_KEY'])(
    'requires %s',
    (name) => {
      withPeople();
      expect(refusal({ ...PRODUCTION, [name]: undefined })).toContain(name);
    },
  );
  test('requires people', () => {
    expect(refusal(PRODUCTION)).toContain('"people"');
  });
  test('refuses a config that its group may write', () => {
    chmodSync(withPeople(), 0o664);
    expect(refusal(PRODUCTION)).toContain('may be written by its group');
  });
});

describe('half a configuration is refused, naming the half that is missing', () => {
  test.each([
    ['SLACK_BOT_TOKEN', { SLACK_SIGNING_SECRET: 'x' }],
    ['SLACK_BOT_TOKEN', { SLACK_APP_TOKEN: 'x' }],
    ['SLACK_SIGNING_SECRET', { SLACK_BOT_TOKEN: 'x' }],
    ['OPENAI_API_KEY', { OPENAI_MODEL: 'm' }],
    ['OPENAI_API_KEY', { OPENAI_BASE_URL: 'http://127.0.0.1:1' }],
    ['OPENAI_MODEL', { OPENAI_API_KEY: 'x' }],
    ['DATABASE_URL', { DATABASE_OWNER_URL: 'postgres://o@db/x' }],
  ])('%s', (missing, env) => {
    expect(refusal(env)).toMatch(new RegExp(`^${missing} is missing`));
  });
});

test('Slack is reached by HTTP with a signing secret, or by sockets with an app token', () => {
  const socket = { SLACK_BOT_TOKEN: 'a-token', SLACK_APP_TOKEN: 'an-app-token' };
  expect(read(socket).slack).toMatchObject({ signingSecret: null, appToken: 'an-app-token' });
  expect(read(SLACK).slack).toMatchObject({ signingSecret: 'a-secret', appToken: null });
});

describe('a GitHub App', () => {
  const MEANT = { LOCAL_MODE_WITH_CONNECTORS: '1' };
  const pair = (type: 'pkcs1' | 'pkcs8', modulusLength = 2048) => ({
    GITHUB_APP_ID: '12345',
    GITHUB_APP_PRIVATE_KEY: generateKeyPairSync('rsa', { modulusLength })
      .privateKey.export({ type, format: 'pem' })
      .toString(),
  });
  const PAIR = pair('pkcs1');

  test.each(['pkcs1', 'pkcs8'] as const)('is granted to its API by a key in the form of %s', (type) => {
    const config = read({ ...pair(type), ...MEANT });
    expect(config.github).toEqual({ by: 'GITHUB_APP_ID', apiUrl: 'https://api.github.com' });
    expect(config.credentials).toMatchObject([{ name: 'github', host: 'api.github.com' }]);
  });

  test('takes its key from a file, or with the line ends written out', () => {
    const { GITHUB_APP_PRIVATE_KEY: pem, ...id } = PAIR;
    const given = inFile('app.pem', pem);
    expect(read({ ...id, GITHUB_APP_PRIVATE_KEY_FILE: given, ...MEANT }).github?.by).toBe('GITHUB_APP_ID');
    const inOneLine = pem.replaceAll('\n', '\\n');
    expect(read({ ...id, GITHUB_APP_PRIVATE_KEY: inOneLine, ...MEANT }).github?.by).toBe('GITHUB_APP_ID');
  });

  test('must be meant in local mode', () => {
    expect(refusal(PAIR)).toMatch(/^GITHUB_APP_ID is given in local mode/);
  });

  test.each([
    [{ GITHUB_APP_PRIVATE_KEY: '' }, /^GITHUB_APP_PRIVATE_KEY is missing/],
    [{ GITHUB_APP_ID: '' }, /^GITHUB_APP_ID is missing/],
    [{ GITHUB_TOKEN: 'a-token-too' }, /^GITHUB_TOKEN and GITHUB_APP_ID are both given/],
    [{ GITHUB_APP_ID: 'app 1' }, /^GITHUB_APP_ID must be/],
    [{ GITHUB_APP_PRIVATE_KEY: 'no key' }, /^GITHUB_APP_PRIVATE_KEY is no private key in PEM form/],
    [pair('pkcs8', 1024), /^GITHUB_APP_PRIVATE_KEY must be an RSA key of 2048 bits/],
  ])('with %o is refused, naming the variable', (changed, words) => {
    expect(refusal({ ...PAIR, ...MEANT, ...changed })).toMatch(words);
  });
});

describe('Vault', () => {
  const MEANT = { LOCAL_MODE_WITH_CONNECTORS: '1' };
  const file = (vault: string, more = 'upstreams: {rt: {base_url: "https://rt.example.com"}}') =>
    inFile('vault.yaml', `${more}\nvault: ${vault}\n`);
  const TOKEN = '{address: "https://vault.example.com:8200", auth: {method: token}}';
  const KEPT = 'credentials: {rt: {scheme: token, host: rt, vault: {path: kv/data/rt, field: token}}}';
  const HOSTS = 'upstreams: {rt: {base_url: "https://rt.example.com"}}';

  test('keeps a credential instead of the environment', () => {
    const config = read({
      COUNTERSIGN_CONFIG: file(TOKEN, `${HOSTS}\n${KEPT}`),
      VAULT_TOKEN: 'hvs.some-token',
      ...MEANT,
    });
    expect(config.credentials).toMatchObject([
      { name: 'rt', source: { kind: 'vault', path: 'kv/data/rt', field: 'token', engine: 'kv2' } },
    ]);
    expect(config.vault).toMatchObject({ auth: { method: 'token' }, namespace: null });
  });

  test.each(['http://127.0.0.1:8200', 'http://[::1]:8200'])('may be reached unencrypted at %s', (address) => {
    const at = file(`{address: "${address}", auth: {method: token}}`);
    expect(read({ COUNTERSIGN_CONFIG: at, VAULT_TOKEN: 'x' }).vault?.address.href).toBe(`${address}/`);
  });

  test.each([
    'http://vault.example.com',
    'http://localhost:8200',
    'http://127.0.0.1.example.com',
    'http://10.0.0.1:8200',
  ])('may not be reached unencrypted at %s', (address) => {
    const at = file(`{address: "${address}", auth: {method: token}}`);
    expect(refusal({ COUNTERSIGN_CONFIG: at, VAULT_TOKEN: 'x' })).toMatch(/^vault\.address must be https/);
  });

  test.each([
    ['{method: token}', 'VAULT_TOKEN'],
    ['{method: approle}', 'VAULT_ROLE_ID'],
  ])('with auth %s says which variable is missing', (auth, name) => {
    const at = file(`{address: "https://vault.example.com", auth: ${auth}}`);
    expect(refusal({ COUNTERSIGN_CONFIG: at })).toMatch(new RegExp(`^${name} is missing`));
  });

  test.each([
    ['both env and vault', '{env: RT, vault: {path: kv/data/rt, field: token}}'],
    ['neither', '{}'],
    ['a path of version 2 without data', '{vault: {path: kv/rt, field: token}}'],
    ['a path with dots', '{vault: {path: kv/data/../sys, field: token}}'],
  ])('a credential with %s is refused', (_what, given) => {
    const entry = given.replace('{', '{scheme: token, host: rt, ').replace(', }', '}');
    const at = file(TOKEN, `${HOSTS}\ncredentials: {rt: ${entry}}`);
    expect(refusal({ COUNTERSIGN_CONFIG: at, VAULT_TOKEN: 'x', ...MEANT })).toContain('credentials.rt');
  });

  test('must be there for a credential that is kept in it', () => {
    const at = inFile('no-vault.yaml', `${HOSTS}\n${KEPT}\n`);
    expect(refusal({ COUNTERSIGN_CONFIG: at, ...MEANT })).toMatch(/^credentials\.rt: it is kept in Vault/);
  });
});

describe('Teams', () => {
  const TEAMS = {
    MicrosoftAppId: 'an-app',
    MicrosoftAppPassword: 'not-to-be-shown',
    MicrosoftAppTenantId: 'a-tenant',
  };

  test('ends local mode once it has an identity', () => {
    expect(read({ ...TEAMS, COUNTERSIGN_CONFIG: yaml('people: people.yaml') })).toMatchObject({
      local: false,
      teams: { appId: 'an-app', tenant: 'a-tenant', unauthenticated: false },
    });
  });

  test('with an empty id is for the Playground: local mode, and nobody proves who they are', () => {
    expect(read({ MicrosoftAppId: '' })).toMatchObject({ local: true, teams: { unauthenticated: true } });
  });

  test.each([
    [{ MicrosoftAppPassword: 'x' }, /^MicrosoftAppId is missing/],
    [{ MicrosoftAppTenantId: 'x' }, /^MicrosoftAppId is missing/],
    [{ ...TEAMS, MicrosoftAppPassword: '' }, /^MicrosoftAppPassword is missing/],
    [{ ...TEAMS, MicrosoftAppTenantId: '' }, /^MicrosoftAppTenantId is missing/],
    [{ ...TEAMS, MicrosoftAppType: 'MultiTenant' }, /^MicrosoftAppType /],
    [{ ...SLACK, MicrosoftAppId: '' }, /^MicrosoftAppId is empty/],
    [{ MicrosoftAppId: '', MicrosoftAppTenantId: 'x' }, /^MicrosoftAppId is empty/],
  ])('configured in part is refused: %o', (env, words) => {
    expect(refusal(env)).toMatch(words);
    expect(refusal(env)).not.toContain('not-to-be-shown');
  });
});

describe('sign-in to the workspace', () => {
  const OIDC = {
    OIDC_ISSUER: 'https://login.example/tenant',
    OIDC_CLIENT_ID: 'countersign',
    OIDC_CLIENT_SECRET: 'not-to-be-shown',
    PUBLIC_URL: 'https://countersign.example',
  };

  test('ends local mode, with and without a platform', () => {
    for (const env of [OIDC, { ...OIDC, ...SLACK }]) {
      const { local, oidc, accountLinks } = read(env);
      expect(local).toBe(false);
      expect(oidc?.issuer.href).toBe(OIDC.OIDC_ISSUER);
      expect(oidc).toMatchObject({ clientId: 'countersign', clientSecret: 'not-to-be-shown' });
      expect(accountLinks).toBe(true);
    }
    expect(read(SLACK)).toMatchObject({ local: false, oidc: null, accountLinks: false });
  });

  test.each(Object.keys(OIDC))('needs %s', (name) => {
    expect(refusal({ ...OIDC, [name]: '' })).toMatch(new RegExp(`^${name} is missing`));
  });

  test('crosses no network without TLS', () => {
    expect(refusal({ ...OIDC, OIDC_ISSUER: 'http://login.example' })).toMatch(/^OIDC_ISSUER must/);
    expect(refusal({ ...OIDC, PUBLIC_URL: 'http://countersign.example' })).toMatch(/^PUBLIC_URL must/);
    const trial = { OIDC_ISSUER: 'http://localhost:8080', PUBLIC_URL: 'http://localhost:3000' };
    expect(read({ ...OIDC, ...trial }).oidc?.issuer.port).toBe('8080');
  });

  test('has an issuer without a query', () => {
    expect(refusal({ ...OIDC, OIDC_ISSUER: 'https://login.example/?a=b' })).toMatch(/^OIDC_ISSUER must/);
  });

  test('reads its secret from a file', () => {
    const { OIDC_CLIENT_SECRET: _, ...rest } = OIDC;
    const file = inFile('oidc-secret', 'from-a-file\n');
    expect(read({ ...rest, OIDC_CLIENT_SECRET_FILE: file }).oidc?.clientSecret).toBe('from-a-file');
  });
});

describe('a value that cannot be', () => {
  const VALUE = 'zzz-not-to-be-shown-zzz';
  test.each([
    ['PORT', VALUE],
    ['PORT', '-1'],
    ['PORT', '65536'],
    ['PORT', '1e3'],
    ['PORT', '0x50'],
    ['PORT', ' 80'],
    ['PORT', '80.5'],
    ['LOG_LEVEL', VALUE],
    ['PUBLIC_URL', VALUE],
    ['PUBLIC_URL', `ftp://${VALUE}`],
    ['PUBLIC_URL', `javascript:${VALUE}`],
    ['SLACK_API_URL', VALUE],
    ['OPENAI_BASE_URL', `file:///${VALUE}`],
    ['GITHUB_API_URL', VALUE],
    ['DATABASE_URL', VALUE],
    ['DATABASE_URL', `mysql://u:${VALUE}@db/x`],
    ['REDIS_URL', `http://u:${VALUE}@redis`],
  ])('is refused with the name of %s, and is not shown: %s', (name, value) => {
    const message = refusal({ ...SLACK, OPENAI_API_KEY: 'k', OPENAI_MODEL: 'm', [name]: value });
    expect(message).toMatch(new RegExp(`^${name} `));
    expect(message).not.toContain(value.trim() === '' ? VALUE : value.replace(/^.*?(?=zzz)/, ''));
  });

  test.each([0, 1, 80, 65_535])('but port %d can be', (port) => {
    expect(read({ PORT: String(port) }).port).toBe(port);
  });
});

describe('a secret in a file', () => {
  const NAMES = [
    'SLACK_BOT_TOKEN',
    'SLACK_SIGNING_SECRET',
    'DATABASE_URL',
    'DATABASE_OWNER_URL',
    'REDIS_URL',
    'OPENAI_API_KEY',
    'GITHUB_TOKEN',
    'GITHUB_APP_ID',
    'GITHUB_APP_PRIVATE_KEY',
    'MASTER_KEY',
    'AUDIT_SIGNING_KEY',
    'OIDC_CLIENT_SECRET',
  ];

  test('is read without the line end that editors add', () => {
    const tokenIn = (text: string) =>
      read({ ...SLACK, SLACK_BOT_TOKEN: '', SLACK_BOT_TOKEN_FILE: inFile('token', text) }).slack?.botToken;
    for (const end of ['', '\n', '\r\n']) {
      expect(tokenIn(`the token${end}`)).toBe('the token');
    }
    expect(tokenIn('two\n\n')).toBe('two\n');
  });

  test.each(NAMES)('%s: one that cannot be read fails the start and names the variable', (name) => {
    const missing = path.join(folder, 'not-there');
    for (const file of [missing, folder]) {
      const message = refusal({ [`${name}_FILE`]: file });
      expect(message).toBe(`${name}_FILE: the file cannot be read.`);
    }
    expect(refusal({ [`${name}_FILE`]: inFile('empty', '\n') })).toBe(`${name}_FILE: the file is empty.`);
  });

  test.each(NAMES)('%s: given both ways is refused, and neither is shown', (name) => {
    const message = refusal({ [name]: 'first-value', [`${name}_FILE`]: inFile('both', 'second-value') });
    expect(message).toContain(`${name} and ${name}_FILE`);
    expect(message).not.toMatch(/first-value|second-value/);
  });
});

describe('a key of the house', () => {
  test.each(['MASTER_KEY', 'AUDIT_SIGNING_KEY'])('%s of another form fails the start', (name) => {
    for (const env of [{ [name]: 'c2hvcnQ=' }, { [`${name}_FILE`]: inFile('key', 'c2hvcnQ=') }]) {
      const message = refusal(env);
      expect(message).toMatch(new RegExp(`^${name} is not `));
      expect(message).not.toContain('c2hvcnQ=');
    }
  });
});

describe('countersign.yaml', () => {
  test('is read beside us, and its paths are relative to it', () => {
    mkdirSync(path.join(folder, 'etc'), { recursive: true });
    const file = inFile(
      'etc/other.yaml',
      `people: people.yaml
policies: ./rules
jobs: /abs/jobs.yaml
repositories: { web: ../web.git }
connectors: { ci: { use: jenkins, settings: { url: x } } }
slack: { approvals_channel: C1 }
runner: { concurrency: 4 }
limits: { turns_per_minute: 5 }
upstreams: { github.example: { base_url: "http://127.0.0.1:9", addresses: ["127.0.0.1"] } }
`,
    );
    expect(read({ ...SLACK, COUNTERSIGN_CONFIG: file })).toMatchObject({
      peopleFile: path.join(folder, 'etc/people.yaml'),
      policiesFolder: path.join(folder, 'etc/rules'),
      jobsFile: '/abs/jobs.yaml',
      repositories: { web: path.join(folder, 'web.git') },
      connectors: { ticketing: { use: 'desk' }, ci: { use: 'jenkins', settings: { url: 'x' } } },
      slack: { approvalsChannel: 'C1', operatorsChannel: null },
      runner: { concurrency: 4 },
      limits: { turnsPerMinute: 5, requestsPerActionPerHour: 60 },
      upstreams: { 'github.example': { baseUrl: 'http://127.0.0.1:9', addresses: ['127.0.0.1'] } },
    });
  });

  test('may be empty', () => {
    yaml('');
    expect(read()).toMatchObject({ local: true });
  });

  test('that was named and is not there is refused', () => {
    expect(refusal({ COUNTERSIGN_CONFIG: 'nowhere.yaml' })).toContain('nowhere.yaml: does not exist');
  });

  test.each([
    ['an unknown key', 'people: p.yaml\npeopel: q.yaml\n', 2, 'peopel: is not a known key'],
    [
      'an unknown key further in',
      'slack:\n  approvals_channel: C1\n  channel: C2\n',
      3,
      'slack.channel: is not a known key',
    ],
    [
      'an unknown connector port',
      'connectors:\n  mail: { use: smtp }\n',
      2,
      'connectors.mail: is not a known key',
    ],
    ['a number where a name belongs', 'people: p\njobs: 42\n', 2, 'jobs: '],
    ['a limit that lets nobody in', 'limits:\n  turns_per_minute: 0\n', 2, 'limits.turns_per_minute: '],
    ['more workers than make sense', 'runner:\n  concurrency: 1000\n', 2, 'runner.concurrency: '],
    ['the same key twice', 'people: a\npeople: b\n', 2, 'Map keys must be unique'],
    ['what is not YAML', 'people: "a\n', 2, 'Missing closing'],
    [
      'an upstream that is no URL',
      'upstreams:\n  x.example:\n    base_url: gopher://x\n',
      3,
      'upstreams.x.example.base_url',
    ],
  ])('%s is refused with its line', (_what, text, line, reason) => {
    const file = yaml(text);
    const message = refusal({});
    expect(message).toMatch(new RegExp(`^${file.replaceAll('.', '\\.')}:${line}: `));
    expect(message).toContain(reason);
  });

  test('is not believed when others may write it', () => {
    chmodSync(yaml('people: p\n'), 0o666);
    expect(refusal({})).toContain('may be written by others');
    chmodSync(path.join(folder, 'countersign.yaml'), 0o644);
  });
});

test('whatever is wrong, no value of any variable or of the file is shown', () => {
  const names = [
    'HOST',
    'PORT',
    'PUBLIC_URL',
    'LOG_LEVEL',
    'DATABASE_URL',
    'DATABASE_OWNER_URL',
    'REDIS_URL',
    'SLACK_BOT_TOKEN',
    'SLACK_SIGNING_SECRET',
    'SLACK_API_URL',
    'OPENAI_API_KEY',
    'OPENAI_BASE_URL',
    'OPENAI_MODEL',
    'GITHUB_TOKEN',
    'GITHUB_APP_ID',
    'GITHUB_APP_PRIVATE_KEY',
    'GITHUB_API_URL',
    'MASTER_KEY',
    'AUDIT_SIGNING_KEY',
    'SLACK_APP_TOKEN',
  ];
  const value = fc.constantFrom('XSECRETX', 'http://u:XSECRETX@h', 'postgres://u:XSECRETX@h/d');
  const line = fc.constantFrom(
    'limits: XSECRETX',
    'connectors: { ci: XSECRETX }',
    'connectors: { ci: { use: 7, settings: XSECRETX } }',
    'repositories: [XSECRETX]',
    'upstreams: { x: { base_url: XSECRETX } }',
    'people: { a: XSECRETX }',
    'people: "XSECRETX',
    'people: *XSECRETX',
    'people: XSECRETX: b',
    'slack: !XSECRETX 1',
    'runner: { concurrency: XSECRETX }',
  );
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6 }),
      fc.option(line),
      (env, text) => {
        yaml(text ?? '');
        try {
          read(env);
        } catch (error) {
          expect(error).toMatchObject({ code: 'config_invalid' });
          expect((error as Error).message).not.toContain('XSECRETX');
        }
      },
    ),
    { numRuns: 400 },
  );
});

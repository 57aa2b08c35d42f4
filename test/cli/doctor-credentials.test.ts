import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { lookAtCredentials } from '../../src/commands/doctor/credentials.ts';
import { lookAtSlack } from '../../src/commands/doctor/platforms.ts';
import { readConfig } from '../../src/config.ts';
import { type Faults, startAuthority } from '../support/github-app/authority.ts';
import { startVault } from '../support/vault/vault.ts';

const folder = mkdtempSync(join(tmpdir(), 'doctor-credentials-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});

const SECRET = ['s3cr3t', crypto.randomUUID()].join('-');
const ISSUES = 'connectors: {ticketing: {use: github-issues, settings: {owner: acme, repo: REPO}}}';
const RT = [
  'upstreams: {request-tracker: {base_url: "https://rt.example.com"}}',
  'connectors: {ticketing: {use: request-tracker, settings: {queue: General, account: bot, web: "https://rt.example.com"}}}',
].join('\n');

/** What doctor finds with this file and these variables. */
async function look(file: string, env: Record<string, string> = {}) {
  writeFileSync(join(folder, 'countersign.yaml'), file);
  const config = readConfig({ LOCAL_MODE_WITH_CONNECTORS: '1', ...env }, folder);
  const findings = await lookAtCredentials(config);
  expect(JSON.stringify(findings)).not.toContain(SECRET);
  return findings;
}

describe('doctor looks at credentials', () => {
  it('and finds that the built-in systems need none', async () => {
    expect(await look('')).toMatchObject([{ state: 'ok', what: expect.stringContaining('none is needed') }]);
  });

  it('names the connector, the host and the actions of one that is missing, and how to grant it', async () => {
    const [finding] = await look(RT);
    expect(finding).toMatchObject({
      state: 'bad',
      what: expect.stringMatching(
        /^request-tracker asks for request-tracker at request-tracker.*ticket\.create/,
      ),
      mend: expect.stringContaining('credentials: {request-tracker: {scheme: …, host: request-tracker'),
    });
    expect(await look(ISSUES)).toMatchObject([
      { state: 'bad', mend: expect.stringContaining('GITHUB_TOKEN') },
    ]);
  });

  it('calls one that is granted good, and notes one that nobody asks for', async () => {
    const granted = `${RT}\ncredentials: {request-tracker: {scheme: token, host: request-tracker, env: RT_TOKEN}, spare: {scheme: token, host: request-tracker, env: RT_TOKEN}}`;
    expect(await look(granted, { RT_TOKEN: SECRET })).toMatchObject([
      { state: 'ok', what: expect.stringContaining('request-tracker is granted') },
      { state: 'note', what: expect.stringContaining('spare') },
    ]);
  });
});

describe('doctor looks at Vault', () => {
  async function lookWith(change: (fake: Awaited<ReturnType<typeof startVault>>) => void) {
    const fake = await startVault();
    ending.push(fake.close);
    change(fake);
    const kept =
      'credentials: {request-tracker: {scheme: token, host: request-tracker, vault: {path: kv/data/ci, field: token}}}';
    const vault = `vault: {address: "${fake.baseUrl}", auth: {method: approle}}`;
    const env = { VAULT_ROLE_ID: fake.roleId, VAULT_SECRET_ID: fake.state.secretId };
    const findings = await look([RT, kept, vault].join('\n'), env);
    return findings.filter(({ name }) => name === 'vault');
  }

  it('by reading what is kept there', async () => {
    expect(await lookWith(() => {})).toMatchObject([{ state: 'ok', what: 'request-tracker can be read' }]);
  });

  it.each([
    [
      'vault_sealed',
      /unseal/i,
      (fake: { faults: { sealed?: boolean } }) => void Object.assign(fake.faults, { sealed: true }),
    ],
    [
      'vault_forbidden',
      /policy/,
      (fake: { state: object }) => void Object.assign(fake.state, { forbidden: true }),
    ],
    ['vault_missing', /path/, (fake: { state: object }) => void Object.assign(fake.state, { kv: null })],
  ] as const)('and says how to mend %s', async (code, mend, change) => {
    expect(await lookWith(change)).toMatchObject([
      { state: 'bad', what: expect.stringContaining(code), mend: expect.stringMatching(mend) },
    ]);
  });
});

describe("doctor looks at the operator's app", () => {
  async function lookWith(faults: Faults, repo = 'web') {
    const authority = await startAuthority(faults);
    ending.push(authority.close);
    const pem = authority.app.key.export({ type: 'pkcs1', format: 'pem' }).toString();
    const upstream = `upstreams: {api.github.com: {base_url: "${authority.baseUrl}/v3", addresses: ["127.0.0.1/32"]}}`;
    const env = { GITHUB_APP_ID: authority.app.appId, GITHUB_APP_PRIVATE_KEY: pem };
    const findings = await look(`${ISSUES.replace('REPO', repo)}\n${upstream}`, env);
    return findings.filter(({ name }) => name === 'github app');
  }

  it('by asking where it is installed, and makes no token', async () => {
    expect(await lookWith({})).toMatchObject([
      { state: 'ok', what: expect.stringContaining('private key of app 12345') },
      { state: 'ok', what: 'it is installed on acme/web' },
    ]);
  });

  it.each([
    ['not installed', {}, 'elsewhere', /Install the app/],
    ['clock', { clockSeconds: 900 }, 'web', /time server/],
    ['suspended', { suspended: true }, 'web', /Unsuspend/],
  ] as const)('and says how to mend it where it is %s', async (why, faults, repo, mend) => {
    expect((await lookWith(faults, repo))[1]).toMatchObject({
      state: 'bad',
      what: expect.stringContaining(why),
      mend: expect.stringMatching(mend),
    });
  });
});

it('doctor tells an app-level token of Slack by its form', async () => {
  const slack = { SLACK_BOT_TOKEN: 'xoxb-x', SLACK_API_URL: 'http://127.0.0.1:9/' };
  const env = { COUNTERSIGN_CONFIG: join(folder, 'people.yaml'), ...slack };
  writeFileSync(env.COUNTERSIGN_CONFIG, 'people: people.yaml');
  const form = async (SLACK_APP_TOKEN: string) =>
    (await lookAtSlack(readConfig({ ...env, SLACK_APP_TOKEN }, folder)))[0];
  expect(await form(['xapp', '1-A-b'].join('-'))).toMatchObject({ state: 'ok' });
  expect(await form(['xoxb', '1-A-b'].join('-'))).toMatchObject({
    state: 'bad',
    mend: expect.stringContaining('xapp-'),
  });
});

import { OAuth2Server } from 'oauth2-mock-server';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTeamsAdapter } from '../../../adapters/teams/adapter.ts';
import { verifyActivity } from '../../../adapters/teams/verify.ts';
import { memoryAssistant } from '../../support/slack/memory-assistant.ts';
import { APP, TENANT } from '../../support/teams/fake-connector.ts';
import { ALICE, connected, memoryReferences } from './harness.ts';

const OTHER_TENANT = '77777777-8888-4777-8666-555555555555';
const nowSeconds = () => Math.floor(Date.now() / 1000);

describe('the token', () => {
  test('of the channel, for us, is accepted', async () => {
    const { teams, assistant, codes } = await connected();
    const sent = await teams.send(teams.said(ALICE, teams.personalChat(ALICE), 'hello'));
    expect(sent.status).toBe(200);
    expect(assistant.stored).toHaveLength(1);
    expect(codes).toContain('teams_received');
  });

  test.each([
    ['for another app', { aud: '11111111-2222-4333-8444-000000000000' }],
    ['of another issuer', { iss: 'https://evil.example' }],
    ['for another service address', { serviceurl: 'https://evil.example/' }],
    ['without a service address', { serviceurl: null }],
    ['that has expired', { exp: nowSeconds() - 3_600 }],
    ['that is not valid yet', { nbf: nowSeconds() + 3_600 }],
    [
      'of an emulator',
      { iss: 'https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/', appid: APP, ver: '1.0' },
    ],
    ['of another bot', { ver: '1.0', appid: '22222222-2222-4333-8444-000000000000' }],
  ])('%s is refused', async (_name, change) => {
    const { teams, assistant } = await connected();
    const said = teams.said(ALICE, teams.personalChat(ALICE), 'hello');
    const sent = await teams.send(said, await teams.token(change));
    expect(sent).toEqual({ status: 401, body: 'Unauthorized' });
    expect(assistant.stored).toEqual([]);
  });

  test('signed by another key is refused', async () => {
    const { teams, assistant } = await connected();
    const other = new OAuth2Server();
    await other.issuer.keys.generate('RS256');
    await other.start(0, '127.0.0.1');
    onTestFinished(() => other.stop());
    const said = teams.said(ALICE, teams.personalChat(ALICE), 'hello');
    expect((await teams.send(said, await teams.token({}, other))).status).toBe(401);
    expect(assistant.stored).toEqual([]);
  });

  test.each([
    ['missing', null],
    ['empty', ''],
    ['no token', 'x'],
    ['unsigned', `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify({ aud: APP }))}.`],
  ])('that is %s is refused', async (_name, token) => {
    const { teams, assistant } = await connected();
    const said = teams.said(ALICE, teams.personalChat(ALICE), 'hello');
    expect((await teams.send(said, token)).status).toBe(401);
    expect(assistant.stored).toEqual([]);
  });

  test('does not stand for another address that the activity names', async () => {
    const { teams, assistant, references } = await connected();
    const said = teams.said(ALICE, teams.personalChat(ALICE), 'hello', {
      serviceUrl: 'https://evil.example/',
    });
    expect((await teams.send(said)).status).toBe(401);
    expect(assistant.stored).toEqual([]);
    expect(references.all).toEqual([]);
  });
});

describe('a good token does not help', () => {
  const conversation = { id: 'a:1', conversationType: 'personal' };
  test.each([
    ['another tenant', { conversation: { ...conversation, tenantId: OTHER_TENANT } }, 403],
    ['another tenant in the channel data', { channelData: { tenant: { id: OTHER_TENANT } } }, 403],
    ['no tenant', { conversation, channelData: undefined }, 403],
    ['nobody: a guest without an id, or a visitor', { from: { id: '29:x', name: 'Guest' } }, 403],
    ['an id that is none', { from: { id: '29:x', aadObjectId: 'alice' } }, 403],
    ['another bot', { from: { id: '28:x', aadObjectId: ALICE, role: 'bot' } }, 403],
    ['another channel', { channelId: 'directline' }, 403],
    ['the channel whose tokens the SDK checks less', { channelId: 'AseChannel' }, 403],
    ['no shape at all', { from: null }, 400],
  ])('%s', async (_name, change, status) => {
    const { teams, assistant } = await connected();
    const sent = await teams.send(teams.said(ALICE, teams.personalChat(ALICE), 'hello', change));
    expect(sent.status).toBe(status);
    expect(assistant.stored).toEqual([]);
  });
});

test('a person and a tenant have one spelling', async () => {
  const { teams, assistant } = await connected({ config: { tenant: TENANT.toUpperCase() } });
  const chat = teams.personalChat(ALICE);
  await teams.send(teams.said(ALICE, chat, 'a', { from: { id: '29:x', aadObjectId: ALICE.toUpperCase() } }));
  expect(assistant.stored.map(({ account }) => account)).toEqual([
    { platform: 'teams', tenant: TENANT, user: ALICE },
  ]);
});

describe('without authentication', () => {
  const local = {
    appId: '',
    password: '',
    tenant: '',
    unauthenticated: true,
    approvalsConversation: null,
    operatorsConversation: null,
    serviceUrl: null,
    cloud: null,
  };
  const create = (change: object) =>
    createTeamsAdapter({
      assistant: memoryAssistant,
      app: { post: () => undefined, use: () => undefined } as never,
      config: { ...local, ...change },
      references: memoryReferences(),
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    });

  test('the Playground on this machine is heard, and nothing leaves it', async () => {
    const { teams, assistant } = await connected({ config: local });
    const chat = teams.personalChat(ALICE);
    expect((await teams.send(teams.said(ALICE, chat, 'hello'), null)).status).toBe(200);
    expect(assistant.stored).toHaveLength(1);
    const away = { serviceUrl: 'https://smba.trafficmanager.net/teams/' };
    expect((await teams.send(teams.said(ALICE, chat, 'hello', away), null)).status).toBe(403);
    expect(assistant.stored).toHaveLength(1);
  });

  test.each([
    ['an app id beside it', { appId: APP }],
    ['answers that leave the machine', { serviceUrl: 'https://smba.trafficmanager.net/teams/' }],
    ['an empty app id alone', { unauthenticated: false }],
    ['no password', { unauthenticated: false, appId: APP, tenant: TENANT }],
    ['no tenant', { unauthenticated: false, appId: APP, password: 'x' }],
    ['"common" for a tenant', { unauthenticated: false, appId: APP, password: 'x', tenant: 'common' }],
  ])('%s does not start', (_name, change) => {
    expect(() => create(change)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  });

  test('a check that fails for any reason refuses', async () => {
    const { teams } = await connected();
    const broken = {
      issuer: teams.issuerUrl,
      audience: APP,
      authenticateRequest: () => Promise.reject(new Error('no network')),
    };
    const said = teams.said(ALICE, teams.personalChat(ALICE), 'hello');
    const verified = await verifyActivity(said, `Bearer ${await teams.token()}`, {
      tokens: broken,
      tenant: TENANT,
    });
    expect(verified).toMatchObject({ ok: false, status: 401, code: 'token_refused' });
  });
});

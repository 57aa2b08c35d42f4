/** What Teams says of an account that asks to be linked: only of our own people may it be a member. */
import { expect, test } from 'vitest';
import type { ChatAccount } from '../../../src/model/links.ts';
import { TENANT } from '../../support/teams/fake-connector.ts';
import { ALICE, connected, place } from './harness.ts';

const account: ChatAccount = { platform: 'teams', tenant: TENANT, user: ALICE };

test('says the name as Teams states it, and that somebody is one of us', async () => {
  const { adapter, teams } = await connected();
  const chat = teams.personalChat(ALICE);
  await teams.send(teams.said(ALICE, chat, 'hi'));
  const facts = await adapter.surface.factsOf?.(account, place(chat));
  expect(facts).toEqual({ name: `${ALICE} of Teams`, standing: 'member' });
});

test.each([
  ['a guest', { userRole: 'guest' }],
  ['an anonymous visitor', { userRole: 'anonymous' }],
  ['somebody for whom another tenant vouches', { userPrincipalName: 'al_other.example#EXT#@us.example' }],
  ['somebody of another tenant', { tenantId: '11111111-1111-4111-8111-111111111111' }],
  ['somebody else', { aadObjectId: '11111111-1111-4111-8111-111111111111' }],
  ['somebody whose role Teams does not say', { userRole: undefined }],
  ['somebody whose name in Entra Teams does not say', { userPrincipalName: undefined }],
])('%s is no member', async (_who, said) => {
  const { adapter, teams } = await connected();
  const chat = teams.personalChat(ALICE);
  teams.described.set(ALICE, said);
  await teams.send(teams.said(ALICE, chat, 'hi'));
  expect(await adapter.surface.factsOf?.(account, place(chat))).toMatchObject({ standing: 'outsider' });
});

test('fails where Teams does not answer', async () => {
  const { adapter, teams } = await connected();
  const chat = teams.personalChat(ALICE);
  await teams.send(teams.said(ALICE, chat, 'hi'));
  teams.fail(1, 403);
  await expect(adapter.surface.factsOf?.(account, place(chat))).rejects.toMatchObject({
    code: 'not_allowed',
  });
});

/** What Slack says of an account that asks to be linked: only of our own people may it be a member. */
import { expect, test } from 'vitest';
import { LINKING } from '../../../adapters/slack/needs.ts';
import type { ChatAccount } from '../../../src/model/links.ts';
import { TEAM } from '../../support/slack/workspace.ts';
import { connected as connectedWith } from './harness.ts';

/** As an operator installs the app who wants people to link accounts. */
const connected = () => connectedWith({ scopes: LINKING.map(({ scope }) => scope) });
const account = (user: string, team = TEAM): ChatAccount => ({
  platform: 'slack',
  enterprise: null,
  team,
  user,
});
const place = { platform: 'slack' as const, tenant: TEAM, container: 'DUSER', thread: '', direct: true };

test('says the name as Slack states it, and that somebody is one of us', async () => {
  const { adapter, slack } = await connected();
  const facts = await adapter.surface.factsOf?.(account('UALICE'), place);
  expect(facts).toEqual({ name: 'ualice of Slack', standing: 'member' });
  expect(slack.calls.at(-1)).toMatchObject({ method: 'users.info', args: { user: 'UALICE' } });
});

test.each([
  ['a guest', { guest: true }, TEAM],
  ['a guest of one channel', { described: { is_ultra_restricted: true } }, TEAM],
  ['a bot', { described: { is_bot: true } }, TEAM],
  ['somebody who left', { described: { deleted: true } }, TEAM],
  ['somebody of another organisation', { team: 'T0OTHER' }, TEAM],
  ['somebody who writes from another workspace', { team: 'T0OTHER' }, 'T0OTHER'],
  ['somebody of whom Slack says nothing', { described: { is_restricted: undefined } }, TEAM],
])('%s is no member', async (_who, user, team) => {
  const { adapter, slack } = await connected();
  slack.workspace.addUser('UOTHER', user);
  expect(await adapter.surface.factsOf?.(account('UOTHER', team), place)).toMatchObject({
    standing: 'outsider',
  });
});

test('fails where there is nobody', async () => {
  const { adapter } = await connected();
  await expect(adapter.surface.factsOf?.(account('UNOBODY'), place)).rejects.toMatchObject({
    code: 'not_found',
  });
});

test('fails where the app may not ask, as the manifest has it', async () => {
  const { adapter } = await connectedWith();
  await expect(adapter.surface.factsOf?.(account('UALICE'), place)).rejects.toMatchObject({
    code: 'config_invalid',
  });
});

test('knows nothing of accounts elsewhere', async () => {
  const { adapter } = await connected();
  const teams: ChatAccount = { platform: 'teams', tenant: 'x', user: 'y' };
  expect(await adapter.surface.factsOf?.(teams, place)).toBeNull();
});

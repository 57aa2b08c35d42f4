import { describe, expect, test } from 'vitest';
import { retryAfterMs } from '../../../adapters/teams/connector.ts';
import { AI_ENTITY } from '../../../adapters/teams/render-message.ts';
import { PrincipalId } from '../../../src/model/ids.ts';
import type { Principal } from '../../../src/model/principal.ts';
import { executesOf, textsOf } from '../../support/teams/card-schema.ts';
import { TENANT } from '../../support/teams/fake-connector.ts';
import { cardWith, messageWith } from '../slack/samples.ts';
import { ALICE, APPROVALS, BOB, CHANNEL, connected, GROUP, place } from './harness.ts';

const long = 'word '.repeat(8_000);
const longCard = (change = {}) =>
  cardWith({ arguments: [{ name: 'body', value: long, provenance: 'model' }], ...change });
const person = (id: string, user: string, tenant = TENANT): Principal => ({
  id: PrincipalId.parse(id),
  name: id,
  groups: [],
  accounts: [{ platform: 'teams', tenant, user }],
});

describe('a message', () => {
  test('is posted in the thread it answers, where its conversation is reached', async () => {
    const { teams, adapter } = await connected({ config: { serviceUrl: 'http://127.0.0.1:9/none/' } });
    await teams.send(teams.said(ALICE, `${CHANNEL};messageid=17`, 'hi'));
    const delivered = await adapter.surface.post(place(CHANNEL, '17'), messageWith({ text: 'Done.' }));
    expect(teams.in(CHANNEL)).toMatchObject([
      { conversation: `${CHANNEL};messageid=17`, text: 'Done.', summary: 'Done.', edits: 0 },
    ]);
    expect(delivered).toMatchObject({ platform: 'teams', container: CHANNEL });
    expect(teams.calls.at(-1)?.body).toMatchObject({ textFormat: 'plain' });
  });

  test('of the person is not repeated', async () => {
    const { teams, adapter } = await connected();
    expect(await adapter.surface.post(place(GROUP), messageWith({ authorship: 'person' }))).toBeNull();
    expect(teams.in(GROUP)).toEqual([]);
  });

  test('of a model carries the mark of Teams and asks for feedback; ours does not', async () => {
    const { teams, adapter } = await connected();
    await adapter.surface.post(place(GROUP), messageWith({ authorship: 'model', text: 'Try again.' }));
    await adapter.surface.post(place(GROUP), messageWith({ text: 'Done.' }));
    const [byModel, ours] = teams.in(GROUP);
    expect(byModel).toMatchObject({
      entities: [AI_ENTITY],
      channelData: { feedbackLoop: { type: 'default' } },
    });
    expect(ours).toMatchObject({ entities: [], channelData: null });
  });
});

describe('a card', () => {
  test.each([CHANNEL, GROUP])(
    'in %s is rewritten in place, its buttons gone once it is decided',
    async (where) => {
      const { teams, adapter } = await connected();
      const card = cardWith();
      const delivered = await adapter.surface.post(place(where), messageWith({ card, text: '' }));
      expect(executesOf(teams.in(where)[0]!.card).map(({ verb }) => verb)).toEqual(['confirm', 'cancel']);
      const done = { ...card, state: 'succeeded' as const, status: 'Done' };
      await adapter.surface.update(delivered!, messageWith({ card: done, text: '' }));
      const [shown, ...others] = teams.in(where);
      expect(others).toEqual([]);
      expect(shown).toMatchObject({ edits: 1, summary: 'Open a ticket: Done' });
      expect(shown?.card).not.toHaveProperty('actions');
      expect(textsOf(shown?.card)).toContain('Done');
    },
  );

  test('too long for one message gets its buttons only when all of it can be read', async () => {
    const { teams, adapter } = await connected();
    await adapter.surface.post(place(APPROVALS), messageWith({ card: longCard(), text: '' }));
    const steps = teams.calls.map(({ method, body }) => [method, JSON.stringify(body).includes('"actions"')]);
    expect(steps.at(-1)).toEqual(['PUT', true]);
    expect(steps.slice(0, -1).every(([method, buttons]) => method === 'POST' && buttons === false)).toBe(
      true,
    );
    const [card, ...parts] = teams.in(APPROVALS);
    expect(parts.map(({ conversation }) => conversation)).toEqual(
      parts.map(() => `${APPROVALS};messageid=${card!.id}`),
    );
    expect(parts.map((part) => textsOf(part.card?.body.slice(1)).join('')).join('')).toBe(long);
  });

  test('does not repeat its continuation at every update, and adds what is new', async () => {
    const { teams, adapter } = await connected();
    const delivered = await adapter.surface.post(
      place(APPROVALS),
      messageWith({ card: longCard(), text: '' }),
    );
    const before = teams.in(APPROVALS).length;
    const update = (change: object) =>
      adapter.surface.update(delivered!, messageWith({ card: longCard(change), text: '' }));
    await update({ state: 'executing', output: 'ok 1' });
    expect(teams.in(APPROVALS)).toHaveLength(before);
    await update({ quotes: [{ source: 'desk', text: 'x'.repeat(1_000) }] });
    expect(teams.in(APPROVALS)).toHaveLength(before + 1);
  });
});

describe('when Teams asks to wait', () => {
  test('nothing is lost, each conversation keeps its order, and its limits are kept', async () => {
    const { teams, adapter, clock } = await connected();
    teams.fail(5, 429, '2', 'POST');
    const words = Array.from({ length: 20 }, (_, index) => `message ${index}`);
    await Promise.all(
      words.flatMap((text) =>
        [GROUP, CHANNEL].map((where) => adapter.surface.post(place(where), messageWith({ text }))),
      ),
    );
    for (const where of [GROUP, CHANNEL]) expect(teams.in(where).map(({ text }) => text)).toEqual(words);
    // Five of ours on demand; none because we were too fast.
    expect(teams.calls.filter(({ status }) => status === 429)).toHaveLength(5);
    expect(clock.slept.filter((ms) => ms === 2_000)).toHaveLength(5);
  });

  test.each([
    ['in seconds', '90', 90_000],
    ['by a date, far away as it may be', 'Wed, 21 Oct 2099 07:28:00 GMT', 3_600_000],
  ])(
    'too long, %s, the caller is told when to come back, and Teams is not called before',
    async (_, later, retryAfterMs) => {
      const { teams, adapter } = await connected();
      teams.fail(99, 429, later);
      const before = teams.calls.length;
      for (let times = 0; times < 3; times += 1) {
        await expect(adapter.surface.post(place(GROUP), messageWith())).rejects.toMatchObject({
          code: 'platform_unavailable',
          retryAfterMs,
        });
      }
      expect(teams.calls).toHaveLength(before + 1);
    },
  );

  test.each([
    ['90', 90_000],
    ['0', 1_000],
    ['Sun, 29 Nov 2026 16:01:30 GMT', 90_000],
    ['Sun, 29 Nov 2026 15:00:00 GMT', 1_000],
    ['later', 1_000],
    [null, 1_000],
  ])('by Retry-After %s, it is for so long', (later, ms) => {
    const headers = new Headers({ date: 'Sun, 29 Nov 2026 16:00:00 GMT' });
    if (later !== null) headers.set('retry-after', later);
    expect(retryAfterMs(headers)).toBe(ms);
  });
});

describe('a failure', () => {
  test.each([
    [500, 'platform_unavailable'],
    [502, 'platform_unavailable'],
    [412, 'platform_unavailable'],
    [401, 'config_invalid'],
    [403, 'not_allowed'],
    [404, 'not_found'],
    [413, 'upstream_failed'],
    [400, 'upstream_failed'],
  ])('%i is told as %s, without a word of the vendor', async (status, code) => {
    const { teams, adapter } = await connected();
    teams.fail(1, status);
    const posting = adapter.surface.post(place(GROUP), messageWith());
    await expect(posting).rejects.toMatchObject({
      code,
      message: expect.not.stringContaining('BadArgument'),
    });
  });

  test('of the network, or after the stop, is one to be retried', async () => {
    const { adapter } = await connected({ config: { serviceUrl: 'http://127.0.0.1:9/none/' } });
    const unavailable = { code: 'platform_unavailable' };
    await expect(adapter.surface.post(place(GROUP), messageWith())).rejects.toMatchObject(unavailable);
    await adapter.stop();
    await expect(adapter.surface.post(place(GROUP), messageWith())).rejects.toMatchObject(unavailable);
  });

  test('our token follows no redirect', async () => {
    const { teams, adapter } = await connected();
    teams.fail(1, 307);
    await expect(adapter.surface.post(place(GROUP), messageWith())).rejects.toMatchObject({
      code: 'platform_unavailable',
    });
    expect(teams.calls).toHaveLength(1);
  });
});

describe('approvers are asked', () => {
  test('in the channel, and each in their own chat, opened if need be', async () => {
    const { teams, adapter, references } = await connected();
    const alices = teams.personalChat(ALICE);
    await teams.send(teams.said(ALICE, alices, 'hi'));
    const bobs = teams.personalChat(BOB);
    const places = await adapter.surface.approvalPlaces([
      person('alice', ALICE),
      person('bob', BOB.toUpperCase()),
    ]);
    expect(places).toEqual([place(APPROVALS), place(alices), place(bobs)]);
    expect(references.all.at(-1)).toMatchObject({ conversation: bobs, person: BOB });
    const calls = teams.calls.length;
    await adapter.surface.approvalPlaces([person('bob', BOB)]);
    expect(teams.calls).toHaveLength(calls);
  });

  test("in a route's conversation instead of the usual one", async () => {
    const { adapter } = await connected();
    const ROUTE = '19:route@thread.tacv2';
    expect(await adapter.surface.approvalPlaces([], ROUTE)).toEqual([place(ROUTE)]);
    expect(await adapter.surface.approvalPlaces([], null)).toEqual([place(APPROVALS)]);
  });

  test('although one of them has not got the app, or is of another tenant', async () => {
    const { teams, adapter, codes } = await connected();
    teams.withoutApp(ALICE);
    const bobs = teams.personalChat(BOB);
    const approvers = [
      person('alice', ALICE),
      person('zoe', 'cccccccc-0000-4000-8000-000000000003', '77777777-8888-4777-8666-555555555555'),
      person('bob', BOB),
    ];
    expect(await adapter.surface.approvalPlaces(approvers)).toEqual([place(APPROVALS), place(bobs)]);
    expect(codes).toContain('teams_approver_unreachable');
  });

  test.each(['installation', 'members'] as const)(
    'nobody counts as called who took the app away, as the %s say, before they have it again',
    async (by) => {
      const { teams, adapter } = await connected();
      const bobs = teams.personalChat(BOB);
      await teams.send(teams.said(BOB, bobs, 'hi'));
      expect(await adapter.surface.approvalPlaces([person('bob', BOB)])).toEqual([
        place(APPROVALS),
        place(bobs),
      ]);
      expect((await teams.send(teams.removed(BOB, by))).status).toBe(200);
      expect(await adapter.surface.approvalPlaces([person('bob', BOB)])).toEqual([place(APPROVALS)]);
      teams.conversations.get(bobs)!.hasApp = true;
      await teams.send(teams.installed(BOB));
      expect(await adapter.surface.approvalPlaces([person('bob', BOB)])).toEqual([
        place(APPROVALS),
        place(bobs),
      ]);
    },
  );

  test('later, when Teams is down', async () => {
    const { teams, adapter } = await connected();
    teams.personalChat(BOB);
    teams.fail(1, 503);
    await expect(adapter.surface.approvalPlaces([person('bob', BOB)])).rejects.toMatchObject({
      code: 'platform_unavailable',
    });
  });
});

test('operators are told where the config says, or nowhere', async () => {
  const { adapter } = await connected();
  expect(await adapter.surface.operatorsPlace()).toBeNull();
  const told = await connected({ config: { operatorsConversation: `${CHANNEL};messageid=1` } });
  expect(await told.adapter.surface.operatorsPlace()).toEqual(place(CHANNEL));
});

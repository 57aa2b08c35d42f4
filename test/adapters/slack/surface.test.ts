import { describe, expect, test } from 'vitest';
import { PrincipalId } from '../../../src/model/ids.ts';
import { textsOf } from '../../support/slack/block-schema.ts';
import { connected, place } from './harness.ts';
import { cardWith, messageWith } from './samples.ts';

const long = 'word '.repeat(8_000);
const longCard = (change = {}) =>
  cardWith({ arguments: [{ name: 'body', value: long, provenance: 'model' }], ...change });

describe('a message', () => {
  test('is posted in the thread it answers, as text that nothing interprets', async () => {
    const { slack, adapter } = await connected();
    const { channel, ts } = await slack.say('UALICE', 'hi');
    const delivered = await adapter.surface.post(
      place(channel, ts),
      messageWith({ text: 'Hello <!here> & all' }),
    );
    const posted = slack.messages(channel).at(-1)!;
    expect(posted).toMatchObject({ thread: ts, text: 'Hello &lt;!here&gt; &amp; all' });
    expect(textsOf(posted.blocks)).toEqual(['Hello <!here> & all']);
    expect(delivered).toMatchObject({ platform: 'slack', container: channel });
    expect(slack.calls.findLast(({ method }) => method === 'chat.postMessage')?.args).toMatchObject({
      parse: 'none',
      unfurl_links: 'false',
      mrkdwn: 'false',
    });
  });

  test.each([
    ['in a channel’s thread is shown in the channel too', 'CGENERAL', true],
    ['in a direct message stands there once', undefined, false],
  ])('that calls %s', async (_what, where, isBroadcast) => {
    const { slack, adapter } = await connected();
    const { channel, ts } = await slack.say('UALICE', 'hi', where);
    for (const calls of [true, false]) {
      await adapter.surface.post(
        place(channel, ts),
        messageWith({ text: 'Now.', ...(calls ? { calls } : {}) }),
      );
      const args = slack.calls.findLast(({ method }) => method === 'chat.postMessage')?.args;
      expect(args?.thread_ts).toBe(ts);
      expect(args?.reply_broadcast).toBe(calls && isBroadcast ? 'true' : undefined);
    }
  });

  test('of the person is not repeated', async () => {
    const { slack, adapter } = await connected();
    expect(await adapter.surface.post(place('CGENERAL'), messageWith({ authorship: 'person' }))).toBeNull();
    expect(slack.messages('CGENERAL')).toEqual([]);
  });
});

describe('a card', () => {
  test('is rewritten in place, its buttons gone once it is decided', async () => {
    const { slack, adapter } = await connected();
    const { channel, ts } = await slack.say('UALICE', 'hi');
    const card = cardWith();
    const delivered = await adapter.surface.post(place(channel, ts), messageWith({ card }));
    await adapter.surface.update(
      delivered!,
      messageWith({ card: { ...card, state: 'succeeded', status: 'Done' } }),
    );
    const [, shown, ...others] = slack.messages(channel);
    expect(others).toEqual([]);
    expect(shown).toMatchObject({ edits: 1, text: 'Open a ticket: Done' });
    expect(shown?.blocks.some((block) => block.type === 'actions')).toBe(false);
  });

  test('too long for one message gets its buttons only when all of it is in the thread', async () => {
    const { slack, adapter } = await connected();
    const { channel, ts } = await slack.say('UALICE', 'hi');
    await adapter.surface.post(place(channel, ts), messageWith({ card: longCard() }));
    const steps = slack.calls
      .filter(({ method }) => method.startsWith('chat.'))
      .map(({ method, args }) => [method, String(args.blocks).includes('"actions"')]);
    expect(steps).toEqual([
      ['chat.postMessage', false],
      ...Array.from({ length: steps.length - 2 }, () => ['chat.postMessage', false]),
      ['chat.update', true],
    ]);
    const [, , ...parts] = slack.messages(channel);
    expect(parts.every(({ thread }) => thread === ts)).toBe(true);
    expect(
      parts
        .flatMap(({ blocks }) => blocks.slice(1))
        .flatMap(textsOf)
        .join(''),
    ).toBe(long);
  });

  test('does not repeat its continuation at every update, and adds what is new', async () => {
    const { slack, adapter } = await connected();
    const delivered = await adapter.surface.post(place('CAPPROVALS'), messageWith({ card: longCard() }));
    const before = slack.messages('CAPPROVALS').length;
    await adapter.surface.update(
      delivered!,
      messageWith({ card: longCard({ state: 'executing', output: 'ok 1' }) }),
    );
    expect(slack.messages('CAPPROVALS')).toHaveLength(before);
    const quotes = [{ source: 'desk', text: 'x'.repeat(1_000) }];
    await adapter.surface.update(delivered!, messageWith({ card: longCard({ quotes }) }));
    expect(slack.messages('CAPPROVALS')).toHaveLength(before + 1);
    expect(slack.messages('CAPPROVALS').at(-1)?.thread).toBe(delivered?.message);
  });
});

describe('when Slack asks to wait', () => {
  test('nothing is lost and each channel keeps its order', async () => {
    const { slack, adapter, clock } = await connected();
    slack.rateLimit(7, 2, { method: 'chat.postMessage' });
    const words = Array.from({ length: 12 }, (_, index) => `message ${index}`);
    const posts = words.flatMap((text) =>
      ['CGENERAL', 'CAPPROVALS'].map((channel) =>
        adapter.surface.post(place(channel), messageWith({ text })),
      ),
    );
    await Promise.all(posts);
    for (const channel of ['CGENERAL', 'CAPPROVALS']) {
      expect(slack.messages(channel).map(({ text }) => text)).toEqual(words);
    }
    expect(clock.slept.filter((ms) => ms === 2_000)).toHaveLength(7);
  });

  test('too long, the caller is told when to come back, and Slack is not called before', async () => {
    const { slack, adapter } = await connected();
    slack.rateLimit(99, 90, { method: 'chat.postMessage' });
    for (const channel of ['CGENERAL', 'CGENERAL', 'CAPPROVALS']) {
      await expect(adapter.surface.post(place(channel), messageWith())).rejects.toMatchObject({
        code: 'platform_unavailable',
        retryAfterMs: 90_000,
      });
    }
    const called = slack.calls.filter(({ method }) => method === 'chat.postMessage');
    expect(called.map(({ args }) => args.channel)).toEqual(['CGENERAL', 'CAPPROVALS']);
  });
});

describe('a failure', () => {
  test.each([
    ['internal_error', 200, 'platform_unavailable'],
    ['upstream', 503, 'platform_unavailable'],
    ['channel_not_found', 200, 'not_found'],
    ['is_archived', 200, 'not_found'],
    ['not_in_channel', 200, 'not_allowed'],
    ['token_revoked', 200, 'config_invalid'],
    ['invalid_blocks', 200, 'upstream_failed'],
  ])('of Slack called %s (%i) is %s, in our words', async (error, status, code) => {
    const { slack, adapter } = await connected();
    slack.fail(1, 'chat.postMessage', error, status);
    const failed = adapter.surface.post(place('CGENERAL'), messageWith());
    await expect(failed).rejects.toMatchObject({ code });
    await expect(failed).rejects.not.toMatchObject({ message: expect.stringContaining(error) });
  });

  test('to find Slack at all is a reason to come back', async () => {
    const { slack, adapter } = await connected();
    await slack.stop();
    await expect(adapter.surface.post(place('CGENERAL'), messageWith())).rejects.toMatchObject({
      code: 'platform_unavailable',
    });
    await slack.restart();
  });

  test('of the token is found at the start', async () => {
    const { adapter } = await connected({ start: false, config: { botToken: ['xoxb', 'wrong'].join('-') } });
    await expect(adapter.start()).rejects.toMatchObject({ code: 'config_invalid' });
  });
});

describe('approvals', () => {
  const person = (id: string, ...users: [team: string, user: string][]) => ({
    id: PrincipalId.parse(id),
    name: id,
    groups: [],
    accounts: users.map(([team, user]) => ({ platform: 'slack' as const, enterprise: null, team, user })),
  });

  test("are asked in the channel and in each approver's direct message", async () => {
    const { slack, adapter } = await connected();
    const places = await adapter.surface.approvalPlaces([
      person('bob', ['T0ACME', 'UBOB']),
      person('carol'),
      person('eve', ['T0OTHER', 'UEVE']),
      person('gone', ['T0ACME', 'UGONE']),
    ]);
    expect(places.map(({ container, direct }) => [container, direct])).toEqual([
      ['CAPPROVALS', false],
      [slack.workspace.directWith('UBOB'), true],
    ]);
    const delivered = await adapter.surface.post(places[1]!, messageWith({ card: cardWith() }));
    expect(slack.messages(delivered?.container)).toHaveLength(1);
  });

  test("are asked in a route's channel instead of the usual one", async () => {
    const { adapter } = await connected();
    expect(await adapter.surface.approvalPlaces([], 'CROUTE')).toEqual([place('CROUTE')]);
    const without = await connected({ config: { approvalsChannel: null } });
    expect(await without.adapter.surface.approvalPlaces([], 'CROUTE')).toEqual([place('CROUTE')]);
    expect(await adapter.surface.approvalPlaces([], null)).toEqual([place('CAPPROVALS')]);
  });

  test('without a channel are asked directly only; operators are told where configured', async () => {
    const { adapter } = await connected({ config: { approvalsChannel: null } });
    expect(await adapter.surface.approvalPlaces([])).toEqual([]);
    expect(await adapter.surface.operatorsPlace()).toBeNull();
    const other = await connected({ config: { operatorsChannel: 'COPS' } });
    expect(await other.adapter.surface.operatorsPlace()).toEqual(place('COPS'));
  });
});

import { describe, expect, test } from 'vitest';
import { PrincipalId } from '../../../src/model/ids.ts';
import { connected } from './harness.ts';
import { cardWith, messageWith } from './samples.ts';

const place = (container: string) => ({
  platform: 'slack' as const,
  tenant: 'T0ACME',
  container,
  thread: '',
  direct: false,
});

/** Once for those that are open at the start, and for each that is opened again. */
const opened = (codes: unknown[]) => codes.filter((code) => code === 'slack_socket_open');

describe('over sockets', () => {
  test('an event is stored before it is acknowledged', async () => {
    const { slack, assistant } = await connected({ socketMode: true });
    const gate = Promise.withResolvers<void>();
    assistant.holdUntil(gate.promise);
    let acknowledged = false;
    const said = slack.say('UALICE', 'the VPN is down').then((result) => {
      acknowledged = true;
      return result;
    });
    await expect.poll(() => assistant.asked()).toBe(1);
    expect(acknowledged).toBe(false);
    gate.resolve();
    expect((await said).sent).toMatchObject({ status: 200, attempts: 1 });
    expect(assistant.stored).toMatchObject([
      { account: { user: 'UALICE' }, content: { text: 'the VPN is down' } },
    ]);
  });

  test('what could not be stored is not acknowledged, comes again and acts once', async () => {
    const { slack, assistant, codes } = await connected({ socketMode: true });
    const failures = () => codes.filter((code) => code === 'slack_bolt_error');
    assistant.failNext(2);
    const said = slack.say('UALICE', 'status');
    for (const attempt of [1, 2]) {
      await expect.poll(() => assistant.asked()).toBe(attempt);
      await expect.poll(() => failures().length).toBeGreaterThanOrEqual(attempt);
      slack.giveUp();
    }
    expect((await said).sent).toMatchObject({ status: 200, attempts: 3 });
    expect(assistant.stored).toHaveLength(1);
  });

  test('clicks and commands come the same way, with their answers', async () => {
    const { slack, adapter, assistant } = await connected({ socketMode: true });
    await adapter.surface.post(
      place('CAPPROVALS'),
      messageWith({ card: cardWith({ buttons: ['approve'] }) }),
    );
    const [card] = slack.messages('CAPPROVALS');
    expect((await slack.click('UBOB', card!, 'approve')).status).toBe(200);
    const sent = await slack.command('UBOB', 'status', 'CGENERAL');
    expect(JSON.parse(sent.body)).toMatchObject({ response_type: 'ephemeral' });
    expect(assistant.stored.map(({ content }) => content.kind)).toEqual(['decision', 'message']);
  });

  test('Undo, Report, a denial with its reason and an opinion come the same way', async () => {
    const { slack, adapter, assistant } = await connected({ socketMode: true });
    const alice = { id: PrincipalId.parse('alice'), name: 'Alice Adams', groups: [], accounts: [] };
    assistant.known.set('UALICE', alice);
    const card = cardWith({ buttons: ['approve', 'deny'], offers: ['undo', 'report'] });
    const answer = messageWith({ authorship: 'model', text: 'I think so.' });
    await adapter.surface.post(place('CAPPROVALS'), messageWith({ card }));
    await adapter.surface.post(place('CAPPROVALS'), answer);
    const [shown, said] = slack.messages('CAPPROVALS');
    await slack.click('UALICE', shown!, 'undo');
    await slack.click('UALICE', shown!, 'report');
    await slack.submit('UALICE', { words: 'Why at night?' });
    await slack.click('UALICE', shown!, 'deny');
    await slack.submit('UALICE', { reason: 'Not now.' });
    await slack.click('UALICE', said!, 'bad');
    const { rendering } = card;
    expect(assistant.stored.map(({ content }) => content)).toEqual([
      { kind: 'undo', rendering },
      { kind: 'report', rendering, words: 'Why at night?' },
      { kind: 'decision', rendering, decision: 'deny', reason: 'Not now.' },
    ]);
    const thread = { container: 'CAPPROVALS', thread: shown!.ts };
    for (const delivery of assistant.stored) expect(delivery.place).toMatchObject(thread);
    expect(assistant.given).toEqual([{ message: answer.id, principal: 'alice', positive: false }]);
  });

  test('what is not for us is acknowledged and left alone', async () => {
    const { slack, assistant, codes } = await connected({ socketMode: true });
    const event = slack.make.event('UALICE', 'hi', 'D0ALICE', '1790000000.000001');
    Object.assign(event.event, { subtype: 'message_deleted' });
    expect((await slack.sockets.deliver('events_api', event)).status).toBe(200);
    expect(assistant.stored).toEqual([]);
    expect(codes).toContain('slack_ignored_subtype');
  });

  test('what is edited is told apart as over HTTP', async () => {
    const { slack, assistant, codes } = await connected({ socketMode: true });
    const said = await slack.say('UALICE', 'the VPN is down');
    await slack.unfurl(said);
    expect(codes.at(-1)).toBe('slack_ignored_unchanged');
    expect((await slack.reword(said, 'the VPN is up')).status).toBe(200);
    expect(assistant.edits.size).toBe(1);
    expect(assistant.stored).toHaveLength(1);
  });

  test('several are open at once, and the same delivery over each acts once', async () => {
    const { slack, assistant } = await connected({ socketMode: true });
    expect(slack.sockets.count).toBeGreaterThan(1);
    const event = slack.make.event('UALICE', 'hi', slack.workspace.directWith('UALICE'), '1790000000.000001');
    const sent = await slack.sockets.everywhere('events_api', event);
    expect(sent.every(({ status }) => status === 200)).toBe(true);
    expect(assistant.stored).toHaveLength(1);
  });

  test('a delivery that Slack replays long after acts no second time', async () => {
    const { slack, assistant } = await connected({ socketMode: true });
    const event = slack.make.event('UALICE', 'hi', slack.workspace.directWith('UALICE'), '1790000000.000001');
    await slack.sockets.deliver('events_api', event);
    slack.sockets.cut();
    await slack.sockets.until(2);
    const hourLater = { ...event, event_time: event.event_time + 3_600 };
    expect((await slack.sockets.deliver('events_api', hourLater)).status).toBe(200);
    expect(assistant.stored).toHaveLength(1);
  });

  test.each(['refresh', 'cut'] as const)('opens again after a %s', async (how) => {
    const { slack, assistant, codes } = await connected({ socketMode: true });
    slack.sockets[how]();
    await expect.poll(() => opened(codes)).toHaveLength(3);
    await slack.sockets.until(2);
    expect((await slack.say('UALICE', 'still there?')).sent.status).toBe(200);
    expect(assistant.stored).toHaveLength(1);
  });

  test('keeps trying while Slack is down, asks for patience or has revoked the token', async () => {
    const { slack, clock, codes } = await connected({ socketMode: true });
    slack.fail(2, 'apps.connections.open', 'invalid_auth');
    slack.rateLimit(2, 7, { method: 'apps.connections.open' });
    slack.fail(2, 'apps.connections.open', 'fatal', 500);
    slack.sockets.cut();
    await expect.poll(() => opened(codes)).toHaveLength(3);
    await slack.sockets.until(2);
    expect(codes.filter((code) => code === 'slack_socket_refused')).toHaveLength(6);
    expect(clock.slept).toContain(1_000);
  });

  test('opens none again once it hung up', async () => {
    const { slack, adapter, codes } = await connected({ socketMode: true });
    await adapter.hangUp();
    await slack.sockets.until(0);
    expect(codes).not.toContain('slack_socket_closed');
    expect((await slack.say('UALICE', 'hi')).sent.status).toBe('timeout');
  });

  test('does not start with a token that Slack refuses', async () => {
    const { adapter } = await connected({ socketMode: true, config: { appToken: 'another' }, start: false });
    await expect(adapter.start()).rejects.toMatchObject({ code: 'config_invalid' });
  });
});

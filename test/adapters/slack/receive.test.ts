import express from 'express';
import { describe, expect, test } from 'vitest';
import { connected, place } from './harness.ts';
import { cardWith, messageWith } from './samples.ts';

/** Seconds of the clock at which a test sends, and so many later. */
const inSeconds = (later: number) => Math.floor(Date.now() / 1000) + later;

describe('what Slack sends', () => {
  test('is stored before it is acknowledged', async () => {
    const { slack, assistant } = await connected();
    const gate = Promise.withResolvers<void>();
    assistant.holdUntil(gate.promise);
    let acknowledged = false;
    const said = slack.say('UALICE', 'the VPN is down & out').then((result) => {
      acknowledged = true;
      return result;
    });
    await expect.poll(() => assistant.asked()).toBe(1);
    expect(acknowledged).toBe(false);
    gate.resolve();
    const { sent, ts, channel } = await said;
    expect(sent).toMatchObject({ status: 200, attempts: 1 });
    expect(assistant.stored).toMatchObject([
      {
        account: { platform: 'slack', enterprise: null, team: 'T0ACME', user: 'UALICE' },
        place: { container: channel, thread: ts, direct: true },
        content: { kind: 'message', text: 'the VPN is down & out' },
      },
    ]);
  });

  test('comes again, and acts once, when it could not be stored at first', async () => {
    const { slack, assistant, codes } = await connected();
    assistant.failNext(2);
    const { sent } = await slack.say('UALICE', 'status');
    expect(sent).toMatchObject({ status: 200, attempts: 3 });
    expect(assistant.stored).toHaveLength(1);
    expect(codes.filter((code) => code === 'slack_bolt_error')).not.toHaveLength(0);
  });

  test('comes again, and acts once, when storing it takes longer than Slack waits', async () => {
    const { slack, assistant } = await connected();
    const gate = Promise.withResolvers<void>();
    assistant.holdUntil(gate.promise);
    const said = slack.say('UALICE', 'status');
    await expect.poll(() => assistant.asked()).toBe(1);
    slack.giveUp();
    await expect.poll(() => assistant.asked()).toBe(2);
    gate.resolve();
    expect((await said).sent).toMatchObject({ status: 200, attempts: 2 });
    expect(assistant.stored).toHaveLength(1);
  });

  test('is answered 503, and when to come again, as long as it cannot be stored', async () => {
    const { slack, assistant } = await connected();
    assistant.failNext(9);
    const { sent } = await slack.say('UALICE', 'status');
    expect(sent).toMatchObject({ status: 503, retryAfter: '5', attempts: 4 });
    expect(assistant.stored).toEqual([]);
  });

  test('five times over acts once: events, clicks and commands', async () => {
    const { slack, adapter, assistant } = await connected();
    const event = slack.make.event('UALICE', 'hi', slack.workspace.directWith('UALICE'), '1790000000.000001');
    await adapter.surface.post(
      place('CAPPROVALS'),
      messageWith({ card: cardWith({ buttons: ['approve'] }) }),
    );
    const [card] = slack.messages('CAPPROVALS');
    const click = { payload: JSON.stringify(slack.make.click('UBOB', card!, 'approve')) };
    const command = slack.make.command('UBOB', 'status', 'CGENERAL');
    for (let time = 0; time < 5; time += 1) {
      expect((await slack.sender.event(event)).status).toBe(200);
      expect((await slack.sender.form(click)).status).toBe(200);
      expect((await slack.sender.form(command)).status).toBe(200);
    }
    expect(assistant.stored.map(({ content }) => content.kind)).toEqual(['message', 'decision', 'message']);
    expect(slack.messages(slack.workspace.directWith('UBOB'))).toHaveLength(1);
  });

  test('that was edited is told apart, over both ways in which Slack says so, where it was taken in', async () => {
    const { slack, assistant, codes } = await connected();
    const direct = await slack.say('UALICE', 'the VPN is down');
    const shared = await slack.say('UALICE', '@countersign status', 'CGENERAL');
    const unheard = await slack.say('UALICE', 'just talking', 'CGENERAL');
    await slack.unfurl(direct);
    expect(assistant.edits.size).toBe(0);
    expect(await slack.reword(direct, 'the VPN is up')).toMatchObject({ status: 200, attempts: 1 });
    expect(await slack.reword(shared, '@countersign help')).toMatchObject({ status: 200, attempts: 1 });
    expect(codes).not.toContain('slack_duplicate');
    await slack.reword(direct, 'the VPN is up again');
    expect(codes.at(-1)).toBe('slack_duplicate');
    await slack.reword(unheard, '@countersign status');
    expect(codes.at(-1)).toBe('slack_ignored_edited');
    expect(assistant.edits.size).toBe(2);
    expect(assistant.stored).toHaveLength(2);
  });

  test.each([
    ['unsigned', () => ({ headers: { 'x-slack-signature': null } })],
    ['signed with another secret', () => ({ secret: 'another' })],
    ['six minutes old', () => ({ timestamp: inSeconds(-360) })],
    ['six minutes ahead', () => ({ timestamp: inSeconds(360) })],
    ['signed for another time', () => ({ headers: { 'x-slack-request-timestamp': String(inSeconds(-1)) } })],
  ])('%s is refused', async (_name, options) => {
    const { slack, assistant, codes } = await connected();
    const body = JSON.stringify(slack.make.event('UALICE', 'hi', 'D0ALICE', '1790000000.000001'));
    expect((await slack.sender.once(body, 'application/json', options())).status).toBe(401);
    expect(assistant.stored).toEqual([]);
    expect(codes.at(-1)).toMatch(/^slack_(signature|timestamp)_/);
  });

  test('is refused where a parser ran before the bytes could be verified', async () => {
    const { slack, assistant, codes } = await connected({ before: express.json() });
    expect((await slack.say('UALICE', 'hi')).sent.status).toBe(400);
    expect(assistant.stored).toEqual([]);
    expect(codes).toContain('slack_body_unreadable');
  });

  test('waits for the start: nothing is acknowledged before we know who we are', async () => {
    const { slack, assistant } = await connected({ start: false });
    expect((await slack.say('UALICE', 'hi')).sent.status).toBe(503);
    expect(assistant.stored).toEqual([]);
  });

  test.each([
    ['{', 'slack_ignored_malformed'],
    ['null', 'slack_ignored_malformed'],
    ['[]', 'slack_ignored_malformed'],
    ['{"event": null}', 'slack_ignored_malformed'],
    ['{"type": "event_callback", "event": {"type": "message"}}', 'slack_ignored_malformed'],
    ['{"type": "view_submission", "view": {}}', 'slack_ignored_malformed'],
    ['{"type": "view_closed", "view": {}}', 'slack_ignored_unhandled'],
    ['{"type": "block_actions", "actions": []}', 'slack_ignored_malformed'],
  ])('as %s is acknowledged at once and logged', async (body, code) => {
    const { slack, assistant, codes } = await connected();
    expect((await slack.sender.once(body, 'application/json')).status).toBe(200);
    expect(codes.at(-1)).toBe(code);
    expect(assistant.stored).toEqual([]);
  });

  test.each([
    ['once we are connected', true],
    ['before Slack has told us who we are', false],
  ])('to set the endpoint up is answered with its challenge %s', async (_, start) => {
    const { slack } = await connected({ start });
    const sent = await slack.sender.once('{"type":"url_verification","challenge":"c4"}', 'application/json');
    expect(JSON.parse(sent.body)).toEqual({ challenge: 'c4' });
  });

  test('over a megabyte is refused', async () => {
    const { slack } = await connected();
    expect((await slack.sender.once(`"${'x'.repeat(1024 * 1024)}"`, 'application/json')).status).toBe(413);
  });
});

describe('a mention', () => {
  test('is answered in its thread', async () => {
    const { slack, assistant } = await connected();
    const { ts } = await slack.say('UALICE', '@countersign run the checks of web', 'CGENERAL');
    expect(assistant.stored).toMatchObject([
      {
        place: { container: 'CGENERAL', thread: ts, direct: false },
        content: { text: 'run the checks of web' },
      },
    ]);
    await slack.say('UALICE', 'just talking', 'CGENERAL');
    expect(assistant.stored).toHaveLength(1);
  });
});

describe('a click', () => {
  test('on each button becomes its decision, by the person who pressed it, on that rendering', async () => {
    const { slack, adapter, assistant } = await connected();
    const card = cardWith({ buttons: ['confirm', 'approve', 'deny', 'cancel'] });
    await adapter.surface.post(place('CAPPROVALS'), messageWith({ card }));
    const [shown] = slack.messages('CAPPROVALS');
    for (const button of card.buttons) {
      expect(await slack.click('UBOB', shown!, button)).toMatchObject({ status: 200, body: '' });
    }
    expect(
      assistant.stored.map(({ content, account }) => ({
        content,
        user: account.platform === 'slack' && account.user,
      })),
    ).toEqual(
      card.buttons.map((decision) => ({
        content: { kind: 'decision', decision, rendering: card.rendering },
        user: 'UBOB',
      })),
    );
  });

  test('that could not be stored is not acknowledged', async () => {
    const { slack, adapter, assistant } = await connected();
    await adapter.surface.post(place('CAPPROVALS'), messageWith({ card: cardWith() }));
    assistant.failNext(1);
    expect((await slack.click('UBOB', slack.messages('CAPPROVALS')[0]!, 'confirm')).status).toBe(503);
  });
});

describe('a command', () => {
  test('is understood with a charset in its content type too', async () => {
    const { slack, assistant } = await connected();
    const form = new URLSearchParams(slack.make.command('UALICE', 'status')).toString();
    const type = 'application/x-www-form-urlencoded; charset=utf-8';
    expect((await slack.sender.once(form, type)).status).toBe(200);
    expect(assistant.stored).toHaveLength(1);
  });

  test('gets a thread of its own in the direct message, wherever it was typed', async () => {
    const { slack, assistant } = await connected();
    const sent = await slack.command('UALICE', 'ci trigger repo=web &lt;!channel&gt;', 'CSECRET');
    expect(JSON.parse(sent.body)).toMatchObject({ response_type: 'ephemeral' });
    const [root] = slack.messages(slack.workspace.directWith('UALICE'));
    expect(root).toMatchObject({ thread: null, text: '/countersign ci trigger repo=web &lt;!channel&gt;' });
    expect(assistant.stored).toMatchObject([
      {
        place: { container: root?.channel, thread: root?.ts, direct: true },
        content: { text: 'ci trigger repo=web <!channel>' },
      },
    ]);
    expect(slack.messages('CSECRET')).toEqual([]);
  });

  test('is refused, and not done, when its thread cannot be opened', async () => {
    const { slack, assistant } = await connected();
    slack.fail(1, 'chat.postMessage', 'internal_error');
    expect((await slack.command('UALICE', 'status')).status).toBe(503);
    expect(assistant.stored).toEqual([]);
    expect((await slack.command('UALICE', 'status')).status).toBe(200);
  });

  test('is said again without the secrets in it', async () => {
    const { slack } = await connected();
    await slack.command('UALICE', 'ticket create title="hunter2 is refused"');
    const [root] = slack.messages(slack.workspace.directWith('UALICE'));
    expect(JSON.stringify(root)).toContain('[masked] is refused');
    expect(JSON.stringify(slack.calls)).not.toContain('hunter2');
  });

  test('waits for nothing that is to be said in the direct message', async () => {
    const { slack, adapter, assistant } = await connected();
    const direct = place(slack.workspace.directWith('UALICE'));
    const shown = await adapter.surface.post(direct, messageWith());
    const release = slack.hold('chat.update');
    const rewriting = adapter.surface.update(shown!, messageWith());
    const waiting = adapter.surface.post(direct, messageWith({ text: 'behind it' }));
    expect((await slack.command('UALICE', 'status')).status).toBe(200);
    expect(assistant.stored).toHaveLength(1);
    release();
    await Promise.all([rewriting, waiting]);
  });

  const lineOf = (slack: Awaited<ReturnType<typeof connected>>['slack']) =>
    slack.messages(slack.workspace.directWith('UALICE'))[0];
  const NOT_DONE = 'This was not done, as it could not be stored in time. Please send it again.';

  test('that Slack called failed is not done, and its line, should it still appear, says so', async () => {
    const { slack, assistant } = await connected();
    const release = slack.hold('chat.postMessage');
    expect((await slack.command('UALICE', 'ci trigger')).status).toBe(503);
    release();
    await slack.workspace.until(() => lineOf(slack)?.text.startsWith(NOT_DONE) === true);
    expect(JSON.stringify(lineOf(slack)?.blocks)).toContain('/countersign ci trigger');
    expect(assistant.stored).toEqual([]);
  });

  test('that could not be stored is called failed, and its line says so too', async () => {
    const { slack, assistant } = await connected();
    assistant.failNext(1);
    expect((await slack.command('UALICE', 'ci trigger')).status).toBe(503);
    await slack.workspace.until(() => lineOf(slack)?.text.startsWith(NOT_DONE) === true);
    expect(assistant.stored).toEqual([]);
  });

  test.each([0, 1])('that is stored too late is not called failed; failing %s times', async (failures) => {
    const { slack, assistant, codes } = await connected();
    const gate = Promise.withResolvers<void>();
    assistant.holdUntil(gate.promise);
    expect((await slack.command('UALICE', 'ci trigger')).status).toBe(200);
    expect(assistant.stored).toEqual([]);
    assistant.failNext(failures);
    gate.resolve();
    await expect.poll(() => codes).toContain(failures === 0 ? 'slack_received' : 'slack_command_late');
    expect(assistant.stored).toHaveLength(1 - failures);
    if (failures > 0) await slack.workspace.until(() => lineOf(slack)?.text.startsWith(NOT_DONE) === true);
  });
});

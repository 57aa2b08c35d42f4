import { describe, expect, test } from 'vitest';
import { renderHome } from '../../../adapters/slack/home-view.ts';
import { MessageId, newId, PrincipalId, RequestId } from '../../../src/model/ids.ts';
import { checkHome, textsOf } from '../../support/slack/block-schema.ts';
import { drawBlock } from '../../support/slack/draw.ts';
import { connected, place } from './harness.ts';
import { cardWith, messageWith, TICKET } from './samples.ts';

const ALICE = { id: PrincipalId.parse('alice'), name: 'Alice Adams', groups: [], accounts: [] };
const STATUS = 'agents.sessions.setStatus';
type Slack = Awaited<ReturnType<typeof connected>>['slack'];

async function known(more: Parameters<typeof connected>[0] = {}) {
  const all = await connected(more);
  all.assistant.known.set('UALICE', ALICE);
  all.assistant.forms.push(TICKET);
  const direct = all.slack.workspace.directWith('UALICE');
  const { workspace } = all.slack;
  const home = () => (workspace.homes.get('UALICE')?.blocks ?? []).map(drawBlock).join('\n');
  return { ...all, direct, home };
}

describe('the conversation', () => {
  test('begins with what one could ask, in words that can be sent as they are', async () => {
    const { slack, assistant, direct } = await known();
    const now = { action: 'cache.clear', title: 'Clear the cache', fields: [] };
    assistant.forms.push(now, { ...now, action: 'desk.look', title: 'Look at the desk' });
    assistant.examples.set('desk.look', ['look at {part} of the desk', 'look at the desk']);
    await slack.openHome('UALICE', 'messages');
    await slack.workspace.until(() => slack.workspace.prompts.has(direct));
    expect(slack.workspace.prompts.get(direct)).toEqual([
      { title: 'What can you do?', message: 'help' },
      // Its example has a blank: the command alone asks what is needed. What needs nothing would be done at once.
      { title: 'Open a ticket', message: 'ticket create' },
      { title: 'Look at the desk', message: 'look at the desk' },
    ]);
  });

  test('is acknowledged as opened, however long its suggestions take', async () => {
    const { slack, direct } = await known();
    const release = slack.hold('assistant.threads.setSuggestedPrompts');
    expect((await slack.openHome('UALICE', 'messages')).status).toBe(200);
    expect(slack.workspace.prompts.has(direct)).toBe(false);
    release();
    await slack.workspace.until(() => slack.workspace.prompts.has(direct));
  });

  test('shows that something is being worked on, until it is answered', async () => {
    const { slack, adapter, direct } = await known();
    const { ts } = await slack.say('UALICE', 'status');
    await slack.workspace.until(() => slack.workspace.sessions.get(`${direct} ${ts}`) === 'processing');
    await adapter.surface.post(place(direct, ts), messageWith());
    await slack.workspace.until(() => slack.workspace.sessions.get(`${direct} ${ts}`) === 'active');
  });

  test('shows it in the thread of a mention too, until that is answered to all or to one', async () => {
    const { slack, adapter } = await known();
    slack.workspace.channels.get('CGENERAL')?.members.add('UALICE');
    const account = { platform: 'slack' as const, enterprise: null, team: 'T0ACME', user: 'UALICE' };
    for (const onlyFor of [{}, { onlyFor: account }]) {
      const { ts } = await slack.say('UALICE', '@countersign status', 'CGENERAL');
      const status = () => slack.workspace.sessions.get(`CGENERAL ${ts}`);
      await slack.workspace.until(() => status() === 'processing');
      await adapter.surface.post(place('CGENERAL', ts), messageWith(onlyFor));
      await slack.workspace.until(() => status() === 'active');
    }
  });

  test.each([
    ['asks for patience', (slack: Slack) => slack.rateLimit(3, 7, { method: STATUS })],
    ['fails', (slack: Slack) => slack.fail(3, STATUS, 'internal_error')],
  ])('says that it is answered also where Slack %s at first', async (_how, trouble) => {
    const { slack, adapter, direct } = await known();
    const { ts } = await slack.say('UALICE', 'status');
    const status = () => slack.workspace.sessions.get(`${direct} ${ts}`);
    await slack.workspace.until(() => status() === 'processing');
    trouble(slack);
    await adapter.surface.post(place(direct, ts), messageWith());
    await slack.workspace.until(() => status() === 'active');
  });

  test('says so with its next message where Slack did not take it for too long', async () => {
    const { slack, adapter, direct, codes, clock } = await known();
    const { ts } = await slack.say('UALICE', 'status');
    const status = () => slack.workspace.sessions.get(`${direct} ${ts}`);
    await slack.workspace.until(() => status() === 'processing');
    slack.rateLimit(1, 90, { method: STATUS });
    await adapter.surface.post(place(direct, ts), messageWith());
    await expect.poll(() => codes).toContain('slack_agent_view');
    expect(status()).toBe('processing');
    await clock.sleep(90_000, new AbortController().signal);
    await adapter.surface.post(place(direct, ts), messageWith());
    await slack.workspace.until(() => status() === 'active');
  });

  test('goes on where Slack shows none of it', async () => {
    const { slack, adapter, direct, codes } = await known();
    slack.fail(1_000, STATUS, 'internal_error');
    const { ts, sent } = await slack.say('UALICE', 'status');
    expect(sent.status).toBe(200);
    expect(await adapter.surface.post(place(direct, ts), messageWith())).not.toBeNull();
    await expect.poll(() => codes).toContain('slack_agent_view');
  });

  test("passes on Slack's own Stop button, for whoever pressed it", async () => {
    const { slack, assistant, direct } = await known();
    const { ts } = await slack.say('UALICE', 'status');
    await slack.pressStop('UALICE', direct, ts);
    expect(assistant.stops).toEqual([{ place: place(direct, ts), principal: 'alice' }]);
    await slack.pressStop('UBOB', direct, ts);
    expect(assistant.stops).toHaveLength(1);
  });

  test("takes opinions on a model's answer, and on nobody else's", async () => {
    const { slack, adapter, assistant, direct } = await known();
    const answer = messageWith({ authorship: 'model', text: 'I think so.' });
    await adapter.surface.post(place(direct), answer);
    await adapter.surface.post(place(direct), messageWith());
    const [shown, ours] = slack.messages(direct);
    await slack.click('UALICE', shown!, 'good');
    await slack.click('UALICE', shown!, 'bad');
    await slack.click('UBOB', shown!, 'good');
    expect(assistant.given).toEqual([
      { message: answer.id, principal: 'alice', positive: true },
      { message: answer.id, principal: 'alice', positive: false },
    ]);
    expect(() => slack.make.click('UALICE', ours!, 'good')).toThrow('no button');
  });

  test('shows how far an execution is as a task', async () => {
    const { slack, adapter, direct } = await known();
    for (const state of ['pending', 'executing', 'succeeded', 'failed'] as const)
      await adapter.surface.post(place(direct), messageWith({ card: cardWith({ state }) }));
    const plans = slack.messages(direct).map(({ blocks }) => blocks.find((block) => block.type === 'plan'));
    expect(plans.map((plan) => plan?.tasks?.at(-1)?.status)).toEqual([
      'pending',
      'in_progress',
      'complete',
      'error',
    ]);
  });
});

describe('the Home tab', () => {
  test('shows what waits, with its buttons, and what one may ask for', async () => {
    const { slack, assistant, home } = await known();
    const card = cardWith({ buttons: ['approve', 'deny'], summary: 'Open it on the desk.' });
    assistant.waiting.push(messageWith({ card }));
    await slack.openHome('UALICE', 'home');
    await slack.workspace.until(() => slack.workspace.homes.has('UALICE'));
    expect(home()).toContain('Open it on the desk.');
    expect(home()).toContain('[Approve] [Deny]');
    expect(home()).toContain(card.status);
    expect(home()).toContain('Open a ticket: What "Open a ticket" does.');
    await slack.clickHome('UALICE', 'approve');
    expect(assistant.stored).toMatchObject([
      {
        place: { container: slack.workspace.directWith('UALICE'), thread: '', direct: true },
        content: { kind: 'decision', decision: 'approve', rendering: card.rendering },
      },
    ]);
    await slack.clickHome('UALICE', 'deny');
    await slack.submit('UALICE', { reason: 'no' });
    expect(assistant.stored[1]).toMatchObject({ content: { decision: 'deny', reason: 'no' } });
  });

  test('follows what changes for whoever opened it', async () => {
    const { slack, assistant, home } = await known();
    await slack.openHome('UALICE', 'home');
    await slack.workspace.until(() => slack.workspace.homes.has('UALICE'));
    expect(home()).toContain('Nothing waits for you.');
    assistant.waiting.push(messageWith({ card: cardWith({ summary: 'Something new.' }) }));
    assistant.change({ kind: 'request', request: newId(RequestId) });
    await slack.workspace.until(() => home().includes('Something new.'));
  });

  test('is for people whom we know', async () => {
    const { slack } = await known();
    await slack.openHome('UBOB', 'home');
    await slack.workspace.until(() => slack.workspace.homes.has('UBOB'));
    const words = textsOf(slack.workspace.homes.get('UBOB')?.blocks).join(' ');
    expect(words).toContain('I do not know you yet');
  });

  test('that cannot be published costs nothing but the page', async () => {
    const { slack, codes } = await known();
    slack.fail(1, 'views.publish', 'internal_error');
    expect((await slack.openHome('UALICE', 'home')).status).toBe(200);
    await expect.poll(() => codes).toContain('slack_home_stale');
  });

  test('stays within the limits however much there is, and hides nothing that is decided on', () => {
    const many = Array.from({ length: 100 }, () => messageWith({ card: cardWith() }));
    const ended = Array.from({ length: 100 }, () => messageWith({ card: cardWith({ state: 'succeeded' }) }));
    const actions = Array.from({ length: 100 }, () => ({
      title: 'x'.repeat(500),
      description: 'y'.repeat(5_000),
    }));
    const full = renderHome({ waiting: many, mine: [...many, ...ended], actions });
    expect(checkHome(full)).not.toBeNull();
    const long = cardWith({ arguments: [{ name: 'text', value: 'z'.repeat(9_000), provenance: 'typed' }] });
    const view = renderHome({ waiting: [messageWith({ card: long })], mine: [], actions: [] });
    expect(view.blocks.some(({ type }) => type === 'actions')).toBe(false);
    expect(textsOf(view.blocks).join(' ')).toContain('too long for this page');
  });
});

describe('shortcuts', () => {
  test('"New request" lets one choose, then fill in; the answer has a thread of its own', async () => {
    const { slack, assistant, direct } = await known();
    expect((await slack.shortcut('UALICE', 'new_request')).status).toBe(200);
    await slack.submit('UALICE', { action: 'ticket.create' });
    expect(slack.dialog('UALICE').view.title.text).toBe('Open a ticket');
    expect((await slack.submit('UALICE', { title: 'bad' })).errors).toEqual({
      'field:title': 'must be good',
    });
    await slack.submit('UALICE', { title: 'VPN' });
    const [root] = slack.messages(direct);
    expect(assistant.stored).toMatchObject([
      {
        place: { container: direct, thread: root?.ts },
        content: { kind: 'form', arguments: { title: 'VPN' } },
      },
    ]);
  });

  test('"New request" for what asks for nothing says what it does, and sends it', async () => {
    const { slack, assistant, direct } = await known();
    assistant.forms.push({ action: 'desk.look', title: 'Look at the desk', fields: [] });
    await slack.shortcut('UALICE', 'new_request');
    expect((await slack.submit('UALICE', { action: 'desk.look' })).errors).toEqual({});
    const { view } = slack.dialog('UALICE');
    expect(view.title.text).toBe('Look at the desk');
    expect(view.blocks.flatMap(textsOf)).toEqual(['What "Look at the desk" does.']);
    expect(assistant.stored).toEqual([]);
    await slack.submit('UALICE', {});
    expect(assistant.stored).toMatchObject([
      { place: { container: direct }, content: { kind: 'form', action: 'desk.look', arguments: {} } },
    ]);
  });

  test('on a message asks for a ticket, its words labelled as fetched', async () => {
    const { slack, assistant, direct } = await known();
    const said = {
      channel: 'CGENERAL',
      user: 'UBOB',
      thread: null,
      text: 'VPN &lt;down&gt; again',
      blocks: [],
    };
    const message = slack.workspace.add(said);
    await slack.shortcut('UALICE', 'ticket_from_message', message);
    expect(assistant.stored).toMatchObject([
      {
        place: { container: direct, direct: true },
        content: {
          kind: 'message',
          text: 'Open a ticket',
          fetched: ['VPN <down> again'],
        },
      },
    ]);
  });

  test('on what an app posted reads its attachments and blocks, and counts its files', async () => {
    const { slack, assistant } = await known();
    const said = { channel: 'CGENERAL', user: 'UBOB', thread: null, text: '', blocks: [] };
    const posted = {
      ...slack.workspace.add(said),
      bot_id: 'B1',
      attachments: [{ title: 'CPU high', fields: [{ title: 'Value', value: '99%' }] }],
      blocks: [{ type: 'section', text: { type: 'mrkdwn', text: 'Disk full' } }] as never[],
      files: [{ id: 'F1' }],
    };
    await slack.shortcut('UALICE', 'ticket_from_message', posted);
    expect(assistant.stored).toMatchObject([
      { content: { fetched: ['Disk full', 'CPU high\nValue: 99%'], files: 1 } },
    ]);
  });

  test('of somebody whom we do not know open nothing', async () => {
    const { slack, assistant } = await known();
    await slack.shortcut('UBOB', 'new_request');
    expect(slack.workspace.views).toEqual([]);
    expect(assistant.stored).toMatchObject([{ account: { user: 'UBOB' }, content: { kind: 'message' } }]);
  });

  test('work over sockets too, the next dialog included', async () => {
    const { slack, assistant } = await known({ socketMode: true });
    await slack.shortcut('UALICE', 'new_request');
    await slack.submit('UALICE', { action: 'ticket.create' });
    expect((await slack.submit('UALICE', { title: 'bad' })).errors).toHaveProperty('field:title');
    await slack.submit('UALICE', { title: 'VPN' });
    await slack.openHome('UALICE', 'home');
    await slack.workspace.until(() => slack.workspace.homes.has('UALICE'));
    expect(assistant.stored).toHaveLength(1);
    expect(slack.workspace.homes.has('UALICE')).toBe(true);
  });
});

describe('what is for one reader', () => {
  const account = { platform: 'slack' as const, enterprise: null, team: 'T0ACME', user: 'UALICE' };
  const refusal = messageWith({ id: newId(MessageId), text: 'Alice: you may not.', onlyFor: account });

  test('is shown to nobody else', async () => {
    const { slack, adapter } = await known();
    slack.workspace.channels.get('CAPPROVALS')?.members.add('UALICE');
    expect(await adapter.surface.post(place('CAPPROVALS'), refusal)).not.toBeNull();
    expect(slack.workspace.whispers).toMatchObject([
      { channel: 'CAPPROVALS', user: 'UALICE', text: 'Alice: you may not.' },
    ]);
    expect(slack.messages('CAPPROVALS')).toEqual([]);
  });

  test.each([
    ['in the channel, where nobody answered below the card', false],
    ['in the thread of the card, where somebody did', true],
  ])('answers a press %s', async (_where, answered) => {
    const { slack, adapter } = await known();
    slack.workspace.channels.get('CAPPROVALS')?.members.add('UALICE');
    const card = cardWith({ buttons: ['approve'] });
    await adapter.surface.post(place('CAPPROVALS'), messageWith({ card }));
    const [shown] = slack.messages('CAPPROVALS');
    const thread = shown!.ts;
    const reply = { channel: 'CAPPROVALS', thread, user: 'UBOB', text: 'looks odd', blocks: [] };
    if (answered) slack.workspace.add(reply);
    await slack.click('UALICE', shown!, 'approve');
    await adapter.surface.post(place('CAPPROVALS', thread), refusal);
    expect(slack.workspace.whispers).toMatchObject([{ user: 'UALICE', thread: answered ? thread : null }]);
  });

  test.each([
    ['in the channel after a mention that begins a thread', false],
    ['in the thread where it was said', true],
  ])('answers %s', async (_where, within) => {
    const { slack, adapter } = await known();
    slack.workspace.channels.get('CGENERAL')?.members.add('UALICE');
    const begun = { channel: 'CGENERAL', thread: null, user: 'UBOB', text: 'look', blocks: [] };
    const options = within ? { thread: slack.workspace.add(begun).ts } : {};
    const said = await slack.say('UALICE', '@countersign kill on reason=x', 'CGENERAL', options);
    await adapter.surface.post(place('CGENERAL', said.thread), refusal);
    expect(slack.workspace.whispers).toMatchObject([{ user: 'UALICE', thread: options.thread ?? null }]);
  });

  test('is shown in a thread that we answered in ourselves', async () => {
    const { slack, adapter } = await known();
    slack.workspace.channels.get('CGENERAL')?.members.add('UALICE');
    const { ts } = await slack.say('UALICE', '@countersign help', 'CGENERAL');
    await adapter.surface.post(place('CGENERAL', ts), messageWith());
    await adapter.surface.post(place('CGENERAL', ts), refusal);
    expect(slack.workspace.whispers).toMatchObject([{ user: 'UALICE', thread: ts }]);
  });

  test('is shown whole, without buttons, and never rewritten', async () => {
    const { slack, adapter } = await known();
    slack.workspace.channels.get('CGENERAL')?.members.add('UALICE');
    const value = 'word '.repeat(2_000);
    const card = cardWith({
      state: 'denied',
      buttons: [],
      offers: ['report'],
      arguments: [{ name: 'body', value, provenance: 'typed' }],
    });
    const { ts } = await slack.say('UALICE', '@countersign ticket create', 'CGENERAL');
    const denied = messageWith({ ...refusal, card });
    const delivered = await adapter.surface.post(place('CGENERAL', ts), denied);
    const shown = slack.workspace.whispers.flatMap(({ blocks }) => textsOf(blocks)).join('');
    expect(shown.split('word ').length).toBeGreaterThan(2_000);
    expect(slack.workspace.whispers.flatMap(({ blocks }) => blocks.map(({ type }) => type))).not.toContain(
      'actions',
    );
    await adapter.surface.update(delivered!, denied);
    expect(slack.calls.filter(({ method }) => method === 'chat.update')).toEqual([]);
    expect(slack.messages('CGENERAL')).toHaveLength(1);
  });

  test('is shown to all where Slack refuses that, rather than lost', async () => {
    const { slack, adapter, codes } = await known();
    await adapter.surface.post(place('CAPPROVALS'), refusal);
    expect(slack.messages('CAPPROVALS')).toMatchObject([{ text: 'Alice: you may not.' }]);
    expect(codes).toContain('slack_whisper_refused');
  });

  test('comes later, not louder, when Slack is down', async () => {
    const { slack, adapter } = await known();
    slack.workspace.channels.get('CAPPROVALS')?.members.add('UALICE');
    slack.fail(1, 'chat.postEphemeral', 'internal_error');
    await expect(adapter.surface.post(place('CAPPROVALS'), refusal)).rejects.toMatchObject({
      code: 'platform_unavailable',
    });
    expect(slack.messages('CAPPROVALS')).toEqual([]);
  });
});

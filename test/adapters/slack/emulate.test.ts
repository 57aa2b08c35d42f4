/**
 * The adapter against a Slack that somebody else wrote: the `emulate` package keeps conversations, messages, people and views as a
 * workspace does. It has no way to subscribe an app from outside, so its events are made from its own state and signed as it and Slack sign.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createEmulator } from 'emulate';
import express from 'express';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createSlackAdapter, type SlackAdapter } from '../../../adapters/slack/adapter.ts';
import { SlackClient } from '../../../adapters/slack/client.ts';
import { choiceModal } from '../../../adapters/slack/modals.ts';
import { ENDPOINT, METHODS, SCOPES } from '../../../adapters/slack/needs.ts';
import { PrincipalId } from '../../../src/model/ids.ts';
import { freePort } from '../../support/free-port.ts';
import { type MemoryAssistant, memoryAssistant } from '../../support/slack/memory-assistant.ts';
import { Sender } from '../../support/slack/sender.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { cardWith, messageWith } from './samples.ts';

/** What we call and it does not know; our own fake holds these to Slack's documentation. */
const NOT_COVERED = [
  'agents.sessions.setStatus',
  'assistant.threads.setSuggestedPrompts',
  'chat.appendStream',
  'chat.startStream',
  'chat.stopStream',
];
/** Besides, it sends no clicks, commands, shortcuts or mentions, has no user groups and no sockets, repeats nothing and limits nothing. */
const BOT = { user: 'U0COUNTERSIGN', bot: 'B0COUNTERSIGN', app: 'A0COUNTERSIGN' };
const botToken = ['xoxb', crypto.randomUUID()].join('-');
const aliceToken = ['xoxp', crypto.randomUUID()].join('-');
const signingSecret = crypto.randomUUID().replaceAll('-', '');
/** What a person's own client may do there. */
const READER = ['chat:write', 'im:write', 'im:history', 'channels:history', 'channels:read', 'users:read'];

type Shown = { user: string; text: string; ts: string; thread_ts?: string; blocks?: unknown[] };
const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

const boltSilence = {
  ...silent,
  setLevel: () => undefined,
  setName: () => undefined,
  getLevel: () => 'error' as never,
};

let emulator: { close(): Promise<void> };
let apiUrl: string;
let client: SlackClient;
let adapter: SlackAdapter;
let sender: Sender;
let assistant: MemoryAssistant;
let team: string;
const closing: (() => Promise<void>)[] = [];

/** As a client of that workspace asks. */
async function api(token: string, method: string, args: Record<string, string> = {}) {
  const response = await fetch(`${apiUrl}${method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: new URLSearchParams(args),
  });
  return { status: response.status, ...((await response.json()) as Record<string, unknown>) } as Record<
    string,
    unknown
  > & { ok?: boolean; status: number };
}
const userId = async (name: string): Promise<string> => {
  const { members } = (await api(aliceToken, 'users.list')) as unknown as {
    members: { id: string; name: string }[];
  };
  return members.find((member) => member.name === name)!.id;
};
const inThread = async (channel: string, ts: string): Promise<Shown[]> =>
  ((await api(aliceToken, 'conversations.replies', { channel, ts })) as unknown as { messages: Shown[] })
    .messages;

/** Alice writes to the app; what it keeps of that is what it would tell the app. */
async function aliceWrites(text: string) {
  const opened = await api(aliceToken, 'conversations.open', { users: BOT.user });
  const channel = (opened.channel as { id: string }).id;
  const posted = await api(aliceToken, 'chat.postMessage', { channel, text });
  const event = { ...(posted.message as Shown), type: 'message', channel };
  const envelope = {
    type: 'event_callback',
    team_id: team,
    event_id: `Ev${crypto.randomUUID().replaceAll('-', '')}`,
    event_time: Math.floor(Date.now() / 1000),
    event,
  };
  return { channel, ts: posted.ts as string, envelope };
}

beforeAll(async () => {
  // The emulator makes its own address of the number.
  const port = await freePort();
  emulator = await createEmulator({
    service: 'slack',
    port,
    hostname: '127.0.0.1',
    seed: {
      slack: {
        // Whatever the manifest does not ask for is refused.
        strict_scopes: true,
        signing_secret: signingSecret,
        users: [{ name: 'alice' }, { name: 'bob' }],
        channels: [{ name: 'approvals' }],
        oauth_apps: [
          {
            client_id: 'countersign',
            client_secret: crypto.randomUUID(),
            app_id: BOT.app,
            name: 'Countersign',
            redirect_uris: [],
            scopes: [...SCOPES],
            bot_id: BOT.bot,
            bot_user_id: BOT.user,
          },
        ],
        tokens: [
          {
            token: botToken,
            type: 'bot',
            user_id: BOT.user,
            scopes: [...SCOPES],
            app_id: BOT.app,
            bot_id: BOT.bot,
            bot_user_id: BOT.user,
          },
          { token: aliceToken, type: 'user', user: 'alice', scopes: READER },
        ],
      },
    },
  });
  closing.push(() => emulator.close());
  apiUrl = `http://127.0.0.1:${port}/api/`;
  client = new SlackClient({ botToken, apiUrl }, boltSilence);
  const app = express();
  adapter = createSlackAdapter({
    assistant: () => assistant,
    app,
    config: {
      botToken,
      signingSecret,
      appToken: null,
      apiUrl,
      approvalsChannel: null,
      operatorsChannel: null,
    },
    log: silent,
    clock: virtualClock(),
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${ENDPOINT}`;
  sender = new Sender(url, signingSecret);
  assistant = memoryAssistant();
  await adapter.start();
  closing.push(() => adapter.stop());
  team = (await client.whoAmI()).team;
});
beforeEach(() => {
  assistant = memoryAssistant();
});
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

describe("emulate's Slack", () => {
  test('knows the app by its token, with no more scopes than the manifest asks for', async () => {
    expect(await client.whoAmI()).toEqual({ team, botUser: BOT.user, bot: BOT.bot });
    // Reading people is no scope of ours: that we know them is the directory's business.
    expect(await api(botToken, 'users.list')).toMatchObject({ ok: false, error: 'missing_scope' });
  });

  test('has a person write, the app hears it signed, and its answer stands in that thread', async () => {
    const { channel, ts, envelope } = await aliceWrites('the VPN is <down> & out');
    expect(await sender.event(envelope)).toMatchObject({ status: 200, attempts: 1 });
    const [heard] = assistant.stored;
    expect(heard).toMatchObject({
      account: { platform: 'slack', team, user: await userId('alice') },
      place: { tenant: team, container: channel, thread: ts, direct: true },
    });
    await adapter.surface.post(heard!.place, messageWith({ text: 'Ticket T-1 is open.' }));
    const [asked, answered, ...others] = await inThread(channel, ts);
    expect(others).toEqual([]);
    expect(asked).toMatchObject({ user: await userId('alice'), ts });
    expect(answered).toMatchObject({ user: BOT.user, thread_ts: ts, text: 'Ticket T-1 is open.' });
  });

  test('has nothing heard that was signed with another secret, and nothing twice', async () => {
    const { envelope } = await aliceWrites('status');
    const stranger = await sender.once(JSON.stringify(envelope), 'application/json', { secret: 'another' });
    expect(stranger.status).toBe(401);
    expect(assistant.stored).toEqual([]);
    await sender.event(envelope);
    expect((await sender.event(envelope)).status).toBe(200);
    expect(assistant.stored).toHaveLength(1);
  });

  test('does not let the app hear itself', async () => {
    const { channel, ts, envelope } = await aliceWrites('hi');
    const place = { platform: 'slack' as const, tenant: team, container: channel, thread: ts, direct: true };
    await adapter.surface.post(place, messageWith({ text: 'Hello.' }));
    const own = (await inThread(channel, ts)).at(-1)!;
    const event = { ...own, type: 'message', channel };
    expect((await sender.event({ ...envelope, event_id: 'EvOWN', event })).status).toBe(200);
    expect(assistant.stored).toEqual([]);
  });

  test('keeps a card with its blocks, and shows what it was rewritten to in the same place', async () => {
    const { channel, ts } = await aliceWrites('please open a ticket');
    const place = { platform: 'slack' as const, tenant: team, container: channel, thread: ts, direct: true };
    const card = cardWith();
    const delivered = await adapter.surface.post(place, messageWith({ text: '', card }));
    const before = await inThread(channel, ts);
    expect(JSON.stringify(before.at(-1)?.blocks)).toContain(card.rendering);
    await adapter.surface.update(
      delivered!,
      messageWith({ text: '', card: { ...card, state: 'succeeded', status: 'Done.' } }),
    );
    const after = await inThread(channel, ts);
    expect(after.map((message) => message.ts)).toEqual(before.map((message) => message.ts));
    expect(after.at(-1)?.text).toBe('Open a ticket: Done.');
    expect(JSON.stringify(after.at(-1)?.blocks)).not.toContain(card.rendering);
  });

  test('opens the direct message with an approver once, and says when there is nobody of that name', async () => {
    const bob = await userId('bob');
    const account = { platform: 'slack' as const, enterprise: null, team, user: bob };
    const person = { id: PrincipalId.parse('bob'), name: 'Bob', groups: [], accounts: [account] };
    const [first] = await adapter.surface.approvalPlaces([person]);
    const [again] = await adapter.surface.approvalPlaces([person]);
    expect(first).toMatchObject({ direct: true, container: expect.stringMatching(/^D/) });
    expect(again).toEqual(first);
    expect(await client.openDirect(bob)).toBe(first?.container);
    await expect(client.openDirect('U0NOBODY')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('whispers to a member of a channel alone, and not to somebody outside of it', async () => {
    const { channels } = (await api(aliceToken, 'conversations.list')) as unknown as {
      channels: { id: string; name: string }[];
    };
    const channel = channels.find(({ name }) => name === 'approvals')!.id;
    const message = { channel, text: 'You may not.', blocks: [] };
    const whispered = await client.postEphemeral(await userId('alice'), message);
    expect(whispered.channel).toBe(channel);
    const { messages } = (await api(aliceToken, 'conversations.history', { channel })) as unknown as {
      messages: Shown[];
    };
    expect(messages.map(({ text }) => text)).not.toContain('You may not.');
    await expect(client.postEphemeral('U0NOBODY', message)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('opens a dialog with a trigger, once; and takes a Home tab', async () => {
    const user_id = await userId('alice');
    const { trigger_id } = await api(botToken, 'views.generateTriggerId', { user_id });
    const modal = choiceModal([{ name: 'ticket.create', title: 'Open a ticket' }]);
    await client.openView(String(trigger_id), modal);
    await expect(client.openView(String(trigger_id), modal)).rejects.toMatchObject({
      code: 'upstream_failed',
    });
    await client.publishHome(user_id, { type: 'home', blocks: [] });
  });

  test('refuses what is gone or closed in words that our codes know', async () => {
    const gone = { channel: 'C0NOWHERE', text: 'x', blocks: [] };
    await expect(client.post(gone)).rejects.toMatchObject({ code: 'not_found' });
    const { channel } = await aliceWrites('hi');
    await expect(client.update('1.000001', { ...gone, channel })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  test('covers every method that we call but those named here', async () => {
    const missing: string[] = [];
    for (const { method } of METHODS) {
      const answer = await api(botToken, method);
      if (answer.status === 404 || answer.error === 'unknown_method') missing.push(method);
    }
    expect(missing.sort()).toEqual(NOT_COVERED);
  });
});

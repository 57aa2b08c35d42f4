import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBody, parsePayload } from '../../../adapters/slack/parse.ts';
import { newId, RenderingId } from '../../../src/model/ids.ts';

const self = { team: 'T0ACME', botUser: 'U0BOT', bot: 'B0BOT' };
const message = (event: object = {}, envelope: object = {}) => ({
  type: 'event_callback',
  event_id: 'Ev01',
  team_id: 'T0ACME',
  enterprise_id: null,
  event: {
    type: 'message',
    channel_type: 'im',
    channel: 'D01',
    user: 'UALICE',
    text: 'the VPN is down',
    ts: '1790000000.000100',
    team: 'T0ACME',
    ...event,
  },
  ...envelope,
});
/** Of that message, whichever event tells of it. */
const KEY = 'slack:message:T0ACME:D01:1790000000.000100';
const mention = (event: object = {}, envelope: object = {}) =>
  message({ type: 'app_mention', channel: 'C01', text: '<@U0BOT> status', ...event }, envelope);
const rendering = newId(RenderingId);
const click = (change: object = {}, action: object = {}) => ({
  type: 'block_actions',
  user: { id: 'UBOB', username: 'bob', team_id: 'T0ACME' },
  team: { id: 'T0ACME' },
  enterprise: null,
  trigger_id: '1.2.abc',
  container: { type: 'message', message_ts: '1790000000.000200', channel_id: 'C01' },
  actions: [
    { type: 'button', action_id: 'approve', value: rendering, action_ts: '1790000001.000001', ...action },
  ],
  ...change,
});

const delivered = (body: unknown) => {
  const parsed = parsePayload(body, self);
  if (parsed.kind !== 'delivery') throw new Error(JSON.stringify(parsed));
  return parsed.delivery;
};

describe('a message', () => {
  test('in the direct message becomes a delivery of its sender, in a thread of its own', () => {
    expect(delivered(message())).toEqual({
      key: KEY,
      account: { platform: 'slack', enterprise: null, team: 'T0ACME', user: 'UALICE' },
      place: {
        platform: 'slack',
        tenant: 'T0ACME',
        container: 'D01',
        thread: '1790000000.000100',
        direct: true,
      },
      content: { kind: 'message', text: 'the VPN is down', fetched: [] },
    });
  });

  test('in a thread stays in it; a mention is taken off', () => {
    const { place, content } = delivered(mention({ thread_ts: '1780000000.000001' }));
    expect(place).toMatchObject({ container: 'C01', thread: '1780000000.000001', direct: false });
    expect(content).toMatchObject({ text: 'status' });
  });

  test('says whom its own words mention, as they read there, and not us nor whom a quotation mentions', () => {
    const text = '<@U0BOT> delegate 381579f3 to <@U02BEN> or <@W03|Ann &amp; Co>\n&gt; <@U04EVE>';
    const user = (id: string) => ({ platform: 'slack', enterprise: null, team: 'T0ACME', user: id });
    expect(delivered(mention({ text })).content).toEqual({
      kind: 'message',
      text: 'delegate 381579f3 to @U02BEN or @Ann & Co',
      fetched: ['@U04EVE'],
      mentions: [
        { words: '@U02BEN', account: user('U02BEN') },
        { words: '@Ann & Co', account: user('W03') },
      ],
    });
  });

  test('that only mentions us asks for help', () => {
    const { content, place } = delivered(mention({ text: ' <@U0BOT>  ' }));
    expect(content).toEqual({ kind: 'message', text: 'help', fetched: [] });
    expect(place).toMatchObject({ container: 'C01', direct: false });
  });

  test('keeps forwarded and quoted words apart', () => {
    const attachments = [
      { text: 'run <https://x.example|this>', author_name: 'Mallory' },
      { fallback: 'old' },
      { fields: [{ title: 'n', value: 5 }] },
      'nonsense',
    ];
    expect(delivered(message({ text: '&gt; quoted\nmine', attachments })).content).toEqual({
      kind: 'message',
      text: 'mine',
      fetched: ['quoted', 'Mallory\nrun this (https://x.example)', 'old'],
    });
  });

  test.each([
    ['of a bot', message({ bot_id: 'B9' }), 'bot_message'],
    ['of ours', message({ user: 'U0BOT' }), 'bot_message'],
    ["of Slack's own", message({ user: 'USLACKBOT' }), 'bot_message'],
    ['deleted', message({ subtype: 'message_deleted' }), 'subtype'],
    ['in a channel without a mention', message({ channel: 'C01' }), 'not_direct'],
    ['mentioning us in the direct message, a second time', mention({ channel: 'D01' }), 'not_direct'],
    ['without a word', message({ text: ' ' }), 'empty'],
    ['of nobody', message({ user: null }), 'malformed'],
    [
      'from nobody knows which company',
      mention({ team: null }, { is_ext_shared_channel: true }),
      'team_unknown',
    ],
    ['of another kind', message({ type: 'reaction_added' }), 'unhandled'],
    ['without an id', message({}, { event_id: '' }), 'malformed'],
  ])('%s is ignored', (_name, body, code) => {
    expect(parsePayload(body, self)).toEqual({ kind: 'ignored', code });
  });

  test('with a file attached is still a message', () => {
    expect(delivered(message({ subtype: 'file_share' })).content).toMatchObject({ text: 'the VPN is down' });
  });

  test("of another company's person is that company's, without our organisation", () => {
    const envelope = { enterprise_id: 'E0ACME', is_ext_shared_channel: true };
    expect(delivered(mention({ user_team: 'T0OTHER', team: 'T0ACME' }, envelope)).account).toEqual({
      platform: 'slack',
      enterprise: null,
      team: 'T0OTHER',
      user: 'UALICE',
    });
    expect(delivered(mention({}, envelope)).account).toMatchObject({ enterprise: 'E0ACME', team: 'T0ACME' });
  });
});

describe('an edit', () => {
  const edited = { user: 'UALICE', ts: '1790000009.000000' };
  const changed = (inner: object = {}, before: object | null = { text: 'the VPN is down' }) =>
    message({
      subtype: 'message_changed',
      user: null,
      ts: '1790000009.000100',
      message: { user: 'UALICE', ts: '1790000000.000100', text: 'the VPN is up', edited, ...inner },
      previous_message: before,
    });

  test.each([
    ['of a direct message names it', changed(), KEY],
    ['that does not say what stood there before', changed({}, null), KEY],
    ['of a message with a file', changed({ subtype: 'file_share' }), KEY],
    [
      'of a mention comes as another event of the same message',
      mention({ edited }, { event_id: 'Ev02' }),
      'slack:message:T0ACME:C01:1790000000.000100',
    ],
  ])('%s', (_name, body, key) => {
    expect(parsePayload(body, self)).toEqual({ kind: 'edited', message: key });
  });

  test.each([
    ['a link is shown', changed({ text: 'the VPN is down', edited: undefined }), 'unchanged'],
    ['a link is shown below what was edited before', changed({ text: 'the VPN is down' }), 'unchanged'],
    [
      'Slack notes something, and does not say what stood there',
      changed({ edited: undefined }, null),
      'unchanged',
    ],
    ['it is the message of a bot', changed({ bot_id: 'B9' }), 'bot_message'],
    ['it is a message of ours', changed({ user: 'U0BOT' }), 'bot_message'],
    ['what was answered is deleted', changed({ user: 'USLACKBOT', subtype: 'tombstone' }), 'bot_message'],
    ['it is no message of a person', changed({ subtype: 'tombstone' }), 'subtype'],
    ['it is nobody’s', changed({ user: undefined }), 'malformed'],
    ['it has another shape', message({ subtype: 'message_changed', message: {} }), 'malformed'],
    ['a bot rewrites a mention', mention({ edited, bot_id: 'B9' }), 'bot_message'],
  ])('is none where %s', (_name, body, code) => {
    expect(parsePayload(body, self)).toEqual({ kind: 'ignored', code });
  });
});

describe('a click', () => {
  const pressed = (body: object) => {
    const parsed = parsePayload(body, self);
    if (parsed.kind !== 'interaction') throw new Error(`it is ${JSON.stringify(parsed)}`);
    return parsed.interaction;
  };

  test.each(['confirm', 'approve', 'cancel'])('on %s carries the decision and the rendering', (action_id) => {
    expect(pressed(click({}, { action_id }))).toMatchObject({
      kind: 'decided',
      decision: action_id,
      rendering,
    });
  });

  test('on deny asks for the reason, where a dialog can be opened', () => {
    expect(pressed(click({}, { action_id: 'deny' }))).toMatchObject({ kind: 'ask-reason', rendering });
    expect(pressed(click({ trigger_id: undefined }, { action_id: 'deny' }))).toMatchObject({
      kind: 'decided',
      decision: 'deny',
    });
  });

  test('is known by its trigger, else by message, moment and person', () => {
    expect(pressed(click()).key).toBe('slack:trigger:1.2.abc');
    expect(pressed(click({ trigger_id: undefined })).key).toBe(
      'slack:click:C01:1790000000.000200:1790000001.000001:UBOB',
    );
  });

  test("is the person's own workspace's, not the channel's", () => {
    const stranger = { user: { id: 'UBOB', team_id: 'T0OTHER' }, enterprise: { id: 'E0ACME' } };
    expect(pressed(click(stranger)).who).toMatchObject({ enterprise: null, team: 'T0OTHER' });
  });

  test.each([
    ['on a button that is not ours', click({}, { action_id: 'launch' }), 'not_ours'],
    ['with another value than a rendering', click({}, { value: '{"digest":"x"}' }), 'not_ours'],
    ['on a form with another value than a message', click({}, { action_id: 'form', value: 'x' }), 'not_ours'],
    ['with an opinion that is none', click({}, { action_id: 'feedback', value: 'fine' }), 'not_ours'],
    ['of nobody', click({ user: { id: 'UBOB' } }), 'malformed'],
    ['on two buttons', click({ actions: [] }), 'malformed'],
  ])('%s is ignored', (_name, body, code) => {
    expect(parsePayload(body, self)).toEqual({ kind: 'ignored', code });
  });
});

describe('a dialog', () => {
  const sent = (view: object) => ({
    type: 'view_submission',
    user: { id: 'UBOB', team_id: 'T0ACME' },
    team: { id: 'T0ACME' },
    view: { id: 'V01', callback_id: 'reason', private_metadata: '{}', state: { values: {} }, ...view },
  });
  test.each([
    ['of no known name', sent({ callback_id: 'launch' }), 'not_ours'],
    ['with metadata that is not ours', sent({ private_metadata: '{"admin":true}' }), 'not_ours'],
    ['with metadata that is no JSON', sent({ private_metadata: '{' }), 'not_ours'],
    ['to deny nothing', sent({}), 'not_ours'],
    ['of nobody', { ...sent({}), user: {} }, 'malformed'],
    ['without a state', sent({ state: null }), 'malformed'],
  ])('%s is ignored', (_name, body, code) => {
    expect(parsePayload(body, self)).toEqual({ kind: 'ignored', code });
  });
});

describe('a command', () => {
  const command = {
    command: '/countersign',
    text: 'ci trigger repo=web',
    user_id: 'UALICE',
    team_id: 'T0ACME',
    channel_id: 'C01',
    trigger_id: '9.9.z',
    enterprise_id: '',
  };

  test('is a message of its person; alone it asks for help', () => {
    expect(parsePayload(command, self)).toMatchObject({
      kind: 'command',
      command: { key: 'slack:trigger:9.9.z', content: { text: 'ci trigger repo=web' } },
    });
    expect(parsePayload({ ...command, text: '' }, self)).toMatchObject({ kind: 'command', text: 'help' });
    expect(parsePayload({ ...command, text: 'delegate 1 to <@U02BEN|ben>' }, self)).toMatchObject({
      command: { content: { mentions: [{ words: '@ben', account: { team: 'T0ACME', user: 'U02BEN' } }] } },
    });
  });

  test.each([
    ['status', 'my requests'],
    ['Kill', 'kill status'],
  ])('%s alone is short for "%s"', (text, meant) => {
    expect(parsePayload({ ...command, text }, self)).toMatchObject({
      text,
      command: { content: { text: meant } },
    });
  });

  test('of another app is ignored', () => {
    expect(parsePayload({ ...command, command: '/deploy' }, self)).toMatchObject({ code: 'not_ours' });
    expect(parsePayload({ ...command, user_id: ['UALICE', 'UBOB'] }, self)).toMatchObject({
      code: 'malformed',
    });
  });
});

describe('anything', () => {
  test('is decoded and parsed without throwing', () => {
    const parses = (body: unknown) => typeof parsePayload(body, self).kind === 'string';
    fc.assert(fc.property(fc.anything(), parses));
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('type', 'channel', 'user', 'ts', 'text', 'attachments'), fc.anything()),
        (event) => parses(message(event)),
      ),
    );
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom('application/json', 'application/x-www-form-urlencoded'),
        (text, type) => parses(decodeBody(text, type)),
      ),
    );
  });

  test('of no known shape is malformed, of a known one that we do not use unhandled', () => {
    expect(parsePayload(undefined, self)).toEqual({ kind: 'ignored', code: 'malformed' });
    expect(parsePayload({ event: null }, self)).toEqual({ kind: 'ignored', code: 'malformed' });
    expect(parsePayload({ type: 'view_submission' }, self)).toEqual({ kind: 'ignored', code: 'malformed' });
    expect(parsePayload({ type: 'view_closed' }, self)).toEqual({ kind: 'ignored', code: 'unhandled' });
    expect(parsePayload({ type: 'url_verification', challenge: 'c' }, self)).toEqual({ kind: 'handshake' });
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plainText, splitQuotes, withoutMention } from '../../../adapters/teams/inbound-text.ts';
import { joinConversation, parseActivity, splitConversation } from '../../../adapters/teams/parse.ts';
import { Activity } from '../../../adapters/teams/payloads.ts';
import { newId, RenderingId, RequestId } from '../../../src/model/ids.ts';

const account = { platform: 'teams' as const, tenant: 't', user: 'aaaaaaaa-0000-4000-8000-000000000001' };
const activity = (change: object = {}) => ({
  type: 'message',
  id: '1700000000001',
  timestamp: '2026-11-21T11:00:00.000Z',
  channelId: 'msteams',
  serviceUrl: 'https://smba.trafficmanager.net/teams/',
  from: { id: '29:alice', aadObjectId: account.user },
  recipient: { id: '28:bot' },
  conversation: { id: 'a:1', conversationType: 'personal', tenantId: 't' },
  text: 'the VPN is down',
  ...change,
});
const parse = (change: object = {}) => parseActivity({ activity: Activity.parse(activity(change)), account });
const rendering = newId(RenderingId);
const request = newId(RequestId);
const click = (data: object = {}, change: object = {}) =>
  parse({
    type: 'invoke',
    name: 'adaptiveCard/action',
    text: undefined,
    replyToId: '1700000000000',
    value: { action: { type: 'Action.Execute', verb: 'approve', data: { rendering, request, ...data } } },
    ...change,
  });

describe('a message', () => {
  test('of a person becomes a delivery, in the thread of its channel', () => {
    const conversation = { id: '19:c@thread.tacv2;messageid=5', conversationType: 'channel' };
    const mention = { type: 'mention', text: '<at>Bot</at>', mentioned: { id: '28:bot' } };
    const parsed = parse({
      conversation,
      entities: [mention, 'nonsense'],
      text: '<at>Bot</at> &nbsp;status',
    });
    expect(parsed).toEqual({
      kind: 'delivery',
      request: null,
      delivery: {
        key: 'teams:message:19:c@thread.tacv2:1700000000001',
        account,
        place: { platform: 'teams', tenant: 't', container: '19:c@thread.tacv2', thread: '5', direct: false },
        content: { kind: 'message', text: 'status', fetched: [] },
      },
    });
  });

  test('says whom it mentions, where Teams gives their id in Entra, and not us', () => {
    const user = 'bbbbbbbb-0000-4000-8000-000000000002';
    const of = (text: string, mentioned: object) => ({ type: 'mention', text, mentioned });
    const entities = [
      of('<at>Bot</at>', { id: '28:bot', aadObjectId: 'cccccccc-0000-4000-8000-000000000003' }),
      of('<at>Bob</at>', { id: '29:bob', aadObjectId: user.toUpperCase() }),
      of('<at>Carol</at>', { id: '29:carol' }),
    ];
    const text = '<at>Bot</at> delegate 381579f3 to <at>Bob</at>, not <at>Carol</at>';
    expect(parse({ entities, text })).toMatchObject({
      delivery: {
        content: {
          text: 'delegate 381579f3 to Bob, not Carol',
          mentions: [{ words: 'Bob', account: { platform: 'teams', tenant: 't', user } }],
        },
      },
    });
  });

  test('keeps what it quotes or forwards apart from its own words', () => {
    const content =
      '<blockquote itemtype="http://schema.skype.com/Reply"><strong>Mallory</strong><p>ignore &amp; run</p></blockquote><p>what is &lt;this&gt;?</p>';
    expect(
      parse({
        text: 'Mallory ignore & run what is this?',
        attachments: [{ contentType: 'text/html', content }],
      }),
    ).toMatchObject({
      delivery: { content: { text: 'what is <this>?', fetched: ['Malloryignore & run'] } },
    });
  });

  test.each([
    [
      'in a channel without a mention',
      { conversation: { id: '19:c', conversationType: 'channel' } },
      'not_mentioned',
    ],
    [
      'that mentions somebody else',
      {
        conversation: { id: '19:c', conversationType: 'groupChat' },
        entities: [{ type: 'mention', text: '<at>Bob</at>', mentioned: { id: '29:bob' } }],
      },
      'not_mentioned',
    ],
    ['without a word', { text: ' ' }, 'empty'],
    ['without an id', { id: undefined }, 'malformed'],
    ['of another kind', { type: 'messageReaction' }, 'unhandled'],
    ['that is an unknown invoke', { type: 'invoke', name: 'task/fetch', text: undefined }, 'unhandled'],
  ])('%s is ignored', (_name, change, code) => {
    expect(parse(change)).toEqual({ kind: 'ignored', code });
  });

  test.each(['conversationUpdate', 'installationUpdate'])('%s only tells the way', (type) => {
    expect(parse({ type, text: undefined })).toEqual({ kind: 'arrival' });
  });
});

describe('a message that changes', () => {
  const update = (eventType: string | undefined, change: object = {}) =>
    parse({ type: 'messageUpdate', channelData: { tenant: { id: 't' }, eventType }, ...change });

  test('is known by the key under which it came, whatever it says now and mentions', () => {
    const came = parse();
    const key = came.kind === 'delivery' ? came.delivery.key : null;
    expect(update('editMessage', { text: 'the VPN is up' })).toEqual({ kind: 'edited', message: key });
    const conversation = { id: '19:c@thread.tacv2;messageid=1700000000001', conversationType: 'channel' };
    const message = 'teams:message:19:c@thread.tacv2:1700000000001';
    expect(update('editMessage', { conversation })).toEqual({ kind: 'edited', message });
  });

  test.each([
    ['put there again', update('undeleteMessage'), 'unhandled'],
    ['without a word of what happened', update(undefined), 'unhandled'],
    [
      'deleted',
      parse({ type: 'messageDelete', channelData: { eventType: 'softDeleteMessage' } }),
      'unhandled',
    ],
    ['edited, nobody knows which', update('editMessage', { id: undefined }), 'malformed'],
  ])('%s is left alone', (_name, parsed, code) => {
    expect(parsed).toEqual({ kind: 'ignored', code });
  });
});

describe('a click', () => {
  test.each(['confirm', 'approve', 'deny', 'cancel'])(
    'on %s carries the decision and the rendering',
    (verb) => {
      const value = { action: { type: 'Action.Execute', verb, data: { rendering, request } } };
      const decision = { kind: 'decision', decision: verb, rendering };
      expect(click({}, { value })).toMatchObject({ request, delivery: { content: decision } });
      expect(parse({ text: undefined, value: { rendering, request, verb } })).toMatchObject({
        delivery: { content: decision },
      });
    },
  );

  test.each([
    ['deny', ' Not during the release. ', { reason: 'Not during the release.' }],
    ['deny', 'x'.repeat(600), { reason: `${'x'.repeat(499)}…` }],
    ['deny', '   ', {}],
    ['deny', 7, {}],
    ['approve', 'Not read.', {}],
  ])('on %s with the reason %j carries it only where it says why not', (verb, reason, expected) => {
    const data = { rendering, request, reason };
    const decision = { kind: 'decision', decision: verb, rendering, ...expected };
    const pressed = click({}, { value: { action: { type: 'Action.Execute', verb, data } } });
    expect(pressed.kind === 'delivery' && pressed.delivery.content).toEqual(decision);
  });

  test('is known by its id, else by message, moment and person', () => {
    expect(click()).toMatchObject({ delivery: { key: 'teams:invoke:a:1:1700000000001' } });
    expect(click({}, { id: undefined })).toMatchObject({
      delivery: { key: `teams:click:a:1:1700000000000:2026-11-21T11:00:00.000Z:${account.user}` },
    });
    expect(click({}, { id: undefined, timestamp: undefined })).toEqual({
      kind: 'ignored',
      code: 'malformed',
    });
  });

  test.each([
    [
      'another verb',
      {},
      { value: { action: { type: 'Action.Execute', verb: 'launch', data: { rendering } } } },
      'not_ours',
    ],
    ['no rendering of ours', { rendering: 'x' }, {}, 'not_ours'],
    ['no action', {}, { value: {} }, 'malformed'],
  ])('with %s is ignored', (_name, data, change, code) => {
    expect(click(data, change)).toEqual({ kind: 'ignored', code });
  });
});

describe('text', () => {
  test('loses our mention at its ends only', () => {
    expect(withoutMention('<at>Bot</at>, open <at>Bot</at>', ['<at>Bot</at>'])).toBe('open');
    expect(plainText(withoutMention('ask <at>Bot</at> or <at>Bob</at>!', ['<at>Bot</at>']))).toBe(
      'ask Bot or Bob!',
    );
  });

  test('is read from HTML without running into trouble', () => {
    fc.assert(
      fc.property(fc.string(), (html) => {
        const { own, quoted } = splitQuotes(html);
        return typeof own === 'string' && typeof quoted === 'string';
      }),
    );
    // What took the square of its length would take hours for these.
    for (const unit of ['<', '<blockquote>', '<at>', '&amp', '</']) {
      splitQuotes(unit.repeat(500_000));
      plainText(unit.repeat(500_000));
    }
  });
});

test('a conversation and its thread are told apart and joined again', () => {
  for (const id of ['a:1', '19:c@thread.tacv2;messageid=17']) {
    const { container, thread } = splitConversation(id);
    expect(joinConversation(container, thread)).toBe(id);
  }
});

test('anything is parsed without throwing', () => {
  const keys = [
    'type',
    'name',
    'id',
    'value',
    'text',
    'entities',
    'attachments',
    'conversation',
    'replyToId',
  ];
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...keys), fc.anything()), (change) => {
      const parsed = Activity.safeParse(activity(change));
      return !parsed.success || typeof parseActivity({ activity: parsed.data, account }).kind === 'string';
    }),
  );
  fc.assert(
    fc.property(fc.anything(), (value) => {
      const kinds = [parse({ text: undefined, value }), click({}, { value })].map(({ kind }) => kind);
      return kinds.every((kind) => typeof kind === 'string');
    }),
  );
});

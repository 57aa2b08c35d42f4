import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BLOCKS, checkBlocks, checkHome, checkModal } from '../../support/slack/block-schema.ts';
import { COVERAGE } from '../../support/slack/coverage.ts';
import { FakeSlack } from '../../support/slack/fake-slack.ts';
import { METHODS } from '../../support/slack/web-api.ts';
import { manifest } from './harness.ts';

const sources = ['block-schema', 'deliveries', 'fake-slack', 'sockets', 'streaming', 'web-api']
  .map((name) => readFileSync(new URL(`../../support/slack/${name}.ts`, import.meta.url), 'utf8'))
  .join('\n');

const text = (length: number) => ({ type: 'plain_text', text: 'x'.repeat(length) });
const section = (length: number) => ({ type: 'section', text: text(length) });
const button = (change: object = {}) => ({
  type: 'button',
  text: text(4),
  action_id: 'a',
  value: 'v',
  ...change,
});
const actions = (...elements: object[]) => [{ type: 'actions', elements }];

describe('the fake Slack', () => {
  test('covers what its list says, no more and no less', () => {
    expect(Object.keys(METHODS).sort()).toEqual([...COVERAGE.methods]);
    expect(Object.keys(BLOCKS).sort()).toEqual([...COVERAGE.blocks]);
    const said = [...sources.matchAll(/(?:error|refuse)\('([a-z_]+)'|error: '([a-z_]+)'/g)];
    expect([...new Set(said.map((match) => match[1] ?? match[2]))].sort()).toEqual([...COVERAGE.errors]);
    const types = ['event_callback', 'block_actions', 'view_submission', 'shortcut', 'message_action'];
    const sends = [...types.map((type) => new RegExp(`type: '${type}'`)), /command: declared/];
    expect(sends.every((sign) => sign.test(sources))).toBe(true);
    expect(COVERAGE.deliveries).toHaveLength(sends.length);
  });

  test.each([
    ['51 blocks', Array.from({ length: 51 }, () => ({ type: 'divider' })), 'invalid_blocks'],
    ['a section of 3,001', [section(3_001)], 'invalid_blocks'],
    ['a header of 151', [{ type: 'header', text: text(151) }], 'invalid_blocks'],
    ['a button text of 76', actions(button({ text: text(76) })), 'invalid_blocks'],
    ['a button value of 2,001', actions(button({ value: 'x'.repeat(2_001) })), 'invalid_blocks'],
    [
      '26 buttons',
      actions(...Array.from({ length: 26 }, (_, i) => button({ action_id: `${i}` }))),
      'invalid_blocks',
    ],
    ['two buttons of one action', actions(button(), button()), 'invalid_blocks'],
    ['11 fields', [{ type: 'section', fields: Array.from({ length: 11 }, () => text(1)) }], 'invalid_blocks'],
    ['a field of 2,001', [{ type: 'section', fields: [text(2_001)] }], 'invalid_blocks'],
    ['an empty text', [section(0)], 'invalid_blocks'],
    ['an unknown block', [{ type: 'marquee' }], 'invalid_blocks'],
    ['an unknown property', [{ ...section(1), onclick: 'x' }], 'invalid_blocks'],
    ['too much in all', Array.from({ length: 5 }, () => section(3_000)), 'msg_blocks_too_long'],
  ])('refuses %s', (_name, blocks, error) => {
    expect(checkBlocks(blocks)).toMatchObject({ ok: false, error });
  });

  test('takes the most that is allowed', () => {
    const most = [
      section(3_000),
      { type: 'header', text: text(150) },
      ...actions(button({ value: 'x'.repeat(2_000) })),
    ];
    expect(checkBlocks(most)).toMatchObject({ ok: true });
  });

  const card = { type: 'task_card', task_id: 't', title: 'x', status: 'pending' };
  const buttons = ['positive_button', 'negative_button'].map((name) => [name, { text: text(1), value: 'v' }]);
  const opinion = { type: 'feedback_buttons', action_id: 'f', ...Object.fromEntries(buttons) };

  test.each([
    ['plan', { type: 'plan', title: 'x', tasks: [card] }],
    ['task_card', card],
    ['context_actions', { type: 'context_actions', elements: [opinion] }],
  ])('takes %s in a message, and neither in a dialog nor on the Home tab', (_name, block) => {
    expect(checkBlocks([block])).toMatchObject({ ok: true });
    expect(checkHome({ type: 'home', blocks: [section(1)] })).not.toBeNull();
    expect(checkHome({ type: 'home', blocks: [section(1), block] })).toBeNull();
    const modal = { type: 'modal', callback_id: 'c', private_metadata: '', title: text(1), close: text(1) };
    expect(checkModal({ ...modal, blocks: [section(1)] })).not.toBeNull();
    expect(checkModal({ ...modal, blocks: [section(1), block] })).toBeNull();
  });

  test.each([
    ['chat.postMessage', { channel: 'CGENERAL' }, 'no_text'],
    ['chat.postMessage', { channel: 'CGENERAL', text: 'x'.repeat(40_001) }, 'msg_too_long'],
    ['chat.postMessage', { channel: 'CNONE', text: 'x' }, 'channel_not_found'],
    ['chat.postMessage', { channel: 'CCLOSED', text: 'x' }, 'not_in_channel'],
    ['chat.postMessage', { channel: 'CGENERAL', text: 'x', thread_ts: '1.1' }, 'thread_not_found'],
    ['chat.update', { channel: 'CGENERAL', text: 'x', ts: '1.1' }, 'message_not_found'],
    ['conversations.open', { users: 'UNOBODY' }, 'user_not_found'],
    ['views.open', { trigger_id: 'another', view: {} }, 'expired_trigger_id'],
    [
      'agents.sessions.setStatus',
      { channel_id: 'CGENERAL', thread_ts: '1.1', status: 'active' },
      'thread_not_found',
    ],
    ['users.info', { user: 'UALICE' }, 'missing_scope'],
    ['admin.users.remove', {}, 'unknown_method'],
  ])('answers %s with %j: %s', async (method, args, error) => {
    const slack = await FakeSlack.start(manifest);
    slack.workspace.addChannel('CGENERAL');
    slack.workspace.addChannel('CCLOSED', []);
    const call = async (token: string) => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
      const response = await fetch(slack.apiUrl + method, {
        method: 'POST',
        headers,
        body: JSON.stringify(args),
      });
      return response.json();
    };
    expect(await call(slack.token)).toMatchObject({ ok: false, error });
    if (error !== 'unknown_method') expect(await call('other')).toMatchObject({ error: 'invalid_auth' });
    await slack.stop();
  });
});

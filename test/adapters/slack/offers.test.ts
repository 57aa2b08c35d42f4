/** Edit, Undo and Report as buttons: what a press leads to, and that none of them is authority. */
import { describe, expect, test } from 'vitest';
import { editModal } from '../../../adapters/slack/modals.ts';
import { renderCard } from '../../../adapters/slack/render-card.ts';
import type { Card, Form } from '../../../src/model/card.ts';
import { newId, PrincipalId, RenderingId } from '../../../src/model/ids.ts';
import { checkModal, inputsOf } from '../../support/slack/block-schema.ts';
import { connected } from './harness.ts';
import { cardWith, messageWith, titleField } from './samples.ts';

const ALICE = { id: PrincipalId.parse('alice'), name: 'Alice Adams', groups: [], accounts: [] };
const field = (change: Partial<Form['fields'][number]>) => titleField({ value: 'VPN down', ...change });
const FORM: Form = {
  action: 'ticket.create',
  title: 'Open a ticket',
  fields: [field({}), field({ name: 'priority', kind: 'choice', choices: ['low', 'high'], value: 'low' })],
};

/** A card in a channel, which Alice may change. */
async function shown(change: Partial<Card> = {}, mayEdit = true) {
  const all = await connected();
  const card = cardWith({ offers: ['edit', 'undo', 'report'], ...change });
  all.assistant.known.set('UALICE', ALICE);
  all.assistant.forms.push(FORM);
  if (mayEdit) all.assistant.editable.set(card.rendering, FORM);
  const at = { platform: 'slack' as const, tenant: 'T0ACME', thread: '', direct: false };
  await all.adapter.surface.post({ ...at, container: 'CGENERAL' }, messageWith({ card }));
  return { ...all, card, message: all.slack.messages('CGENERAL')[0]! };
}

describe('the buttons', () => {
  const actionsOf = (change: Partial<Card>) => {
    const { actions } = renderCard(cardWith(change));
    return actions?.type === 'actions' ? actions.elements : [];
  };

  test('stand after the decisions, Report last, and carry the rendering and nothing else', () => {
    const card = cardWith({ buttons: ['approve', 'deny'], offers: ['edit', 'undo', 'report'] });
    const elements = actionsOf(card);
    expect(elements.map(({ action_id }) => action_id)).toEqual(['approve', 'deny', 'edit', 'undo', 'report']);
    expect(new Set(elements.map(({ value }) => value))).toEqual(new Set([card.rendering]));
    for (const { action_id, style } of elements)
      if (['edit', 'undo', 'report'].includes(action_id)) expect(style).toBeUndefined();
  });

  test('of what has ended are what is still offered, and none that decides', () => {
    const ended = actionsOf({ state: 'succeeded', buttons: ['approve'], offers: ['undo', 'report'] });
    expect(ended.map(({ action_id }) => action_id)).toEqual(['undo', 'report']);
    expect(actionsOf({ state: 'succeeded', buttons: [], offers: [] })).toEqual([]);
  });
});

describe('Edit', () => {
  test('opens what stands there as a dialog; what is sent changes what was seen, and nothing else', async () => {
    const { slack, assistant, card, message } = await shown();
    await slack.click('UALICE', message, 'edit');
    expect(assistant.stored).toEqual([]);
    const { view } = slack.dialog('UALICE');
    expect(inputsOf(view)[0]?.element).toMatchObject({ initial_value: 'VPN down' });
    expect(JSON.parse(view.private_metadata)).toEqual({
      container: 'CGENERAL',
      thread: message.ts,
      rendering: card.rendering,
    });
    await slack.submit('UALICE', { title: 'VPN down in Bonn', priority: 'high' });
    await slack.submit('UALICE', { title: 'VPN down in Bonn', priority: 'high' });
    expect(assistant.stored).toMatchObject([
      {
        key: expect.stringMatching(/^slack:view:V/),
        place: { container: 'CGENERAL', thread: message.ts },
        content: {
          kind: 'edit',
          rendering: card.rendering,
          arguments: { title: 'VPN down in Bonn', priority: 'high' },
        },
      },
    ]);
  });

  test('says at its field what is wrong, and stores nothing', async () => {
    const { slack, assistant, message } = await shown();
    await slack.click('UALICE', message, 'edit');
    const { errors } = await slack.submit('UALICE', { title: 'bad', priority: 'low' });
    expect(errors).toEqual({ 'field:title': 'must be good' });
    expect(assistant.stored).toEqual([]);
  });

  test('of what stands so no more, when it is sent, is left to the core to refuse', async () => {
    const { slack, assistant, card, message } = await shown();
    await slack.click('UALICE', message, 'edit');
    assistant.editable.delete(card.rendering);
    const { errors } = await slack.submit('UALICE', { title: 'bad', priority: 'low' });
    expect(errors).toEqual({});
    expect(assistant.stored).toMatchObject([{ content: { kind: 'edit', rendering: card.rendering } }]);
  });

  test.each(['UALICE', 'UBOB'])('opens nothing for %s, who may not; the core says why', async (user) => {
    const { slack, assistant, card, message } = await shown({}, false);
    await slack.click(user, message, 'edit');
    expect(slack.workspace.views).toEqual([]);
    expect(assistant.stored).toMatchObject([
      { account: { user }, content: { kind: 'edit', rendering: card.rendering, arguments: {} } },
    ]);
  });

  test('of a value that no dialog holds whole says where it can be changed', () => {
    const long = { ...FORM, fields: [field({ value: 'x'.repeat(3_001) })] };
    const view = editModal(long, newId(RenderingId), null);
    expect(checkModal(view)).not.toBeNull();
    expect(view.submit).toBeUndefined();
    expect(JSON.stringify(view.blocks)).toContain('on its page in the browser');
  });
});

describe('Report', () => {
  test('asks what looks wrong, and is stored with the words', async () => {
    const { slack, assistant, card, message } = await shown();
    await slack.click('UALICE', message, 'report');
    await slack.submit('UALICE', { words: '  Why at night? ' });
    expect(assistant.stored).toMatchObject([
      { content: { kind: 'report', rendering: card.rendering, words: 'Why at night?' } },
    ]);
  });

  test('may be without words', async () => {
    const { slack, assistant, message } = await shown();
    await slack.click('UALICE', message, 'report');
    await slack.submit('UALICE', {});
    expect(assistant.stored[0]?.content).toMatchObject({ kind: 'report', words: '' });
  });
});

test('Undo is one tap, by who pressed it and where', async () => {
  const { slack, assistant, card, message } = await shown();
  await slack.click('UALICE', message, 'undo');
  expect(slack.workspace.views).toEqual([]);
  expect(assistant.stored).toMatchObject([
    {
      key: expect.stringMatching(/^slack:trigger:/),
      account: { user: 'UALICE' },
      place: { container: 'CGENERAL', thread: message.ts },
      content: { kind: 'undo', rendering: card.rendering },
    },
  ]);
});

test('on the Home tab they act in the direct message', async () => {
  const { slack, assistant, card } = await shown();
  assistant.waiting.push(messageWith({ card }));
  await slack.openHome('UALICE', 'home');
  await slack.workspace.until(() => slack.workspace.homes.has('UALICE'));
  await slack.clickHome('UALICE', 'report');
  await slack.submit('UALICE', { words: 'odd' });
  expect(assistant.stored).toMatchObject([
    { place: { container: slack.workspace.directWith('UALICE'), direct: true }, content: { words: 'odd' } },
  ]);
});

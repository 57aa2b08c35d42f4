import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  editModal,
  errorsOf,
  fitsModal,
  formModal,
  handOverModal,
  reasonModal,
} from '../../../adapters/slack/modals.ts';
import type { Form } from '../../../src/model/card.ts';
import { MessageId, newId, PrincipalId, RenderingId } from '../../../src/model/ids.ts';
import { checkModal, inputsOf, textsOf } from '../../support/slack/block-schema.ts';
import type { FakeMessage } from '../../support/slack/workspace.ts';
import { connected, place } from './harness.ts';
import { cardWith, messageWith, titleField } from './samples.ts';

type Slack = Awaited<ReturnType<typeof connected>>['slack'];

const ALICE = { id: PrincipalId.parse('alice'), name: 'Alice Adams', groups: [], accounts: [] };

const TICKET: Form = {
  action: 'ticket.create',
  title: 'Open a ticket',
  fields: [
    titleField(),
    titleField({ name: 'priority', kind: 'choice', choices: ['low', 'high'], value: 'low', required: false }),
  ],
};

async function withTicket() {
  const all = await connected();
  all.assistant.known.set('UALICE', ALICE);
  all.assistant.forms.push(TICKET);
  const message = messageWith({ form: TICKET, text: 'What is it about?' });
  all.assistant.askedWith.set(message.id, {
    ...TICKET,
    fields: [titleField({ value: 'VPN' }), TICKET.fields[1]!],
  });
  const { thread } = await all.slack.say('UALICE', 'a ticket, please');
  const direct = all.slack.workspace.directWith('UALICE');
  await all.adapter.surface.post({ ...place(direct), thread }, message);
  return { ...all, asked: all.slack.messages(direct).at(-1)!, thread, direct, message: message.id };
}

describe('a form', () => {
  test('opens as a dialog, filled with what is known, and carries ids only', async () => {
    const { slack, asked, thread, direct, message } = await withTicket();
    expect((await slack.click('UALICE', asked, 'form')).status).toBe(200);
    const { view } = slack.dialog('UALICE');
    expect(view.title.text).toBe('Open a ticket');
    const [title, priority] = inputsOf(view);
    expect(title?.element).toMatchObject({ initial_value: 'VPN' });
    expect(priority?.element).toMatchObject({ initial_option: { value: 'low' } });
    expect(JSON.parse(view.private_metadata)).toEqual({ container: direct, thread, message });
  });

  test('sent in becomes a form of that thread, of what was typed and nothing else', async () => {
    const { slack, assistant, asked, thread, message } = await withTicket();
    await slack.click('UALICE', asked, 'form');
    expect(await slack.submit('UALICE', { title: 'VPN down', priority: 'high' })).toMatchObject({
      status: 200,
      errors: {},
    });
    expect(assistant.stored.at(-1)).toMatchObject({
      key: expect.stringMatching(/^slack:view:V/),
      place: { thread, direct: true },
      content: {
        kind: 'form',
        action: 'ticket.create',
        arguments: { title: 'VPN down', priority: 'high' },
        message,
      },
    });
    expect(assistant.stored.at(-1)?.content).not.toHaveProperty('arguments.filled');
  });

  test('with a wrong value stays open and says so at the field; nothing is stored', async () => {
    const { slack, assistant, asked } = await withTicket();
    await slack.click('UALICE', asked, 'form');
    const before = assistant.stored.length;
    const { errors } = await slack.submit('UALICE', { title: 'bad' });
    expect(errors).toEqual({ 'field:title': 'must be good' });
    expect(assistant.stored).toHaveLength(before);
    await slack.submit('UALICE', { title: 'better' });
    expect(assistant.stored).toHaveLength(before + 1);
  });

  test('sent twice acts once', async () => {
    const { slack, assistant, asked } = await withTicket();
    await slack.click('UALICE', asked, 'form');
    await slack.submit('UALICE', { title: 'VPN' });
    const count = assistant.stored.length;
    await slack.submit('UALICE', { title: 'VPN' });
    expect(assistant.stored).toHaveLength(count);
  });

  test('does not open for a stranger, who is answered like everywhere else', async () => {
    const { slack, assistant, asked } = await withTicket();
    await slack.click('UBOB', asked, 'form');
    expect(slack.workspace.views).toEqual([]);
    expect(assistant.stored.at(-1)).toMatchObject({
      account: { user: 'UBOB' },
      content: { kind: 'message' },
    });
  });

  test('does not open for somebody who could not use its action, whom the core answers', async () => {
    const { slack, assistant, asked, thread, message } = await withTicket();
    const bob = { ...ALICE, id: PrincipalId.parse('bob') };
    assistant.known.set('UBOB', bob);
    assistant.mayNot.add(bob.id);
    expect((await slack.click('UBOB', asked, 'form')).status).toBe(200);
    expect(slack.workspace.views).toEqual([]);
    expect(assistant.stored.at(-1)).toMatchObject({
      account: { user: 'UBOB' },
      place: { thread },
      content: { kind: 'form', action: 'ticket.create', arguments: {}, message },
    });
  });

  test('that is not there any more is answered with what one can ask for', async () => {
    const { slack, assistant, asked } = await withTicket();
    assistant.askedWith.clear();
    expect((await slack.click('UALICE', asked, 'form')).status).toBe(200);
    expect(slack.workspace.views).toEqual([]);
    expect(assistant.stored.at(-1)).toMatchObject({ content: { kind: 'message', text: 'help' } });
  });

  test('that cannot be opened shows a failure and stores nothing', async () => {
    const { slack, assistant, asked } = await withTicket();
    const before = assistant.stored.length;
    slack.fail(1, 'views.open', 'expired_trigger_id');
    expect((await slack.click('UALICE', asked, 'form')).status).toBe(500);
    expect(assistant.stored).toHaveLength(before);
  });

  test('whose press reaches us more than three seconds late is not opened, and nothing is stored', async () => {
    const { slack, assistant, asked } = await withTicket();
    const before = assistant.stored.length;
    const press = () => ({ payload: JSON.stringify(slack.make.click('UALICE', asked, 'form')) });
    const inTime = press();
    slack.pass(3_000);
    expect((await slack.sender.form(inTime)).status).toBe(200);
    expect(slack.workspace.views).toHaveLength(1);
    const late = press();
    slack.pass(3_001);
    expect((await slack.sender.form(late)).status).toBe(500);
    expect(slack.workspace.views).toHaveLength(1);
    expect(assistant.stored).toHaveLength(before);
  });

  test('of any fields is a dialog that Slack takes, or none', () => {
    const anyField = fc.record({
      name: fc.string({ minLength: 1, maxLength: 40 }),
      label: fc.string({ minLength: 1, maxLength: 300 }),
      kind: fc.constantFrom(
        'text' as const,
        'multiline' as const,
        'choice' as const,
        'number' as const,
        'boolean' as const,
      ),
      choices: fc.array(fc.string({ minLength: 1, maxLength: 120 }), { maxLength: 120 }),
      required: fc.boolean(),
      value: fc.oneof(fc.string(), fc.string({ minLength: 2_990, maxLength: 3_010 })),
    });
    const forms = fc.record({
      action: fc.constant('a.b'),
      title: fc.string(),
      fields: fc.uniqueArray(anyField, { selector: ({ name }) => name, maxLength: 5 }),
    });
    fc.assert(
      fc.property(forms, (form) => !fitsModal(form) || checkModal(formModal(form, null)) !== null),
      { numRuns: 60 },
    );
  });

  test('in which nothing is asked has nothing to change either', () => {
    const { blocks, submit } = editModal({ ...TICKET, fields: [] }, newId(RenderingId), null);
    expect(textsOf(blocks)).toEqual(['It asks for nothing that could be changed.']);
    expect(submit).toBeUndefined();
  });

  test('leaves no problem unsaid, whatever it is called', () => {
    const problems = [
      { field: 'title', message: 'is too long' },
      { field: 'title', message: 'has no words' },
      { field: 'inputs.x', message: 'is unknown' },
    ];
    expect(errorsOf(TICKET, problems)).toEqual({
      'field:title': 'is too long; has no words; inputs.x: is unknown',
    });
  });
});

describe('a denial', () => {
  const shown = async () => {
    const all = await connected();
    const card = cardWith({ buttons: ['approve', 'deny'] });
    await all.adapter.surface.post(place('CAPPROVALS'), messageWith({ card }));
    return { ...all, card, message: all.slack.messages('CAPPROVALS')[0]! };
  };

  test('asks for a reason first, and is a decision with it', async () => {
    const { slack, assistant, card, message } = await shown();
    assistant.known.set('UBOB', { ...ALICE, id: PrincipalId.parse('bob') });
    await slack.click('UBOB', message, 'deny');
    expect(assistant.stored).toEqual([]);
    await slack.submit('UBOB', { reason: '  Not during the release. ' });
    expect(assistant.stored).toMatchObject([
      {
        place: { container: 'CAPPROVALS', thread: message.ts },
        content: {
          kind: 'decision',
          decision: 'deny',
          rendering: card.rendering,
          reason: 'Not during the release.',
        },
      },
    ]);
  });

  test('may be without a reason', async () => {
    const { slack, assistant, message } = await shown();
    assistant.known.set('UBOB', ALICE);
    await slack.click('UBOB', message, 'deny');
    await slack.submit('UBOB', {});
    expect(assistant.stored[0]?.content).not.toHaveProperty('reason');
  });

  test('by a stranger is stored at once, to be refused and recorded', async () => {
    const { slack, assistant, card, message } = await shown();
    await slack.click('UBOB', message, 'deny');
    expect(slack.workspace.views).toEqual([]);
    expect(assistant.stored[0]?.content).toMatchObject({ decision: 'deny', rendering: card.rendering });
  });

  test('by somebody who has nothing to deny there asks for no reason, and is the core’s to answer', async () => {
    const { slack, assistant, card, message } = await shown();
    const bob = { ...ALICE, id: PrincipalId.parse('bob') };
    assistant.known.set('UBOB', bob);
    assistant.mayNot.add(bob.id);
    expect((await slack.click('UBOB', message, 'deny')).status).toBe(200);
    expect(slack.workspace.views).toEqual([]);
    expect(assistant.stored).toMatchObject([{ content: { decision: 'deny', rendering: card.rendering } }]);
  });

  test('carries the rendering and where it was pressed, nothing else', () => {
    const rendering = newId(RenderingId);
    const { private_metadata } = reasonModal(rendering, { ...place('CAPPROVALS'), thread: '1.2' });
    expect(JSON.parse(private_metadata)).toEqual({ container: 'CAPPROVALS', thread: '1.2', rendering });
  });
});

describe('handing over', () => {
  const CAROL = { id: PrincipalId.parse('carol'), name: 'Carol Clark' };
  const shown = async (takers = [CAROL]) => {
    const all = await connected();
    const card = cardWith({ buttons: ['approve', 'deny'], offers: ['hand_over'] });
    all.assistant.known.set('UBOB', { ...ALICE, id: PrincipalId.parse('bob') });
    all.assistant.takers.set(card.rendering, takers);
    await all.adapter.surface.post(place('CAPPROVALS'), messageWith({ card }));
    return { ...all, card, message: all.slack.messages('CAPPROVALS')[0]! };
  };

  test('lists those who may take it, and says who was chosen', async () => {
    const { slack, assistant, card, message } = await shown();
    await slack.click('UBOB', message, 'hand_over');
    expect(textsOf(slack.dialog('UBOB').view)).toContain('Carol Clark (carol)');
    expect(assistant.stored).toEqual([]);
    await slack.submit('UBOB', { to: 'carol' });
    expect(assistant.stored).toMatchObject([
      {
        account: { user: 'UBOB' },
        place: { container: 'CAPPROVALS', thread: message.ts },
        content: { kind: 'delegate', rendering: card.rendering, to: 'carol' },
      },
    ]);
  });

  test.each(['UBOB', 'USTRANGER'])(
    'opens nothing for %s, who has nobody to hand it to; the core says why',
    async (user) => {
      const { slack, assistant, card, message } = await shown([]);
      slack.workspace.channels.get('CAPPROVALS')!.members.add(user);
      await slack.click(user, message, 'hand_over');
      expect(slack.workspace.views).toEqual([]);
      expect(assistant.stored).toMatchObject([
        { content: { kind: 'delegate', rendering: card.rendering, to: '' } },
      ]);
    },
  );

  test('says how many more there are than a dialog can list', () => {
    const many = Array.from({ length: 130 }, (_, at) => ({ ...CAROL, id: PrincipalId.parse(`p${at}`) }));
    const view = handOverModal(many, newId(RenderingId), null);
    checkModal(view);
    expect(textsOf(view).join('\n')).toContain('30 more may take it over');
  });
});

describe('a dialog that Slack asks to open later', () => {
  const NOT_NOW = /Slack opens no dialog for me at the moment, so nothing was done/;
  const withCard = async (where: (slack: Slack) => string) => {
    const all = await connected();
    const { slack, assistant, adapter } = all;
    assistant.known.set('UALICE', ALICE);
    assistant.forms.push(TICKET);
    const card = cardWith({ buttons: ['approve', 'deny'], offers: ['edit', 'hand_over', 'report'] });
    assistant.editable.set(card.rendering, TICKET);
    assistant.takers.set(card.rendering, [{ id: PrincipalId.parse('carol'), name: 'Carol Clark' }]);
    const channel = where(slack);
    slack.workspace.channels.get('CAPPROVALS')!.members.add('UALICE');
    await adapter.surface.post(place(channel), messageWith({ card }));
    slack.rateLimit(1, 3, { method: 'views.open' });
    return { ...all, channel, message: slack.messages(channel).at(-1)! };
  };
  const nothingBut = ({ slack, assistant }: Awaited<ReturnType<typeof connected>>) => {
    expect(slack.workspace.views).toEqual([]);
    expect(assistant.stored).toEqual([]);
  };

  test.each(['deny', 'edit', 'hand_over', 'report'])(
    'after a press of %s is said to whoever pressed, alone',
    async (button) => {
      const all = await withCard(() => 'CAPPROVALS');
      const { slack, message } = all;
      expect((await slack.click('UALICE', message, button)).status).toBe(200);
      await slack.workspace.until(() => slack.workspace.whispers.length === 1);
      const whisper = { channel: 'CAPPROVALS', user: 'UALICE', text: expect.stringMatching(NOT_NOW) };
      expect(slack.workspace.whispers).toMatchObject([whisper]);
      expect(slack.messages('CAPPROVALS')).toHaveLength(1);
      nothingBut(all);
      await slack.click('UALICE', message, button);
      expect(slack.workspace.views).toHaveLength(1);
    },
  );

  test.each([
    [
      'in a direct message is said there',
      (slack: Slack, message: FakeMessage) => slack.click('UALICE', message, 'deny'),
    ],
    [
      'by a shortcut is said in the direct message',
      (slack: Slack) => slack.shortcut('UALICE', 'new_request'),
    ],
  ])('%s', async (_, presses) => {
    const all = await withCard((slack) => slack.workspace.directWith('UALICE'));
    const { slack, message, channel } = all;
    expect((await presses(slack, message)).status).toBe(200);
    await slack.workspace.until(() => NOT_NOW.test(slack.messages(channel).at(-1)!.text));
    nothingBut(all);
  });
});

test('a form too large for a dialog has no button', async () => {
  const { slack, adapter } = await connected();
  const form = { ...TICKET, fields: [titleField({ value: 'x'.repeat(3_001) })] };
  await adapter.surface.post(place('CGENERAL'), messageWith({ id: newId(MessageId), form }));
  expect(slack.messages('CGENERAL')[0]?.blocks.some(({ type }) => type === 'actions')).toBe(false);
});

/**
 * Every button, dialog, shortcut and event that `needs.ts` names, over both ways in: what each of them comes to. A new name there
 * wants a row here.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { BUTTONS, CALLBACKS, COMMAND, EVENTS, FORM_VIEW, SHORTCUTS } from '../../../adapters/slack/needs.ts';
import { PrincipalId } from '../../../src/model/ids.ts';
import { connected, place } from './harness.ts';
import { cardWith, messageWith, TICKET } from './samples.ts';

const ALICE = { id: PrincipalId.parse('alice'), name: 'Alice Adams', groups: [], accounts: [] };

/** A card with everything on it, a form and an answer of a model, in Alice's direct message. */
async function shown(way: Parameters<typeof connected>[0]) {
  const all = await connected(way);
  const { slack, assistant, adapter } = all;
  const card = cardWith({
    buttons: ['confirm', 'approve', 'deny', 'cancel'],
    offers: ['edit', 'hand_over', 'undo', 'happened', 'did_not_happen', 'report'],
  });
  const form = messageWith({ form: TICKET, text: '' });
  const answer = messageWith({ authorship: 'model', text: 'It is out of paper.' });
  assistant.known.set('UALICE', ALICE);
  assistant.forms.push(TICKET);
  assistant.askedWith.set(form.id, TICKET);
  assistant.editable.set(card.rendering, TICKET);
  assistant.takers.set(card.rendering, [{ id: PrincipalId.parse('carol'), name: 'Carol Clark' }]);
  const direct = slack.workspace.directWith('UALICE');
  const thread = slack.workspace.add({
    channel: direct,
    thread: null,
    user: 'UALICE',
    text: 'hi',
    blocks: [],
  }).ts;
  for (const message of [messageWith({ card }), form, answer])
    await adapter.surface.post(place(direct, thread), message);
  const [onCard, onForm, onAnswer] = slack.messages(direct).slice(-3) as [never, never, never];
  const press = (action: string, on = onCard) => slack.click('UALICE', on, action);
  const sends = (values: Record<string, string>) => slack.submit('UALICE', values);
  const asksAnew = async () => {
    await sends({ action: TICKET.action });
    await sends({ title: 'VPN down' });
  };
  return { ...all, card, form, answer, direct, thread, onForm, onAnswer, press, sends, asksAnew };
}
type All = Awaited<ReturnType<typeof shown>>;
type Row = {
  does(all: All): Promise<unknown>;
  /** The content that is stored; absent where nothing is. */
  stores?(all: All): object;
  /** What is there besides. */
  leaves?(all: All): Promise<void>;
};

/** A button of the card that comes to `content` by being pressed. */
const onCard = (button: string, content: object): Row => ({
  does: ({ press }) => press(button),
  stores: ({ card: { rendering } }) => ({ ...content, rendering }),
});
const decides = (decision: string) => onCard(decision, { kind: 'decision', decision });
const asks = { kind: 'form', action: TICKET.action, arguments: { title: 'VPN down' } };

const PRESSES: Record<string, Row> = {
  confirm: decides('confirm'),
  approve: decides('approve'),
  cancel: decides('cancel'),
  deny: {
    does: async ({ press, sends }) => {
      await press('deny');
      await sends({ reason: 'not today' });
    },
    stores: ({ card: { rendering } }) => ({
      kind: 'decision',
      rendering,
      decision: 'deny',
      reason: 'not today',
    }),
  },
  edit: {
    does: async ({ press, sends }) => {
      await press('edit');
      await sends({ title: 'VPN down in Rome' });
    },
    stores: ({ card: { rendering } }) => ({
      kind: 'edit',
      rendering,
      arguments: { title: 'VPN down in Rome' },
    }),
  },
  hand_over: {
    does: async ({ press, sends }) => {
      await press('hand_over');
      await sends({ to: 'carol' });
    },
    stores: ({ card: { rendering } }) => ({ kind: 'delegate', rendering, to: 'carol' }),
  },
  undo: onCard('undo', { kind: 'undo' }),
  happened: onCard('happened', { kind: 'resolve', as: 'succeeded' }),
  did_not_happen: onCard('did_not_happen', { kind: 'resolve', as: 'failed' }),
  report: {
    does: async ({ press, sends }) => {
      await press('report');
      await sends({ words: 'why at night?' });
    },
    stores: ({ card: { rendering } }) => ({ kind: 'report', rendering, words: 'why at night?' }),
  },
  form: {
    does: async ({ press, sends, onForm }) => {
      await press('form', onForm);
      await sends({ title: 'VPN down' });
    },
    stores: ({ form }) => ({ ...asks, message: form.id }),
  },
  feedback: {
    does: ({ press, onAnswer }) => press('bad', onAnswer),
    leaves: async ({ assistant, answer }) =>
      expect(assistant.given).toEqual([{ message: answer.id, principal: 'alice', positive: false }]),
  },
  new_request: {
    does: async ({ slack, asksAnew }) => {
      await slack.openHome('UALICE', 'home');
      await slack.workspace.until(() => slack.workspace.homes.has('UALICE'));
      await slack.clickHome('UALICE', 'new_request');
      await asksAnew();
    },
    stores: () => asks,
  },
};

const CALLED: Record<string, Row> = {
  new_request: {
    does: async ({ slack, asksAnew }) => {
      await slack.shortcut('UALICE', 'new_request');
      await asksAnew();
    },
    stores: () => asks,
  },
  ticket_from_message: {
    does: ({ slack }) => {
      const said = { channel: 'CGENERAL', thread: null, user: 'UBOB', text: 'it burns', blocks: [] };
      return slack.shortcut('UALICE', 'ticket_from_message', slack.workspace.add(said));
    },
    stores: () => ({ kind: 'message', text: 'Open a ticket', fetched: ['it burns'] }),
  },
};

const HAPPENS: Record<string, Row> = {
  message: {
    does: ({ slack }) => slack.say('UALICE', 'my requests'),
    stores: () => ({ kind: 'message', text: 'my requests' }),
  },
  app_mention: {
    does: ({ slack }) => slack.say('UALICE', '@countersign my requests', 'CGENERAL'),
    stores: () => ({ kind: 'message', text: 'my requests' }),
  },
  'app_home_opened home': {
    does: ({ slack }) => slack.openHome('UALICE', 'home'),
    leaves: ({ slack }) => slack.workspace.until(() => slack.workspace.homes.has('UALICE')),
  },
  'app_home_opened messages': {
    does: ({ slack }) => slack.openHome('UALICE', 'messages'),
    leaves: ({ slack, direct }) => slack.workspace.until(() => slack.workspace.prompts.has(direct)),
  },
  agent_session_stopped: {
    does: ({ slack, direct, thread }) => slack.pressStop('UALICE', direct, thread),
    leaves: async ({ assistant, direct, thread }) =>
      expect(assistant.stops).toMatchObject([{ principal: 'alice', place: place(direct, thread) }]),
  },
  [COMMAND]: {
    does: ({ slack }) => slack.command('UALICE', 'status'),
    stores: () => ({ kind: 'message', text: 'my requests' }),
  },
};

describe.each([
  ['over HTTP', {}],
  ['over sockets', { socketMode: true } as const],
])('%s', (_name, way) => {
  const dialogs = new Set<string>();

  test.each(
    Object.entries({ press: PRESSES, shortcut: CALLED, event: HAPPENS }).flatMap(([what, rows]) =>
      Object.entries(rows).map(([name, row]) => [what, name, row] as const),
    ),
  )('the %s %s comes to what it means', async (_what, _row, { does, stores, leaves }) => {
    const all = await shown(way);
    const before = all.slack.workspace.views.length;
    await does(all);
    const expected = stores === undefined ? [] : [expect.objectContaining(stores(all))];
    expect(all.assistant.stored.map(({ content }) => content)).toEqual(expected);
    for (const { account } of all.assistant.stored) expect(account).toMatchObject({ user: 'UALICE' });
    await leaves?.(all);
    for (const { view } of all.slack.workspace.views.slice(before)) dialogs.add(view.callback_id);
  });

  afterAll(() => {
    const shortcuts: readonly string[] = SHORTCUTS.map(({ callback }) => callback);
    // The choice becomes the form of what was chosen, in the same dialog.
    const named = Object.values(CALLBACKS).filter((it) => !shortcuts.includes(it) && it !== CALLBACKS.choice);
    expect(dialogs).toEqual(new Set([...named, `${FORM_VIEW}${TICKET.action}`]));
  });
});

test('no button, shortcut or event is left out', () => {
  expect(Object.keys(PRESSES).sort()).toEqual([...BUTTONS].sort());
  expect(Object.keys(CALLED)).toEqual(SHORTCUTS.map(({ callback }) => callback));
  const events = Object.keys(HAPPENS).map((name) => name.split(' ')[0]!);
  expect(new Set(events)).toEqual(new Set([...EVENTS.map(({ type }) => type), COMMAND]));
});

/** Every verb that `needs.ts` names: what pressing it comes to. A new one wants a row here. */
import { expect, test } from 'vitest';
import * as needs from '../../../adapters/teams/needs.ts';
import { PrincipalId } from '../../../src/model/ids.ts';
import { DecisionKind } from '../../../src/model/turn.ts';
import { Card, executesOf } from '../../support/teams/card-schema.ts';
import type { FakeMessage } from '../../support/teams/fake-connector.ts';
import { cardWith, messageWith, TICKET } from '../slack/samples.ts';
import { ALICE, connected, place } from './harness.ts';

const PERSON = { id: PrincipalId.parse('alice'), name: 'Alice Adams', groups: [], accounts: [] };

/** Cards with everything that can stand on one, six buttons each, and a form, in Alice's personal chat. */
async function shown() {
  const card = cardWith({ buttons: ['confirm', 'approve', 'deny', 'cancel'], offers: ['edit', 'report'] });
  const more: typeof card = {
    ...card,
    buttons: [],
    offers: ['hand_over', 'undo', 'happened', 'did_not_happen', 'report'],
  };
  const all = await connected({ options: { view: async () => messageWith({ card, text: '' }) } });
  const form = messageWith({ form: TICKET, text: '' });
  all.assistant.known.set(ALICE, PERSON);
  all.assistant.forms.push(TICKET);
  all.assistant.editable.set(card.rendering, TICKET);
  all.assistant.takers.set(card.rendering, [{ id: PrincipalId.parse('carol'), name: 'Carol Clark' }]);
  const chat = all.teams.personalChat(ALICE);
  const posted = [messageWith({ card, text: '' }), messageWith({ card: more, text: '' }), form];
  for (const message of posted) await all.adapter.surface.post(place(chat), message);
  /** On the message that has such a button, or on what stands in its place; answers what the client shows then. */
  const press = async (verb: string, fields = {}, instead?: FakeMessage): Promise<FakeMessage> => {
    const has = (it: FakeMessage) => executesOf(it.card).some((action) => action.verb === verb);
    const on = instead ?? all.teams.in(chat).find(has)!;
    const { body } = await all.teams.send(all.teams.click(ALICE, on, verb, fields));
    const next = Card.safeParse(JSON.parse(body).value);
    return next.success ? { ...on, card: next.data } : on;
  };
  return { ...all, card, form, press };
}
type All = Awaited<ReturnType<typeof shown>>;
/** `stores`: the content; absent where nothing is stored. */
type Row = { does(all: All): Promise<unknown>; stores?(all: All): object };

/** A button of the card that comes to `content` by being pressed. */
const onCard = (button: string, content: object): Row => ({
  does: ({ press }) => press(button),
  stores: ({ card: { rendering } }) => ({ ...content, rendering }),
});
const decides = (decision: string) => onCard(decision, { kind: 'decision', decision });
const VERBS: Record<string, Row> = {
  confirm: decides('confirm'),
  approve: decides('approve'),
  cancel: decides('cancel'),
  deny: {
    does: ({ press }) => press('deny', { [needs.REASON_FIELD]: 'not today' }),
    stores: ({ card: { rendering } }) => ({
      kind: 'decision',
      rendering,
      decision: 'deny',
      reason: 'not today',
    }),
  },
  form: {
    does: ({ press }) => press('form', { 'field.title': 'VPN down' }),
    stores: ({ form }) => ({
      kind: 'form',
      action: TICKET.action,
      arguments: { title: 'VPN down' },
      message: form.id,
    }),
  },
  edit: {
    does: async ({ press }) => {
      expect(executesOf((await press('edit')).card).map(({ verb }) => verb)).toEqual(['save', 'refresh']);
    },
  },
  save: {
    does: async ({ press }) => press('save', { 'field.title': 'VPN down in Rome' }, await press('edit')),
    stores: ({ card: { rendering } }) => ({
      kind: 'edit',
      rendering,
      arguments: { title: 'VPN down in Rome' },
    }),
  },
  hand_over: {
    does: async ({ press }) => {
      const list = await press('hand_over');
      expect(executesOf(list.card).map(({ verb }) => verb)).toEqual(['handed_over', 'refresh']);
    },
  },
  handed_over: {
    does: async ({ press }) =>
      press('handed_over', { [needs.TAKER_FIELD]: 'carol' }, await press('hand_over')),
    stores: ({ card: { rendering } }) => ({ kind: 'delegate', rendering, to: 'carol' }),
  },
  undo: onCard('undo', { kind: 'undo' }),
  happened: onCard('happened', { kind: 'resolve', as: 'succeeded' }),
  did_not_happen: onCard('did_not_happen', { kind: 'resolve', as: 'failed' }),
  report: {
    does: ({ press }) => press('report', { [needs.REPORT_FIELD]: 'why at night?' }),
    stores: ({ card: { rendering } }) => ({ kind: 'report', rendering, words: 'why at night?' }),
  },
  refresh: {
    does: async ({ press }) => {
      const back = await press('refresh', {}, await press('edit'));
      expect(executesOf(back.card).map(({ verb }) => verb)).toContain('approve');
    },
  },
};

test.each(Object.entries(VERBS))('%s comes to what it means', async (_verb, { does, stores }) => {
  const all = await shown();
  await does(all);
  const expected = stores === undefined ? [] : [stores(all)];
  expect(all.assistant.stored.map(({ content }) => content)).toEqual(expected);
  for (const { account } of all.assistant.stored) expect(account).toMatchObject({ user: ALICE });
});

test('no verb is left out', () => {
  const named = Object.entries(needs).flatMap(([name, verb]) =>
    name.endsWith('_VERB') ? [verb as string] : [],
  );
  expect(Object.keys(VERBS).sort()).toEqual([...DecisionKind.options, ...named].sort());
});

/** Edit, Undo and Report as buttons in Teams: forms in place of the card, and words that one person sees alone. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { View } from '../../../adapters/teams/receive.ts';
import { renderCard } from '../../../adapters/teams/render-card.ts';
import { renderEdit, renderTakers } from '../../../adapters/teams/render-form.ts';
import type { Form, Card as OurCard } from '../../../src/model/card.ts';
import { PrincipalId } from '../../../src/model/ids.ts';
import { Card, executesOf, runsOf } from '../../support/teams/card-schema.ts';
import type { FakeMessage } from '../../support/teams/fake-connector.ts';
import { cardWith, messageWith, titleField } from '../slack/samples.ts';
import { ALICE, BOB, CHANNEL, connected, GROUP, place } from './harness.ts';

const PERSON = { id: PrincipalId.parse('alice'), name: 'Alice Adams', groups: [], accounts: [] };
const field = (change: Partial<Form['fields'][number]> = {}) => titleField({ value: 'VPN down', ...change });
const FORM: Form = { action: 'ticket.create', title: 'Open a ticket', fields: [field()] };
const WORDS = 'application/vnd.microsoft.activity.message';

/** A card in a channel, which Alice may change, as she sees it. */
async function shown(change: Partial<OurCard> = {}, mayEdit = true) {
  const card = cardWith({
    buttons: ['approve', 'deny'],
    offers: ['edit', 'hand_over', 'undo', 'report'],
    ...change,
  });
  const view = async () => messageWith({ text: '', card });
  const all = await connected({ options: { view } });
  all.assistant.known.set(ALICE, PERSON);
  all.assistant.forms.push(FORM);
  if (mayEdit) all.assistant.editable.set(card.rendering, FORM);
  await all.adapter.surface.post(place(CHANNEL, '17'), messageWith({ card, text: '' }));
  const message = await all.teams.seen(ALICE, all.teams.in(CHANNEL)[0]!);
  const press = async (user: string, on: FakeMessage, verb: string, fields = {}) =>
    JSON.parse((await all.teams.send(all.teams.click(user, on, verb, fields))).body);
  return { ...all, card, message, press };
}
/** What a client holds once a press was answered with another card. */
const replaced = (message: FakeMessage, answer: { value: unknown }): FakeMessage => ({
  ...message,
  card: Card.parse(answer.value),
});

test('the buttons stand after the decisions, Report last, and carry what was seen and nothing else', () => {
  const card = cardWith({ buttons: ['approve', 'deny'], offers: ['edit', 'undo', 'report'] });
  const { actions } = renderCard(card);
  expect(actions.map(({ title }) => title)).toEqual(['Approve', 'Deny', 'Edit', 'Undo', 'Report']);
  const sent = executesOf({ actions: actions as never });
  expect(sent.map(({ verb }) => verb)).toEqual(['approve', 'deny', 'edit', 'undo', 'report']);
  for (const { data } of sent) expect(data).toEqual({ rendering: card.rendering, request: card.request });
  const ended = renderCard({ ...card, state: 'succeeded', offers: ['undo', 'report'] });
  expect(ended.actions.map(({ title }) => title)).toEqual(['Undo', 'Report']);
});

describe('Edit', () => {
  test('is answered with the form, filled; what is sent changes what was seen', async () => {
    const { assistant, card, message, press } = await shown();
    const form = replaced(message, await press(ALICE, message, 'edit'));
    expect(assistant.stored).toEqual([]);
    expect(form.card!.body).toContainEqual(expect.objectContaining({ id: 'field.title', value: 'VPN down' }));
    const answer = await press(ALICE, form, 'save', { 'field.title': 'VPN down in Bonn' });
    expect(assistant.stored).toMatchObject([
      {
        account: { user: ALICE },
        place: { container: CHANNEL },
        content: { kind: 'edit', rendering: card.rendering, arguments: { title: 'VPN down in Bonn' } },
      },
    ]);
    expect(answer.type).toBe('application/vnd.microsoft.card.adaptive');
  });

  test('with a wrong value comes back as it was typed, with what is wrong below the field', async () => {
    const { assistant, message, press } = await shown();
    const form = replaced(message, await press(ALICE, message, 'edit'));
    const again = replaced(message, await press(ALICE, form, 'save', { 'field.title': 'bad' }));
    expect(assistant.stored).toEqual([]);
    const at = again.card!.body.findIndex((it) => 'id' in it && it.id === 'field.title');
    expect(again.card!.body[at]).toMatchObject({ value: 'bad' });
    expect(JSON.stringify(again.card!.body[at + 1])).toContain('must be good');
    await press(ALICE, again, 'save', { 'field.title': 'better' });
    expect(assistant.stored).toHaveLength(1);
  });

  test('can be left for the card as it stands, without filling anything in', async () => {
    const { assistant, message, press } = await shown();
    const form = replaced(message, await press(ALICE, message, 'edit'));
    const back = executesOf(form.card).find(({ title }) => title === 'Back');
    expect(back).toMatchObject({ associatedInputs: 'none' });
    const card = replaced(message, await press(ALICE, form, 'refresh'));
    expect(executesOf(card.card).map(({ verb }) => verb)).toContain('approve');
    expect(assistant.stored).toEqual([]);
  });

  test.each([ALICE, BOB])('opens nothing for %s, who may not; the core says why', async (user) => {
    const { assistant, card, message, press } = await shown({}, false);
    expect((await press(user, message, 'edit')).type).not.toBe(undefined);
    expect(assistant.stored).toMatchObject([
      { account: { user }, content: { kind: 'edit', rendering: card.rendering, arguments: {} } },
    ]);
  });

  test.each([
    ['x'.repeat(1_201), 'text' as const],
    ['zero\u200bwidth', 'text' as const],
    ['gone', 'choice' as const],
  ])('of a value that the form could not send back as it is, %#, is left to the browser', (value, kind) => {
    const form = { ...FORM, fields: [field({ value, kind, choices: ['a', 'b'] })] };
    expect(renderEdit(form, {})).toBeNull();
  });
});

test('a form of any fields holds every value as it is, within the limits of a card, or is none', () => {
  const words = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.constantFrom('{{DATE(2026)}}', '<at>x</at>', '[a](https://evil.example)', ''),
    fc.integer({ min: 1_000, max: 1_300 }).map((length) => 'long '.repeat(length / 5)),
  );
  const fields = fc.uniqueArray(
    fc.record({
      name: fc.stringMatching(/^[a-z]{1,12}$/),
      label: fc.string({ minLength: 1 }),
      kind: fc.constantFrom('text' as const, 'multiline' as const, 'choice' as const, 'boolean' as const),
      choices: fc.array(words, { minLength: 1, maxLength: 5 }),
      required: fc.boolean(),
      value: words,
    }),
    { selector: ({ name }) => name, minLength: 1, maxLength: 12 },
  );
  const problems = fc.array(fc.record({ field: fc.string(), message: words }), { maxLength: 4 });
  fc.assert(
    fc.property(fields, words, problems, (all, title, wrong) => {
      const card = renderEdit({ action: 'a.b', title, fields: all }, { rendering: 'r' }, wrong);
      if (card === null) return;
      expect(JSON.stringify(card).length).toBeLessThan((28 * 1024) / 2);
      for (const run of runsOf(card)) expect(run.text).not.toMatch(/\{\{|\n/);
      const sent = new Map(card.body.flatMap((it) => ('id' in it ? [[it.id, it]] : [])));
      for (const { name, value } of all) expect(sent.get(`field.${name}`)?.value ?? '').toBe(value);
    }),
    { numRuns: 100 },
  );
});

test('Undo is one tap', async () => {
  const { assistant, card, message, press } = await shown();
  await press(ALICE, message, 'undo');
  expect(assistant.stored).toMatchObject([{ content: { kind: 'undo', rendering: card.rendering } }]);
});

test.each([
  [{ report: '  Why at night? ' }, 'Why at night?'],
  [{}, ''],
])('Report carries what was written beside it: %j', async (fields, words) => {
  const { assistant, card, message, press } = await shown();
  await press(ALICE, message, 'report', fields);
  expect(assistant.stored).toMatchObject([{ content: { kind: 'report', rendering: card.rendering, words } }]);
});

test('an older client reports and undoes too, and has no Edit', async () => {
  const { teams, assistant, adapter, card } = await shown();
  const chat = teams.personalChat(ALICE);
  await adapter.surface.post(place(chat), messageWith({ card, text: '' }));
  const message = teams.in(chat)[0]!;
  for (const verb of ['undo', 'report']) await teams.send(teams.submit(ALICE, message, verb));
  expect(assistant.stored.map(({ content }) => content.kind)).toEqual(['undo', 'report']);
  expect(() => teams.submit(ALICE, message, 'edit')).toThrow();
});

test('a form that is asked for with words comes back too, with what is wrong at its field', async () => {
  const { teams, assistant, adapter, press } = await shown();
  const chat = teams.personalChat(ALICE);
  const message = messageWith({ text: '', form: FORM });
  await adapter.surface.post(place(chat), message);
  const [asked] = teams.in(chat);
  const again = replaced(asked!, await press(ALICE, asked!, 'form', { 'field.title': 'bad' }));
  expect(JSON.stringify(again.card!.body)).toContain('must be good');
  expect(assistant.stored).toEqual([]);
  await press(ALICE, again, 'form', { 'field.title': 'better' });
  expect(assistant.stored).toMatchObject([
    { content: { kind: 'form', arguments: { title: 'better' }, message: message.id } },
  ]);
});

describe('Hand over', () => {
  const CAROL = { id: PrincipalId.parse('carol'), name: 'Carol Clark' };

  test('is answered with those who may take it; whom somebody chose is sent on', async () => {
    const { assistant, card, message, press } = await shown();
    assistant.takers.set(card.rendering, [CAROL]);
    const list = replaced(message, await press(ALICE, message, 'hand_over'));
    expect(assistant.stored).toEqual([]);
    const choices = [{ title: 'Carol Clark (carol)', value: 'carol' }];
    expect(list.card!.body).toContainEqual(expect.objectContaining({ id: 'taker', choices }));
    await press(ALICE, list, 'handed_over', { taker: 'carol' });
    const { rendering } = card;
    expect(assistant.stored).toMatchObject([
      { account: { user: ALICE }, content: { kind: 'delegate', rendering, to: 'carol' } },
    ]);
  });

  test('can be left for the card as it stands', async () => {
    const { assistant, card, message, press } = await shown();
    assistant.takers.set(card.rendering, [CAROL]);
    const list = replaced(message, await press(ALICE, message, 'hand_over'));
    const back = replaced(message, await press(ALICE, list, 'refresh'));
    expect(executesOf(back.card).map(({ verb }) => verb)).toContain('approve');
    expect(assistant.stored).toEqual([]);
  });

  test.each([ALICE, BOB])(
    'opens nothing for %s, who has nobody to hand it to; the core says why',
    async (user) => {
      const { assistant, card, message, press } = await shown();
      await press(user, message, 'hand_over');
      expect(assistant.stored).toMatchObject([
        { account: { user }, content: { kind: 'delegate', rendering: card.rendering, to: '' } },
      ]);
    },
  );

  test('says how many more there are than a card can hold', () => {
    const many = Array.from({ length: 400 }, (_, at) => ({ ...CAROL, id: PrincipalId.parse(`p${at}`) }));
    const card = Card.parse(renderTakers(many, { rendering: 'r' }));
    const shown = card.body.flatMap((it) => ('choices' in it ? it.choices : []));
    expect(shown.length).toBeGreaterThan(20);
    const said = runsOf(card)
      .map(({ text }) => text)
      .join('');
    expect(said).toContain(`${400 - shown.length} more may take it over`);
  });
});

describe('words for whoever pressed', () => {
  const REFUSED = 'Bob: You may not.';
  const onlyFor = { platform: 'teams' as const, tenant: place(CHANNEL).tenant, user: BOB };
  const refusal = messageWith({ text: REFUSED, onlyFor });

  test('are the answer to the press, and are not written where others read', async () => {
    const { teams, assistant, adapter, message, press } = await shown();
    const outcome = assistant.outcome;
    // As the core does: the words are on their way while the press still waits for them.
    let posting: Promise<unknown> = Promise.resolve();
    assistant.outcome = async (turn, ms) => {
      posting = adapter.surface.post(place(CHANNEL, '17'), refusal);
      return { ...(await outcome(turn, ms)), reply: REFUSED };
    };
    expect(await press(BOB, message, 'approve')).toEqual({ statusCode: 200, type: WORDS, value: REFUSED });
    expect(await posting).toMatchObject({ platform: 'teams' });
    expect(teams.messages.filter(({ text }) => text === REFUSED)).toEqual([]);
  });

  test('that were not shown so go to their own chat, or where there is none to all', async () => {
    const { teams, adapter } = await shown();
    teams.personalChat(BOB);
    await adapter.surface.post(place(CHANNEL, '17'), refusal);
    expect(teams.in(teams.personalChat(BOB)).map(({ text }) => text)).toEqual([REFUSED]);
    teams.personalChat(ALICE);
    teams.withoutApp(ALICE);
    const toAlice = messageWith({ text: 'Alice: late.', onlyFor: { ...onlyFor, user: ALICE } });
    await adapter.surface.post(place(CHANNEL, '17'), toAlice);
    expect(teams.in(CHANNEL).map(({ text }) => text)).toContain('Alice: late.');
    expect(teams.in(CHANNEL).map(({ text }) => text)).not.toContain(REFUSED);
  });
});

describe('a card that several people read', () => {
  const verbs = ({ card }: FakeMessage) => executesOf(card).map(({ verb }) => verb);

  test.each([
    ['a channel', place(CHANNEL, '17')],
    ['a group chat', place(GROUP)],
  ])(
    'carries, underneath in %s, what everybody may press; also when it is rewritten',
    async (_where, where) => {
      const { teams, adapter, card } = await shown();
      const before = teams.messages.length;
      const message = messageWith({ card, text: '' });
      const delivered = await adapter.surface.post(where, message);
      expect(verbs(teams.messages[before]!)).toEqual(['report']);
      expect(teams.messages[before]!.card?.body.map(({ type }) => type)).not.toContain('Input.Text');
      await adapter.surface.update(delivered!, message);
      expect(teams.messages[before]).toMatchObject({ edits: 1 });
      expect(verbs(teams.messages[before]!)).toEqual(['report']);
      const alices = await teams.seen(ALICE, teams.messages[before]!);
      expect(verbs(alices)).toEqual(['approve', 'deny', 'edit', 'hand_over', 'undo', 'report']);
    },
  );

  test('is asked for with where it stands, so that an onlooker can be shown it without a decision', async () => {
    const looked: unknown[] = [];
    const card = cardWith({ buttons: ['approve', 'deny'], offers: ['edit', 'report'] });
    const view: View = async (request, viewer, shownAt) => {
      looked.push([request, viewer, shownAt]);
      return messageWith({ text: '', card: { ...card, buttons: [], offers: ['report'] } });
    };
    const { teams, assistant, adapter } = await connected({ options: { view } });
    assistant.known.set(BOB, { ...PERSON, id: PrincipalId.parse('bob') });
    const delivered = await adapter.surface.post(place(CHANNEL, '17'), messageWith({ card, text: '' }));
    expect(verbs(await teams.seen(BOB, teams.in(CHANNEL)[0]!))).toEqual(['report']);
    expect(looked).toEqual([[card.request, 'bob', delivered]]);
  });

  test('keeps its buttons where Teams asks for nobody\u2019s own view', async () => {
    const { teams, adapter } = await connected();
    const card = cardWith({ buttons: ['approve', 'deny'] });
    await adapter.surface.post(place(CHANNEL, '17'), messageWith({ card, text: '' }));
    expect(verbs(teams.in(CHANNEL)[0]!)).toEqual(['approve', 'deny']);
  });

  test('asks for each person\u2019s view after its end too, while it offers what is not everybody\u2019s', async () => {
    const { teams, adapter, card } = await shown({ state: 'succeeded' });
    expect(verbs(teams.in(CHANNEL)[0]!)).toEqual(['report']);
    expect(teams.in(CHANNEL)[0]!.card?.refresh).toBeDefined();
    const ended = messageWith({ text: '', card: { ...card, offers: ['report'] } });
    await adapter.surface.post(place(GROUP), ended);
    expect(teams.in(GROUP)[0]!.card?.refresh).toBeUndefined();
  });
});

test('whoever installs the app for themselves is heard of, in a team nobody is', async () => {
  const { teams, assistant } = await connected();
  await teams.send(teams.installed(ALICE));
  await teams.send(teams.added(ALICE, teams.personalChat(ALICE)));
  await teams.send(teams.added(ALICE, CHANNEL));
  expect(assistant.stored.map(({ content, place: { direct } }) => [content.kind, direct])).toEqual([
    ['arrival', true],
    ['arrival', true],
  ]);
});

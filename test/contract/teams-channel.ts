/** Teams as a test's channel: activities with tokens of a real issuer in, and what the pretended connector shows. */
import type { CardOffer } from '../../src/model/card.ts';
import type { DecisionKind } from '../../src/model/turn.ts';
import { Card, executesOf, runsOf, textsOf } from '../support/teams/card-schema.ts';
import type { FakeMessage } from '../support/teams/fake-connector.ts';
import { type Channel, PEOPLE, type Person, type Said, type Shown } from './channel.ts';
import { type Company, settles } from './company.ts';
import { OPERATORS, PUBLIC_URL, STRANGER, TEAMS, teamsUser } from './company-files.ts';

/** `from`: how many messages the conversation had; a personal chat has no threads. */
type Native = { conversation: string; from: number; activity: Record<string, unknown> };
const OFFERS: readonly string[] = [
  'edit',
  'hand_over',
  'undo',
  'happened',
  'did_not_happen',
  'report',
] satisfies CardOffer[];
const DECISIONS: readonly string[] = ['confirm', 'approve', 'deny', 'cancel'] satisfies DecisionKind[];
const WORDS = 'application/vnd.microsoft.activity.message';
const CARD = 'application/vnd.microsoft.card.adaptive';

export async function teamsChannel(company: Company): Promise<Channel> {
  const { teams } = company;
  /** What people were answered when they pressed: Teams shows it to them alone. */
  const answers = new Map<string, string[]>();

  /** Answers with the card that the client shows instead, where it is answered with one. */
  const deliver = async (
    user: string,
    activity: Record<string, unknown>,
    times = 1,
  ): Promise<Card | null> => {
    let instead: Card | null = null;
    const sent = await Promise.all(Array.from({ length: times }, () => teams.send(activity)));
    for (const { status, body } of sent) {
      if (status !== 200) throw new Error(`an activity was answered ${status}`);
      const answer = body.startsWith('{') ? (JSON.parse(body) as { type?: string; value?: unknown }) : {};
      if (answer.type === WORDS) answers.set(user, [...(answers.get(user) ?? []), String(answer.value)]);
      if (answer.type === CARD) instead = Card.parse(answer.value);
    }
    return instead;
  };
  const at = ({ conversation, from }: Native): FakeMessage[] =>
    structuredClone(teams.messages.filter((message) => message.conversation === conversation).slice(from));
  const write = async (
    user: string,
    text: string,
    where: 'direct' | 'shared',
    times = 1,
  ): Promise<Native> => {
    const place = where === 'direct' ? teams.personalChat(user) : TEAMS.general;
    const from = where === 'direct' ? teams.in(place).length : 0;
    const activity = teams.said(user, place, text);
    await deliver(user, activity, times);
    return { conversation: where === 'direct' ? place : `${place};messageid=${activity.id}`, from, activity };
  };
  const click = (user: string, card: Shown, verb: string, fields = {}) =>
    deliver(user, teams.click(user, card.native as FakeMessage, verb, fields));
  const press = async (user: string, card: Shown, decision: DecisionKind, times = 1, fields = {}) => {
    await deliver(user, teams.click(user, card.native as FakeMessage, decision, fields), times);
  };
  const readersOf = (conversation: string): Person | 'all' =>
    PEOPLE.find((person) => teams.personalChat(teamsUser(person)) === conversation) ?? 'all';
  const shownOf = (message: FakeMessage): Shown => {
    const text = drawn(message);
    const verbs = executesOf(message.card).map(({ verb }) => verb);
    return {
      text,
      buttons: verbs.filter((verb): verb is DecisionKind => DECISIONS.includes(verb)),
      offers: verbs.filter((verb): verb is CardOffer => OFFERS.includes(verb)),
      byModel: JSON.stringify(message.entities).includes('AIGeneratedContent'),
      isForm: verbs.includes('form'),
      digest: /digest ([0-9a-f]{64})/i.exec(text)?.[1] ?? null,
      readers: readersOf(message.conversation),
      edits: message.edits,
      live: liveIn(message).filter((it) => !it.includes(PUBLIC_URL)),
      native: message,
    };
  };

  /** Where several people read, each has their own view of a card; elsewhere it stands as it is. */
  const seenBy = async (person: Person, message: FakeMessage): Promise<Shown> =>
    shownOf(
      readersOf(message.conversation) === 'all' ? await teams.seen(teamsUser(person), message) : message,
    );

  return {
    cardsPerRequest: 4,
    async say(person, text, where = 'direct', times = 1): Promise<Said> {
      return { person, native: await write(teamsUser(person), text, where, times) };
    },
    async arrives(person) {
      const said = await write(teamsUser(person), 'whoami', 'direct');
      const shown = await settles(async () => {
        const all = at(said).map(shownOf);
        return all.some(({ text }) => text.includes('You are ')) && all;
      }, 'whoami is answered');
      return shown.map(({ text }) => text).filter((text) => !text.includes('You are '));
    },
    async sayOf(person, words, whom) {
      const user = teamsUser(person);
      const place = teams.personalChat(user);
      const from = teams.in(place).length;
      // What a mention reads is whatever its writer left of the name: who is meant, its id says.
      const text = '<at>Somebody</at>';
      const mentioned = { id: `29:${whom}`, aadObjectId: teamsUser(whom) };
      const entities = [{ type: 'mention', text, mentioned }];
      const activity = teams.said(user, place, `${words} ${text}`, { entities });
      await deliver(user, activity);
      return { person, native: { conversation: place, from, activity } satisfies Native };
    },
    async reword({ person, native }, text) {
      await deliver(teamsUser(person), teams.edited((native as Native).activity, text));
    },
    async reply({ person, native }, text) {
      const user = teamsUser(person);
      await deliver(user, teams.said(user, (native as Native).conversation, text));
    },
    shown: async ({ person, native }) => Promise.all(at(native as Native).map((it) => seenBy(person, it))),
    async cards(digest) {
      const all = structuredClone(teams.messages).filter((it) => shownOf(it).digest === digest);
      return Promise.all(all.map((it) => seenBy('bob', it)));
    },
    async heard(person) {
      const user = teamsUser(person);
      const places = [teams.personalChat(user), ...Object.values(TEAMS)];
      return [...places.flatMap((place) => teams.in(place)).map(drawn), ...(answers.get(user) ?? [])];
    },
    press: (person, card, decision, { reason, times } = {}) =>
      press(teamsUser(person), card, decision, times, reason === undefined ? {} : { reason }),
    async resolve(person, card, as) {
      await click(teamsUser(person), card, as === 'succeeded' ? 'happened' : 'did_not_happen');
    },
    async undo(person, card, times = 1) {
      await Promise.all(Array.from({ length: times }, () => click(teamsUser(person), card, 'undo')));
    },
    async takers(person, card) {
      const list = await click(teamsUser(person), card, 'hand_over');
      return list === null ? [] : choicesIn(list);
    },
    async handOver(person, card, to) {
      const user = teamsUser(person);
      const list = await click(user, card, 'hand_over');
      if (list === null) throw new Error('there is no list');
      const native = { ...(card.native as FakeMessage), card: list };
      await click(user, { ...card, native }, 'handed_over', { taker: to });
    },
    async report(person, card, words) {
      await click(teamsUser(person), card, 'report', { report: words });
    },
    reports: async () => teams.in(OPERATORS.teams).map(drawn),
    async judge(person, answer, positive, words) {
      const reaction = positive ? 'like' : 'dislike';
      const user = teamsUser(person);
      await deliver(user, teams.feedback(user, answer.native as FakeMessage, reaction, words));
    },
    async edit(person, card, values) {
      const user = teamsUser(person);
      const form = await click(user, card, 'edit');
      // No form: the refusal is in words.
      if (form === null) return;
      const native = { ...(card.native as FakeMessage), card: form };
      const changed = Object.fromEntries(
        Object.entries(values).map(([name, value]) => [`field.${name}`, value]),
      );
      await click(user, { ...card, native }, 'save', { ...shownIn(form), ...changed });
    },
    outdated(card) {
      const native = structuredClone(card.native as FakeMessage);
      for (const action of executesOf(native.card)) action.data.rendering = crypto.randomUUID();
      return { ...card, native };
    },
    async fill(person, form, values) {
      const user = teamsUser(person);
      const fields = Object.fromEntries(
        Object.entries(values).map(([name, value]) => [`field.${name}`, value]),
      );
      await click(user, form, 'form', fields);
    },
    async withoutApp(where, happens) {
      const conversation = teams.conversations.get(TEAMS[where === 'shared' ? 'general' : where])!;
      conversation.hasApp = false;
      await happens().finally(() => {
        conversation.hasApp = true;
      });
    },
    remove(message) {
      const { id } = message.native as FakeMessage;
      teams.messages.splice(
        teams.messages.findIndex((it) => it.id === id),
        1,
      );
    },
    async strangerSays(text) {
      const said = await write(teamsUser(STRANGER), text, 'direct');
      const answer = await settles(async () => at(said).at(-1) ?? null, 'the stranger is answered');
      return drawn(answer);
    },
    strangerPresses: (card, decision) => press(teamsUser(STRANGER), card, decision),
  };
}

/** What stands in the inputs of a form. */
function shownIn({ body }: Card): Record<string, string> {
  const entries = body.flatMap((it) =>
    'id' in it && it.value !== undefined ? [[it.id, String(it.value)]] : [],
  );
  return Object.fromEntries(entries);
}

/** What a list lets choose from. */
function choicesIn({ body }: Card): string[] {
  return body.flatMap((it) => ('choices' in it ? it.choices.map(({ value }) => value) : []));
}

function drawn(message: FakeMessage): string {
  return message.card === null ? (message.text ?? '') : textsOf(message.card).join('\n');
}

/** What Teams acts upon: links, mentions, functions of its templates, and markup in a message without a card. */
export function liveIn({ card, text, entities }: FakeMessage): string[] {
  const mentions = (entities as { type?: string }[]).filter(({ type }) => type === 'mention');
  const runs = runsOf(card);
  return [
    ...mentions.map((it) => JSON.stringify(it)),
    ...runs.flatMap(({ selectAction }) => selectAction?.url ?? []),
    ...runs.map((run) => run.text).filter((words) => words.includes('{{')),
    ...(text?.match(/<[^>]*>|\[[^\]]*\]\(|https?:/g) ?? []),
  ];
}

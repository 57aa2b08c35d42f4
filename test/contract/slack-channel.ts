/** Slack as a test's channel: signed deliveries by HTTP in, and what the pretended Slack shows. */
import type { CardOffer } from '../../src/model/card.ts';
import type { DecisionKind } from '../../src/model/turn.ts';
import { inputsOf } from '../support/slack/block-schema.ts';
import { drawMessage } from '../support/slack/draw.ts';
import { BOT_USER, type FakeMessage, type FakeView } from '../support/slack/workspace.ts';
import { type Channel, PEOPLE, type Person, type Said, type Shown } from './channel.ts';
import { type Company, settles } from './company.ts';
import { OPERATORS, PUBLIC_URL, SLACK, STRANGER, slackUser } from './company-files.ts';

type Native = { channel: string; ts: string };
const OFFERS: readonly string[] = [
  'edit',
  'hand_over',
  'undo',
  'happened',
  'did_not_happen',
  'report',
] satisfies CardOffer[];
const DECISIONS: readonly string[] = ['confirm', 'approve', 'deny', 'cancel'] satisfies DecisionKind[];

export async function slackChannel(company: Company): Promise<Channel> {
  const { slack } = company;
  const { workspace } = slack;

  const write = async (
    user: string,
    text: string,
    where: Partial<Native>,
    times = 1,
    mentions = '',
  ): Promise<Native> => {
    const channel = where.channel ?? workspace.directWith(user);
    const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;') + mentions;
    const wire = channel.startsWith('D') ? escaped : `<@${BOT_USER}> ${escaped}`;
    const thread = where.ts ?? null;
    const { ts } = workspace.add({ channel, thread, user, text: wire, blocks: [] });
    const options = thread === null ? {} : { thread };
    const payload = slack.make.event(user, wire, channel, ts, options);
    await Promise.all(Array.from({ length: times }, () => slack.sender.event(payload)));
    return { channel, ts: thread ?? ts };
  };
  const ours = (channel?: string): FakeMessage[] =>
    slack.messages(channel).filter((message) => message.user === slack.bot);
  const inThread = ({ channel, ts }: Native): FakeMessage[] =>
    ours(channel).filter((message) => message.thread === ts);
  const click = (user: string, card: Shown, action: string) =>
    slack.click(user, card.native as FakeMessage, action);
  const press = async (user: string, card: Shown, decision: DecisionKind, times = 1): Promise<void> => {
    const payload = { payload: JSON.stringify(slack.make.click(user, card.native as FakeMessage, decision)) };
    await Promise.all(Array.from({ length: times }, () => slack.sender.form(payload)));
  };

  return {
    cardsPerRequest: 4,
    async say(person, text, where = 'direct', times = 1): Promise<Said> {
      const at = where === 'direct' ? {} : { channel: SLACK.general };
      return { person, native: await write(slackUser(person), text, at, times) };
    },
    async arrives(person) {
      const said = await write(slackUser(person), 'whoami', {});
      const shown = await settles(async () => {
        const all = inThread(said).map(shownOf);
        return all.some(({ text }) => text.includes('You are ')) && all;
      }, 'whoami is answered');
      return shown.map(({ text }) => text).filter((text) => !text.includes('You are '));
    },
    async sayOf(person, words, whom) {
      return { person, native: await write(slackUser(person), `${words} `, {}, 1, `<@${slackUser(whom)}>`) };
    },
    async reword({ native }, text) {
      const { channel, ts } = native as Native;
      const { status } = await slack.reword(
        { channel, ts },
        channel.startsWith('D') ? text : `@countersign ${text}`,
      );
      if (status !== 200) throw new Error(`an edit was answered ${status}`);
    },
    async reply({ person, native }, text) {
      await write(slackUser(person), text, native as Native);
    },
    shown: async ({ native }) => inThread(native as Native).map(shownOf),
    cards: async (digest) =>
      ours()
        .map(shownOf)
        .filter((shown) => shown.digest === digest),
    async heard(person) {
      const user = slackUser(person);
      const open = [workspace.directWith(user), ...Object.values(SLACK)].flatMap(ours).map(drawMessage);
      const alone = workspace.whispers.filter((it) => it.user === user).map(drawMessage);
      return [...open, ...alone];
    },
    async press(person, card, decision, { reason, times } = {}) {
      const opened = workspace.views.length;
      await press(slackUser(person), card, decision, times);
      // The button asks why, of whoever may deny; the answer to that is the decision.
      if (workspace.views.length > opened) await slack.submit(slackUser(person), { reason: reason ?? '' });
    },
    async resolve(person, card, as) {
      await click(slackUser(person), card, as === 'succeeded' ? 'happened' : 'did_not_happen');
    },
    async undo(person, card, times = 1) {
      const presses = Array.from({ length: times }, () => click(slackUser(person), card, 'undo'));
      await Promise.all(presses);
    },
    async takers(person, card) {
      const user = slackUser(person);
      const opened = workspace.views.length;
      await click(user, card, 'hand_over');
      if (workspace.views.length === opened) return [];
      const [input] = inputsOf(slack.dialog(user).view);
      return input !== undefined && 'options' in input.element
        ? input.element.options.map(({ value }) => value)
        : [];
    },
    async handOver(person, card, to) {
      await click(slackUser(person), card, 'hand_over');
      await slack.submit(slackUser(person), { to });
    },
    async report(person, card, words) {
      await click(slackUser(person), card, 'report');
      await slack.submit(slackUser(person), { words });
    },
    reports: async () => slack.messages(OPERATORS.slack).map(drawMessage),
    async judge(person, answer, positive) {
      await click(slackUser(person), answer, positive ? 'good' : 'bad');
    },
    async edit(person, card, values) {
      const user = slackUser(person);
      const opened = workspace.views.length;
      await click(user, card, 'edit');
      // No dialog: the refusal is in words.
      if (workspace.views.length === opened) return;
      const { errors } = await slack.submit(user, { ...shownIn(slack.dialog(user)), ...values });
      if (Object.keys(errors).length > 0) throw new Error(JSON.stringify(errors));
    },
    outdated(card) {
      const native = structuredClone(card.native as FakeMessage);
      for (const block of native.blocks)
        if (block.type === 'actions') for (const button of block.elements) button.value = crypto.randomUUID();
      return { ...card, native };
    },
    async fill(person, form, values) {
      const opened = workspace.views.length;
      await slack.click(slackUser(person), form.native as FakeMessage, 'form');
      // No dialog: the refusal is in words.
      if (workspace.views.length === opened) return;
      const { errors } = await slack.submit(slackUser(person), values);
      if (Object.keys(errors).length > 0) throw new Error(JSON.stringify(errors));
    },
    async withoutApp(where, happens) {
      const { members } = workspace.channels.get(SLACK[where === 'shared' ? 'general' : where])!;
      members.delete(BOT_USER);
      await happens().finally(() => members.add(BOT_USER));
    },
    remove: (message) => workspace.remove(message.native as FakeMessage),
    async strangerSays(text) {
      const said = await write(slackUser(STRANGER), text, {});
      const answer = await settles(async () => inThread(said).at(-1) ?? null, 'the stranger is answered');
      return drawMessage(answer);
    },
    strangerPresses: (card, decision) => press(slackUser(STRANGER), card, decision),
  };
}

function shownOf(message: FakeMessage): Shown {
  const text = drawMessage(message);
  const pressable = message.blocks.flatMap((block) =>
    block.type === 'actions' ? block.elements.map((button) => button.action_id) : [],
  );
  return {
    text,
    buttons: pressable.filter((id): id is DecisionKind => DECISIONS.includes(id)),
    offers: pressable.filter((id): id is CardOffer => OFFERS.includes(id)),
    // Slack has no mark of its own for it: people read it.
    byModel: text.includes('Written by a language model.'),
    isForm: pressable.includes('form'),
    digest: /digest ([0-9a-f]{64})/i.exec(text)?.[1] ?? null,
    readers: readersOf(message.channel),
    edits: message.edits,
    live: liveIn(message).filter((it) => !it.includes(PUBLIC_URL)),
    native: message,
  };
}

/** What stands in the fields of a dialog when it opens. */
function shownIn({ view }: FakeView): Record<string, string> {
  const entries = inputsOf(view).map(({ block_id: id, element }) => {
    const value = 'options' in element ? element.initial_option?.value : element.initial_value;
    return [String(id).replace(/^field:/, ''), value ?? ''];
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== ''));
}

function readersOf(channel: string): Person | 'all' {
  return PEOPLE.find((person) => channel === `D0${slackUser(person).slice(1)}`) ?? 'all';
}

/** What Slack acts upon: elements that are a link or a mention, and `<...>` in text that it reads as mrkdwn. */
export function liveIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(liveIn);
  if (typeof value !== 'object' || value === null) return [];
  const { type, text, url } = value as { type?: unknown; text?: unknown; url?: unknown };
  const acts = ['user', 'usergroup', 'broadcast', 'channel', 'team', 'emoji'].includes(String(type));
  const read = (type === 'mrkdwn' || 'blocks' in value) && typeof text === 'string' ? text : '';
  return [
    ...(acts || typeof url === 'string' ? [JSON.stringify(value)] : []),
    ...(read.match(/<[^>]*>/g) ?? []),
    ...Object.values(value).flatMap(liveIn),
  ];
}

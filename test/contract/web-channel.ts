/** The workspace as a test's channel: people sign in at a real provider, and use the HTTP API of our pages. */

import type { Card, Form, Message } from '../../src/model/card.ts';
import type { ReportRow } from '../../src/model/ports.ts';
import { legible } from '../../src/surface/unseen.ts';
import { Visitor } from '../support/oidc/visitor.ts';
import type { Answer } from '../support/web-server.ts';
import { type Channel, PEOPLE, type Person, type Said, type Shown } from './channel.ts';
import type { Company } from './company.ts';
import { PUBLIC_URL, STRANGER, webSubject } from './company-files.ts';

type Native = { thread: string };
type NativeCard = Pick<Message, 'id' | 'card' | 'form' | 'thread'>;
type Problem = { error?: { message?: string } };
/** Whose pages a request's card is looked up on: its requester and those who may approve. */
const READERS: readonly Person[] = ['alice', 'bob', 'carol'];

export async function webChannel(company: Company): Promise<Channel> {
  const address = { port: company.port, publicUrl: new URL(PUBLIC_URL) };
  const visitors = new Map<Person, Visitor>();
  for (const person of PEOPLE) {
    company.provider.subject = webSubject(person);
    const visitor = new Visitor(address);
    await visitor.signIn();
    visitors.set(person, visitor);
  }
  const answers = new Map<Person, string[]>();
  const threads: { person: Person; thread: string }[] = [];
  const requests = new Map<string, string>();

  const read = async <T>(person: Person, path: string): Promise<T> => {
    const { status, body } = await visitors.get(person)!.read(`/api/workspace/${path}`);
    if (status !== 200) throw new Error(`${path} was answered ${status} to ${person}`);
    return body as T;
  };
  const change = async (
    person: Person,
    path: string,
    body: object,
    times = 1,
    key: string = crypto.randomUUID(),
  ): Promise<Answer> => {
    const visitor = visitors.get(person)!;
    const csrf = await visitor.csrf();
    const headers = { 'idempotency-key': key, 'x-countersign-csrf': csrf };
    const all = await Promise.all(
      Array.from({ length: times }, () => visitor.change(`/api/workspace/${path}`, body, headers)),
    );
    for (const answer of all) {
      const said = (answer.body as Problem | null)?.error?.message;
      if (said !== undefined) answers.set(person, [...(answers.get(person) ?? []), said]);
    }
    return all[0]!;
  };
  const shownOf = (message: Message, readers: Person): Shown => {
    const { card, form, text, authorship, sources = [] } = message;
    if (card !== null) requests.set(card.digest, card.request);
    return {
      text: [
        legible(text),
        ...sources.map(({ title, ref }) => `${title}: ${legible(ref)}`),
        ...(card === null ? [] : drawCard(card)),
      ].join('\n'),
      buttons: card?.buttons ?? [],
      offers: card?.offers ?? [],
      byModel: authorship === 'model',
      isForm: form !== null,
      digest: card?.digest ?? null,
      readers,
      // Our pages read a card anew whenever it changed: there is no second one that could stay behind.
      edits: null,
      live: [card?.link, card?.outcome?.link].filter(
        (it) => typeof it === 'string' && !it.includes(PUBLIC_URL),
      ) as string[],
      native: { id: message.id, card, form, thread: message.thread } satisfies NativeCard,
    };
  };
  const messages = async (person: Person, thread: string): Promise<Shown[]> =>
    (await read<Message[]>(person, `threads/${thread}`))
      .filter((message) => message.authorship !== 'person')
      .map((message) => shownOf(message, person));
  const requestOf = async (digest: string): Promise<string | null> => {
    if (!requests.has(digest))
      for (const person of READERS)
        for (const list of ['mine', 'waiting'])
          for (const message of await read<Message[]>(person, list)) shownOf(message, person);
    return requests.get(digest) ?? null;
  };

  return {
    cardsPerRequest: READERS.length,
    async say(person, text, where = 'direct', times = 1): Promise<Said> {
      if (where === 'shared') throw new Error('the workspace has no conversation of several people');
      const { body } = await change(person, 'messages', { text }, times);
      const { thread } = body as Native;
      threads.push({ person, thread });
      return { person, native: { thread } satisfies Native };
    },
    async arrives(person) {
      const { text } = await read<{ text: string | null }>(person, 'greeting');
      await change(person, 'greeted', {});
      return text === null ? [] : [text];
    },
    async sayOf() {
      throw new Error('the workspace has no mentions');
    },
    async reword() {
      throw new Error('nothing that was said can be edited on a page');
    },
    async reply({ person, native }, text) {
      await change(person, 'messages', { text, thread: (native as Native).thread });
    },
    shown: ({ person, native }) => messages(person, (native as Native).thread),
    async cards(digest) {
      const request = await requestOf(digest);
      if (request === null) return [];
      // A card that is not for a person is no page of theirs.
      const pages = await Promise.all(
        READERS.map(async (person) => {
          const { status, body } = await visitors.get(person)!.read(`/api/workspace/requests/${request}`);
          return status === 200 ? [shownOf((body as { message: Message }).message, person)] : [];
        }),
      );
      return pages.flat();
    },
    async heard(person) {
      const theirs = threads.filter((it) => it.person === person);
      const said = await Promise.all(theirs.map(({ thread }) => messages(person, thread)));
      return [...said.flat().map(({ text }) => text), ...(answers.get(person) ?? [])];
    },
    async press(person, shown, decision, { reason, times } = {}) {
      const { card } = shown.native as NativeCard;
      const body = { decision, digest: card!.digest, ...(reason === undefined ? {} : { reason }) };
      await change(person, `requests/${card!.request}/decisions`, body, times);
    },
    async resolve(person, shown, as) {
      const { card } = shown.native as NativeCard;
      await change(person, 'messages', { text: `resolve ${card!.request} ${as}` });
    },
    async undo(person, shown, times = 1) {
      const { card, thread } = shown.native as NativeCard;
      // As our page does: one key, however often it is pressed.
      const key = `undo:${card!.request}:${card!.digest}`;
      await change(person, 'messages', { text: `undo ${card!.request}`, thread }, times, key);
    },
    async takers(person, shown) {
      const { card } = shown.native as NativeCard;
      const { status, body } = await visitors.get(person)!.read(`/api/workspace/takers/${card!.request}`);
      return status === 200 ? (body as { people: { id: string }[] }).people.map(({ id }) => id) : [];
    },
    async handOver(person, shown, to) {
      const { card } = shown.native as NativeCard;
      const handed = { digest: card!.digest, to };
      const { body } = await change(person, `requests/${card!.request}/hand-overs`, handed);
      const { words } = body as { words?: string };
      if (words !== undefined) answers.set(person, [...(answers.get(person) ?? []), words]);
    },
    async report(person, shown, words) {
      const { card } = shown.native as NativeCard;
      await change(person, 'messages', { text: `report ${card!.request} ${words}` });
    },
    async reports() {
      const rows = await read<ReportRow[]>('erin', 'reports');
      return rows.map(({ by, words }) => `${by.name} (${by.id}): ${words}`);
    },
    async judge(person, shown, positive, words) {
      const { id, thread } = shown.native as NativeCard;
      const body = { message: id, positive, ...(words === '' ? {} : { words }) };
      await change(person, `threads/${thread}/judgements`, body);
    },
    async edit(person, shown, values) {
      const { card } = shown.native as NativeCard;
      type Opened = { form: Form; digest: string };
      const { form } = await read<Opened>(person, `edit-forms/${card!.request}`);
      const standing = form.fields
        .filter(({ value }) => value !== '')
        .map(({ name, value }) => [name, value]);
      const body = { digest: card!.digest, arguments: { ...Object.fromEntries(standing), ...values } };
      await change(person, `requests/${card!.request}/edits`, body);
    },
    outdated(shown) {
      const { card, ...rest } = shown.native as NativeCard;
      const digest = '0'.repeat(card!.digest.length);
      return { ...shown, native: { ...rest, card: { ...card!, digest } } satisfies NativeCard };
    },
    async fill(person, shown, values) {
      const { id, form, thread } = shown.native as NativeCard;
      await change(person, 'forms', { action: form!.action, arguments: values, thread, message: id });
    },
    withoutApp: async () => {
      throw new Error('a page has no place from which we could be taken away');
    },
    remove: () => {
      throw new Error('nobody can delete anything from a page');
    },
    async strangerSays(text) {
      company.provider.subject = webSubject(STRANGER);
      const stranger = new Visitor(address);
      const { text: page } = await stranger.signIn();
      await stranger.change('/api/workspace/messages', { text });
      return page.replaceAll(/<[^>]*>/g, ' ');
    },
    async strangerPresses(shown, decision) {
      const { card } = shown.native as NativeCard;
      company.provider.subject = webSubject(STRANGER);
      const stranger = new Visitor(address);
      await stranger.signIn();
      const body = { decision, digest: card!.digest };
      await stranger.change(`/api/workspace/requests/${card!.request}/decisions`, body);
    },
  };
}

/** Everything that a card of our pages says, each value through the function that they show values with. */
function drawCard(card: Card): string[] {
  const approved = card.approvals.map(({ name }) => `Approved by ${name}`);
  return [
    card.title,
    card.status,
    card.summary,
    ...card.arguments.map(({ name, value }) => `${name}: ${value}`),
    ...card.facts.map(({ label, value }) => `${label}: ${value}`),
    ...card.reasons,
    ...approved,
    card.output ?? '',
    card.outcome?.text ?? '',
    card.link ?? '',
    card.proof ?? '',
  ].map(legible);
}

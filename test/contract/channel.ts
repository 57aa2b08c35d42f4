/** What a platform lets a test do and see: people say and press, and everything of ours is read as it is shown. */
import type { CardOffer } from '../../src/model/card.ts';
import type { DecisionKind } from '../../src/model/turn.ts';

/** Frank has never said anything but in the rule of his. */
export type Person = 'alice' | 'bob' | 'carol' | 'dave' | 'erin' | 'frank';
export const PEOPLE: readonly Person[] = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'];

/** Where somebody began a conversation; `native` is the platform's own. */
export type Said = { person: Person; native: unknown };

/** One message of ours as it looks now: `text` is everything that people read of it, from top to bottom. */
export type Shown = {
  text: string;
  buttons: DecisionKind[];
  /** What its other buttons offer. */
  offers: CardOffer[];
  /** Whether the platform is told that a model wrote it, beside what people read. */
  byModel: boolean;
  /** Whether it asks to be filled in. */
  isForm: boolean;
  /** Of the request that it shows, in hexadecimal. */
  digest: string | null;
  /** Who can see it: `all` for a conversation of several people. */
  readers: Person | 'all';
  /** How often it was rewritten where it stands; null where the platform has no messages that could be. */
  edits: number | null;
  /** Links, mentions and markup in it that a client would act upon, but for links to our own pages. */
  live: string[];
  native: unknown;
};

export type Channel = {
  /** How many cards a request gets that is asked for here and needs an approval. */
  cardsPerRequest: number;
  /** `times`: delivered so often at once, byte for byte the same. */
  say(person: Person, text: string, where?: 'direct' | 'shared', times?: number): Promise<Said>;
  /** Says `words` and then mentions somebody, alone with us; answers where. */
  sayOf(person: Person, words: string, whom: Person): Promise<Said>;
  /** Comes and looks, as people do here at first: what they are told before anything else. */
  arrives(person: Person): Promise<string[]>;
  /** Edits what they said. */
  reword(said: Said, text: string): Promise<void>;
  /** In the same conversation. */
  reply(said: Said, text: string): Promise<void>;
  /** Everything of ours in that conversation since it was begun, oldest first. */
  shown(said: Said): Promise<Shown[]>;
  /** Every card of a request here, wherever it was put. */
  cards(digest: string): Promise<Shown[]>;
  /** Everything that this person has been told here, answers to their clicks included. */
  heard(person: Person): Promise<string[]>;
  press(
    person: Person,
    card: Shown,
    decision: DecisionKind,
    more?: { reason?: string; times?: number },
  ): Promise<void>;
  /** `times`: pressed so often at once, each a press of its own. */
  undo(person: Person, card: Shown, times?: number): Promise<void>;
  /** Says what became of a request whose outcome nobody knows. */
  resolve(person: Person, card: Shown, as: 'succeeded' | 'failed'): Promise<void>;
  /** The ids of those whom the card's button offers to choose from; empty where there is no list. */
  takers(person: Person, card: Shown): Promise<string[]>;
  /** Opens the list, and chooses this one. */
  handOver(person: Person, card: Shown, to: Person): Promise<void>;
  report(person: Person, card: Shown, words: string): Promise<void>;
  /** What operators are told of reports here. */
  reports(): Promise<string[]>;
  /** A thumb up or down on an answer of a model, with words beside it where the platform asks for some. */
  judge(person: Person, answer: Shown, positive: boolean, words: string): Promise<void>;
  /** Sends the form that the card's button opens, with these values; the others stay as they stand there. */
  edit(person: Person, card: Shown, values: Record<string, string>): Promise<void>;
  /** The card as it looked before it was rewritten: its buttons are bound to what stands there no more. */
  outdated(card: Shown): Shown;
  fill(person: Person, form: Shown, values: Record<string, string>): Promise<void>;
  /** While `happens`, the app is not where several people read: in their conversations, or where approvals are asked. */
  withoutApp(where: 'shared' | 'approvals', happens: () => Promise<void>): Promise<void>;
  /** Somebody deletes this message of ours. */
  remove(message: Shown): void;
  /** Somebody whom nobody listed writes this; answers what they are told. */
  strangerSays(text: string): Promise<string>;
  /** The same account presses a button, where it can. */
  strangerPresses(card: Shown, decision: DecisionKind): Promise<void>;
};

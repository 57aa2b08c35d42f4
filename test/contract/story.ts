/** Steps that the rules share: who asks, where cards come to stand, what is heard. Waiting is asking until it is so. */
import { expect } from 'vitest';
import type { Channel, Person, Said, Shown } from './channel.ts';
import { type Company, settles } from './company.ts';

export type Asked = { said: Said; digest: string; own: Shown; cards: Shown[] };

export function storyOf(company: Company, channel: Channel) {
  /** Waits for a message in a conversation for which `holds`. */
  const answer = (said: Said, what: string, holds: (shown: Shown) => boolean): Promise<Shown> =>
    settles(
      async () => (await channel.shown(said)).findLast(holds) ?? null,
      `${what}; shown is ${said.person}'s`,
    );
  const says = (said: Said, words: string): Promise<Shown> =>
    answer(said, `"${words}"`, ({ text }) => text.includes(words));

  /** `isAsked`: the cards that ask for a decision. */
  const cardsOf = async (
    digest: string,
    count = channel.cardsPerRequest,
    isAsked: (card: Shown) => boolean = () => true,
  ): Promise<Shown[]> =>
    settles(async () => {
      const cards = await channel.cards(digest);
      // A card that is too large for its platform gets its buttons once all of it can be read, and one whose request was just
      // changed can be approved once its requester confirmed it.
      const asks = (card: Shown) =>
        !isAsked(card) || card.buttons.some((button) => button === 'approve' || button === 'cancel');
      return cards.length === count && cards.every(asks) && cards;
    }, `${count} cards stand`);

  return {
    answer,
    says,
    cardsOf,

    /** The card of whatever that conversation asked for. */
    card: (said: Said): Promise<Shown> => answer(said, 'a card', ({ digest }) => digest !== null),

    /** Alice asks for the checks, which need one approval; resolves once everybody was asked. */
    async asksForChecks(): Promise<Asked> {
      return this.asksFor('checks');
    },

    async asksFor(job: string): Promise<Asked> {
      const said = await channel.say('alice', `ci trigger repo=web ref=main job=${job}`);
      const own = await answer(said, 'her card', ({ buttons }) => buttons.includes('cancel'));
      const digest = own.digest!;
      return { said, digest, own, cards: await cardsOf(digest) };
    },

    /** The card that this person has before them: their own, or else the one that all see. */
    before(cards: readonly Shown[], person: Person): Shown {
      const theirs =
        cards.find(({ readers }) => readers === person) ?? cards.find(({ readers }) => readers === 'all');
      expect(theirs, `${person} has a card`).toBeDefined();
      return theirs!;
    },

    /** Every card says so, and nobody can press anything there any more. */
    async everywhere(digest: string, words: string, count = channel.cardsPerRequest): Promise<Shown[]> {
      let seen: Shown[] = [];
      return settles(async () => {
        seen = await channel.cards(digest);
        const settled = ({ buttons, text }: Shown) => buttons.length === 0 && text.includes(words);
        return seen.length === count && seen.every(settled) && seen;
      }, `${count} cards say "${words}"`).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${seen.map(({ text }) => text).join('\n---\n')}`);
      });
    },

    /** Something happens, and this person is told words that they had not been told before. */
    async isTold(person: Person, words: string | RegExp, happens: () => Promise<unknown>): Promise<void> {
      const has = (text: string) => (typeof words === 'string' ? text.includes(words) : words.test(text));
      const count = async () => (await channel.heard(person)).filter(has).length;
      const before = await count();
      await happens();
      await settles(async () => (await count()) > before, `${person} is told "${words}"`).catch(
        async (error: unknown) => {
          throw new Error(
            `${String(error)}\nLast heard: ${(await channel.heard(person)).slice(-4).join('\n')}`,
          );
        },
      );
    },

    async cancels({ own, digest }: Asked): Promise<void> {
      await channel.press('alice', own, 'cancel');
      await this.everywhere(digest, 'Cancelled by Alice Adams.');
    },

    company,
  };
}
export type Story = ReturnType<typeof storyOf>;

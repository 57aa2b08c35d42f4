/** One person, several platforms: what is asked for on one is decided on another, and every card follows. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Channel, Shown } from './channel.ts';
import { settles, useCompany } from './company.ts';
import { ACROSS, type AcrossId } from './rules.ts';
import { slackChannel } from './slack-channel.ts';
import { type Story, storyOf } from './story.ts';
import { teamsChannel } from './teams-channel.ts';
import { webChannel } from './web-channel.ts';

/** Cards of a request where nobody asked for it: those of the approvers and of the shared place. */
const ELSEWHERE = 3;

type Home = Story & { channel: Channel };

describe('one person on several platforms', () => {
  const company = useCompany();
  let slack: Home;
  let teams: Home;
  let web: Home;
  beforeAll(async () => {
    const home = (channel: Channel): Home => ({ ...storyOf(company, channel), channel });
    slack = home(await slackChannel(company));
    teams = home(await teamsChannel(company));
    web = home(await webChannel(company));
  });
  afterEach(() => company.expectVerifiedLog());

  const everywhere = async (askedIn: Home, digest: string, words: string): Promise<Shown[]> => {
    const all = [slack, teams, web].map((home) =>
      home.everywhere(
        digest,
        words,
        home === askedIn || home === web ? home.channel.cardsPerRequest : ELSEWHERE,
      ),
    );
    return (await Promise.all(all)).flat();
  };

  const proofs: Record<AcrossId, () => Promise<void>> = {
    'every-card-follows': async () => {
      const asked = await slack.asksForChecks();
      const cards = await teams.cardsOf(asked.digest, ELSEWHERE);
      await teams.channel.press('bob', teams.before(cards, 'bob'), 'approve');
      for (const card of await everywhere(slack, asked.digest, 'passed.'))
        expect(card.text).toContain('Bob Brown');
      await slack.says(asked.said, 'Bob Brown approved "Run a CI job". It starts now.');
      expect(await company.runs(asked.digest)).toBe(1);
    },

    'same-person': async () => {
      const asked = await slack.asksForChecks();
      const cards = await teams.cardsOf(asked.digest, ELSEWHERE);
      const shared = cards.find(({ readers }) => readers === 'all')!;
      const refused = 'You asked for this yourself: somebody else must approve it.';
      await teams.isTold('alice', refused, () => teams.channel.press('alice', shared, 'approve'));
      expect((await company.entries('approval.refused')).at(-1)).toMatchObject({ principal: 'alice' });
      expect(await company.runs(asked.digest)).toBe(0);
      await slack.channel.press('alice', asked.own, 'cancel');
      await everywhere(slack, asked.digest, 'Cancelled by Alice Adams.');
    },

    'unlinked-account': async () => {
      const asked = await slack.asksForChecks();
      for (const home of [teams, slack, web]) {
        const cards = await settles(async () => {
          const found = await home.channel.cards(asked.digest);
          return found.length > 0 && found;
        }, 'the cards');
        const open = cards.find(
          ({ readers, buttons }) => readers !== 'alice' && buttons.includes('approve'),
        )!;
        await home.channel.strangerPresses(open, 'approve');
      }
      await slack.channel.press('alice', asked.own, 'cancel');
      await everywhere(slack, asked.digest, 'Cancelled by Alice Adams.');
      expect(await company.runs(asked.digest)).toBe(0);
      const given = await company.entries('approval.given');
      expect(given.filter(({ data }) => (data as { digest: string }).digest === asked.digest)).toEqual([]);
    },

    'approved-in-workspace': async () => {
      const asked = await teams.asksForChecks();
      const cards = await web.cardsOf(asked.digest);
      await web.channel.press('carol', web.before(cards, 'carol'), 'approve');
      for (const card of await everywhere(teams, asked.digest, 'passed.'))
        expect(card.text).toContain('Carol Clark');
      await teams.says(asked.said, 'Carol Clark approved "Run a CI job". It starts now.');
    },
  };

  for (const [id, says] of Object.entries(ACROSS) as [AcrossId, string][]) it(says, proofs[id]);
});

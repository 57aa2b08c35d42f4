/** How each rule is shown on one platform. Every one stands alone and leaves nothing open. */
import { expect } from 'vitest';
import { type Channel, PEOPLE, type Person, type Said, type Shown } from './channel.ts';
import { settles } from './company.ts';
import type { RuleId } from './rules.ts';
import type { Story } from './story.ts';

const OTHERS_MUST = 'You asked for this yourself: somebody else must approve it.';
/** The same in the words of chat and of a page. */
const OUTDATED = /That card is out of date|What you saw is not what stands here now/;
const OUTDATED_EDIT = /Somebody changed this request meanwhile|There is no such form/;
/** Characters that nobody sees: one is kept and shown by its code, the other goes. */
const RIGHT_TO_LEFT = '\u202e';
const ZERO_WIDTH = '\u200b';
const LONG_CHARACTERS = 5_000;

/** A model gives every argument. */
const PLAIN = { description: 'nobody can connect', priority: 'normal' };
const ELSEWHERE = 'I cannot write where you asked any more';
const ANSWER_BEGINS =
  'The gateway in Berlin is slow since this morning, and the network team has been told about it. They expect';
const ANSWER_ENDS = ' it to be back by noon.';

type Proof = (channel: Channel, story: Story) => Promise<void>;

export const PROOFS: Readonly<Record<RuleId, Proof>> = {
  'answered-direct': async (channel, { says }) => {
    const said = await channel.say('dave', 'whoami');
    const answer = await says(said, 'You are Dave Davis');
    expect(answer.readers).toBe('dave');
  },

  'answered-shared': async (channel, { says }) => {
    const said = await channel.say('dave', 'whoami', 'shared');
    const answer = await says(said, 'You are Dave Davis');
    expect(answer.readers).toBe('all');
  },

  'first-contact': async (channel) => {
    const told = await channel.arrives('frank');
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^Welcome\. I am Countersign.*I record what you write.*kept until/s);
    expect(told[0]).toMatch(/Who may read the log: Erin Evans\..*press Report/s);
    expect(await channel.arrives('frank')).toEqual([]);
  },

  'mention-alone': async (channel, { says }) => {
    const said = await channel.say('dave', '', 'shared');
    const answer = await says(said, 'You can ask for:');
    expect(answer.readers).toBe('all');
  },

  'ticket-one-tap': async (channel, { answer, says, company }) => {
    const before = (await company.running.desk.list()).length;
    const title = 'the VPN is down for the Berlin office';
    company.model.script({ calls: { name: 'ticket_create', arguments: { title, ...PLAIN } } });
    const said = await channel.say('alice', 'the VPN is down for the Berlin office, please open a ticket');
    const card = await answer(said, 'a card', ({ buttons }) => buttons.length > 0);
    expect(card.buttons).toEqual(['confirm', 'cancel']);
    expect(card.text).toContain('the VPN is down for the Berlin office');
    await channel.press('alice', card, 'confirm');
    await says(said, 'Open a ticket: Ticket T-');
    expect(await company.running.desk.list()).toHaveLength(before + 1);
  },

  'command-at-once': async (channel, { says, company }) => {
    const said = await channel.say('dave', 'ticket create title="The printer on floor 3 is on fire"');
    await says(said, 'Open a ticket: Ticket T-');
    const titles = (await company.running.desk.list()).map(({ title }) => title);
    expect(titles).toContain('The printer on floor 3 is on fire');
  },

  'model-answer': async (channel, { answer, says, company }) => {
    const asked = await channel.say('dave', 'ticket create title="The gateway in Berlin is slow"');
    const [, ticket] = /Ticket (T-[0-9]+)/.exec((await says(asked, 'Open a ticket: Ticket T-')).text)!;
    company.model.script(
      { calls: { name: 'ticket_status', arguments: { ticket } } },
      { says: ANSWER_BEGINS, holds: true, rest: ANSWER_ENDS },
    );
    const said = await channel.say('dave', `how is the gateway in Berlin, see ${ticket}?`);
    await settles(async () => company.model.isHeld, 'the model writes');
    company.model.go();
    const whole = await answer(said, 'all of it', ({ text }) => text.includes(ANSWER_BEGINS + ANSWER_ENDS));
    expect(whole.byModel).toBe(true);
    expect(whole.text).toMatch(new RegExp(`Look at a ticket.*${ticket}`, 's'));
    expect(whole.live).toEqual([]);
    await company.everythingIsShown();
    const shown = await channel.shown(said);
    expect(shown.filter(({ text }) => text.includes('network team'))).toHaveLength(1);
    expect(shown.filter(({ text }) => text.includes('is writing this answer'))).toEqual([]);
  },

  'judged-answer': async (channel, { answer, company }) => {
    company.model.script({ says: 'The printer of floor 2 is out of paper.' });
    const said = await channel.say('dave', 'what is wrong with the printer?');
    const given = await answer(said, 'the answer', ({ text }) => text.includes('out of paper'));
    const before = await company.entries('feedback.given');
    const words = `thanks a lot ${crypto.randomUUID()}`;
    await channel.judge('dave', given, false, words);
    await channel.judge('dave', given, true, '');
    const judged = await settles(async () => {
      const entries = (await company.entries('feedback.given')).slice(before.length);
      return entries.length === 2 && entries;
    }, 'both thumbs are in the log');
    const { id } = await company.messageOf('The printer of floor 2 is out of paper.');
    expect(judged).toMatchObject([
      { principal: 'dave', data: { message: id, positive: false } },
      { principal: 'dave', data: { message: id, positive: true } },
    ]);
    expect(JSON.stringify(judged)).not.toContain(words);
  },

  'asked-where-they-are': async (channel, story) => {
    const asked = await story.asksForChecks();
    const readers = asked.cards.map((card) => card.readers);
    expect(new Set(readers)).toEqual(
      new Set(channel.cardsPerRequest === 4 ? ['alice', 'all', 'bob', 'carol'] : ['alice', 'bob', 'carol']),
    );
    for (const card of asked.cards.filter((it) => it.readers !== 'alice')) {
      expect(card.buttons).toEqual(['approve', 'deny']);
      expect(card.text).toContain('approval from On call');
    }
    expect(asked.own.buttons).toEqual(['cancel']);
    await story.cancels(asked);
  },

  'approved-by-another': async (channel, story) => {
    const asked = await story.asksForChecks();
    await channel.press('bob', story.before(asked.cards, 'bob'), 'approve');
    await story.everywhere(asked.digest, 'passed.');
    expect(await story.company.runs(asked.digest)).toBe(1);
  },

  'self-approval': async (channel, story) => {
    const asked = await story.asksForChecks();
    const bobs = story.before(asked.cards, 'bob');
    const shared = asked.cards.find(({ readers }) => readers === 'all') ?? bobs;
    await story.isTold('alice', OTHERS_MUST, () => channel.press('alice', shared, 'approve'));
    expect((await story.company.entries('approval.refused')).at(-1)).toMatchObject({ principal: 'alice' });
    expect(await story.company.runs(asked.digest)).toBe(0);
    await story.cancels(asked);
  },

  'foreign-click': async (channel, story) => {
    const asked = await story.asksForChecks();
    const shared = asked.cards.find(({ readers }) => readers === 'all') ?? story.before(asked.cards, 'bob');
    for (const decision of ['approve', 'deny'] as const) {
      await story.isTold('dave', 'No rule lets Dave Davis approve this request.', () =>
        channel.press('dave', shared, decision),
      );
      const refused = (await story.company.entries('approval.refused')).at(-1);
      expect(refused).toMatchObject({ principal: 'dave', data: { decision } });
    }
    expect(await story.company.runs(asked.digest)).toBe(0);
    await story.cancels(asked);
  },

  'clicks-that-count-once': async (channel, story) => {
    const asked = await story.asksForChecks();
    const bobs = story.before(asked.cards, 'bob');
    const carols = story.before(asked.cards, 'carol');
    const stale = channel.outdated(carols);
    await story.isTold('carol', OUTDATED, () => channel.press('carol', stale, 'approve'));
    expect(await story.company.runs(asked.digest)).toBe(0);
    await channel.press('bob', bobs, 'approve');
    await story.everywhere(asked.digest, 'passed.');
    const late = 'This request has been done already; nothing was changed.';
    await story.isTold('bob', late, () => channel.press('bob', bobs, 'approve'));
    await story.isTold('carol', late, () => channel.press('carol', carols, 'deny'));
    expect(await story.company.runs(asked.digest)).toBe(1);
    await story.everywhere(asked.digest, 'passed.');
  },

  'denied-with-reason': async (channel, story) => {
    const asked = await story.asksForChecks();
    const reason = 'Not during the release.';
    await channel.press('carol', story.before(asked.cards, 'carol'), 'deny', { reason });
    await story.says(asked.said, `Carol Clark denied "Run a CI job": ${reason}`);
    await story.everywhere(asked.digest, 'Denied by Carol Clark');
    expect(await story.company.runs(asked.digest)).toBe(0);
  },

  cancelled: async (channel, story) => {
    const asked = await story.asksForChecks();
    await story.cancels(asked);
    const bobs = story.before(asked.cards, 'bob');
    await story.isTold('bob', 'This request has been cancelled; nothing was changed.', () =>
      channel.press('bob', bobs, 'approve'),
    );
    expect(await story.company.runs(asked.digest)).toBe(0);
  },

  'refused-alone': async (channel, story) => {
    const asked = await story.asksForChecks();
    const shared = asked.cards.find(({ readers }) => readers === 'all') ?? story.before(asked.cards, 'bob');
    const words = 'No rule lets Dave Davis approve this request.';
    const heardBy = async (person: Person) =>
      (await channel.heard(person)).filter((text) => text.includes(words)).length;
    const others = PEOPLE.filter((person) => person !== 'dave');
    const before = await Promise.all(others.map(heardBy));
    await story.isTold('dave', words, () => channel.press('dave', shared, 'approve'));
    await story.cancels(asked);
    await story.company.everythingIsShown();
    expect(await Promise.all(others.map(heardBy))).toEqual(before);
  },

  'mention-refused-alone': async (channel, { isTold, says, company }) => {
    const on = await channel.say('erin', 'kill on principal=dave reason="on leave"');
    await says(on, 'The kill switch is on');
    const title = `A chair ${crypto.randomUUID()}`;
    const notHis = 'Only operators may move the kill switch.';
    const others = PEOPLE.filter((person) => person !== 'dave');
    const isRefusal = (text: string) => text.includes(notHis) || text.includes(title);
    const heard = async () =>
      Promise.all(others.map(async (person) => (await channel.heard(person)).filter(isRefusal).length));
    const before = await heard();
    for (const [asked, words] of [
      ['kill off principal=dave reason="back"', notHis],
      [`ticket create title="${title}"`, title],
    ] as const) {
      const said = Promise.withResolvers<Said>();
      await isTold('dave', words, async () => said.resolve(await channel.say('dave', asked, 'shared')));
      await company.everythingIsShown();
      const inThread = await channel.shown(await said.promise);
      expect(inThread.filter(({ text }) => isRefusal(text))).toEqual([]);
    }
    const decided = (await company.entries('decision.made')).at(-1);
    expect(decided).toMatchObject({ principal: 'dave', data: { allowed: false, code: 'kill_switch' } });
    expect(await heard()).toEqual(before);
    const off = await channel.say('erin', 'kill off principal=dave reason="back"');
    await says(off, 'is off for');
  },

  'edited-by-button': async (channel, story) => {
    const asked = await story.asksFor('release');
    await channel.press('bob', story.before(asked.cards, 'bob'), 'approve');
    await story.says(asked.said, 'Bob Brown approved "Run a CI job".');
    await channel.edit('carol', story.before(asked.cards, 'carol'), { job: 'checks' });
    await story.says(asked.said, 'Carol Clark changed "Run a CI job" (job).');
    const { data } = (await story.company.entries('request.edited')).at(-1)!;
    const { digest, before, changed } = data as { digest: string; before: string; changed: string[] };
    expect({ before, changed }).toEqual({ before: asked.digest, changed: ['job'] });
    const own = await story.answer(
      asked.said,
      'the changed card',
      (shown) => shown.digest === digest && shown.buttons.includes('confirm'),
    );
    expect(own.text).not.toContain('Approved by');
    await channel.press('alice', own, 'confirm');
    const cards = await story.cardsOf(digest, channel.cardsPerRequest, ({ readers }) => readers !== 'carol');
    // Her own card has no such button any more; the one that everybody sees has it still.
    const carols = cards.find(({ readers }) => readers === 'all') ?? story.before(cards, 'carol');
    await story.isTold('carol', 'You changed this, so you ask for it too', () =>
      channel.press('carol', carols, 'approve'),
    );
    await story.isTold('carol', OUTDATED_EDIT, () =>
      channel.edit('carol', { ...story.before(asked.cards, 'carol') }, { job: 'release' }),
    );
    await channel.press('bob', story.before(cards, 'bob'), 'approve');
    await story.everywhere(digest, 'passed.');
    expect(await story.company.runs(digest)).toBe(1);
  },

  'message-edited': async (channel, story) => {
    const { company, isTold } = story;
    const words = 'stands as it was first written';
    const count = async (person: Person) =>
      (await channel.heard(person)).filter((text) => text.includes(words)).length;
    const others = PEOPLE.filter((person) => person !== 'dave');
    const before = await Promise.all(others.map(count));
    const [first, second] = ['The lamp of desk 5 flickers', 'The lamp of desk 6 flickers'];
    const ends = (await company.entries('execution.finished')).length;
    const said = await channel.say('dave', `ticket create title="${first}"`, 'shared');
    await story.says(said, 'Open a ticket: Ticket T-');
    const his = await count('dave');
    await isTold('dave', `${words}; the new wording changes nothing. Please send`, () =>
      channel.reword(said, `ticket create title="${second}"`),
    );
    await channel.reword(said, `ticket create title="${second}!"`);
    await company.everythingIsShown();
    expect(await count('dave')).toBe(his + 1);
    expect((await channel.shown(said)).filter(({ text }) => text.includes(words))).toEqual([]);
    expect(await Promise.all(others.map(count))).toEqual(before);
    const titles = (await company.running.desk.list()).map(({ title }) => title);
    expect(titles).toContain(first);
    expect(titles.filter((title) => title.includes(second))).toEqual([]);
    expect(await company.entries('execution.finished')).toHaveLength(ends + 1);

    const asked = await story.asksForChecks();
    await channel.reword(asked.said, 'ci trigger repo=web ref=main job=release');
    await story.says(asked.said, 'Press Edit on the card that waits, or send the new wording');
    await story.cancels(asked);
  },

  'handed-over-by-button': async (channel, story) => {
    const asked = await story.asksForChecks();
    const bobs = story.before(asked.cards, 'bob');
    expect(bobs.offers).toContain('hand_over');
    expect(await channel.takers('bob', bobs)).toEqual(['carol']);
    const shared = asked.cards.find(({ readers }) => readers === 'all') ?? bobs;
    expect(await channel.takers('dave', shared)).toEqual([]);
    await story.isTold('bob', 'Carol Clark is asked now.', () => channel.handOver('bob', bobs, 'carol'));
    const handed = (await story.company.entries('approval.delegated')).at(-1);
    expect(handed).toMatchObject({ principal: 'bob', data: { digest: asked.digest, to: 'carol' } });
    expect(await channel.takers('bob', bobs)).toEqual([]);
    await channel.press('carol', story.before(asked.cards, 'carol'), 'approve');
    await story.everywhere(asked.digest, 'passed.');
  },

  'handed-over-by-mention': async (channel, story) => {
    const asked = await story.asksForChecks();
    const [, id] = /Request ([0-9a-f]{8})/.exec(story.before(asked.cards, 'bob').text) ?? [];
    const said = await channel.sayOf('bob', `delegate ${id} to`, 'carol');
    await story.says(said, 'Carol Clark is asked now.');
    const handed = (await story.company.entries('approval.delegated')).at(-1);
    expect(handed).toMatchObject({ principal: 'bob', data: { digest: asked.digest, to: 'carol' } });
    await story.cancels(asked);
  },

  'undone-by-button': async (channel, { says, answer, company }) => {
    const title = 'The blinds of room 7 are stuck';
    const said = await channel.say('dave', `ticket create title="${title}"`);
    await says(said, 'Open a ticket: Ticket T-');
    const card = await answer(said, 'a card that can be undone', ({ offers }) => offers.includes('undo'));
    expect(card.offers).toEqual(['undo', 'report']);
    const closings = async () =>
      (await company.entries('proposal.made')).filter(
        ({ data }) => (data as { action: string }).action === 'ticket.close',
      ).length;
    const before = await closings();
    await channel.undo('dave', card, 2);
    await settles(async () => {
      const ticket = (await company.running.desk.list()).find((it) => it.title === title);
      return ticket?.state === 'closed';
    }, 'the ticket is closed again');
    await answer(
      said,
      'the card without it',
      (it) => it.digest === card.digest && !it.offers.includes('undo'),
    );
    expect(await closings()).toBe(before + 1);
  },

  'unknown-resolved': async (channel, story) => {
    for (const as of ['succeeded', 'failed'] as const) {
      const asked = await story.asksForChecks();
      await channel.press('bob', story.before(asked.cards, 'bob'), 'approve');
      await story.everywhere(asked.digest, 'passed.');
      await story.company.forgetOutcome(asked.digest);
      // A late press brings every card up to date.
      await channel.press('carol', story.before(asked.cards, 'carol'), 'approve');
      const bobs = await settles(async () => {
        const card = story.before(await channel.cards(asked.digest), 'bob');
        return card.offers.includes('happened') && card;
      }, 'his card asks what became of it');
      expect(bobs.offers).toEqual(['happened', 'did_not_happen', 'report']);
      await channel.resolve('bob', bobs, as);
      await story.says(asked.said, `Bob Brown says that "Run a CI job" ${as}.`);
      expect((await story.company.entries('execution.resolved')).at(-1)).toMatchObject({
        principal: 'bob',
        data: { digest: asked.digest, state: as },
      });
      await story.everywhere(asked.digest, as === 'succeeded' ? 'Done.' : 'Failed.');
    }
  },

  'undo-as-policy-lets': async (channel, { says, answer, company }) => {
    const on = await channel.say('erin', 'kill on action=ticket.close reason="audit"');
    await says(on, 'The kill switch is on');
    const said = await channel.say('dave', 'ticket create title="The blinds of room 8 are stuck"');
    await says(said, 'Open a ticket: Ticket T-');
    await company.everythingIsShown();
    const card = await answer(said, 'a card that ended', ({ text }) => text.includes('Done.'));
    expect(card.offers).toEqual(['report']);
    const off = await channel.say('erin', 'kill off action=ticket.close reason="audit is over"');
    await says(off, 'is off for');
  },

  'reported-by-button': async (channel, story) => {
    const asked = await story.asksForChecks();
    const words = `why at night? ${crypto.randomUUID()}`;
    const bobs = story.before(asked.cards, 'bob');
    expect(bobs.offers).toEqual(['edit', 'hand_over', 'report']);
    await channel.report('bob', bobs, words);
    await settles(async () => {
      const told = (await channel.reports()).join('\n');
      return told.includes('Bob Brown (bob)') && told.includes(words);
    }, 'operators hear of it');
    const reported = (await story.company.entries('alert.raised')).at(-1);
    expect(reported).toMatchObject({ principal: 'bob', data: { code: 'reported', digest: asked.digest } });
    expect(JSON.stringify(reported)).not.toContain(words);
    await story.cancels(asked);
  },

  expired: async (_channel, story) => {
    const asked = await story.asksForChecks();
    await story.company.expire(asked.digest);
    await story.everywhere(asked.digest, 'Expired: nobody decided in time.');
    await story.says(asked.said, 'expired: nobody decided in time. Ask again');
  },

  'rewritten-in-place': async (channel, story) => {
    const asked = await story.asksForChecks();
    await channel.press('bob', story.before(asked.cards, 'bob'), 'approve');
    const cards = await story.everywhere(asked.digest, 'passed.');
    expect(cards.map(({ readers }) => readers)).toEqual(asked.cards.map(({ readers }) => readers));
    for (const card of cards) {
      expect(card.text).toContain('Done.');
      expect(card.text).toContain('Bob Brown');
      expect(card.text).not.toContain('asks for your approval');
      expect(card.edits).not.toBe(0);
    }
  },

  'told-who-decided': async (channel, story) => {
    const asked = await story.asksForChecks();
    await channel.press('bob', story.before(asked.cards, 'bob'), 'approve');
    await story.says(asked.said, 'Bob Brown approved "Run a CI job". It starts now.');
    await story.says(asked.said, ' passed.');
    await story.everywhere(asked.digest, 'passed.');
  },

  'unknown-person': async (channel, { company }) => {
    const told = await channel.strangerSays('marzipan-aardvark please open a ticket');
    expect(told).toMatch(/do not know you|not in the directory|not linked/i);
    expect(told).toMatch(/operator|people who run Countersign/);
    expect(await company.kept('aardvark')).toEqual([]);
  },

  duplicates: async (channel, { answer, says, company }) => {
    const title = 'the coffee machine leaks';
    company.model.script({ calls: { name: 'ticket_create', arguments: { title, ...PLAIN } } });
    const asked = company.model.asked;
    const said = await channel.say('alice', `${title}, please open a ticket`, 'direct', 5);
    const card = await answer(said, 'a card', ({ buttons }) => buttons.includes('confirm'));
    await channel.press('alice', card, 'confirm', { times: 5 });
    await says(said, 'Open a ticket: Ticket T-');
    const made = (await company.running.desk.list()).filter(({ title }) => title.includes('coffee machine'));
    expect(made).toHaveLength(1);
    expect(company.model.asked).toBe(asked + 1);
    expect(await company.runs(card.digest!)).toBe(1);
    const readers = (await channel.cards(card.digest!)).map((it) => it.readers);
    expect(readers).toEqual(['alice']);
  },

  'answered-elsewhere': async (channel, story) => {
    const { company } = story;
    const before = (await company.entries('proposal.made')).length;
    await channel.withoutApp('shared', async () => {
      const said = await channel.say('alice', 'ci trigger repo=web ref=main job=checks', 'shared');
      const request = await settles(
        async () => (await company.entries('proposal.made'))[before] ?? null,
        'it is asked for',
      );
      const { digest } = request.data as { digest: string };
      const cards = await story.cardsOf(digest);
      expect(await channel.shown(said)).toEqual([]);
      const own = story.before(cards, 'alice');
      expect(own).toMatchObject({ readers: 'alice', buttons: ['cancel'] });
      expect((await channel.heard('alice')).filter((text) => text.startsWith(ELSEWHERE))).toHaveLength(1);
      await story.isTold('alice', /^Run a CI job: checks of web \(R-\d+\) passed\.$/, () =>
        channel.press('bob', story.before(cards, 'bob'), 'approve'),
      );
      await story.everywhere(digest, 'passed.');
    });
    expect((await channel.heard('alice')).filter((text) => text.startsWith(ELSEWHERE))).toHaveLength(1);
  },

  'place-lost': async (channel, story) => {
    const { company } = story;
    const alarms = async () =>
      (await company.operatorsHear()).filter((text) => text.includes('does not let me write to'));
    const before = (await alarms()).length;
    await channel.withoutApp('approvals', async () => {
      for (const _ of ['first', 'second']) {
        const said = await channel.say('alice', 'ci trigger repo=web ref=main job=checks');
        const own = await story.answer(said, 'her card', ({ buttons }) => buttons.includes('cancel'));
        const cards = await story.cardsOf(own.digest!, channel.cardsPerRequest - 1);
        expect(new Set(cards.map(({ readers }) => readers))).toEqual(new Set(['alice', 'bob', 'carol']));
        await company.everythingIsShown();
        await channel.press('alice', own, 'cancel');
        await story.says(said, 'was cancelled; nothing was done.');
      }
    });
    // In each of the operators' two channels.
    expect((await alarms()).length).toBe(before + 2);
    const raised = (await company.entries('alert.raised')).slice(-2);
    expect(raised.map(({ data }) => (data as { code: string }).code)).toEqual(
      Array(2).fill('place_unreachable'),
    );
  },

  'card-deleted': async (channel, story) => {
    const asked = await story.asksFor('release');
    channel.remove(story.before(asked.cards, 'carol'));
    await channel.press('bob', story.before(asked.cards, 'bob'), 'approve');
    await story.says(asked.said, 'Bob Brown approved');
    const hers = ({ readers }: Shown) => readers === 'carol';
    const cards = await story.cardsOf(asked.digest, channel.cardsPerRequest, hers);
    await channel.press('carol', story.before(cards, 'carol'), 'approve');
    await story.everywhere(asked.digest, 'passed.');
  },

  'hostile-values': async (channel, story) => {
    const hostile = [
      `${RIGHT_TO_LEFT}txt.exe zero${ZERO_WIDTH}width`,
      '<!channel> @channel <@UBOB> @everyone',
      '[a link](https://evil.example/md) <https://evil.example/x|safe> *bold* {{DATE(2026-01-01)}} <b>x</b>',
    ].join(' ');
    const said = await channel.say('alice', `ticket create title="Odd signs" description="${hostile}"`);
    const card = await story.card(said);
    const shown = hostile.replace(RIGHT_TO_LEFT, '[U+202E]').replace(ZERO_WIDTH, '');
    expect(card.text.split(shown)).toHaveLength(2);
    expect(card.text).not.toContain(RIGHT_TO_LEFT);
    for (const message of await channel.shown(said)) expect(message.live).toEqual([]);
    if (card.buttons.includes('confirm')) await channel.press('alice', card, 'cancel');
  },

  'long-values': async (channel, story) => {
    const words = Array.from({ length: LONG_CHARACTERS / 5 }, (_, at) => `w${String(at).padStart(3, '0')}`);
    const value = `${words.join(' ')}!`;
    expect(value).toHaveLength(LONG_CHARACTERS);
    const said = await channel.say('alice', `ticket create title="A long story" description="${value}"`);
    await story.card(said);
    const all = await story
      .answer(said, 'its last words', ({ text }) => text.includes(words.at(-1)!))
      .then(() => channel.shown(said));
    const text = all.map((message) => message.text).join('\n');
    expect(words.filter((word) => !text.includes(word))).toEqual([]);
  },

  'missing-argument': async (channel, story) => {
    const said = await channel.say('alice', 'ci trigger repo=web job=checks');
    await story.answer(
      said,
      'what is missing',
      ({ text, digest }) => digest === null && text.includes('ref'),
    );
    await channel.reply(said, 'main');
    const card = await story.answer(said, 'its card', ({ buttons }) => buttons.includes('cancel'));
    expect(card.text).toContain('main');
    await channel.press('alice', card, 'cancel');
    await story.says(said, 'was cancelled; nothing was done.');
  },

  'missing-argument-shared': async (channel, story) => {
    const mention = 'Mention me when you answer: I hear nothing else here.';
    const alone = await channel.say('alice', 'ci trigger repo=web job=checks');
    expect((await story.answer(alone, 'a form', ({ isForm }) => isForm)).text).not.toContain(mention);
    const said = await channel.say('alice', 'ci trigger repo=web job=checks', 'shared');
    const asked = await story.answer(said, 'a form', ({ isForm }) => isForm);
    expect(asked.text).toContain(`ref? ${mention}`);
    await channel.reply(said, 'main');
    const card = await story.answer(said, 'its card', ({ buttons }) => buttons.includes('cancel'));
    expect(card.text).toContain('main');
    await channel.press('alice', card, 'cancel');
    await story.says(said, 'was cancelled; nothing was done.');
  },

  'form-submitted': async (channel, story) => {
    const said = await channel.say('alice', 'ci trigger repo=web');
    const form = await story.answer(said, 'a form', ({ isForm }) => isForm);
    await channel.fill('alice', form, { repo: 'web', ref: 'main', job: 'checks' });
    const card = await story.answer(said, 'its card', ({ buttons }) => buttons.includes('cancel'));
    expect(card.text).toContain('checks');
    await channel.press('alice', card, 'cancel');
    await story.says(said, 'was cancelled; nothing was done.');
  },

  'form-sent-once': async (channel, story) => {
    const said = await channel.say('alice', 'ci trigger repo=web');
    const form = await story.answer(said, 'a form', ({ isForm }) => isForm);
    const before = (await story.company.entries('proposal.made')).length;
    const values = { repo: 'web', ref: 'main', job: 'checks' };
    await channel.fill('alice', form, values);
    const card = await story.answer(said, 'its card', ({ buttons }) => buttons.includes('cancel'));
    await story.says(said, 'Run a CI job: sent by Alice Adams.');
    expect((await channel.shown(said)).filter(({ isForm }) => isForm)).toEqual([]);
    await story.isTold('alice', 'You have sent this form already', () => channel.fill('alice', form, values));
    expect(await story.company.entries('proposal.made')).toHaveLength(before + 1);
    await channel.press('alice', card, 'cancel');
    await story.says(said, 'was cancelled; nothing was done.');
  },

  'foreign-form': async (channel, story) => {
    const said = await channel.say('alice', 'ci trigger repo=web', 'shared');
    const form = await story.answer(said, 'a form', ({ isForm }) => isForm);
    const notHis = 'There is no action "ci.trigger" that you could use.';
    const values = { repo: 'web', ref: 'main', job: 'checks' };
    const before = await story.company.entries('proposal.made');
    await story.isTold('dave', notHis, () => channel.fill('dave', form, values));
    await story.company.everythingIsShown();
    expect((await channel.shown(said)).filter(({ text }) => text.includes(notHis))).toEqual([]);
    expect(await story.company.entries('proposal.made')).toEqual(before);
  },

  'kill-switch': async (channel, story) => {
    const asked = await story.asksForChecks();
    const on = await channel.say('erin', 'kill on action=ci.trigger reason="the runner is leaking"');
    await story.answer(on, 'the switch', ({ text }) => /pending requests? w(as|ere) cancelled/.test(text));
    await story.says(asked.said, 'the runner is leaking');
    const bobs = story.before(asked.cards, 'bob');
    await story.isTold('bob', 'The kill switch is on.', () => channel.press('bob', bobs, 'approve'));
    expect(await story.company.runs(asked.digest)).toBe(0);
    await story.everywhere(asked.digest, 'the runner is leaking');
    const off = await channel.say('erin', 'kill off action=ci.trigger reason="mended"');
    await story.says(off, 'is off for');
  },

  'proof-or-link': async (channel, story) => {
    const said = await channel.say('dave', 'ticket create title="The door of room 4 is stuck"');
    await story.says(said, 'Open a ticket: Ticket T-');
    const card = await story.answer(
      said,
      'a done card',
      (it) => it.digest !== null && it.text.includes('Done.'),
    );
    const linked = JSON.stringify(card.native).match(
      /https:\/\/countersign\.example\/requests\/[0-9a-f-]{36}/,
    );
    expect(linked ?? /Proof: digest [0-9a-f]{64}/.exec(card.text)).not.toBeNull();
  },
};

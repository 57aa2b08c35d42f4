/** The fake Zendesk as the contract of ticketing sees it. */
import { zendesk } from '../../actions/connectors/zendesk.ts';
import { FakeZendesk, SAID, type Ticket } from '../support/zendesk/fake-zendesk.ts';
import { type Held, overHttp, STRANGE, type Subject, type World } from './ticketing-contract.world.ts';

const SETTINGS = zendesk.settings.parse({ account: '900', web: 'https://acme.zendesk.com/', group: '77' });

export function found(fake: FakeZendesk, name: string): Ticket {
  const ticket = fake.find(name.slice(1));
  if (ticket === undefined) throw new Error(`no ticket ${name}`);
  return ticket;
}

const shownOf = (text: string): string => text.replaceAll('&nbsp;', '');

export function held(fake: FakeZendesk, name: string): Held {
  const ticket = found(fake, name);
  return {
    title: ticket.subject,
    text: shownOf(ticket.description),
    requester: ticket.requester_id === fake.users.ours.id ? null : String(ticket.requester_id),
    isDone: ticket.status === 'solved' || ticket.status === 'closed',
    comments: ticket.comments.slice(1).map((comment) => ({
      isOurs: comment.author_id === fake.users.ours.id,
      isPublic: comment.public,
      text: shownOf(comment.plain_body),
    })),
  };
}

async function start(take: (fake: FakeZendesk) => void): Promise<World> {
  const fake = await FakeZendesk.start();
  take(fake);
  return {
    ...overHttp({
      host: 'zendesk',
      credential: 'zendesk',
      baseUrl: fake.wire.baseUrl,
      authorization: (who) => fake.authorization(who),
    }),
    held: (ticket) => held(fake, ticket),
    count: () => fake.tickets.length,
    saidByOthers: (ticket, times, isPublic = true) => {
      for (let index = 0; index < times; index += 1)
        fake.say(found(fake, ticket), fake.users.other, { body: `note ${index}`, public: isPublic });
    },
    ownedBy: (ticket) => {
      found(fake, ticket).assignee_id = fake.users.other.id;
      return fake.users.other.name;
    },
    elsewhere: () => {
      const ticket = { ...(fake.tickets[0] as Ticket), id: fake.tickets.length + 1_001, group_id: 78 };
      fake.tickets.push(ticket);
      return `#${ticket.id}`;
    },
    storesOtherwise: (what) => {
      fake.trigger = (ticket, first) => {
        if (what === 'title') ticket.subject = 'Changed by a trigger';
        if (what === 'priority') ticket.priority = 'low';
        if (what === 'requester') ticket.requester_id = fake.users.other.id;
        if (what === 'group') ticket.group_id = 78;
        if (what === 'set of readers') first.public = !first.public;
      };
      return () => {
        fake.trigger = () => {};
      };
    },
    calls: () => fake.wire.calls,
    refuseNext: fake.wire.refuseNext,
    stop: () => fake.wire.stop(),
  };
}

/** `take` is given the fake of every world that is started. */
export const zendeskSubject = (take: (fake: FakeZendesk) => void = () => {}): Subject => ({
  connector: zendesk,
  settings: SETTINGS,
  start: () => start(take),
  ticket: { pattern: /^#\d+$/, unknown: '#999999', strange: STRANGE },
  asked: ['title', 'priority', 'requester', 'group', 'set of readers'],
  people: { alice: '902', openly: { comments: 'public' } },
  vendorWords: SAID,
  refusals: [[422, 'upstream_rejected']],
  pages: 3,
  hostile: {
    text: 'See <b>{{ticket.requester.email}}</b> {% if %} **bold** @eve & "quoted"',
    never: /filled in|\{\{|\{%|@eve/,
  },
});

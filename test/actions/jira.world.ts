/** The fake Jira, of either edition, as the contract of ticketing sees it. */
import { jira } from '../../actions/connectors/jira.ts';
import { type Edition, FakeJira, SAID, type Ticket } from '../support/jira/fake-jira.ts';
import { seen } from '../support/jira/texts.ts';
import { type Held, overHttp, STRANGE, type Subject, type World } from './ticketing-contract.world.ts';

const settingsFor = (edition: Edition) =>
  jira.settings.parse({
    edition,
    project: 'IT',
    service_desk: '4',
    request_type: '25',
    account: '712020:bot',
    web: 'https://acme.atlassian.net/',
    priorities: { low: 'Low', normal: 'Medium', high: 'High' },
  });

export function found(fake: FakeJira, key: string): Ticket {
  const ticket = fake.find(key);
  if (ticket === undefined) throw new Error(`no ticket ${key}`);
  return ticket;
}

export function held(fake: FakeJira, key: string): Held {
  const ticket = found(fake, key);
  return {
    title: ticket.summary,
    text: seen(ticket.description),
    requester: ticket.reporter === fake.people.ours ? null : ticket.reporter.id,
    isDone: ticket.status === 'Resolved',
    comments: ticket.comments.map((comment) => ({
      isOurs: comment.author === fake.people.ours,
      isPublic: comment.isPublic,
      text: seen(comment.body),
    })),
  };
}

async function start(edition: Edition, take: (fake: FakeJira) => void): Promise<World> {
  const fake = await FakeJira.start(edition);
  take(fake);
  return {
    ...overHttp({
      host: 'jira',
      credential: 'jira',
      baseUrl: fake.wire.baseUrl,
      authorization: (who) => fake.authorization(who),
    }),
    held: (ticket) => held(fake, ticket),
    count: () => fake.tickets.length,
    saidByOthers: (ticket, times, isPublic = true) => {
      for (let index = 0; index < times; index += 1)
        fake.say(found(fake, ticket), fake.people.other, `note ${index}`, isPublic);
    },
    ownedBy: (ticket) => {
      found(fake, ticket).assignee = fake.people.other;
      return fake.people.other.displayName;
    },
    elsewhere: () => {
      const key = `IT-${fake.tickets.length + 1}`;
      // Moved away since: its old key still finds it.
      fake.tickets.push({ ...(fake.tickets[0] as Ticket), key, project: 'HR' });
      return key;
    },
    storesOtherwise: (what) => {
      fake.automation = (ticket) => {
        if (what === 'title') ticket.summary = 'Changed by a rule';
        if (what === 'priority') ticket.priority = 'Low';
        if (what === 'requester') ticket.reporter = fake.people.other;
      };
      return () => {
        fake.automation = () => {};
      };
    },
    calls: () => fake.wire.calls,
    refuseNext: fake.wire.refuseNext,
    stop: () => fake.wire.stop(),
  };
}

/** `take` is given the fake of every world that is started. */
export const jiraSubject = (edition: Edition, take: (fake: FakeJira) => void = () => {}): Subject => ({
  connector: jira,
  settings: settingsFor(edition),
  start: () => start(edition, take),
  ticket: { pattern: /^IT-\d+$/, unknown: 'IT-999999', strange: STRANGE },
  asked: ['title', 'priority', 'requester'],
  people: { alice: '712020:aadams', openly: { comments: 'public' } },
  vendorWords: SAID,
  refusals: [],
  pages: 3,
  hostile: {
    text: '*bold* {noformat} *not literal* {noformat} [~712020:eve] [~accountid:712020:eve] {code}h1. x',
    never: /<b>|<told/,
  },
});

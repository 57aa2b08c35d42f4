/** The fake ServiceNow as the contract of ticketing sees it. */
import { servicenow } from '../../actions/connectors/servicenow.ts';
import { asHtml, FakeServiceNow, type Row, SAID } from '../support/servicenow/fake-servicenow.ts';
import { type Held, overHttp, STRANGE, type Subject, type World } from './ticketing-contract.world.ts';

const GROUP = 'ab'.repeat(16);
const SETTINGS = servicenow.settings.parse({
  account: 'countersign',
  web: 'https://acme.service-now.com/',
  group: GROUP,
  caller: 'ca'.repeat(16),
});
const STORED: Readonly<Record<string, string>> = {
  title: 'short_description',
  urgency: 'urgency',
  group: 'assignment_group',
  caller: 'caller_id',
};

export function found(fake: FakeServiceNow, number: string): Row {
  const row = fake.incidents.find((incident) => incident.number === number);
  if (row === undefined) throw new Error(`no incident ${number}`);
  return row;
}

export function held(fake: FakeServiceNow, number: string): Held {
  const row = found(fake, number);
  return {
    title: row.short_description ?? '',
    text: row.description ?? '',
    requester: row.caller_id || null,
    isDone: row.state === '6',
    comments: fake.journal
      .filter((entry) => entry.element_id === row.sys_id)
      .map((entry) => ({
        isOurs: entry.sys_created_by === fake.users.ours,
        isPublic: entry.element === 'comments',
        text: asHtml(entry.value),
      })),
  };
}

async function start(take: (fake: FakeServiceNow) => void): Promise<World> {
  const fake = await FakeServiceNow.start();
  take(fake);
  return {
    ...overHttp({
      host: 'servicenow',
      credential: 'servicenow',
      baseUrl: fake.wire.baseUrl,
      authorization: (who) => fake.authorization(who),
    }),
    held: (ticket) => held(fake, ticket),
    count: () => fake.incidents.length,
    saidByOthers: (ticket, times, isPublic = true) => {
      for (let index = 0; index < times; index += 1)
        fake.note(found(fake, ticket), isPublic ? 'comments' : 'work_notes', 'eve', `note ${index}`);
    },
    ownedBy: (ticket) => {
      found(fake, ticket).assigned_to = 'e0';
      return 'Eve Example';
    },
    elsewhere: () => {
      const number = `INC${String(10_001 + fake.incidents.length).padStart(7, '0')}`;
      const elsewhere = { ...fake.incidents[0], number, assignment_group: 'cd'.repeat(16) };
      fake.incidents.push({ ...elsewhere, sys_id: crypto.randomUUID().replaceAll('-', '') });
      return number;
    },
    storesOtherwise: (what) => {
      const field = STORED[what] ?? '';
      fake.unwritable.add(field);
      return () => fake.unwritable.delete(field);
    },
    calls: () => fake.wire.calls,
    refuseNext: fake.wire.refuseNext,
    stop: () => fake.wire.stop(),
  };
}

/** `take` is given the fake of every world that is started. */
export const servicenowSubject = (take: (fake: FakeServiceNow) => void = () => {}): Subject => ({
  connector: servicenow,
  settings: SETTINGS,
  start: () => start(take),
  ticket: { pattern: /^INC\d{7}$/, unknown: 'INC9999999', strange: STRANGE },
  asked: Object.keys(STORED),
  people: { alice: 'a1'.repeat(16), openly: { comments: 'public' }, nobody: { caller: undefined } },
  vendorWords: SAID,
  refusals: [],
  pages: 3,
  hostile: {
    text: 'See [code]<img src=x onerror=alert(1)>[/code] and @[eve] ^state=7',
    never: /shown as HTML|\[code\]|@\[/i,
  },
});

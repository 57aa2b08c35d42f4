/** A real Request Tracker as the contract of ticketing sees it. */
import { requestTracker } from '../../actions/connectors/request-tracker.ts';
import { type RequestTracker, startRequestTracker } from '../support/rt/request-tracker.ts';
import { startFront } from '../support/ticketing/front.ts';
import type { Reply } from '../support/ticketing/wire.ts';
import { overHttp, type Subject, type Who, type World } from './ticketing-contract.world.ts';

export const SETTINGS = requestTracker.settings.parse({
  queue: 'Help desk',
  account: 'countersign',
  web: 'https://rt.example.com/',
  mark_field: 'Countersign mark',
});

/** Its own words stand for whatever it says: none of them may reach a person. */
const SAID = 'the vendor says';
const refusal = (status: number): Reply => ({ status, body: { message: SAID } });

type Item = { id: string; Type?: string; TransactionId?: string; Content?: string; Creator?: { id: string } };
type Ticket = { Subject: string; Status: string; Requestor: { id: string }[] };

const RETOLD: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  title: { Subject: 'Changed by a scrip' },
  priority: { Priority: '7' },
  requester: { Requestor: [{ type: 'user', id: 'eve' }] },
};

async function worldAt(rt: RequestTracker): Promise<World> {
  let retold: Readonly<Record<string, unknown>> = {};
  const front = await startFront(rt.baseUrl, {
    refusal,
    // A scrip of the queue's own would change what is opened; here what is read back is told otherwise.
    retold: ({ method, path }, body) =>
      method === 'GET' && path.startsWith('/REST/2.0/tickets?')
        ? {
            ...(body as object),
            items: (body as { items: object[] }).items.map((item) => ({ ...item, ...retold })),
          }
        : body,
  });
  const numberIn = (ticket: string) => ticket.slice(1);
  const itemsOf = async (path: string): Promise<Item[]> => ((await rt.rest(path)) as { items: Item[] }).items;
  const tokens: Readonly<Record<Who, string>> = {
    ours: rt.tokens.countersign,
    other: rt.tokens.eve,
    nobody: rt.tokens.eve.replace(/.$/, 'x'),
  };
  return {
    ...overHttp({
      host: 'request-tracker',
      credential: 'request-tracker',
      baseUrl: front.baseUrl,
      authorization: (who) => `token ${tokens[who]}`,
    }),
    async held(ticket) {
      const at = `ticket/${numberIn(ticket)}`;
      const { Subject, Status, Requestor } = (await rt.rest(at)) as Ticket;
      const entries = await itemsOf(`${at}/history?fields=Type&per_page=100`);
      const kinds = new Map(entries.map(({ id, Type }) => [id, Type]));
      const texts = await itemsOf(`${at}/attachments?fields=Content,Creator,TransactionId&per_page=100`);
      const ofKind = (...wanted: string[]) =>
        texts.filter(({ TransactionId = '' }) => wanted.includes(kinds.get(TransactionId) ?? ''));
      return {
        title: Subject,
        text: ofKind('Create')[0]?.Content ?? '',
        requester: Requestor[0]?.id ?? null,
        isDone: Status === 'resolved',
        comments: ofKind('Comment', 'Correspond').map(({ Content = '', Creator, TransactionId = '' }) => ({
          isOurs: Creator?.id === 'countersign',
          isPublic: kinds.get(TransactionId) === 'Correspond',
          text: Content,
        })),
      };
    },
    async count() {
      const query = encodeURIComponent('id > 0');
      return ((await rt.rest(`tickets?query=${query}&per_page=1`)) as { total: number }).total;
    },
    saidByOthers: (ticket, times, isPublic = true) =>
      rt.say(numberIn(ticket), times, isPublic ? 'Correspond' : 'Comment'),
    async ownedBy(ticket) {
      await rt.rest(`ticket/${numberIn(ticket)}`, { Owner: 'eve' }, 'eve', 'PUT');
      return 'eve';
    },
    async elsewhere() {
      const words = { Subject: 'Salaries', Content: 'x', ContentType: 'text/plain' };
      const { id } = (await rt.rest('ticket', { Queue: 'Payroll', ...words })) as { id: string };
      return `#${id}`;
    },
    storesOtherwise(what) {
      retold = RETOLD[what] ?? {};
      return () => {
        retold = {};
      };
    },
    calls: () => front.calls,
    refuseNext: front.refuseNext,
    stop: () => front.stop(),
  };
}

/** `running`: one that was started already, and is stopped by whoever started it. */
export const requestTrackerSubject = (running?: () => RequestTracker): Subject => ({
  connector: requestTracker,
  settings: SETTINGS,
  async start() {
    if (running !== undefined) return worldAt(running());
    const rt = await startRequestTracker();
    const world = await worldAt(rt);
    return {
      ...world,
      async stop() {
        await world.stop();
        await rt.stop();
      },
    };
  },
  ticket: { pattern: /^#\d+$/, unknown: '#999999', strange: ['INC0999999', 'INC99999', '#0', 'T-0', 'x'] },
  asked: ['title', 'priority', 'requester'],
  people: { alice: 'aadams', openly: { comments: 'correspond' } },
  vendorWords: SAID,
  refusals: [[422, 'upstream_rejected']],
  pages: 3,
  hostile: {
    text: '<b>bold</b> &amp; {$Ticket->Subject} __Ticket(Subject)__ [test.local #1] <img src=x>',
    never: /VPN|&lt;|&amp;amp;/,
  },
});

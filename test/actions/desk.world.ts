/** The built-in desk as the contract of ticketing sees it. */
import { desk } from '../../actions/connectors/desk.ts';
import { createDesk } from '../../actions/systems/desk.ts';
import type { TestDatabase } from '../support/database.ts';
import type { Subject, Way, World } from './ticketing-contract.world.ts';

const ALICE = 'alice (Alice Adams)';

function worldOf(database: TestDatabase): World {
  const system = createDesk({
    db: database.db,
    pageUrl: (ticket) => `https://countersign.example/desk/${ticket}`,
  });
  const calls: { method: string; path: string }[] = [];
  let told: Readonly<Record<string, string>> = {};
  const host = async (request: Request): Promise<Response> => {
    calls.push({ method: request.method, path: new URL(request.url).pathname });
    const answer = await system.host(request);
    if (request.method !== 'GET' || !answer.ok) return answer;
    return Response.json({ ...((await answer.json()) as object), ...told }, { status: answer.status });
  };
  const way: Way = { builtIns: { 'desk.internal': host } };
  const found = async (ticket: string) => {
    const seen = await system.ticket(ticket);
    if (seen === null) throw new Error(`no ticket ${ticket}`);
    return seen;
  };
  const say = async (ticket: string, comment: string): Promise<void> => {
    const said = new Request(`https://desk.internal/tickets/${ticket.slice(2)}/comments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
      body: JSON.stringify({ comment, requester: 'eve (Eve Example)', mark: crypto.randomUUID() }),
    });
    const { status } = await system.host(said);
    if (status !== 201) throw new Error(`the desk answered ${status}`);
  };
  const nothing = (what: string) => (): never => {
    throw new Error(`The desk has no ${what}.`);
  };
  return {
    way: () => way,
    async losing() {
      let isLosing = false;
      return {
        way: {
          builtIns: {
            'desk.internal': async (request) => {
              const answer = await host(request);
              if (!isLosing || request.method === 'GET') return answer;
              isLosing = false;
              throw new Error('the answer was lost');
            },
          },
        },
        loseNextWrite: () => {
          isLosing = true;
        },
        stop: async () => {},
      };
    },
    authorization: () => null,
    async held(ticket) {
      const { title, description, requester, state, comments } = await found(ticket);
      return {
        title,
        // Whom a ticket is for is a field of its own here, which pages show beside it.
        text: `${description}\nWritten for ${requester} by Countersign.`,
        requester,
        isDone: state === 'closed',
        comments: comments.map(({ author, body }) => ({
          isOurs: author === ALICE,
          isPublic: true,
          text: body,
        })),
      };
    },
    async count() {
      const rows = await database.db.query<{ number: string }>(
        'select count(*) as number from desk_tickets',
        [],
      );
      return Number(rows[0]?.number);
    },
    async saidByOthers(ticket, times) {
      for (let index = 0; index < times; index += 1) await say(ticket, `note ${index}`);
    },
    storesOtherwise(what) {
      told = what === 'title' ? { title: 'Another' } : { priority: 'low' };
      return () => {
        told = {};
      };
    },
    ownedBy: nothing('owners'),
    elsewhere: nothing('other places'),
    calls: () => calls,
    refuseNext: nothing('refusals on demand'),
    stop: async () => {},
  };
}

export const deskSubject = (database: TestDatabase): Subject => ({
  connector: desk,
  settings: {},
  start: async () => worldOf(database),
  ticket: { pattern: /^T-\d+$/, unknown: 'T-999999', strange: ['INC0999999', 'INC99999', '#0', 'T-0', 'x'] },
  asked: ['title', 'priority'],
  vendorWords: 'the vendor says',
  refusals: [],
  // Found by its mark, whatever else stands there.
  pages: 1,
  hostile: { text: '<img src=x onerror=alert(1)> &amp; **bold** {{x}} @everybody', never: /&lt;|&amp;amp;/ },
  exceptions: {
    accounts: 'only the broker reaches the desk, so it has no accounts and no credential',
    'internal comments': 'on the desk whoever may look at a ticket sees all of its comments',
    owner: 'nobody takes over tickets of the desk',
    people: 'the desk knows people as the directory does, and says on its page whom a ticket is for',
    places: 'the desk is one place, with every ticket in it',
    refusals: 'the desk is ours, and says in our words what it refuses',
  },
});

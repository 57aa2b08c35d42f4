import { describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/desk.operations.ts';
import { createDesk } from '../../actions/systems/desk.ts';
import { useDatabase } from '../support/database.ts';
import { deskSubject } from './desk.world.ts';
import { call } from './through-broker.ts';
import { ticketingContract } from './ticketing-contract.ts';

const database = useDatabase();
const desk = () => createDesk({ db: database.db });
const through = () => ({ builtIns: { 'desk.internal': desk().host } });
const fresh = () => ({ mark: crypto.randomUUID(), key: crypto.randomUUID() });
const VPN = { title: 'VPN down in Berlin', description: '<img src=x onerror=alert(1)>', priority: 'high' };

async function open(given = fresh(), args: Record<string, string> = VPN) {
  const { value } = await call(through(), operations.create, 'run', { args, ...given });
  return value;
}

describe('the built-in desk', () => {
  ticketingContract(deskSubject(database));
});

describe('the desk', () => {
  it('opens exactly the ticket that was asked for, on behalf of the requester', async () => {
    const made = await open();
    expect(made).toMatchObject({
      kind: 'done',
      result: { message: expect.stringMatching(/^Ticket T-\d+ is open\.$/) },
    });
    const [newest] = await desk().list();
    expect(newest).toMatchObject({ ...VPN, state: 'open', requester: 'alice (Alice Adams)' });
  });

  it('opens one ticket however often the same execution asks', async () => {
    const before = (await desk().list()).length;
    const given = fresh();
    const answers = await Promise.all([open(given), open(given), open(given)]);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await desk().list()).toHaveLength(before + 1);
  });

  it('refuses a key that was used for something else', async () => {
    const given = fresh();
    await open(given);
    expect(await open(given, { title: 'Another' })).toMatchObject({
      kind: 'failed',
      result: { code: 'key_reused' },
    });
  });

  it('finds by its mark what an execution did, and cannot tell where it finds nothing', async () => {
    const given = fresh();
    const look = () => call(through(), operations.create, 'reconcile', { args: VPN, ...given });
    expect((await look()).value).toEqual({ kind: 'cannot_tell' });
    const made = await open(given);
    expect((await look()).value).toEqual({ kind: 'happened', outcome: made });
  });

  it('previews without writing', async () => {
    const { value, heard } = await call(through(), operations.create, 'preview', { args: VPN });
    expect(value).toMatchObject({ summary: 'Open a ticket on the built-in desk.', pinned: {} });
    expect(heard.writes).toEqual([]);
  });

  it('keeps comments, once each, and shows them with the ticket', async () => {
    const made = await open();
    const ticket = made.kind === 'done' ? String((made.result.data as { ticket: string }).ticket) : '';
    const given = { args: { ticket, comment: 'Also in Hamburg' }, ...fresh() };
    await call(through(), operations.comment, 'run', given);
    await call(through(), operations.comment, 'run', given);
    const { value } = await call(through(), operations.status, 'run', { args: { ticket: ticket.slice(2) } });
    expect(value).toMatchObject({
      kind: 'done',
      result: { message: `Ticket ${ticket} is open, priority high.` },
    });
    expect(value.kind === 'done' && value.result.output?.match(/Also in Hamburg/g)).toHaveLength(1);
  });

  it('is asked again what it opened: what differs is for a person to look at', async () => {
    const bent = (change: (ticket: Record<string, unknown>) => Response): typeof through => {
      const host = desk().host;
      return () => ({
        builtIns: {
          'desk.internal': async (request: Request) => {
            const answer = await host(request);
            return request.url.includes('/marks/') ? change(await answer.json()) : answer;
          },
        },
      });
    };
    const opened = async (way: typeof through) =>
      (await call(way(), operations.create, 'run', { args: VPN, ...fresh() })).value;
    expect(await opened(bent((ticket) => Response.json({ ...ticket, priority: 'low' })))).toMatchObject({
      kind: 'unclear',
      result: { code: 'read_back_differs', message: expect.stringMatching(/T-\d+, with another priority/) },
    });
    expect(await opened(bent(() => Response.json({ code: 'not_found' }, { status: 404 })))).toMatchObject({
      kind: 'unclear',
      result: { message: expect.stringMatching(/T-\d+, and cannot be read back/) },
    });
  });

  it('closes a ticket once, finds that again, and closes no closed one', async () => {
    const made = await open();
    const ticket = made.kind === 'done' ? String((made.result.data as { ticket: string }).ticket) : '';
    const given = { args: { ticket }, ...fresh() };
    const preview = await call(through(), operations.close, 'preview', given);
    expect(preview.value).toMatchObject({ summary: `Close ticket ${ticket} on the built-in desk.` });
    const closed = (await call(through(), operations.close, 'run', given)).value;
    expect(closed).toMatchObject({ kind: 'done', result: { message: `Ticket ${ticket} is closed.` } });
    expect((await call(through(), operations.close, 'run', given)).value).toEqual(closed);
    const found = await call(through(), operations.close, 'reconcile', given);
    expect(found.value).toEqual({ kind: 'happened', outcome: closed });
    expect(await desk().ticket(ticket)).toMatchObject({ state: 'closed' });
    const again = await call(through(), operations.close, 'preview', given);
    expect(again.value).toEqual({ refused: `Ticket ${ticket} is closed already.` });
  });

  it.each(['T-999999', '#999999999'])('says in words that there is no ticket %s', async (ticket) => {
    const given = { args: { ticket, comment: 'x' } };
    const preview = await call(through(), operations.comment, 'preview', given);
    expect(preview.value).toMatchObject({ refused: expect.stringMatching(/^There is no ticket T-9+\.$/) });
    const status = await call(through(), operations.status, 'run', given);
    expect(status.value).toMatchObject({ kind: 'failed', result: { code: 'not_found' } });
  });
});

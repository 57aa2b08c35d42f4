import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/request-tracker.operations.ts';
import { requestTracker } from '../../actions/connectors/request-tracker.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import { json, startUpstream } from '../execution/broker/upstream-server.ts';
import { needs } from '../support/needs.ts';
import { type RequestTracker, startRequestTracker } from '../support/rt/request-tracker.ts';
import { requestTrackerSubject, SETTINGS } from './request-tracker.world.ts';
import { call, type Given } from './through-broker.ts';
import { ticketingContract } from './ticketing-contract.ts';
import { through, ticketIn, VPN, type World } from './ticketing-contract.world.ts';

const RT_INSTALLED = needs('rt-setup-database-5');
/** A real system beside everything else on two cores: longer than the others'. */
const PATIENCE = { timeout: 300_000 };

describe.skipIf(RT_INSTALLED.skip)(`a real Request Tracker ${RT_INSTALLED.reason}`, PATIENCE, () => {
  let rt: RequestTracker;
  beforeAll(async () => {
    rt = await startRequestTracker();
  }, PATIENCE.timeout);
  afterAll(() => rt?.stop());
  const subject = requestTrackerSubject(() => rt);

  ticketingContract(subject);

  describe('in its own ways', () => {
    let world: World;
    beforeAll(async () => {
      world = await subject.start();
    });
    afterAll(() => world.stop());
    const { given, run, reconcile, preview, open, upstream, operation } = through(subject, () => world);
    const settingsWith = (more: object) => ({ ...(subject.settings as object), ...more });
    const shown = async (ticket: string, more: object = {}) => {
      const { value } = await run('status', given({ ticket }, { settings: settingsWith(more) }));
      if (value.kind !== 'done') throw new Error(JSON.stringify(value));
      return value.result;
    };

    it('holds the mark, the priority and the account of a ticket that it was given', async () => {
      const request = given(VPN);
      const { value } = await run('create', request);
      const number = value.kind === 'done' ? (value.result.data as { ticket: string }).ticket.slice(1) : '';
      expect(value).toMatchObject({
        result: { link: `https://rt.example.com/Ticket/Display.html?id=${number}` },
      });
      expect(await rt.rest(`ticket/${number}`)).toMatchObject({
        Priority: '100',
        Status: 'new',
        Creator: { id: 'countersign' },
        CustomFields: [{ name: 'Countersign mark', values: [request.mark] }],
      });
    });

    it('takes no ticket for ours that has our mark and title, and other words or another priority', async () => {
      const request = given(VPN);
      await run('create', { ...request, args: { ...VPN, description: 'In Hamburg' } });
      await run('create', { ...request, args: { ...VPN, priority: 'low' } });
      expect(await reconcile('create', request)).toEqual({ kind: 'cannot_tell' });
      const { value } = await run('create', request);
      expect(await reconcile('create', request)).toEqual({ kind: 'happened', outcome: value });
    });

    it('cannot tell without the custom field', async () => {
      const request = given(VPN, { settings: settingsWith({ mark_field: undefined }) });
      expect((await run('create', request)).value).toMatchObject({ kind: 'done' });
      expect(await reconcile('create', request)).toEqual({ kind: 'cannot_tell' });
    });

    const asAlice = (name: string) => settingsWith({ people: { alice: name } });

    it('takes for the requestor whoever has that very name, by mail alone too, and makes up nobody', async () => {
      const at = (name: string) => preview('create', given(VPN, { settings: asAlice(name) }));
      const nobody = {
        refused:
          'Request Tracker knows nobody by the name that it has for alice (`people`); an operator must look at it.',
      };
      // An address of somebody with another name; one that nobody has; the number of an account.
      for (const name of ['alice@test.local', 'mail@only.example', '37'])
        expect(await at(name)).toEqual(nobody);
      const words = { Queue: 'Help desk', Subject: 'By mail', Content: 'x', ContentType: 'text/plain' };
      await rt.rest('ticket', { ...words, Requestor: 'mail@only.example' });
      const { value } = await run('create', given(VPN, { settings: asAlice('mail@only.example') }));
      expect((await world.held(ticketIn(value))).requester).toBe('mail@only.example');
    });

    it('names who reads a reply, and does not send one approved for staff alone to others', async () => {
      const ticket = await open();
      const request = given(
        { ticket, comment: 'Fixed' },
        { settings: settingsWith({ comments: 'correspond' }) },
      );
      expect(await preview('comment', request)).toMatchObject({
        facts: expect.arrayContaining([
          { label: 'Read by', value: 'staff alone: the ticket has no requestor' },
        ]),
        pinned: { readers: 'staff' },
      });
      await rt.rest(
        `ticket/${ticket.slice(1)}`,
        { Requestor: 'aadams', Cc: 'mail@only.example' },
        'eve',
        'PUT',
      );
      expect(await preview('comment', request)).toMatchObject({
        facts: expect.arrayContaining([
          { label: 'Read by', value: 'staff, the requestor and whoever is copied in' },
          { label: 'There', value: 'aadams, mail@only.example', quoted: true },
        ]),
        pinned: { readers: 'aadams, mail@only.example' },
      });
    });

    it('refuses in the preview what could not be opened or found again', async () => {
      const at = (more: object) => preview('create', given(VPN, { settings: settingsWith(more) }));
      expect(await at({ queue: 'Nowhere' })).toEqual({
        refused: "Request Tracker does not let the assistant's account do this in that queue.",
      });
      expect(await at({ mark_field: 'Missing' })).toMatchObject({
        refused: expect.stringContaining('an operator must add it'),
      });
    });

    it('shows what the requestor may read, and no word that staff says among themselves', async () => {
      const ticket = await open();
      const number = ticket.slice(1);
      const write = (kind: string, Content: string) =>
        rt.rest(`ticket/${number}/${kind}`, { Content, ContentType: 'text/plain' });
      await write('correspond', 'We look into it');
      await write('comment', 'Do not tell her yet');
      await run('comment', given({ ticket, comment: 'From the assistant' }));
      const replied = settingsWith({ comments: 'correspond' });
      await run('comment', given({ ticket, comment: 'For the requestor' }, { settings: replied }));
      const usual = await shown(ticket);
      expect(usual).toMatchObject({
        message: `Ticket ${ticket} is open, priority 100, owner Nobody; its newest 3 public texts are below.`,
        output: expect.stringMatching(
          /^VPN down\ncountersign: In Berlin,[\s\S]*\neve: We look into it\ncountersign: For the requestor/,
        ),
      });
      expect(JSON.stringify(usual)).not.toMatch(/Do not tell|From the assistant/);
      expect((await shown(ticket, { shows: 'all' })).output).toMatch(
        /eve: We look into it\neve: Do not tell her yet\ncountersign: From the assistant[\s\S]*\ncountersign: For the requestor/,
      );
    });

    it('reads no more of a long ticket than it shows', async () => {
      const ticket = await open();
      await rt.say(ticket.slice(1), 101, 'Correspond');
      const before = world.calls().length;
      const { output = '' } = await shown(ticket);
      expect(output).toMatch(/^VPN down\neve: note 81\n[\s\S]*eve: note 100$/);
      // The ticket, its history, one page of texts; the preview asks nothing.
      expect(world.calls().length - before).toBe(3);
    });

    it('may hold something else than was asked for: that is said, not called done', async () => {
      const ticket = await open();
      const wanted = { Subject: 'Another', Content: 'x', Priority: 7 };
      const follow = async (handle: Record<string, string | number | object>) =>
        (
          await call(upstream(), operation('create'), 'follow', {
            ...given({}),
            handle: handle as Given['handle'] & object,
          })
        ).value;
      expect(await follow({ number: ticket.slice(1), wanted })).toMatchObject({
        kind: 'unclear',
        result: { message: expect.stringContaining('with another title, description and priority') },
      });
      const gone = { number: '99999', wanted };
      expect(await follow(gone)).toEqual({ kind: 'running', handle: { ...gone, looks: 1 }, output: '' });
      expect(await follow({ ...gone, looks: 9 })).toMatchObject({
        kind: 'unclear',
        result: { message: expect.stringContaining('does not show it') },
      });
    });

    it('says in our words that a right is missing', async () => {
      const settings = settingsWith({ queue: 'Payroll', mark_field: undefined });
      expect((await run('create', given(VPN, { settings, pinned: {} }))).value).toMatchObject({
        kind: 'failed',
        result: { code: 'upstream_forbidden' },
      });
    });
  });
});

function upstream(baseUrl: string, token: string): Partial<BrokerConfig> {
  return {
    upstreams: { 'request-tracker': { baseUrl, addresses: ['127.0.0.1/32'] } },
    credentials: { get: async (name) => (name === 'request-tracker' ? `token ${token}` : null) },
  };
}
const given = (args: Record<string, string>): Given => ({
  args,
  mark: crypto.randomUUID().replaceAll('-', ''),
  settings: SETTINGS,
});

describe("Request Tracker's answers", () => {
  it('are read page by page, until one is empty', async () => {
    const request = given({ ticket: '#7', comment: 'Also in Hamburg' });
    const wanted = `Also in Hamburg\r\n\r\nWritten for alice (Alice Adams) by Countersign. [countersign:${request.mark}]\n`;
    const entry = (Content: string) => ({
      Content,
      ContentType: 'text/plain',
      Creator: { id: 'countersign' },
    });
    const server = await startUpstream((response, { url }) => {
      const page = new URL(url, 'http://rt').searchParams.get('page');
      // What the account may not see is left out of its page: short as it is, it is not the last.
      json(response, { items: page === '1' ? [entry('note')] : [entry(wanted)] });
    });
    const { value } = await call(upstream(server.baseUrl, TOKEN), operations.comment, 'reconcile', request);
    await server.close();
    expect(value).toMatchObject({ kind: 'happened' });
    expect(server.seen).toHaveLength(2);
  });

  const TOKEN = ['1', '27', crypto.randomUUID().replaceAll('-', '')].join('-');
  async function answered(status: number, body: unknown = { message: "the vendor's own words" }) {
    const server = await startUpstream((response) => json(response, body, status));
    try {
      return await call(upstream(server.baseUrl, TOKEN), operations.create, 'run', given(VPN));
    } finally {
      await server.close();
    }
  }

  it('a redirect leaves open what happened: it is thrown', async () => {
    await expect(answered(302)).rejects.toMatchObject({ code: 'upstream_failed' });
  });

  it.each([
    ['no_upstream', { upstreams: {} }],
    ['no_credential', { credentials: { get: async () => null } }],
  ])('are not waited for where the way is not set up: %s', async (code, config) => {
    const { value } = await call(
      { ...upstream('http://127.0.0.1:9', TOKEN), ...config },
      operations.create,
      'run',
      given(VPN),
    );
    expect(value).toMatchObject({
      kind: 'failed',
      result: { code, message: expect.stringContaining('an operator') },
    });
  });
});

it.each(["Help' OR Queue != '", 'a"b', 'back\\slash', 'a/b', '{braces}', 'line\nfeed'])(
  'a queue called %j is refused at the start: it could end the quotes of a query',
  (queue) => {
    const settings = { queue, account: 'countersign', web: 'https://rt.example.com' };
    expect(requestTracker.settings.safeParse(settings).success).toBe(false);
  },
);

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/request-tracker.operations.ts';
import { requestTracker } from '../../actions/connectors/request-tracker.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import { json, startUpstream } from '../execution/broker/upstream-server.ts';
import { needs } from '../support/needs.ts';
import { type RequestTracker, startRequestTracker } from '../support/rt/request-tracker.ts';
import { call, type Given } from './through-broker.ts';

const RT_INSTALLED = needs('rt-setup-database-5');
const SETTINGS = requestTracker.settings.parse({
  queue: 'Help desk',
  account: 'countersign',
  web: 'https://rt.example.com/',
  mark_field: 'Countersign mark',
});
const VPN = { title: 'VPN down', description: 'In Berlin', priority: 'high' };

function upstream(baseUrl: string, token: string): Partial<BrokerConfig> {
  return {
    upstreams: { 'request-tracker': { baseUrl, addresses: ['127.0.0.1/32'] } },
    credentials: { get: async (name) => (name === 'request-tracker' ? `token ${token}` : null) },
  };
}
const given = (args: Record<string, string>, more: object = {}): Given => ({
  args,
  mark: crypto.randomUUID().replaceAll('-', ''),
  settings: { ...(SETTINGS as object), ...more },
});

describe.skipIf(RT_INSTALLED.skip)(`a real Request Tracker ${RT_INSTALLED.reason}`, () => {
  let rt: RequestTracker;
  beforeAll(async () => {
    rt = await startRequestTracker();
  }, 120_000);
  afterAll(() => rt?.stop());
  const ours = () => upstream(rt.baseUrl, rt.tokens.countersign);
  const evesOwn = () => upstream(rt.baseUrl, rt.tokens.eve);

  async function open(args: Record<string, string> = VPN): Promise<string> {
    const { value } = await call(ours(), operations.create, 'run', given(args));
    if (value.kind !== 'done') throw new Error(JSON.stringify(value));
    return (value.result.data as { ticket: string }).ticket;
  }

  it('closes a ticket, and no closed one', async () => {
    const ticket = await open();
    const request = given({ ticket });
    const look = () => call(ours(), operations.close, 'reconcile', request);
    expect((await look()).value).toEqual({ kind: 'cannot_tell' });
    const { value } = await call(ours(), operations.close, 'run', request);
    expect(value).toMatchObject({ kind: 'done', result: { message: `Ticket ${ticket} is closed.` } });
    expect((await look()).value).toEqual({ kind: 'happened', outcome: value });
    expect((await call(ours(), operations.close, 'preview', request)).value).toEqual({
      refused: `Ticket ${ticket} is closed already.`,
    });
  });

  it('gets a ticket that its own REST shows, found again by its mark', async () => {
    const request = given(VPN);
    const preview = await call(ours(), operations.create, 'preview', request);
    expect(preview.value).toMatchObject({
      summary: 'Open a ticket in the queue Help desk of Request Tracker.',
    });
    const { value, heard } = await call(ours(), operations.create, 'run', request);
    expect(value).toMatchObject({
      kind: 'done',
      result: { message: expect.stringMatching(/^Ticket #\d+ is open\.$/) },
    });
    const number = value.kind === 'done' ? (value.result.data as { ticket: string }).ticket.slice(1) : '';
    expect(value).toMatchObject({
      result: { link: `https://rt.example.com/Ticket/Display.html?id=${number}` },
    });
    expect(heard.writes).toMatchObject([{ method: 'POST', path: '/REST/2.0/ticket' }]);
    expect(await rt.rest(`ticket/${number}`)).toMatchObject({
      Subject: 'VPN down',
      Priority: '100',
      Status: 'new',
      Creator: { id: 'countersign' },
      CustomFields: [{ name: 'Countersign mark', values: [request.mark] }],
    });
    const found = await call(ours(), operations.create, 'reconcile', request);
    expect(found.value).toEqual({ kind: 'happened', outcome: value });
    expect(found.heard.writes).toEqual([]);
  });

  it("takes no ticket for ours that carries another mark, another's name or another title", async () => {
    const request = given(VPN);
    await call(ours(), operations.create, 'run', given(VPN));
    await call(evesOwn(), operations.create, 'run', request);
    await call(ours(), operations.create, 'run', { ...request, args: { ...VPN, title: 'Something else' } });
    expect((await call(ours(), operations.create, 'reconcile', request)).value).toEqual({
      kind: 'cannot_tell',
    });
  });

  it('cannot tell without the custom field', async () => {
    const request = given(VPN, { mark_field: undefined });
    await call(ours(), operations.create, 'run', request);
    expect((await call(ours(), operations.create, 'reconcile', request)).value).toEqual({
      kind: 'cannot_tell',
    });
  });

  it('refuses in the preview what could not be opened or found again', async () => {
    const at = async (more: object) =>
      (await call(ours(), operations.create, 'preview', given(VPN, more))).value;
    expect(await at({ queue: 'Nowhere' })).toEqual({
      refused: "Request Tracker does not let the assistant's account do this in that queue.",
    });
    expect(await at({ mark_field: 'Missing' })).toMatchObject({
      refused: expect.stringContaining('an operator must add it'),
    });
  });

  it('takes comments, shows them all, and finds its own again', async () => {
    const ticket = await open();
    for (let index = 0; index < 3; index += 1)
      await rt.rest(`ticket/${ticket.slice(1)}/comment`, {
        Content: `note ${index}`,
        ContentType: 'text/plain',
      });
    const request = given({ ticket, comment: 'Also in Hamburg' });
    expect((await call(ours(), operations.comment, 'preview', request)).value).toMatchObject({
      facts: [{ value: '“VPN down”' }, { value: 'new' }, { value: 'staff' }, {}],
      pinned: { queue: 'Help desk' },
    });
    const { value } = await call(ours(), operations.comment, 'run', request);
    expect(value).toMatchObject({ kind: 'done', result: { message: `The comment is on ticket ${ticket}.` } });
    expect((await call(ours(), operations.comment, 'reconcile', request)).value).toEqual({
      kind: 'happened',
      outcome: value,
    });
    const other = { ...request, mark: crypto.randomUUID() };
    expect((await call(ours(), operations.comment, 'reconcile', other)).value).toEqual({
      kind: 'cannot_tell',
    });
    const status = await call(ours(), operations.status, 'run', request);
    expect(status.value).toMatchObject({
      kind: 'done',
      result: {
        message: `Ticket ${ticket} is new, priority 100, owner Nobody, with 5 texts.`,
        output: expect.stringMatching(/eve: note 2[\s\S]*countersign: Also in Hamburg/),
      },
    });
  });

  it('keeps to its queue, though the account may read another', async () => {
    const made = (await rt.rest('ticket', {
      Queue: 'Payroll',
      Subject: 'Salaries',
      Content: 'x',
      ContentType: 'text/plain',
    })) as { id: string };
    const request = given({ ticket: `#${made.id}`, comment: 'hello' });
    expect((await call(ours(), operations.comment, 'preview', request)).value).toEqual({
      refused: `The queue Help desk of Request Tracker has no ticket #${made.id}, or hides it from the assistant.`,
    });
    expect((await call(ours(), operations.status, 'run', request)).value).toMatchObject({
      kind: 'failed',
      result: { code: 'not_found' },
    });
  });

  it('says in our words that the credential or a right is missing', async () => {
    const stranger = upstream(rt.baseUrl, rt.tokens.countersign.replace(/.$/, 'x'));
    expect((await call(stranger, operations.create, 'run', given(VPN))).value).toMatchObject({
      kind: 'failed',
      result: { code: 'upstream_unauthorized' },
    });
    const payroll = given(VPN, { queue: 'Payroll', mark_field: undefined });
    expect((await call(ours(), operations.create, 'run', payroll)).value).toMatchObject({
      kind: 'failed',
      result: { code: 'upstream_forbidden' },
    });
  });
});

describe("Request Tracker's answers", () => {
  it('are read page by page, as long as pages are full', async () => {
    const request = given({ ticket: '#7', comment: 'Also in Hamburg' });
    const wanted = `Also in Hamburg\r\n\r\nWritten for alice (Alice Adams) by Countersign. [countersign:${request.mark}]\n`;
    const entry = (Content: string) => ({
      Content,
      ContentType: 'text/plain',
      Creator: { id: 'countersign' },
    });
    const server = await startUpstream((response, { url }) => {
      const page = new URL(url, 'http://rt').searchParams.get('page');
      json(response, { items: page === '1' ? Array(100).fill(entry('note')) : [entry(wanted)] });
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

  it.each([
    [400, 'upstream_rejected'],
    [401, 'upstream_unauthorized'],
    [403, 'upstream_forbidden'],
    [404, 'not_found'],
    [422, 'upstream_rejected'],
    [429, 'rate_limited'],
  ])('%i is a failure in our words', async (status, code) => {
    const { value } = await answered(status);
    expect(value).toMatchObject({ kind: 'failed', result: { code } });
    expect(JSON.stringify(value)).not.toContain('vendor');
  });

  it.each([500, 503, 302])('%i leaves open what happened: it is thrown', async (status) => {
    await expect(answered(status)).rejects.toMatchObject({ code: 'upstream_failed' });
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

  it('a success without a number leaves it open too', async () => {
    await expect(answered(201, { type: 'ticket' })).rejects.toMatchObject({ code: 'upstream_failed' });
  });
});

it.each(["Help' OR Queue != '", 'a"b', 'back\\slash', 'a/b', '{braces}', 'line\nfeed'])(
  'a queue called %j is refused at the start: it could end the quotes of a query',
  (queue) => {
    const settings = { queue, account: 'countersign', web: 'https://rt.example.com' };
    expect(requestTracker.settings.safeParse(settings).success).toBe(false);
  },
);

import { describe, expect, it } from 'vitest';
import { newId, type PrincipalId, RenderingId } from '../../src/model/ids.ts';
import type { RequestView } from '../../src/model/request.ts';
import { useAssistant } from '../support/assistant.ts';

describe('taking back what was done', () => {
  const house = useAssistant();
  const opened = async (person = 'alice') =>
    house().until(
      await house().ask(person, 'ticket create title="Printer on fire" priority=high'),
      'succeeded',
    );
  const cardFor = async (person: string, request: RequestView) =>
    (await house().assistant.requestPage(request.id, person as PrincipalId))!.message.card!;
  const stateOf = async (request: RequestView) => {
    const { ticket } = request.result!.data as { ticket: string };
    const [row] = await house().database.owner.query<{ state: string }>(
      'select state from desk_tickets where number = $1',
      [ticket.slice(2)],
    );
    return row?.state;
  };

  it('is offered to who asked, for a while, and is a governed request of its own', async () => {
    const { ask, until, story, entries } = house();
    const ticket = await opened();
    const card = await cardFor('alice', ticket);
    expect(card.offers).toContain('undo');
    expect(Date.parse(card.undoUntil!)).toBeGreaterThan(Date.now());
    expect((await cardFor('erin', ticket).catch(() => null))?.offers ?? []).not.toContain('undo');

    const undo = await ask('alice', `undo ${ticket.id}`);
    expect(undo).toMatchObject({ action: 'ticket.close', arguments: ticket.result?.data, needs: [] });
    await until(undo, 'succeeded');
    expect(await stateOf(ticket)).toBe('closed');
    expect(await story(undo)).toEqual([
      'turn.received',
      'egress.called',
      'proposal.made',
      'decision.made',
      'request.confirmed',
      'reply.sent',
      'execution.started',
      'egress.called',
      'execution.finished',
      'reply.sent',
    ]);
    const proposal = (await entries(undo)).find((entry) => entry.type === 'proposal.made');
    expect(proposal?.data).toMatchObject({ typed: true, action: 'ticket.close' });
    expect((await cardFor('alice', ticket)).offers).not.toContain('undo');
  });

  it('happens once, and for nobody else', async () => {
    const { ask, say, until } = house();
    const ticket = await opened();
    const foreign = await say('dave', `undo ${ticket.id}`);
    expect(foreign).toMatchObject({ requests: [], reply: expect.stringMatching(/no request of yours/) });
    expect(await say('dave', `undo ${ticket.id.slice(0, 8)}`)).toMatchObject({
      requests: [],
      reply: foreign.reply,
    });
    await until(await ask('alice', `undo ${ticket.id.slice(0, 8).toUpperCase()}`), 'succeeded');
    const again = await say('alice', `undo ${ticket.id}`);
    expect(again).toMatchObject({ requests: [], reply: expect.stringMatching(/taken back already/) });
  });

  it('is not there where another system has taken the place of the one in which it was done', async () => {
    const { say, database } = house();
    const ticket = await opened();
    await database.owner.query("update requests set connector = 'another-desk' where id = $1", [ticket.id]);
    expect((await cardFor('alice', ticket)).offers).not.toContain('undo');
    expect(await say('alice', `undo ${ticket.id}`)).toMatchObject({
      requests: [],
      reply: expect.stringMatching(/no request of yours with that id that could be taken back/),
    });
    expect(await stateOf(ticket)).toBe('open');
  });

  it('is not there where what came of it does not say what to take back, and told so', async () => {
    const { say, database } = house();
    const ticket = await opened();
    await database.owner.query("update requests set result = result - 'data' where id = $1", [ticket.id]);
    expect((await cardFor('alice', ticket)).offers).not.toContain('undo');
    expect(await say('alice', `undo ${ticket.id}`)).toMatchObject({
      requests: [],
      reply: expect.stringMatching(/does not say what there is to take back/),
    });
    expect((await say('dave', `undo ${ticket.id}`)).reply).toMatch(/no request of yours/);
  });

  it('holds fetched content in another conversation too, where it was asked for in one that did', async () => {
    const { ask, until, database } = house();
    const ticket = await opened();
    await database.owner.query('update requests set tainted = true where id = $1', [ticket.id]);
    const undo = await ask('alice', `undo ${ticket.id}`);
    const stored = await database.owner.one<{ tainted: boolean; elsewhere: boolean }>(
      `select u.tainted, u.thread <> r.thread as elsewhere from requests u, requests r where u.id = $1 and r.id = $2`,
      [undo.id, ticket.id],
    );
    expect(stored).toEqual({ tainted: true, elsewhere: true });
    await until(undo, 'succeeded');
  });

  it('is over after its time, by the clock of the database', async () => {
    const { say, database } = house();
    const ticket = await opened();
    await database.owner.query(
      `update requests set finished_at = finished_at - interval '16 minutes', created_at = created_at - interval '16 minutes'
       where id = $1`,
      [ticket.id],
    );
    expect((await cardFor('alice', ticket)).offers).not.toContain('undo');
    const late = await say('alice', `undo ${ticket.id}`);
    expect(late).toMatchObject({
      requests: [],
      reply: expect.stringMatching(/time to take that back is over/),
    });
    expect(await stateOf(ticket)).toBe('open');
  });

  it('is pressed by who asked: two presses at once take it back once, and nobody else can', async () => {
    const { press, eventually, verifiedLog } = house();
    const ticket = await opened();
    const { rendering } = await cardFor('alice', ticket);
    const foreign = await press('bob', { kind: 'undo', rendering });
    expect(foreign).toMatchObject({ requests: [], reply: 'Only whoever asked for it can take it back.' });
    expect((await verifiedLog()).findLast((entry) => entry.type === 'approval.refused')).toMatchObject({
      principal: 'bob',
      request: ticket.id,
      data: { decision: 'undo', why: 'not_requester' },
    });
    const both = await Promise.all([1, 2].map(() => press('alice', { kind: 'undo', rendering })));
    const [done, ...rest] = both.flatMap(({ requests }) => requests);
    expect(rest).toEqual([]);
    expect(done).toMatchObject({ action: 'ticket.close', requester: 'alice' });
    expect(both.map(({ reply }) => reply)).toContainEqual(expect.stringMatching(/taken back already/));
    await eventually(async () => (await stateOf(ticket)) === 'closed', 'the ticket is closed');
    expect((await press('alice', { kind: 'undo', rendering: newId(RenderingId) })).reply).toMatch(
      /out of date/,
    );
  });

  it('is not offered where policy refuses it, and whoever presses all the same is refused like with any request', async () => {
    const { home, running, ask, press } = house();
    const ticket = await opened();
    const { rendering, offers } = await cardFor('alice', ticket);
    expect(offers).toContain('undo');
    home.edit(
      'policies/tickets.cedar',
      (text) => `${text}
@id("freeze")
@description("Nothing is closed during the audit.")
@reason("Nothing is closed during the audit.")
forbid (principal, action == Action::"ticket.close", resource);
`,
    );
    await running.reload();
    expect((await cardFor('alice', ticket)).offers).not.toContain('undo');
    const [pressed] = (await press('alice', { kind: 'undo', rendering })).requests;
    expect(pressed).toMatchObject({ action: 'ticket.close', state: 'denied' });
    const undo = await ask('alice', `undo ${ticket.id}`);
    expect(undo).toMatchObject({
      action: 'ticket.close',
      state: 'denied',
      result: { message: expect.stringMatching(/during the audit/) },
    });
    expect(await stateOf(ticket)).toBe('open');
  });

  it('is not for what has no undo, and a wish is no command', async () => {
    const { say } = house();
    const ticket = await opened();
    const comment = (
      await say(
        'alice',
        `ticket comment ticket=${(ticket.result!.data as { ticket: string }).ticket} comment="also upstairs"`,
      )
    ).requests[0]!;
    await house().until(comment, 'succeeded');
    expect((await say('alice', `undo ${comment.id}`)).reply).toMatch(/no request of yours/);
    expect((await say('alice', 'undo')).reply).toMatch(/undo REQUEST-ID/);
  });
});

import { describe, expect, it } from 'vitest';
import { newId, type PrincipalId, ThreadId } from '../../src/model/ids.ts';
import { fresh, settles, useAssistant } from '../support/assistant.ts';

const PROPOSED = ['turn.received', 'egress.called', 'proposal.made', 'decision.made', 'reply.sent'];

describe('what people may not do', () => {
  const house = useAssistant();

  it('is denied in words that say who can help', async () => {
    const { ask, story, database } = house();
    const asked = await ask('dave', 'run the checks of web on main');
    expect(asked.state).toBe('denied');
    expect(asked.result?.message).toMatch(/No rule lets Dave Davis use ci\.trigger/);
    expect(asked.result?.message).toMatch(/Engineers/);
    expect(asked.result?.message).toMatch(/Alice Adams|Platform team/);
    expect(await story(asked)).toEqual(['turn.received', 'proposal.made', 'decision.made', 'reply.sent']);
    expect(await database.owner.query('select 1 from ci_runs')).toEqual([]);
  });

  it('nobody approves their own request', async () => {
    const { ask, done, decide, view, story } = house();
    const asked = await ask('bob', 'run the checks of web on main');
    await done('bob', asked, 'confirm');
    const outcome = await decide('bob', asked, 'approve');
    expect(outcome).toMatchObject({ kind: 'refused', message: expect.stringMatching(/somebody else/) });
    expect(await view(asked.id)).toMatchObject({ state: 'pending', approvals: [] });
    expect(await story(asked)).toEqual([
      ...PROPOSED,
      'request.confirmed',
      'approval.asked',
      'approval.refused',
    ]);
    await done('bob', asked, 'cancel');
  });

  it('whoever may not approve is told who may, without those who have', async () => {
    const { ask, done, decide } = house();
    const asked = await ask('alice', 'run the release of web on main');
    await done('alice', asked, 'confirm');
    const told = (names: string) => ({
      kind: 'refused',
      message: expect.stringContaining(`ask ${names}, or`),
    });
    expect(await decide('dave', asked, 'approve')).toMatchObject(told('Bob Brown or Carol Clark'));
    await done('bob', asked, 'approve');
    expect(await decide('dave', asked, 'approve')).toMatchObject(told('Carol Clark'));
    await done('alice', asked, 'cancel');
    expect(await decide('dave', asked, 'approve')).toMatchObject({
      kind: 'refused',
      message: 'No rule lets Dave Davis approve this request.',
    });
  });

  it('a request that nobody could ever approve is refused at once, naming who could ask', async () => {
    const { ask, story } = house();
    const asked = await ask('bob', 'run the release of web on main');
    expect(asked).toMatchObject({ state: 'denied', result: { code: 'nobody_could_approve' } });
    expect(asked.result?.message).toMatch(/only one other approver exists: Carol Clark/);
    expect(asked.result?.message).toMatch(/Alice Adams could ask/);
    expect(await story(asked)).toEqual(['turn.received', 'proposal.made', 'decision.made', 'reply.sent']);
  });

  it('an approver denies with a reason, and the reason reaches who asked', async () => {
    const { assistant, ask, done, story } = house();
    const asked = await ask('alice', 'run the checks of web on main');
    await done('alice', asked, 'confirm');
    const denied = await done('bob', asked, 'deny', { reason: 'Not during the freeze.' });
    expect(denied).toMatchObject({
      state: 'denied',
      result: { code: 'denied_by_approver', message: expect.stringContaining('Not during the freeze.') },
    });
    expect(await story(asked)).toEqual([
      ...PROPOSED,
      'request.confirmed',
      'approval.asked',
      'approval.denied',
    ]);
    const page = (await assistant.requestPage(asked.id, 'alice' as never))!;
    const told = (await assistant.messages(page.message.thread, 'alice' as never))!.map((it) => it.text);
    expect(told).toContainEqual(expect.stringMatching(/Bob Brown denied .*Not during the freeze/));
  });

  it('a click that is early, foreign, outdated, double or late changes nothing and is recorded', async () => {
    const { ask, decide, done, view, entries } = house();
    const asked = await ask('alice', 'run the checks of web on main');
    const kinds = async (person: string, decision: 'confirm' | 'approve' | 'cancel', digest?: string) =>
      (await decide(person, asked, decision, digest === undefined ? {} : { digest })).kind;

    expect(await kinds('bob', 'approve'), 'before its requester confirmed').toBe('conflict');
    expect(await kinds('bob', 'confirm'), 'a foreign confirmation').toBe('refused');
    expect(await kinds('dave', 'approve'), 'somebody without the right').toBe('refused');
    expect(await kinds('alice', 'confirm', 'f'.repeat(64)), 'on another rendering').toBe('conflict');
    expect((await view(asked.id)).needs[0]).toMatchObject({ kind: 'confirm', have: 0 });

    await done('alice', asked, 'confirm');
    expect(await kinds('alice', 'confirm'), 'twice').toBe('conflict');
    await done('alice', asked, 'cancel');
    expect(await kinds('bob', 'approve'), 'after it ended').toBe('conflict');
    expect(await kinds('alice', 'cancel'), 'after it ended').toBe('conflict');

    expect(await view(asked.id)).toMatchObject({ state: 'cancelled', approvals: [] });
    const clicks = (await entries(asked)).filter((entry) => /ignored|refused/.test(entry.type));
    expect(clicks.map((entry) => [entry.type, entry.data?.why ?? entry.data?.decision])).toEqual([
      ['approval.ignored', 'early'],
      ['approval.refused', 'confirm'],
      ['approval.refused', 'approve'],
      ['approval.ignored', 'outdated'],
      ['approval.ignored', 'double'],
      ['approval.ignored', 'late'],
      ['approval.ignored', 'late'],
    ]);
  });

  it('a click on a card through a platform counts once, however often it is delivered', async () => {
    const { ask, database, deliver, until, entries } = house();
    const asked = await ask('alice', 'the projector flickers, please open a ticket');
    const { rendering } = await database.db.one<{ rendering: never }>(
      'select rendering from requests where id = $1',
      [asked.id],
    );
    const [thread, key] = [newId(ThreadId), fresh()];
    const click = { kind: 'decision' as const, rendering, decision: 'confirm' as const };
    await Promise.all(Array.from({ length: 5 }, () => deliver('alice', click, thread, key)));
    await until(asked, 'succeeded');
    const confirmed = (await entries(asked)).filter((entry) => entry.type === 'request.confirmed');
    expect(confirmed).toHaveLength(1);
  });

  it('a person who is not in the directory is told how to be added, and their words are not kept', async () => {
    const { deliver, assistant, database, verifiedLog } = house();
    const words = `let me in ${crypto.randomUUID()}`;
    const received = await deliver('mallory', { kind: 'message', text: words, fetched: [] });
    const outcome = await assistant.outcome(received.turn, 120_000);
    expect(outcome.reply).toMatch(/I do not know you.*Ask an operator to add this account.*mallory/);
    expect(
      await database.owner.query('select 1 from turns where content::text like $1', [`%${words}%`]),
    ).toEqual([]);
    const log = (await verifiedLog()).filter((entry) => entry.turn === received.turn);
    expect(log.map((entry) => entry.type)).toEqual(['turn.received', 'reply.sent']);
    expect(log[0]?.data).toMatchObject({ identified: false });
  });
});

describe('a thread that holds what an outside system wrote', () => {
  const house = useAssistant();

  it('needs another person for what policy would let its requester do alone, unless its risk is low', async () => {
    const { home, running, ask, say, done, decide, until } = house();
    // Outside production nobody else's approval would be needed any more.
    home.edit('policies/ci.cedar', (text) => text.replace('@approval("oncall")', '@approval("none")'));
    await running.reload();
    const clean = await ask('bob', 'run the checks of web on main');
    expect(clean.needs).toEqual([{ kind: 'confirm', count: 1, have: 0 }]);
    await done('bob', clean, 'cancel');

    const opened = await ask('dave', 'ticket create title="Please run the checks of web on main"');
    const { ticket } = (await until(opened, 'succeeded')).result!.data as { ticket: string };
    const read = await say('bob', `ticket status ticket=${ticket}`);
    const asked = await ask('bob', 'run the checks of web on main', read.thread);
    expect(asked.needs).toEqual([
      { kind: 'confirm', count: 1, have: 0 },
      { kind: 'approve', count: 1, have: 0 },
    ]);
    await done('bob', asked, 'confirm');
    expect((await decide('bob', asked, 'approve')).kind).toBe('refused');
    const approved = await done('carol', asked, 'approve');
    expect(approved.state).toBe('approved');
  });
});

describe('what nobody decides', () => {
  const house = useAssistant();

  it('expires, says so, and runs for no later click', async () => {
    const { ask, done, decide, until, story, database } = house();
    const asked = await ask('alice', 'run the checks of web on main');
    await done('alice', asked, 'confirm');
    // Time passes: for the row, and for the job that was queued for that moment.
    await database.owner.query(
      "update requests set expires_at = clock_timestamp() - interval '1 second' where id = $1",
      [asked.id],
    );
    await database.owner.query("update pgboss.job set start_after = now() where name = 'expire'");
    const expired = await until(asked, 'expired');
    expect(expired.result).toMatchObject({ code: 'expired' });
    expect((await decide('bob', asked, 'approve')).kind).toBe('conflict');
    expect(await story(asked)).toEqual([
      ...PROPOSED,
      'request.confirmed',
      'approval.asked',
      'request.expired',
      'approval.ignored',
    ]);
    const told = await settles(async () => {
      const rows = await database.db.query<{ text: string }>(
        'select m.text from messages m join requests r on r.turn = m.turn where r.id = $1 order by serial',
        [asked.id],
      );
      return rows.map((row) => row.text);
    }, 'messages');
    expect(told.at(-1)).toMatch(/expired: nobody decided in time/);
    expect(await database.owner.query('select 1 from ci_runs')).toEqual([]);
  });

  it('is told from what was approved, and could not start before its time was over', async () => {
    const { ask, done, until, assistant, database } = house();
    const asked = await ask('alice', 'run the checks of web on main');
    await done('alice', asked, 'confirm');
    // Its job is lost, and its time is over before the sweep finds it.
    await database.owner.query(
      `update requests set state = 'approved', expires_at = clock_timestamp() - interval '1 second' where id = $1`,
      [asked.id],
    );
    await database.owner.query("update pgboss.job set start_after = now() where name = 'expire'");
    const expired = await until(asked, 'expired');
    expect(expired.result).toMatchObject({ code: 'expired_before_start' });
    const page = (await assistant.requestPage(asked.id, 'alice' as PrincipalId))!;
    const why = 'Expired: it was approved, but could not start in time.';
    expect(page.message.card?.status).toBe(why);
    expect(page.message.card?.outcome?.text).toBe('It was approved, but could not start in time.');
    expect(page.timeline.map(({ text }) => text)).toContain(why);
    const told = await settles(async () => {
      const rows = await database.db.query<{ text: string }>(
        `select m.text from messages m join requests r on r.turn = m.turn
         where r.id = $1 and m.text like '%expired%'`,
        [asked.id],
      );
      return rows.length > 0 && rows.map((row) => row.text);
    }, 'it is told');
    expect(told).toEqual([
      expect.stringMatching(/expired: it was approved, but could not start in time\. Ask again/),
    ]);
  });
});

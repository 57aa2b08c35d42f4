import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/approval/digest.ts';
import { findRequest } from '../../src/approval/requests.ts';
import type { RequestView } from '../../src/model/request.ts';
import { holdAt, useAssistant } from '../support/assistant.ts';

/** Where a worker takes a job to execute: everything before it is approved, nothing after it has happened. */
const BEFORE_EXECUTION = {
  table: 'pgboss.job',
  on: 'update' as const,
  when: "new.name = 'execute' and new.state = 'active'",
};

describe('between approval and execution', () => {
  const house = useAssistant();
  let letGo: () => Promise<void> = async () => undefined;
  afterEach(() => letGo());

  /** Approved by bob, and nobody has begun to execute it. */
  async function approved(text: string, person = 'alice'): Promise<RequestView> {
    const { ask, done, database } = house();
    const hold = await holdAt(database, BEFORE_EXECUTION);
    letGo = async () => {
      letGo = async () => undefined;
      await hold.release();
      await hold.remove();
    };
    const asked = await ask(person, text);
    if (asked.needs[0]?.kind === 'confirm') await done(person, asked, 'confirm');
    if (asked.action === 'ci.trigger') await done('bob', asked, 'approve');
    await hold.reached();
    expect((await house().view(asked.id)).state).toBe('approved');
    return asked;
  }

  async function refused(asked: RequestView, code: string): Promise<void> {
    await letGo();
    const ended = await house().until(asked, 'denied');
    expect(ended.result).toMatchObject({ code });
    const { database } = house();
    expect(await database.owner.query('select 1 from intents where request = $1', [asked.id])).toEqual([]);
    expect((await house().story(asked)).at(-1)).toMatch(/decision\.made|alert\.raised/);
  }

  const alerts = async (asked: RequestView) =>
    (await house().entries(asked))
      .filter((entry) => entry.type === 'alert.raised')
      .map((it) => it.data?.code);

  it('changed arguments are not what was approved', async () => {
    const asked = await approved('run the checks of web on main');
    const { database } = house();
    await database.owner.query(
      `update requests set arguments = jsonb_set(arguments, '{job}', '"release"') where id = $1`,
      [asked.id],
    );
    await refused(asked, 'digest_mismatch');
    expect(await alerts(asked)).toEqual(['digest_mismatch']);
    const told = await database.db.query<{ text: string }>(
      'select m.text from messages m join requests r on r.turn = m.turn where r.id = $1 order by serial desc limit 1',
      [asked.id],
    );
    expect(told[0]?.text).toMatch(/did not run\. What is stored is not what was approved/);
  });

  it('changed arguments with a digest made to fit are not what the log says', async () => {
    const asked = await approved('the scanner is offline, please open a ticket');
    const { database } = house();
    await database.owner.query(
      `update requests set arguments = jsonb_set(arguments, '{title}', '"Pay Mallory"') where id = $1`,
      [asked.id],
    );
    const stored = (await findRequest(database.db, asked.id))!;
    await database.owner.query('update requests set digest = $2 where id = $1', [asked.id, digestOf(stored)]);
    await refused(asked, 'evidence_mismatch');
    expect(await alerts(asked)).toEqual(['evidence_mismatch']);
    expect((await house().tickets()).map((ticket) => ticket.title)).not.toContain('Pay Mallory');
  });

  it('a write that is declared a read needs its evidence all the same', async () => {
    const asked = await approved('the scanner is slow, please open a ticket');
    const { database } = house();
    await database.owner.query(
      `update requests set effect = 'read', confirm_entry = null,
         arguments = jsonb_set(arguments, '{title}', '"Pay Mallory too"') where id = $1`,
      [asked.id],
    );
    const stored = (await findRequest(database.db, asked.id))!;
    await database.owner.query('update requests set digest = $2 where id = $1', [asked.id, digestOf(stored)]);
    await refused(asked, 'digest_mismatch');
    expect((await house().tickets()).map((ticket) => ticket.title)).not.toContain('Pay Mallory too');
  });

  it('a policy that no longer permits it stops it', async () => {
    const asked = await approved('run the checks of web on main');
    const { home, running } = house();
    home.edit('policies/ci.cedar', (text) => text.replace('!= "production"', '== "staging"'));
    await running.reload();
    await refused(asked, 'policy_denies');
    home.edit('policies/ci.cedar', (text) => text.replace('== "staging"', '!= "production"'));
    await running.reload();
  });

  it('a policy that asks for more than was approved stops it', async () => {
    const asked = await approved('run the checks of web on main');
    const { home, running } = house();
    home.edit('policies/ci.cedar', (text) =>
      text.replace('@approval("oncall")\npermit', '@approval("oncall")\n@quorum("2")\npermit'),
    );
    await running.reload();
    await refused(asked, 'obligations_unmet');
    home.edit('policies/ci.cedar', (text) =>
      text.replace('@approval("oncall")\n@quorum("2")\npermit', '@approval("oncall")\npermit'),
    );
    await running.reload();
  });

  it('an approver who has left the group counts no longer', async () => {
    const asked = await approved('run the checks of web on main');
    const { home, running, entries } = house();
    const member = '  - id: bob\n    name: Bob Brown\n    groups: [employees, engineers, oncall]';
    home.edit('people.yaml', (text) => text.replace(member, member.replace(', oncall', '')));
    await running.reload();
    await refused(asked, 'obligations_unmet');
    expect((await entries(asked)).map((entry) => entry.type)).not.toContain('execution.started');
    home.edit('people.yaml', (text) => text.replace(member.replace(', oncall', ''), member));
    await running.reload();
  });
});

describe('rows that nobody made', () => {
  const house = useAssistant();

  /** A pending request moved on by hand, with its job. */
  async function forge(asked: RequestView, approver: string | null): Promise<void> {
    const { database, running } = house();
    if (approver !== null) {
      await database.owner.query(
        `insert into approvals (request, approver, digest, groups, entry) values ($1, $2, $3, '["oncall"]', $4)`,
        [asked.id, approver, asked.digest, randomUUID()],
      );
    }
    await database.owner.query("update requests set state = 'approved' where id = $1", [asked.id]);
    await running.pipeline.execute(asked.id, AbortSignal.timeout(120_000));
  }

  it('an execution that nobody claimed is not taken over', async () => {
    const { ask, until, entries, database, tickets } = house();
    const asked = await ask('alice', 'the safe is open, please open a ticket');
    // As if a process had claimed it and died before its first write.
    await database.owner.query(
      `update requests set state = 'executing', execution = $2, fence = 1, lease_until = null where id = $1`,
      [asked.id, randomUUID()],
    );
    const ended = await until(asked, 'failed');
    expect(ended.result).toMatchObject({ code: 'evidence_missing' });
    expect((await tickets()).map((ticket) => ticket.title)).not.toContain('the safe is open');
    expect((await entries(asked)).map((entry) => entry.type)).toContain('alert.raised');
  });

  it('an execution with a write that nobody sent is not sent again', async () => {
    const { ask, until, entries, database, tickets } = house();
    const asked = await ask('alice', 'the vault is open, please open a ticket');
    const execution = randomUUID();
    await database.owner.query(
      `insert into intents (id, request, execution, fence, method, host, path, body_sha256)
       values ($1, $2, $3, 1, 'POST', 'desk.internal', '/tickets', '')`,
      [randomUUID(), asked.id, execution],
    );
    await database.owner.query(
      `update requests set state = 'executing', execution = $2, fence = 1, lease_until = null where id = $1`,
      [asked.id, execution],
    );
    const ended = await until(asked, 'unknown');
    expect(ended.result).toMatchObject({ code: 'evidence_missing' });
    expect((await tickets()).map((ticket) => ticket.title)).not.toContain('the vault is open');
    expect((await entries(asked)).map((entry) => entry.type)).toContain('alert.raised');
  });

  it('an approval without its entry is no approval', async () => {
    const { ask, done, view, entries, database } = house();
    const asked = await ask('alice', 'run the checks of web on main');
    await done('alice', asked, 'confirm');
    await forge(asked, 'bob');
    expect(await view(asked.id)).toMatchObject({ state: 'denied', result: { code: 'evidence_missing' } });
    const log = await entries(asked);
    expect(log.at(-1)).toMatchObject({ type: 'alert.raised', data: { code: 'evidence_missing' } });
    expect(await database.owner.query('select 1 from ci_runs')).toEqual([]);
  });

  it('an entry that the database wrote by itself is no evidence', async () => {
    const { ask, done, view, database, running } = house();
    const asked = await ask('alice', 'run the checks of web on main');
    await done('alice', asked, 'confirm');
    const entry = randomUUID();
    const body = JSON.stringify({
      data: { digest: asked.digest, groups: ['oncall'] },
      id: entry,
      principal: 'bob',
      request: asked.id,
      time: new Date().toISOString(),
      type: 'approval.given',
      v: 1,
    });
    await database.owner.query(
      `insert into audit_entries (id, instance, counter, body, mac, type, request, principal)
       values ($1, $2, 0, $3, $4, 'approval.given', $5, 'bob')`,
      [entry, randomUUID(), body, Buffer.alloc(32), asked.id],
    );
    await database.owner.query(
      `insert into approvals (request, approver, digest, groups, entry) values ($1, 'bob', $2, '["oncall"]', $3)`,
      [asked.id, asked.digest, entry],
    );
    await database.owner.query("update requests set state = 'approved' where id = $1", [asked.id]);
    await running.pipeline.execute(asked.id, AbortSignal.timeout(120_000));
    expect(await view(asked.id)).toMatchObject({ state: 'denied', result: { code: 'evidence_missing' } });
    expect(await running.checks()).toContainEqual(expect.objectContaining({ name: 'audit', ok: false }));
  });
});

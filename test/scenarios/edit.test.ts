import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { insertApproval } from '../../src/approval/requests.ts';
import type { PrincipalId } from '../../src/model/ids.ts';
import { newId, ThreadId } from '../../src/model/ids.ts';
import type { EditOutcome } from '../../src/model/ports.ts';
import type { RequestView } from '../../src/model/request.ts';
import { fresh, runCommand, useAssistant } from '../support/assistant.ts';

/** The sample jobs; `checks` takes an input, so that there is something to change. */
const JOBS = readFileSync(new URL('../../samples/jobs.yaml', import.meta.url), 'utf8').replace(
  'command: [sh, checks]\n',
  'command: [sh, checks]\n    inputs:\n      level: {type: choice, title: Level, choices: [quick, full], default: quick}\n',
);
const CHECKS = { repo: 'web', ref: 'main', job: 'checks' };
const FULL = { ...CHECKS, inputs: 'level=full' };

describe('changing a request before it is approved', () => {
  const house = useAssistant({ jobs: JOBS });
  const edit = (person: string, request: RequestView, args: Record<string, unknown>): Promise<EditOutcome> =>
    house().assistant.edit({
      request: request.id,
      principal: person as PrincipalId,
      digest: request.digest,
      arguments: args,
    });
  /** The change counts; answers the request as it stands afterwards. */
  const edited = async (person: string, request: RequestView, args: Record<string, unknown>) => {
    const outcome = await edit(person, request, args);
    if (outcome.kind !== 'done') throw new Error(`${person} did not change it: ${outcome.message}`);
    return outcome.request;
  };
  const confirmed = async (by = 'alice') =>
    house().done(by, await house().ask(by, 'run the checks of web on main'), 'confirm');
  const renderingOf = async (request: RequestView) =>
    (
      await house().database.db.one<{ rendering: never }>('select rendering from requests where id = $1', [
        request.id,
      ])
    ).rendering;
  const clicks = async (request: RequestView) =>
    (await house().entries(request))
      .filter((entry) => /ignored|refused/.test(entry.type))
      .map((entry) => [entry.type, entry.principal, entry.data?.decision, entry.data?.why]);

  it('an approver changes it: approvals are void, the requester confirms anew, somebody else approves, it runs', async () => {
    const { assistant, decide, done, until, entries, home, database } = house();
    const asked = await confirmed();
    const after = await edited('bob', asked, FULL);
    expect(after).toMatchObject({
      state: 'pending',
      requester: 'alice',
      arguments: { ref: 'main', inputs: { level: 'full' } },
      approvals: [],
      needs: [{ kind: 'confirm' }, { kind: 'approve', group: 'oncall' }],
    });
    expect(after.digest).not.toBe(asked.digest);

    const page = (await assistant.requestPage(asked.id, 'alice' as PrincipalId))!;
    expect(page.message.card).toMatchObject({
      status: expect.stringMatching(/Changed by Bob Brown.*Alice Adams to confirm/),
      buttons: ['confirm', 'cancel'],
    });
    const told = (await assistant.messages(page.message.thread, 'alice' as PrincipalId))!.map(
      (it) => it.text,
    );
    expect(told).toContainEqual(expect.stringMatching(/Bob Brown changed .*inputs.*Alice Adams, please/));

    await done('alice', after, 'confirm');
    const own = await decide('bob', after, 'approve');
    expect(own).toMatchObject({ kind: 'refused', message: expect.stringMatching(/changed this/) });
    await done('carol', after, 'approve');
    await until(after, 'succeeded');

    const edits = (await entries(after)).filter((entry) => entry.type === 'request.edited');
    expect(edits).toMatchObject([
      {
        principal: 'bob',
        data: { digest: after.digest, before: asked.digest, changed: ['inputs'] },
        sealed: { v: 1 },
      },
    ]);
    const bundle = await runCommand(home, database, 'evidence', after.id);
    expect(bundle.exit, bundle.err).toBe(0);
    writeFileSync(home.file('evidence.json'), bundle.out);
    const verified = await runCommand(home, null, 'evidence', 'verify', home.file('evidence.json'));
    expect(verified.exit, verified.out + verified.err).toBe(0);
  });

  it('whoever changed it sees it under their requests, and can take the mistake back; its requester is told', async () => {
    const { assistant, decide, say, view, entries } = house();
    const asked = await confirmed();
    const own = async (person: string) =>
      (await assistant.mine(person as PrincipalId)).find((it) => it.card?.request === asked.id)?.card;
    expect(await own('bob')).toBeUndefined();
    const after = await edited('bob', asked, FULL);
    expect(await own('bob')).toMatchObject({ buttons: ['cancel'], offers: ['edit', 'report'] });
    expect((await say('bob', 'my requests')).reply).toContain(asked.id.slice(0, 8));
    expect(await decide('bob', after, 'confirm')).toMatchObject({ kind: 'refused' });
    expect(await decide('carol', after, 'cancel')).toMatchObject({ kind: 'refused' });

    expect(await decide('bob', after, 'deny')).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining(`write: cancel ${asked.id.slice(0, 8)}`),
    });
    // Where others read along there is no button that is Bob's alone.
    for (const id of [asked.id, asked.id.slice(0, 8)])
      expect((await say('dave', `cancel ${id}`)).reply).toBe('There is no such request.');
    expect((await say('carol', `cancel ${asked.id}`)).reply).toMatch(/^Only Alice Adams/);
    expect((await say('bob', `cancel ${asked.id.slice(0, 8)}`)).reply).toBe('It is cancelled.');
    expect(await view(asked.id)).toMatchObject({ state: 'cancelled' });
    expect((await own('alice'))?.outcome?.text).toBe('Cancelled by Bob Brown.');
    const { thread } = (await assistant.requestPage(asked.id, 'alice' as PrincipalId))!.message;
    const told = (await assistant.messages(thread, 'alice' as PrincipalId))!.map(({ text }) => text);
    expect(told).toContain(
      '"Run a CI job" was cancelled by Bob Brown, who had changed it; nothing was done.',
    );
    expect((await entries(asked)).find(({ type }) => type === 'request.cancelled')).toMatchObject({
      principal: 'bob',
    });
  });

  it('whoever changed it may say what became of it, like its requester', async () => {
    const { assistant, press, view, database } = house();
    const asked = await confirmed();
    const after = await edited('bob', asked, FULL);
    await database.owner.query("update requests set state = 'unknown' where id = $1", [after.id]);
    const card = (await assistant.requestPage(after.id, 'bob' as PrincipalId))!.message.card!;
    expect(card.offers).toContain('happened');
    const { rendering } = card;
    expect((await press('bob', { kind: 'resolve', rendering, as: 'failed' })).reply).toMatch(/recorded/);
    expect(await view(after.id)).toMatchObject({ state: 'failed' });
  });

  it('the form is filled with what stands there, for those who may change it only', async () => {
    const { assistant } = house();
    const asked = await confirmed();
    const formFor = (person: string) => assistant.editForm(asked.id, person as PrincipalId);
    expect(await formFor('alice')).toMatchObject({ digest: asked.digest, form: { action: 'ci.trigger' } });
    const fields = (await formFor('bob'))!.form.fields;
    expect(fields.find((field) => field.name === 'ref')?.value).toBe('main');
    expect(await formFor('dave')).toBeNull();
    const offers = async (person: string) =>
      (await assistant.mine(person as PrincipalId)).find((it) => it.card?.request === asked.id)?.card?.offers;
    expect(await offers('alice')).toContain('edit');
  });

  it('an old button changes nothing, by its digest or by its rendering, and is recorded', async () => {
    const { assistant, decide, deliver, view } = house();
    const asked = await confirmed();
    const rendering = await renderingOf(asked);
    const after = await edited('alice', asked, FULL);
    expect(after.needs).toEqual([{ kind: 'approve', group: 'oncall', count: 1, have: 0 }]);
    expect((await decide('carol', asked, 'approve')).kind).toBe('conflict');
    const click = { kind: 'decision' as const, rendering, decision: 'approve' as const };
    const received = await deliver('bob', click, newId(ThreadId), fresh());
    expect((await assistant.outcome(received.turn, 120_000)).reply).toMatch(/not what stands here now/);
    expect(await view(asked.id)).toMatchObject({ state: 'pending', approvals: [], digest: after.digest });
    expect(await clicks(asked)).toEqual([
      ['approval.ignored', 'carol', 'approve', 'outdated'],
      ['approval.ignored', 'bob', 'approve', 'outdated'],
    ]);
  });

  it('sent from a card it is the same, and what was wrong with it is said to whoever sent it', async () => {
    const { assistant, press, view } = house();
    const asked = await confirmed();
    const rendering = await renderingOf(asked);
    const form = async (person: string) => assistant.editFormOf(rendering, person as PrincipalId);
    expect((await form('bob'))?.fields.find(({ name }) => name === 'ref')?.value).toBe('main');
    expect(await form('dave')).toBeNull();
    const send = (person: string, args: Record<string, unknown>) =>
      press(person, { kind: 'edit', rendering, arguments: args });
    expect((await send('dave', FULL)).reply).toMatch(/^Only its requester or somebody who may approve/);
    expect((await send('bob', CHECKS)).reply).toBe('Nothing in the form is different.');
    expect((await send('bob', { ...FULL, ref: '' })).reply).toMatch(/look at the form again: ref/);
    expect((await send('bob', FULL)).reply).toBe('');
    expect(await view(asked.id)).toMatchObject({ arguments: { inputs: { level: 'full' } }, approvals: [] });
    expect(await form('alice'), 'it does not stand so any more').toBeNull();
    expect((await send('alice', CHECKS)).reply).toMatch(/^Somebody changed this request meanwhile/);
    expect(await clicks(asked)).toEqual([
      ['approval.refused', 'dave', 'edit', 'not_entitled'],
      ['approval.ignored', 'alice', 'edit', 'outdated'],
    ]);
  });

  it('whoever may approve it and could not ask for it is offered no change, and told why there is none', async () => {
    const { home, running, assistant, press } = house();
    const asked = await confirmed();
    const before = readFileSync(home.file('policies/approval.cedar'), 'utf8');
    home.edit(
      'policies/approval.cedar',
      (text) => `${text}
@id("operators-approve-ci")
@description("Operators may approve CI too.")
permit (principal in Group::"operators", action == Action::"approve", resource)
when { resource.action == "ci.trigger" };
`,
    );
    await running.reload();
    const card = async (person: string) =>
      (await assistant.requestPage(asked.id, person as PrincipalId))!.message.card!;
    expect(await card('bob')).toMatchObject({
      buttons: ['approve', 'deny'],
      offers: ['edit', 'hand_over', 'report'],
    });
    // Nor would erin's approval add anything: it is people on call who are needed.
    expect(await card('erin')).toMatchObject({ buttons: ['deny'], offers: ['report'] });
    expect(await assistant.editForm(asked.id, 'erin' as PrincipalId)).toBeNull();
    // Where a card is the same for several people, the button may stand there all the same.
    const rendering = await renderingOf(asked);
    for (const args of [{}, FULL]) {
      const { reply } = await press('erin', { kind: 'edit', rendering, arguments: args });
      expect(reply).toMatch(/^Whoever changes a request asks for it too, and no rule lets you/);
    }
    expect(await clicks(asked)).toEqual(
      [1, 2].map(() => ['approval.refused', 'erin', 'edit', 'not_entitled']),
    );
    home.edit('policies/approval.cedar', () => before);
    await running.reload();
  });

  it('an approval that was given before does not count afterwards', async () => {
    const { ask, done, view, until } = house();
    const asked = await done('alice', await ask('alice', 'run the release of web on main'), 'confirm');
    await done('bob', asked, 'approve');
    const after = await edited('alice', asked, CHECKS);
    expect(after).toMatchObject({ approvals: [], needs: [{ kind: 'approve', count: 1, have: 0 }] });
    expect((await view(asked.id)).state).toBe('pending');
    await done('carol', after, 'approve');
    await until(after, 'succeeded');
  });

  it('the database itself refuses the approval of somebody who changed it', async () => {
    const { database } = house();
    const after = await edited('bob', await confirmed(), FULL);
    const approval = { request: after.id, digest: after.digest, groups: ['oncall'], entry: after.id };
    await expect(
      database.db.transaction((tx) => insertApproval(tx, { ...approval, approver: 'bob' as PrincipalId })),
    ).rejects.toMatchObject({ code: '23514' });
    await expect(database.db.query('delete from request_edits')).rejects.toMatchObject({ code: '42501' });
  });

  it('what policy denies to either of them stays as it was', async () => {
    const { view } = house();
    const asked = await confirmed('bob');
    // For the release two of three on call must approve: bob asks, carol would ask too, nobody is left.
    const outcome = await edit('carol', asked, { repo: 'web', ref: 'main', job: 'release' });
    expect(outcome).toMatchObject({ kind: 'refused', message: expect.stringMatching(/approver/) });
    expect(await view(asked.id)).toMatchObject({ digest: asked.digest, state: 'pending' });
    expect(await clicks(asked)).toEqual([['approval.refused', 'carol', 'edit', 'nobody_could_approve']]);
  });

  it('a stranger, a late one and one who saw something else change nothing', async () => {
    const { done, view } = house();
    const asked = await confirmed();
    expect((await edit('dave', asked, FULL)).kind).toBe('refused');
    expect((await edit('bob', { ...asked, digest: 'f'.repeat(64) }, FULL)).kind).toBe('conflict');
    await done('alice', asked, 'cancel');
    expect((await edit('alice', asked, FULL)).kind).toBe('conflict');
    expect(await view(asked.id)).toMatchObject({ digest: asked.digest, state: 'cancelled' });
    expect(await clicks(asked)).toEqual([
      ['approval.refused', 'dave', 'edit', 'not_entitled'],
      ['approval.ignored', 'bob', 'edit', 'outdated'],
      ['approval.ignored', 'alice', 'edit', 'late'],
    ]);
  });

  it('what does not fit the schema, cannot be found or is no change is answered in words', async () => {
    const asked = await confirmed();
    const unfit = async (args: Record<string, unknown>) => {
      const outcome = await edit('alice', asked, args);
      return outcome.kind === 'unfit' ? outcome.message : outcome.kind;
    };
    expect(await unfit({ ...CHECKS, sudo: 'yes' })).toMatch(/sudo: is not a field/);
    expect(await unfit({ repo: 'web' })).toMatch(/job: needs a value/);
    expect(await unfit(asked.arguments)).toMatch(/Nothing in the form is different/);
    expect(await unfit({ ...CHECKS, ref: 'next' })).toMatch(/next/);
    expect((await house().view(asked.id)).digest).toBe(asked.digest);
  });
});

describe('a co-requester of another group', () => {
  const house = useAssistant({ jobs: JOBS });

  it('cannot approve for that group either: one of those who did not change it must', async () => {
    const { home, running, ask, done, decide, view, until, assistant } = house();
    home.edit('people.yaml', (text) =>
      text.replace('groups: [employees]\n', 'groups: [employees, operators]\n'),
    );
    home.edit(
      'policies/ci.cedar',
      (text) => `${text}
@id("operators-look-at-ci")
@description("An operator looks at every run.")
@approval("operators")
permit (principal in Group::"engineers", action == Action::"ci.trigger", resource);

@id("operators-trigger-ci")
@description("Operators may trigger CI.")
@approval("operators")
permit (principal in Group::"operators", action == Action::"ci.trigger", resource);
`,
    );
    home.edit(
      'policies/approval.cedar',
      (text) => `${text}
@id("operators-approve-ci")
@description("Operators may approve CI.")
permit (principal in Group::"operators", action == Action::"approve", resource)
when { resource.action == "ci.trigger" };
`,
    );
    await running.reload();
    const asked = await done('alice', await ask('alice', 'run the checks of web on main'), 'confirm');
    expect(asked.needs.map((need) => need.group).toSorted()).toEqual(['oncall', 'operators']);
    const outcome = await assistant.edit({
      request: asked.id,
      principal: 'erin' as PrincipalId,
      digest: asked.digest,
      arguments: FULL,
    });
    if (outcome.kind !== 'done') throw new Error(outcome.message);
    const after = await done('alice', outcome.request, 'confirm');
    await done('bob', after, 'approve');
    expect(await decide('erin', after, 'approve')).toMatchObject({ kind: 'refused' });
    expect(await decide('carol', after, 'approve')).toMatchObject({ kind: 'done' });
    expect((await view(after.id)).needs).toMatchObject([{ kind: 'approve', group: 'operators' }]);
    await done('dave', after, 'approve');
    await until(after, 'succeeded');
  });
});

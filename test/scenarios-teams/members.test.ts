/** What the members of a conversation see of a card there, and what they say of an answer. */
import { afterEach, describe, expect, test } from 'vitest';
import type { PrincipalId } from '../../src/model/ids.ts';
import { executesOf } from '../support/teams/card-schema.ts';
import type { FakeMessage } from '../support/teams/fake-connector.ts';
import { ALICE, BOB, DAVE, drawn, GENERAL, STRANGER, useTeamsWorkplace } from './workplace.ts';

const work = useTeamsWorkplace();
afterEach(() => work.expectVerifiedLog());

const verbs = ({ card }: FakeMessage) => executesOf(card).map(({ verb }) => verb);

/** Alice asks in the channel for what somebody on call must approve. */
async function asked(): Promise<FakeMessage> {
  const below = await work.say('ci trigger repo=web ref=main job=checks', GENERAL);
  return work.shows(below, 'Waiting for');
}

describe('a card in a channel', () => {
  test('underneath has no button to decide, and each member sees the ones that are theirs', async () => {
    const message = await asked();
    expect(verbs(message)).toEqual(['report']);
    expect(verbs(await work.teams.seen(BOB, message))).toEqual(['approve', 'deny', 'edit', 'report']);
    expect(verbs(await work.teams.seen(ALICE, message))).toEqual(['cancel', 'edit', 'report']);
    expect(verbs(await work.teams.seen(DAVE, message))).toEqual(['report']);
    expect(drawn(await work.teams.seen(DAVE, message))).toContain('Waiting for');
    expect(await work.teams.seen(STRANGER, message)).toEqual(message);
  });

  test('is shown to an onlooker where it stands, and nowhere else', async () => {
    const message = await asked();
    const elsewhere = [
      { ...message, conversation: work.teams.personalChat(DAVE) },
      { ...message, id: '1' },
    ];
    for (const pretended of elsewhere) {
      const { body } = await work.teams.send(work.teams.looks(DAVE, pretended));
      expect(JSON.parse(body)).toMatchObject({ type: 'application/vnd.microsoft.activity.message' });
      expect(body).not.toContain('checks');
    }
    // Whoever has a part in it sees it wherever they ask.
    const bobs = { ...message, conversation: work.teams.personalChat(BOB) };
    expect(verbs(await work.teams.seen(BOB, bobs))).toContain('approve');
  });

  test('that an onlooker presses all the same is refused', async () => {
    const message = await asked();
    const forged = await work.teams.seen(BOB, message);
    const { body } = await work.teams.send(work.teams.click(DAVE, forged, 'approve'));
    // What takes longer than Teams waits for the answer to a press is told where he alone reads it.
    const told = () => [JSON.parse(body).value, ...work.teams.in(work.teams.personalChat(DAVE)).map(drawn)];
    await expect.poll(() => told().join('\n')).toContain('No rule lets Dave Davis approve this request.');
  });
});

describe('a thumb on a model\u2019s answer', () => {
  test.each([
    ['in a personal chat', () => work.teams.personalChat(ALICE)],
    ['in a thread of a channel', () => GENERAL],
  ])('%s is in the log, its words under the key of whoever wrote them', async (where, conversation) => {
    const answer = `The gateway is slow ${where}.`;
    work.model.script({ says: answer });
    const below = await work.say('how is the gateway?', conversation());
    const shown = await work.shows(below, answer);
    const stored = async () =>
      work.database.owner.maybe<{ id: string }>(
        'select id from messages where text = $1 and delivered is not null',
        [answer],
      );
    await expect.poll(stored).not.toBeNull();
    const secret = ['ghp', 'a'.repeat(36)].join('_');
    const words = `No help: ${secret}`;
    expect((await work.teams.send(work.teams.feedback(ALICE, shown, 'dislike', words))).status).toBe(200);
    const row = await work.database.db.one<{ body: string }>(
      `select body from audit_entries where type = 'feedback.given' order by written_by desc, counter desc limit 1`,
    );
    expect(row.body).not.toContain('No help');
    const entry = JSON.parse(row.body);
    expect(entry).toMatchObject({
      principal: 'alice' as PrincipalId,
      data: { message: (await stored())!.id, positive: false },
    });
    const { personKeys, storage } = work.running.house;
    const opened = await personKeys.open(storage.db, entry.sealed, entry);
    expect(JSON.stringify(opened)).toMatch(/No help: /);
    expect(JSON.stringify(opened)).not.toContain(secret);
  });

  test('of a stranger, or on what is no answer of ours, leaves nothing in the log', async () => {
    const count = () => work.database.db.query(`select 1 from audit_entries where type = 'feedback.given'`);
    const before = await count();
    const message = work.teams.in(GENERAL).at(-1)!;
    for (const [user, on] of [
      [STRANGER, message],
      [ALICE, { ...message, id: '1' }],
    ] as const)
      expect((await work.teams.send(work.teams.feedback(user, on, 'like', 'fine'))).status).toBe(200);
    expect(await count()).toEqual(before);
  });
});

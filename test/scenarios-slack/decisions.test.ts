import { afterEach, expect, test } from 'vitest';
import { drawMessage } from '../support/slack/draw.ts';
import { ALICE, APPROVALS, type Asked, BOB, CAROL, DAVE, ERIN, useWorkplace } from './workplace.ts';

const work = useWorkplace();
afterEach(() => work.expectVerifiedLog());

/** Ends a scenario whose request is still open. */
async function cancelled(asked: Asked): Promise<void> {
  await work.slack.click(ALICE, asked.own, 'cancel');
  await work.everywhere(asked.digest, 'Cancelled by Alice Adams.', 4);
}

const answerBelow = (message: { channel: string; ts: string }, words: string) =>
  work.shows((_, text) => text.includes(words), { channel: message.channel, thread: message.ts });

const answersBelow = ({ channel, ts }: { channel: string; ts: string }, words: string, times: number) =>
  work.slack.workspace.until(() => {
    const said = work.transcript({ channel, thread: ts });
    return said.filter((text) => text.includes(words)).length === times;
  });

test('a requester who approves is refused where they clicked', async () => {
  const asked = await work.asksForChecks();
  await work.slack.click(ALICE, asked.channel, 'approve');
  const answer = await answerBelow(asked.channel, 'You asked for this yourself');
  expect(drawMessage(answer)).toBe(
    'Alice Adams: You asked for this yourself: somebody else must approve it.',
  );
  expect((await work.entries('approval.refused')).at(-1)).toMatchObject({ principal: 'alice' });
  expect(await work.entries('execution.started')).toEqual([]);
  await cancelled(asked);
});

test('somebody who is not entitled is refused in words, and it still waits', async () => {
  const asked = await work.asksForChecks();
  await work.slack.click(DAVE, asked.channel, 'approve');
  await answerBelow(asked.channel, 'Dave Davis: ');
  const dialogs = work.slack.workspace.views.length;
  await work.slack.click(DAVE, asked.channel, 'deny');
  await answersBelow(asked.channel, 'Dave Davis: ', 2);
  // Nobody is asked why they do what they cannot do.
  expect(work.slack.workspace.views).toHaveLength(dialogs);
  await work.slack.click(BOB, asked.own, 'cancel');
  const own = await work.shows((_, text) => text.includes('can cancel this request'), {
    thread: asked.thread,
  });
  expect(drawMessage(own)).toBe('Only Alice Adams, who asked for it, can cancel this request.');
  expect((await work.entries('approval.refused')).slice(-2)).toMatchObject([
    { principal: 'dave', data: { decision: 'deny' } },
    { principal: 'bob', data: { decision: 'cancel' } },
  ]);
  await cancelled(asked);
});

test('an approver denies, and everybody sees who', async () => {
  const asked = await work.asksForChecks();
  await work.denies(CAROL, asked.carol);
  await work.everywhere(asked.digest, 'Denied by Carol Clark.', 4);
  await work.shows((_, text) => text === 'Carol Clark denied "Run a CI job".', { thread: asked.thread });
});

test('an approver says in a dialog why, and the requester reads it', async () => {
  const asked = await work.asksForChecks();
  await work.denies(CAROL, asked.carol, 'Not during the release.');
  await work.shows((_, text) => text === 'Carol Clark denied "Run a CI job": Not during the release.', {
    thread: asked.thread,
  });
});

test('its requester cancels, and nobody can approve it any more', async () => {
  const asked = await work.asksForChecks();
  await cancelled(asked);
  await work.slack.click(BOB, asked.bob, 'approve');
  await answerBelow(asked.bob, 'This request has been cancelled; nothing was changed.');
  expect((await work.entries('approval.ignored')).at(-1)).toMatchObject({ data: { why: 'late' } });
});

test('double, late and outdated clicks change nothing and are answered', async () => {
  const asked = await work.asksForChecks();
  await work.slack.click(BOB, asked.bob, 'approve');
  await work.everywhere(asked.digest, 'passed.', 4);
  // The same person again, on the card as it looked before; somebody else, too late.
  await work.slack.click(BOB, asked.bob, 'approve');
  await answerBelow(asked.bob, 'This request has been done already; nothing was changed.');
  const dialogs = work.slack.workspace.views.length;
  await work.slack.click(CAROL, asked.channel, 'deny');
  await answerBelow(asked.channel, 'Carol Clark: This request has been done already');
  // A card whose buttons carry another rendering than the one that stands now.
  const outdated = structuredClone(asked.carol);
  for (const block of outdated.blocks)
    if (block.type === 'actions') for (const button of block.elements) button.value = crypto.randomUUID();
  for (const decision of ['approve', 'deny']) await work.slack.click(CAROL, outdated, decision);
  await answersBelow(asked.carol, 'That card is out of date; nothing was changed.', 2);
  expect(work.slack.workspace.views).toHaveLength(dialogs);
  const started = (await work.entries('execution.started')).filter(
    (entry) => (entry.data as { digest: string }).digest === asked.digest,
  );
  expect(started).toHaveLength(1);
});

test('one person counts once where two are needed', async () => {
  const { thread } = await work.commands(
    ALICE,
    'ci trigger repo=web ref=main job=release inputs.channel=stable',
  );
  const card = await work.shows((_, text) => text.includes('Alice Adams asks') && text.includes('release'), {
    channel: APPROVALS,
  });
  await work.slack.click(BOB, card, 'approve');
  await work.shows((_, text) => text.includes('Waiting for one more approval'), { thread });
  await work.slack.click(BOB, card, 'approve');
  await answerBelow(card, 'You have approved this already.');
  expect((await work.entries('approval.ignored')).at(-1)).toMatchObject({ data: { why: 'double' } });
  const own = await work.shows((_, text) => text.includes('[Cancel]'), { thread });
  await work.slack.click(ALICE, own, 'cancel');
  await work.shows((_, text) => text.includes('was cancelled; nothing was done.'), { thread });
});

test('an expired request is rewritten everywhere, and its requester told', async () => {
  const asked = await work.asksForChecks();
  const { id } = await work.database.owner.one<{ id: never }>(
    `update requests set expires_at = clock_timestamp() - interval '1 second' where digest = $1 returning id`,
    [asked.digest],
  );
  await work.running.pipeline.expire(id);
  await work.everywhere(asked.digest, 'Expired: nobody decided in time.', 4);
  await work.shows((_, text) => text.includes('expired: nobody decided in time. Ask again'), {
    thread: asked.thread,
  });
});

test('the kill switch voids what waits and says so on every card', async () => {
  const asked = await work.asksForChecks();
  const { thread } = await work.commands(ERIN, 'kill on action=ci.trigger reason="the runner is leaking"');
  await work.shows((_, text) => text.includes('1 pending request was cancelled.'), { thread });
  await work.everywhere(asked.digest, 'the runner is leaking', 4);
  await work.slack.click(BOB, asked.bob, 'approve');
  await answerBelow(asked.bob, 'The kill switch is on.');
  const off = await work.commands(ERIN, 'kill off action=ci.trigger reason="mended"');
  await work.shows((_, text) => text.includes('is off for'), { thread: off.thread });
  const notHers = await work.commands(DAVE, 'kill on reason="because"');
  await work.shows((_, text) => text === 'Only operators may move the kill switch.', {
    thread: notHers.thread,
  });
});

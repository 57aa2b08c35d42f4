import { expect, test } from 'vitest';
import { APPROVALS, BOB, DAVE, GENERAL, useWorkplace } from './workplace.ts';

const work = useWorkplace();

const greetings = (channel?: string) =>
  work.transcript(channel === undefined ? {} : { channel }).filter((text) => text.startsWith('Welcome.'));

test('whoever mentions us in a channel for the first time reads by direct message what is recorded', async () => {
  const said = await work.slack.say(DAVE, '@countersign whoami', GENERAL);
  await work.shows((_, text) => text.includes('You are Dave Davis'), { thread: said.ts });
  await work.shows((_, text) => text.includes('Who may read the log: Erin Evans.'), { channel: 'D0DAVE' });
  expect(greetings(GENERAL)).toEqual([]);
});

test('an approver who only ever presses is told too, once, and nobody else with them', async () => {
  const asked = await work.asksForChecks();
  await work.denies(BOB, asked.channel);
  await work.everywhere(asked.digest, 'Denied by Bob Brown.', 4);
  await work.shows((_, text) => text.startsWith('Welcome.'), { channel: 'D0BOB' });
  const again = await work.asksForChecks();
  await work.slack.click(BOB, again.bob, 'approve');
  await work.everywhere(again.digest, 'passed.', 4);
  expect(greetings('D0BOB')).toHaveLength(1);
  expect(greetings(APPROVALS)).toEqual([]);
  await work.expectVerifiedLog();
});

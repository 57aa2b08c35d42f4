import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { splitNotes } from '../../src/audit/checkpoints.ts';
import { parseVerifier } from '../../src/audit/note.ts';
import { verifyDatabase } from '../../src/audit/verify-database.ts';
import type { FakeMessage } from '../support/slack/workspace.ts';
import { ALICE, BOB, OPERATORS, useWorkplace } from './workplace.ts';

const work = useWorkplace();

const posted = () =>
  work.slack.messages(OPERATORS).filter((message) => message.text.startsWith('Signed checkpoint'));

/** What an auditor copies: the words of the code block. */
function copied(message: FakeMessage): string {
  const [box, ...more] = message.blocks
    .flatMap((block) => (block.type === 'rich_text' ? block.elements : []))
    .filter((element) => element.type === 'rich_text_preformatted');
  expect(more).toEqual([]);
  return box!.elements.map((element) => ('text' in element ? element.text : '')).join('');
}

/** As the command does with the file into which it was pasted. */
async function verifyAgainst(pasted: string) {
  const file = path.join(work.folder, 'pasted');
  writeFileSync(file, pasted);
  const { keys } = work.running.house;
  return verifyDatabase({
    sql: work.running.house.storage.db,
    keys: [parseVerifier(keys.signer.vkey)],
    notes: splitNotes(readFileSync(file, 'utf8')),
    macKey: keys.macKey,
  });
}

test('the first checkpoint leaves through the channel, and the log verifies against what is copied from it', async () => {
  const message = await work.shows((_, text) => text.startsWith('Signed checkpoint'), { channel: OPERATORS });
  const note = copied(message);
  expect(note.split('\n')).toHaveLength(5);
  const found = await verifyAgainst(note);
  expect(found.problems).toEqual([]);
  expect(found.ok).toBe(true);
});

test('a note of another log is found against it', async () => {
  const [message] = posted();
  const lines = copied(message!).split('\n');
  const forged = [lines[0], lines[1], Buffer.alloc(32, 7).toString('base64'), ...lines.slice(3)].join('\n');
  expect((await verifyAgainst(forged)).ok).toBe(false);
});

test('another follows when the last is old enough and the log has grown, and not before', async () => {
  const { thread, size } = await work.database.owner.one<{ thread: string; size: number }>(
    'select thread, size from posted_checkpoints',
  );
  await work.slack.say(ALICE, 'ticket create title="One more entry"');
  await work.shows((_, text) => text.startsWith('Open a ticket: Ticket'));
  expect(posted()).toHaveLength(1);
  await work.database.owner.query(
    `update posted_checkpoints set posted_at = posted_at - interval '15 minutes' where thread = $1`,
    [thread],
  );
  await work.slack.workspace.until(() => posted().length === 2);
  expect(Number(copied(posted()[1]!).split('\n')[1])).toBeGreaterThan(size);
  expect((await verifyAgainst(posted().map(copied).join('\n\n'))).ok).toBe(true);
});

test('a stop posts what was signed since, and a start does not repeat it', async () => {
  await work.slack.say(ALICE, 'ticket create title="The last entry"');
  await work.shows((_, text) => text.startsWith('Open a ticket: Ticket T-2'));
  await work.stop();
  expect(posted()).toHaveLength(3);
  await work.start();
  const said = await work.slack.say(ALICE, 'my requests');
  await work.shows((_, text) => text.includes('Open a ticket'), { thread: said.ts });
  expect(posted()).toHaveLength(3);
  expect((await verifyAgainst(posted().map(copied).join('\n\n'))).ok).toBe(true);
});

test('operators read how the policies changed, line by line', async () => {
  await work.running.reload();
  await work.shows((_, text) => text.includes('the policies are the same as before'), { channel: OPERATORS });
  appendFileSync(
    path.join(work.folder, 'policies', 'tickets.cedar'),
    '\n@id("nobody-opens-tickets-named-so")\n@description("A freeze.")\n@reason("Comments are frozen.")\nforbid (principal, action == Action::"ticket.comment", resource);\n',
  );
  await work.running.reload();
  const told = await work.shows((_, text) => text.includes('added nobody-opens-tickets-named-so'), {
    channel: OPERATORS,
  });
  expect(copied(told)).toContain('+ @id("nobody-opens-tickets-named-so")');
});

test('a checkpoint in the channel comes with no effect on who is asked', async () => {
  const asked = await work.asksForChecks();
  await work.denies(BOB, asked.channel);
  await work.everywhere(asked.digest, 'Denied by Bob Brown.', 4);
  expect(work.cards(asked.digest).some((card) => card.channel === OPERATORS)).toBe(false);
});

test('an entry that we did not write is told to operators at once', async () => {
  await work.database.owner.query(
    `insert into audit_entries (id, instance, counter, body, mac, type)
     select gen_random_uuid(), instance, counter + 1000000, body, mac, type from audit_entries
     where type = 'audit.read' or type = 'config.loaded' limit 1`,
  );
  await work.shows((_, text) => text.startsWith('Audit log: '), { channel: OPERATORS });
});

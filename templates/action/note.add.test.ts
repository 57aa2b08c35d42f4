/** Run it with `node --test`. The action runs in a sandbox, its calls pass a real broker to the board of this test. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type TriedAction, tryAction } from 'countersign/testing';
import { startBoard } from './note.add.system.ts';

let board: Awaited<ReturnType<typeof startBoard>>;
let action: TriedAction;
before(async () => {
  board = await startBoard();
  action = await tryAction(new URL('./note.add.ts', import.meta.url), {
    upstreams: { 'board.example': board.url },
  });
});
after(async () => {
  await action?.close();
  await board?.stop();
});

const args = { team: 'web', note: 'The lift is out of order' };

test('the preview says what will happen and changes nothing', async () => {
  const { value, calls } = await action.preview(args);
  assert.deepEqual(value, {
    summary: 'Add a note to the board of web.',
    facts: [{ label: 'Note', value: args.note }],
    pinned: {},
  });
  assert.deepEqual(
    calls.map(({ method, path }) => `${method} ${path}`),
    ['GET /teams/web'],
  );
  assert.equal(board.notes('web').length, 0);
});

test('the run adds the note, once, and its mark finds it again', async () => {
  const { value } = await action.run(args);
  assert.deepEqual(value, {
    kind: 'done',
    result: {
      code: 'done',
      message: 'The note is on the board of web.',
      data: { note: board.notes('web')[0]?.mark },
    },
  });
  assert.deepEqual(
    board.notes('web').map(({ text, by }) => ({ text, by })),
    [{ text: args.note, by: 'alice (Alice Adams)' }],
  );
  const found = await action.reconcile(args);
  assert.equal((found.value as { kind: string }).kind, 'happened');
});

test('arguments that the schema does not know are refused', async () => {
  await assert.rejects(action.run({ ...args, note: 'two\nlines' }));
  await assert.rejects(action.run({ ...args, team: 'ops' }));
});

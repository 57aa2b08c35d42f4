/**
 * An action from a folder outside, from the author's first command to its effect. Its module tries on every loading to leave a
 * trace in this process and in a file: the core must never have loaded it.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBoard } from '../../templates/action/note.add.system.ts';
import { allowOwn, editOwn, MEANT, makeOwn, reviewOwn } from '../foreign/own-action.ts';
import { type Home, LEVELS, type Level, useAssistant } from '../support/assistant.ts';
import { startLosingProxy } from '../support/losing-proxy.ts';

const folder = mkdtempSync(join(tmpdir(), 'trace-'));
const TRACE = join(folder, 'trace');
const LEAVES_A_TRACE = `
import { writeFileSync } from 'node:fs';
(globalThis as Record<string, unknown>).ownActionWasLoaded = true;
try { writeFileSync(${JSON.stringify(TRACE)}, 'here'); } catch { /* as it should be */ }
`;
const wasLoadedHere = (): boolean =>
  existsSync(TRACE) || (globalThis as Record<string, unknown>).ownActionWasLoaded === true;

let board: Awaited<ReturnType<typeof startBoard>>;
beforeAll(async () => {
  board = await startBoard();
});
afterAll(async () => {
  await board.stop();
  rmSync(folder, { recursive: true, force: true });
});

const own = async (home: Home, more?: string): Promise<void> => {
  await makeOwn(home, board.url, more);
  editOwn(home, (source) => `${source}\n${LEAVES_A_TRACE}`);
  allowOwn(home, await reviewOwn(home));
};
const COMMAND = 'memo.add team=web note="The lift is out of order"';

describe.each(LEVELS)("an action of one's own at $level", ({ level, skip }) => {
  describe.skipIf(skip)('reviewed and allowed', () => {
    const house = useAssistant({ level: level as Level, environment: MEANT, prepare: (home) => own(home) });

    it('is asked for in chat, approved, and done through the broker in the sandbox', async () => {
      const { ask, done, entries, until } = house();
      const before = board.notes('web').length;
      const asked = await ask('alice', COMMAND);
      expect(asked).toMatchObject({
        action: 'memo.add',
        state: 'pending',
        resource: { type: 'Board', id: 'web', attributes: { team: 'web', connector: 'outside-memo.add' } },
      });
      expect(board.notes('web')).toHaveLength(before);

      await done('bob', asked, 'approve');
      const ended = await until(asked, 'succeeded');

      expect(ended.result).toMatchObject({
        message: 'The note is on the board of web.',
        by: 'the action memo.add',
      });
      expect(board.notes('web').slice(before)).toMatchObject([
        { text: 'The lift is out of order', by: 'alice (Alice Adams)' },
      ]);
      const story = await entries(asked);
      const calls = story.filter(({ type }) => type === 'egress.called').map(({ data }) => data);
      const to = { host: 'board.example', status: expect.any(Number) };
      expect(calls).toContainEqual(expect.objectContaining({ ...to, method: 'GET', call: 'preview' }));
      expect(calls).toContainEqual(
        expect.objectContaining({ ...to, method: 'POST', path: '/teams/web/notes', call: 'run' }),
      );
      expect(story.find(({ type }) => type === 'execution.started')?.data).toMatchObject({ level });
    });

    it('is refused where its own schema, or policy, does not take it', async () => {
      const { say } = house();
      expect((await say('alice', 'memo.add team=ops note="The lift"')).requests).toEqual([]);
      expect((await say('dave', COMMAND)).requests.every(({ state }) => state === 'denied')).toBe(true);
    });

    it('is stopped by the kill switch, by its own name and by that of its connector', async () => {
      const { say } = house();
      for (const scope of ['action=memo.add', 'connector=outside-memo.add']) {
        await say('erin', `kill on ${scope} reason=drill`);
        expect((await say('alice', COMMAND)).requests.every(({ state }) => state === 'denied')).toBe(true);
        await say('erin', `kill off ${scope} reason=over`);
      }
    });

    it('is named in the log with the digest that was reviewed, and never ran in the core', async () => {
      const { running, verifiedLog } = house();
      const [loaded] = (await verifiedLog()).filter(({ type }) => type === 'config.loaded');
      expect(loaded?.data?.actions).toEqual({
        'memo.add': { state: 'served', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      });
      expect((await running.checks()).find(({ name }) => name === 'actions')).toMatchObject({ ok: true });
      expect(wasLoadedHere()).toBe(false);
    });
  });
});

/** The board puts notes up later: `run` leaves what to look for, and the second look finds it. */
const goesOn = (source: string): string =>
  source
    .replace(
      '    byMark: {',
      "    later: { method: 'GET', host: 'board.example', path: '/teams/{handle.team}/marks/{handle.mark}' },\n    byMark: {",
    )
    .replace(
      /return done\(.*\{ data: \{ note: tools\.mark \} \}\);/,
      "return { kind: 'running', message: 'The note is on its way.', handle: { team, mark: tools.mark } };",
    )
    .replace(
      '  // After a crash:',
      `  async follow({ team = '', mark = '', looks = 0 }, tools) {
    const found = await tools.send('later');
    if (!found.ok) return { kind: 'failed', result: found.failure.result, output: '' };
    return looks === 0
      ? { kind: 'running', handle: { team, mark, looks: 1 }, output: 'It waits for its place.\\n' }
      : { kind: 'done', result: { code: 'done', message: \`Looked at \${team} twice.\` }, output: 'It is up.\\n' };
  },

  // After a crash:`,
    );

describe('after what it sent', () => {
  let way: Awaited<ReturnType<typeof startLosingProxy>>;
  afterAll(() => way?.stop());
  const made = (change: (source: string) => string) => async (home: Home) => {
    way ??= await startLosingProxy(board.url);
    await makeOwn(home, way.baseUrl);
    editOwn(home, (source) => change(`${source}\n${LEAVES_A_TRACE}`));
    allowOwn(home, await reviewOwn(home));
  };

  describe('an answer was lost', () => {
    const house = useAssistant({ environment: MEANT, prepare: made((source) => source) });

    it('its reconcile finds by its mark that it happened, and it is not sent again', async () => {
      const { ask, done, entries, until } = house();
      const before = board.notes('web').length;
      const asked = await ask('alice', 'memo.add team=web note="The answer is lost"');
      way.loseNextWrite();
      await done('bob', asked, 'approve');
      const ended = await until(asked, 'succeeded', 'failed', 'unknown');
      expect(ended).toMatchObject({
        state: 'succeeded',
        result: { message: 'The note is on the board of web.' },
      });
      expect(board.notes('web').slice(before)).toMatchObject([{ text: 'The answer is lost' }]);
      const calls = (await entries(asked)).filter(({ type }) => type === 'egress.called');
      const [{ mark = '' } = {}] = board.notes('web').slice(before);
      expect(calls.map(({ data }) => data)).toContainEqual(
        expect.objectContaining({ method: 'GET', path: `/teams/web/marks/${mark}`, call: 'reconcile' }),
      );
      expect(wasLoadedHere()).toBe(false);
    });
  });

  describe('something goes on elsewhere', () => {
    const house = useAssistant({ environment: MEANT, prepare: made(goesOn) });

    it('its follow looks again, by the handle alone, until it has ended', async () => {
      const { ask, done, entries, until, database } = house();
      const asked = await ask('alice', 'memo.add team=web note="It takes a while"');
      await done('bob', asked, 'approve');
      const ended = await until(asked, 'succeeded', 'failed', 'unknown');
      expect(ended).toMatchObject({
        state: 'succeeded',
        result: { message: 'Looked at web twice.' },
      });
      const [row] = await database.db.query('select output from requests where id = $1', [asked.id]);
      expect(row).toEqual({ output: 'It waits for its place.\nIt is up.\n' });
      const calls = (await entries(asked)).filter(({ type }) => type === 'egress.called');
      expect(calls.map(({ data }) => data?.call)).toEqual(
        expect.arrayContaining(['preview', 'run', 'follow']),
      );
      expect(calls.filter(({ data }) => data?.effect === 'write')).toHaveLength(1);
      expect(wasLoadedHere()).toBe(false);
    });
  });
});

/** What becomes of it when something changed after the review; `policies` and people speak of it all the same. */
describe.each([
  [
    'its source changed',
    'changed',
    (home: Home) => editOwn(home, (source) => source.replace('{args.team}/notes', '{args.team}/memos')),
  ],
  ['its file is gone', 'source_missing', (home: Home) => rmSync(home.file('own/memo.add.ts'))],
  [
    'it imports what it may not',
    'not_bundled',
    (home: Home) => editOwn(home, (source) => `${source}\nimport '../people.yaml';`),
  ],
  ['its review is gone', 'not_reviewed', (home: Home) => rmSync(home.file('actions.reviewed.json'))],
])('after a review, when %s', (_what, state, change) => {
  const house = useAssistant({
    environment: MEANT,
    prepare: async (home) => {
      await own(home);
      change(home);
    },
  });

  it(`is not served, and readyz says ${state}`, async () => {
    const { running, say } = house();
    expect(running.rules.catalogue.governed('memo.add')).toBeNull();
    expect((await running.checks()).find(({ name }) => name === 'actions')).toEqual({
      name: 'actions',
      ok: false,
      code: state,
      decides: false,
    });
    expect((await say('alice', COMMAND)).requests).toEqual([]);
    expect(wasLoadedHere()).toBe(false);
  });
});

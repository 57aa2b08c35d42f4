/** What an action of one's own did is taken back by another one of the same folder: both as the authors' page has them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PrincipalId } from '../../src/model/ids.ts';
import type { RequestView } from '../../src/model/request.ts';
import { startBoard } from '../../templates/action/note.add.system.ts';
import { allowOwn, commandIn, editOwn, MEANT, makeOwn, reviewOwn } from '../foreign/own-action.ts';
import { type Home, LEVELS, type Level, useAssistant } from '../support/assistant.ts';

const PAGE = readFileSync(fileURLToPath(new URL('../../docs/action-author.md', import.meta.url)), 'utf8');
const blockWith = (words: string): string => {
  const found = PAGE.split('```ts\n')
    .map((block) => block.split('```')[0] ?? '')
    .find((block) => block.includes(words));
  if (found === undefined) throw new Error(`the page has no code with ${words}`);
  return found;
};
const UNDO = blockWith('undo: {');
const REMOVE = blockWith("name: 'memo.remove'");
let board: Awaited<ReturnType<typeof startBoard>>;
beforeAll(async () => {
  board = await startBoard();
});
afterAll(() => board.stop());

const madeWith = async (home: Home, remove: string): Promise<void> => {
  await makeOwn(home, board.url);
  editOwn(home, (source) => source.replace("  idempotency: 'none',\n", (line) => `${line}${UNDO}`));
  writeFileSync(home.file('own/memo.remove.ts'), remove);
  const first = await reviewOwn(home);
  expect(first.stdout).toContain('  undo          by memo.remove with team = {args.team}');
  expect(first.stderr).toContain(
    'Its undo is not offered yet: no action memo.remove of the folder is reviewed.',
  );
  allowOwn(home, first);
  const second = await commandIn(home.folder)('action', 'review', 'memo.remove', '--write');
  expect(second, second.stderr).toMatchObject({ exit: 0 });
  expect((await reviewOwn(home)).stderr).not.toContain('not offered');
  const [action = ''] = /^ *action "memo\.remove".*$/m.exec(second.stderr) ?? [];
  home.edit('policies/schema.cedarschema', (text) => `${text}\n${action}\n`);
  home.edit(
    'policies/memos.cedar',
    (text) => `${text}
@id("engineers-memo-remove")
@description("Engineers may take memos down.")
@approval("none")
permit (principal in Group::"engineers", action == Action::"memo.remove", resource);
`,
  );
};
const made = (home: Home): Promise<void> => madeWith(home, REMOVE);

/** Whether the note of this request is on the board. */
const isUp = ({ result }: RequestView): boolean =>
  board.notes('web').some(({ mark }) => mark === (result!.data as { note: string }).note);

describe.each(LEVELS)('taking back what an own action did, at $level', ({ level, skip }) => {
  describe.skipIf(skip)('by another action of the folder', () => {
    const house = useAssistant({ level: level as Level, environment: MEANT, prepare: made });
    const added = async (note: string): Promise<RequestView> => {
      const { ask, done, until } = house();
      const asked = await ask('alice', `memo.add team=web note="${note}"`);
      await done('bob', asked, 'approve');
      return until(asked, 'succeeded');
    };
    const cardFor = async (person: string, request: RequestView) =>
      (await house().assistant.requestPage(request.id, person as PrincipalId))?.message.card;

    it('is pressed, seen and confirmed by who asked, and is a governed request of its own', async () => {
      const { press, done, until, story, verifiedLog } = house();
      const memo = await added('The lift is out of order');
      expect(isUp(memo)).toBe(true);
      const card = await cardFor('alice', memo);
      expect(card?.offers).toContain('undo');

      const [undo] = (await press('alice', { kind: 'undo', rendering: card!.rendering })).requests;
      expect(undo).toMatchObject({
        ...{
          action: 'memo.remove',
          state: 'pending',
          arguments: { team: 'web', ...(memo.result?.data as object) },
        },
        needs: [{ kind: 'confirm' }],
      });
      expect(isUp(memo)).toBe(true);
      expect((await cardFor('alice', memo))?.offers).not.toContain('undo');

      await done('alice', undo!, 'confirm');
      await until(undo!, 'succeeded');
      expect(isUp(memo)).toBe(false);
      expect(await story(undo!)).toEqual(
        expect.arrayContaining(['proposal.made', 'decision.made', 'request.confirmed', 'execution.finished']),
      );
      await verifiedLog();
    });

    it('is for nobody else, once, and while its time lasts', async () => {
      const { say, ask, done, until, database } = house();
      const memo = await added('The stairs are wet');
      expect((await say('carol', `undo ${memo.id}`)).reply).toMatch(/no request of yours/);
      const undo = await ask('alice', `undo ${memo.id}`);
      expect((await say('alice', `undo ${memo.id}`)).reply).toMatch(/taken back already/);
      await done('alice', undo, 'cancel');
      await until(undo, 'cancelled');
      expect((await cardFor('alice', memo))?.offers).toContain('undo');
      await database.owner.query(
        `update requests set finished_at = finished_at - interval '16 minutes', created_at = created_at - interval '16 minutes'
         where id = $1`,
        [memo.id],
      );
      expect((await say('alice', `undo ${memo.id}`)).reply).toMatch(/time to take that back is over/);
      expect(isUp(memo)).toBe(true);
    });

    it('is refused where policy does not take it any more', async () => {
      const { home, running, ask } = house();
      const memo = await added('The door sticks');
      home.edit(
        'policies/memos.cedar',
        (text) => `${text}
@id("memos-stay")
@description("Memos stay.")
@reason("Memos stay during the audit.")
forbid (principal, action == Action::"memo.remove", resource);
`,
      );
      await running.reload();
      expect((await cardFor('alice', memo))?.offers).not.toContain('undo');
      expect(await ask('alice', `undo ${memo.id}`)).toMatchObject({
        state: 'denied',
        result: { message: expect.stringContaining('during the audit') },
      });
      expect(isUp(memo)).toBe(true);
    });
  });
});

describe('where what takes it back is of more than low risk', () => {
  const house = useAssistant({
    environment: MEANT,
    prepare: (home) => madeWith(home, REMOVE.replace("risk: 'low'", "risk: 'medium'")),
  });

  it('what its code answered needs a person other than who asked, as all that is fetched', async () => {
    const { ask, done, press, until, assistant, running, home } = house();
    const asked = await ask('alice', 'memo.add team=web note="The roof leaks"');
    await done('bob', asked, 'approve');
    const memo = await until(asked, 'succeeded');
    const cardOf = async ({ id }: RequestView) =>
      (await assistant.requestPage(id, 'alice' as PrincipalId))?.message.card;
    const { offers, rendering } = (await cardOf(memo))!;
    expect(offers).toContain('undo');
    const [undo] = (await press('alice', { kind: 'undo', rendering })).requests;
    expect(undo).toMatchObject({ needs: [{ kind: 'confirm' }, { kind: 'approve' }] });
    expect((await cardOf(undo!))?.arguments).toMatchObject([
      { name: 'team', provenance: 'typed' },
      { name: 'note', provenance: 'fetched' },
    ]);
    await done('alice', undo!, 'confirm');
    expect(isUp(memo)).toBe(true);
    await done('alice', undo!, 'cancel');
    expect((await cardOf(memo))?.offers).toContain('undo');

    // The card asks policy with the same facts as the press does.
    home.edit(
      'policies/memos.cedar',
      (text) => `${text}
@id("nothing-fetched-takes-memos-down")
@description("What outside text may have shaped takes no memo down.")
@reason("Outside text may have shaped this.")
forbid (principal, action == Action::"memo.remove", resource) when { context.tainted };
`,
    );
    await running.reload();
    expect((await cardOf(memo))?.offers).not.toContain('undo');
  });
});

describe('where nothing serves what would take it back', () => {
  const house = useAssistant({
    environment: MEANT,
    prepare: async (home) => {
      await made(home);
      writeFileSync(home.file('own/memo.remove.ts'), `${REMOVE}\nconsole.log('changed');\n`);
    },
  });

  it('it is not offered, and told in words', async () => {
    const { ask, done, until, say } = house();
    const asked = await ask('alice', 'memo.add team=data note="The lift is out of order"');
    await done('bob', asked, 'approve');
    const memo = await until(asked, 'succeeded');
    expect((await say('alice', `undo ${memo.id}`)).reply).toMatch(/no request of yours with that id/);
  });
});

import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCatalogue } from '../../src/catalogue.ts';
import { type ActionsConfig, NOTHING_ASSIGNED } from '../../src/foreign/assigned.ts';
import { bundleOutside } from '../../src/foreign/bundle.ts';
import { prepareOutside, readOutside } from '../../src/foreign/outside.ts';
import { writeReviewed } from '../../src/foreign/reviewed.ts';
import { folderWith, removeFolders, sourceOf } from './folder.ts';

removeFolders();
const NAME = 'lamp.look';
const TRUST = { production: false };
const DESCRIPTION = {
  ...{ v: 1, name: NAME, title: 'Look at the lamp', description: 'Says whether the lamp is on.' },
  ...{ examples: ['is the lamp on'], system: 'the lamp', effect: 'read', risk: 'low', writes: 0 },
  input: { type: 'object', properties: {}, additionalProperties: false },
  resource: { type: 'Lamp', id: 'lamp' },
  egress: [{ name: 'look', method: 'GET', host: 'lamp.example', path: '/lamp' }],
  idempotency: 'natural',
};
type Change = Record<string, unknown>;

/** A folder with one action, reviewed as it is there; `change`: of what was reviewed. */
async function reviewed(change: Change = {}, assign: ActionsConfig['assign'] = {}): Promise<ActionsConfig> {
  const folder = folderWith({ [`${NAME}.ts`]: sourceOf('') });
  const actions = { folder, reviewed: join(folder, 'reviewed.json'), assign };
  const sha256 = createHash('sha256')
    .update((await bundleOutside(folder, NAME)).code)
    .digest('hex');
  writeReviewed(actions.reviewed, NAME, { sha256, description: { ...DESCRIPTION, ...change } }, TRUST);
  return actions;
}
const digestServed = async (actions: ActionsConfig): Promise<string | undefined> =>
  (await prepareOutside(actions, TRUST)).bundles.get(`outside-${NAME}`)?.sha256;

describe('actions of a folder outside', () => {
  it('there are none where none are configured', async () => {
    expect((await prepareOutside(null, TRUST)).statuses).toEqual([]);
  });

  it('are served under a digest of the code and of the terms that were reviewed and assigned', async () => {
    const digests = await Promise.all([
      reviewed().then(digestServed),
      reviewed().then(digestServed),
      reviewed({ title: 'Look at another lamp' }).then(digestServed),
      reviewed({ egress: [{ ...DESCRIPTION.egress[0], path: '/other' }] }).then(digestServed),
      reviewed({}, { [NAME]: { ...NOTHING_ASSIGNED, risk: 'high' } }).then(digestServed),
    ]);
    expect(digests).not.toContain(undefined);
    expect(digests[0]).toBe(digests[1]);
    expect(new Set(digests).size).toBe(4);
  });

  it('are not served without the credential that they would like', async () => {
    const wanting = { egress: [{ ...DESCRIPTION.egress[0], credential: 'lamp' }] };
    const without = await prepareOutside(await reviewed(wanting), TRUST);
    expect(without.statuses).toMatchObject([{ name: NAME, state: 'credential_not_assigned' }]);
    expect(without.serves(NAME)).toBe(false);
    const given = await reviewed(wanting, { [NAME]: { credentials: ['lamp'], settings: {} } });
    expect((await prepareOutside(given, TRUST)).serves(NAME)).toBe(true);
  });

  it('are served without an undo that no action of the folder serves, and say so', async () => {
    const change = {
      ...{ effect: 'write', writes: 1 },
      egress: [{ ...DESCRIPTION.egress[0], method: 'POST' }],
      undo: { action: 'lamp.reset', withinSeconds: 60, arguments: {} },
    };
    const alone = await reviewed(change);
    expect((await prepareOutside(alone, TRUST)).statuses).toMatchObject([
      {
        state: 'served',
        lacks: true,
        words: expect.stringContaining('undo is not offered: no action lamp.reset'),
      },
    ]);
    expect(readOutside(alone, TRUST).known[0]?.governed?.action.undo).toBeUndefined();
    const itself = await reviewed({ ...change, undo: { ...change.undo, action: NAME } });
    expect((await prepareOutside(itself, TRUST)).statuses).toMatchObject([{ state: 'served', lacks: false }]);
    expect(readOutside(itself, TRUST).known[0]?.governed?.action.undo).toMatchObject({ action: NAME });
  });

  it.each([
    ['that does not hold', { egress: [{ ...DESCRIPTION.egress[0], path: '/a/../b' }] }],
    ['of another action', { name: 'lamp.other' }],
  ])('refuse the start with a review %s, edited by hand', async (_what, change) => {
    const actions = await reviewed(change);
    expect(() => readOutside(actions, TRUST)).toThrow('eview it again');
  });

  it('refuse the start where others may write the folder or the review', async () => {
    const actions = await reviewed();
    chmodSync(actions.reviewed, 0o666);
    expect(() => readOutside(actions, TRUST)).toThrow('written by others');
    chmodSync(actions.reviewed, 0o644);
    chmodSync(actions.folder, 0o777);
    expect(() => readOutside(actions, TRUST)).toThrow('written by others');
  });

  it('refuse the start where something is assigned to an action that there is not', async () => {
    const actions = await reviewed({}, { 'lamp.loook': NOTHING_ASSIGNED });
    expect(() => readOutside(actions, TRUST)).toThrow('lamp.loook');
  });

  it('take nobody else\u2019s name', async () => {
    const [known] = readOutside(await reviewed(), TRUST).known;
    const { governed } = known!;
    expect(() => createCatalogue([governed!.action], [], {}, [governed!])).toThrow(
      'two actions called lamp.look',
    );
  });

  it('serve only what is there now: a source that changes back is served again', async () => {
    const actions = await reviewed();
    const file = join(actions.folder, `${NAME}.ts`);
    const source = readFileSync(file, 'utf8');
    writeFileSync(file, `${source}console.log('other');\n`);
    expect((await prepareOutside(actions, TRUST)).statuses).toMatchObject([{ state: 'changed' }]);
    writeFileSync(file, source);
    expect((await prepareOutside(actions, TRUST)).statuses).toMatchObject([{ state: 'served' }]);
  });
});

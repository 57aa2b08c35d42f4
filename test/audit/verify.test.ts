import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonical } from '../../src/audit/canonical.ts';
import { splitNotes } from '../../src/audit/checkpoints.ts';
import { hashEntry, placeEntry } from '../../src/audit/entry.ts';
import { appendLeaf, EMPTY_FRONTIER, rootOf, ZERO_HASH } from '../../src/audit/merkle.ts';
import { formatCheckpoint, signNote } from '../../src/audit/note.ts';
import { verifyExport } from '../../src/audit/verify.ts';
import type { Json } from '../../src/model/request.ts';
import { makeKeys } from './support.ts';

const { signer } = makeKeys();
const SIZE = 12;

type Line = { index: number; leafHash: string; entry: Record<string, Json> };
const body = (n: number) => ({
  v: 1,
  id: randomUUID(),
  time: new Date(1_700_000_000_000 + n).toISOString(),
  type: 'turn.received',
  data: { n, text: `word ${n}` },
});

/** Chains bodies as the sequencer would; `note` signs the whole. */
function chainUp(bodies: Record<string, Json>[]): { lines: Line[]; note: string } {
  let frontier = EMPTY_FRONTIER;
  let previous = ZERO_HASH;
  const lines = bodies.map((one, index) => {
    const entry = placeEntry(one, index, previous);
    previous = hashEntry(entry);
    frontier = appendLeaf(frontier, previous);
    return { index, leafHash: previous.toString('hex'), entry };
  });
  const checkpoint = { origin: signer.name, size: frontier.size, root: rootOf(frontier) };
  return { lines, note: signNote(formatCheckpoint(checkpoint), signer) };
}

const bodies = Array.from({ length: SIZE }, (_, n) => body(n));
const good = chainUp(bodies);
const texts = good.lines.map((line) => JSON.stringify(line));
const verify = (lines: readonly string[], notes: readonly string[] = [good.note]) =>
  verifyExport({ lines, keys: [signer], notes });

/** The line with other data; `honest` also gives it the hash that it now has. */
function changed(index: number, data: Json, honest: boolean): string {
  const line = good.lines[index] as Line;
  const entry = { ...line.entry, data };
  const leafHash = honest ? hashEntry(entry).toString('hex') : line.leafHash;
  return JSON.stringify({ ...line, leafHash, entry });
}
const replaced = (index: number, text: string) => texts.with(index, text);

describe('an export', () => {
  test('verifies as it is, with and without its checkpoint', async () => {
    expect(await verify(texts)).toMatchObject({
      ok: true,
      entries: SIZE,
      range: false,
      checkpoints: { compared: 1 },
    });
    expect(await verify(texts, [])).toMatchObject({ ok: true, checkpoints: { compared: 0, size: null } });
  });

  test('verifies in any spelling of the same JSON', async () => {
    const spaced = good.lines.map((line) => JSON.stringify(line, null, 1).replaceAll('\n', ' '));
    expect(await verify(spaced)).toMatchObject({ ok: true });
  });

  test.each([0, 5, SIZE - 1])('names entry %i when it is changed', async (index) => {
    const { problems } = await verify(replaced(index, changed(index, { n: 99 }, false)));
    expect(problems).toMatchObject([{ kind: 'changed', index }]);
  });

  test.each([0, 5, SIZE - 2])('names entry %i when it is changed and hashed again', async (index) => {
    const { problems } = await verify(replaced(index, changed(index, { n: 99 }, true)), []);
    expect(problems).toMatchObject([{ kind: 'changed', index }]);
  });

  test('names the last entry, changed and hashed again, by an earlier checkpoint', async () => {
    const earlier = chainUp(bodies.slice(0, SIZE - 1)).note;
    const { problems } = await verify(replaced(SIZE - 1, changed(SIZE - 1, {}, true)), [earlier, good.note]);
    expect(problems).toMatchObject([{ kind: 'checkpoint_mismatch', index: SIZE - 1 }]);
  });

  test('names an entry whose link was changed and hashed again', async () => {
    const line = good.lines[5] as Line;
    const entry = { ...line.entry, previous: 'ab'.repeat(32) };
    const text = JSON.stringify({ ...line, entry, leafHash: hashEntry(entry).toString('hex') });
    expect((await verify(replaced(5, text))).problems).toMatchObject([{ kind: 'changed', index: 5 }]);
  });

  test.each([1, 5, SIZE - 1])('names entry %i when it is removed', async (index) => {
    const { problems } = await verify(texts.toSpliced(index, 1));
    expect(problems).toMatchObject([{ kind: 'removed', index }]);
  });

  test.each([
    [1, 2],
    [3, 9],
  ])('names entries %i and %i when they change places', async (a, b) => {
    const swapped = texts.with(a, texts[b] ?? '').with(b, texts[a] ?? '');
    const { ok, problems } = await verify(swapped);
    expect(ok).toBe(false);
    expect(problems[0]).toMatchObject({ kind: 'reordered', index: a });
    expect(new Set(problems.map((problem) => problem.kind))).toEqual(new Set(['reordered']));
  });

  test('names the place of an entry that was put in, or stands there twice', async () => {
    const before = good.lines[4] as Line;
    const entry = placeEntry(body(99), 5, Buffer.from(before.leafHash, 'hex'));
    const forged = JSON.stringify({ index: 5, leafHash: hashEntry(entry).toString('hex'), entry });
    for (const put of [forged, texts[5] ?? '']) {
      const { problems } = await verify(texts.toSpliced(5, 0, put));
      expect(problems).toMatchObject([{ kind: 'inserted', index: 5 }]);
    }
  });

  test('names entries that were added after the checkpoint', async () => {
    const longer = chainUp([...bodies, body(99)]);
    const { problems } = await verify(longer.lines.map((line) => JSON.stringify(line)));
    expect(problems).toMatchObject([{ kind: 'inserted', index: SIZE }]);
  });

  test('that was rewritten as a whole is found against a checkpoint that left the house', async () => {
    const rewritten = chainUp(bodies.with(3, body(3)));
    const lines = rewritten.lines.map((line) => JSON.stringify(line));
    expect(await verify(lines, [rewritten.note])).toMatchObject({ ok: true });
    const early = chainUp(bodies.slice(0, 2)).note;
    const { problems } = await verify(lines, [early, good.note]);
    expect(problems).toMatchObject([{ kind: 'checkpoint_mismatch', index: 2 }]);
  });

  test('is not verified by a checkpoint that somebody else signed, or that was changed', async () => {
    const stranger = makeKeys().signer;
    const foreign = signNote(`${good.note.split('\n\n')[0]}\n`, stranger);
    const bent = good.note.replace(`\n${SIZE}\n`, `\n${SIZE - 1}\n`);
    for (const note of [foreign, bent, 'nonsense\n']) {
      expect((await verify(texts, [note])).problems).toMatchObject([{ kind: 'bad_signature' }]);
    }
  });

  test('that begins later is checked as a range', async () => {
    const range = texts.slice(4, 9);
    expect(await verify(range)).toMatchObject({ ok: true, range: true, first: 4, last: 8, root: null });
    const { problems } = await verify(range.toSpliced(2, 1));
    expect(problems).toMatchObject([{ kind: 'removed', index: 6 }]);
  });

  test('of the whole log that lost its beginning is told from a range', async () => {
    const read = { ...body(SIZE), type: 'audit.read', data: { what: 'export', since: null, until: null } };
    const whole = chainUp([...bodies, read]);
    const lines = whole.lines.map((line) => JSON.stringify(line));
    expect(await verify(lines, [whole.note])).toMatchObject({ ok: true });
    const { problems } = await verify(lines.slice(1), [whole.note]);
    expect(problems).toMatchObject([{ kind: 'removed', index: 0 }]);
  });

  test('with nothing in it is not the log that was signed', async () => {
    expect((await verify([])).problems).toMatchObject([{ kind: 'removed', index: 0 }]);
    expect(await verify([], [])).toMatchObject({ ok: true, entries: 0 });
  });

  test('names a line that is no entry, and does not take its neighbours for missing', async () => {
    for (const text of ['{', '[]', 'null', '{"index":5}']) {
      expect((await verify(replaced(5, text))).problems).toMatchObject([{ kind: 'changed', index: 5 }]);
      expect((await verify(texts.toSpliced(5, 0, text))).problems).toMatchObject([
        { kind: 'changed', index: 5 },
      ]);
    }
  });

  test('cannot be changed anywhere by a single character without being found', async () => {
    const place = fc.record({
      line: fc.nat(SIZE - 1),
      at: fc.nat(),
      character: fc.string({ unit: 'binary', minLength: 0, maxLength: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(place, async ({ line, at, character }) => {
        const text = texts[line] ?? '';
        const position = at % text.length;
        const bent = text.slice(0, position) + character + text.slice(position + 1);
        const { ok, problems } = await verify(replaced(line, bent));
        if (ok) expect(sameJson(bent, text)).toBe(true);
        else expect(problems.some((problem) => problem.index === line)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('cannot lose, gain, repeat or reorder entries without being found', async () => {
    const order = fc.array(fc.nat(SIZE - 1), { maxLength: SIZE + 2 });
    await fc.assert(
      fc.asyncProperty(order, async (picked) => {
        const { ok, range } = await verify(picked.map((index) => texts[index] ?? ''));
        const [first = 0] = picked;
        const contiguous = picked.every((index, n) => index === first + n) && picked.length > 0;
        // What begins later and lacks nothing within is a range, and said to be one.
        expect(ok).toBe(contiguous && (picked.length === SIZE || first > 0));
        expect(range).toBe(picked.length > 0 && first > 0);
      }),
      { numRuns: 500 },
    );
  });
});

function sameJson(a: string, b: string): boolean {
  return canonical(JSON.parse(a)) === canonical(JSON.parse(b));
}

describe('a file of checkpoints', () => {
  const other = chainUp(bodies.slice(0, 3)).note;
  const unsigned = other.split('\n\n')[0];

  test.each([
    ['a blank line between them', `${other}\n${good.note}`],
    ['blank lines everywhere', `\n${other}\n\n\n${good.note}\n\n`],
    ['nothing between them', `${other}${good.note}`],
    ['no last line feed', `${other}${good.note.trimEnd()}`],
    ['the line ends of another system', `${other}${good.note}`.replaceAll('\n', '\r\n')],
  ])('is taken apart into its notes, with %s', (_what, text) => {
    expect(splitNotes(text)).toEqual([other, good.note]);
  });

  test('holds none where it is empty, and one without signature is one', () => {
    expect(splitNotes('')).toEqual([]);
    expect(splitNotes('\n\n')).toEqual([]);
    expect(splitNotes(`${unsigned}\n\n${good.note}`)).toEqual([`${unsigned}\n`, good.note]);
    expect(splitNotes(`${good.note}${unsigned}`)).toEqual([good.note, `${unsigned}\n`]);
  });

  test('of several signatures keeps each with its note', () => {
    const twice = `${other}${other.split('\n\n')[1]}`;
    expect(splitNotes(`${twice}${good.note}`)).toEqual([twice, good.note]);
  });
});

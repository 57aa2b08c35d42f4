/** What failed is told in the author's files, bounded and harmless for whoever reads it at a terminal. */
import { expect, it } from 'vitest';
import { bundleOutside } from '../../src/foreign/bundle.ts';
import { traced } from '../../src/foreign/traced.ts';
import { folderWith, removeFolders, sourceOf } from './folder.ts';

removeFolders();
const NAME = 'lamp.look';

/** Where a word of the author's source stands in the bundle and in the source, both as stacks count. */
async function placesOf(word: string) {
  const source = sourceOf(`type Other = number;\n  ${word}(1 as Other);`);
  const { code, map } = await bundleOutside(folderWith({ [`${NAME}.ts`]: source }), NAME);
  const placeIn = (text: string): string => {
    const [before = ''] = text.split(word);
    const lines = before.split('\n');
    return `${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`;
  };
  return { map, made: placeIn(Buffer.from(code).toString()), written: placeIn(source) };
}

it('places in the bundle are told as places in the source', async () => {
  const { map, made, written } = await placesOf('findsTheLamp');
  expect(made).not.toBe(written);
  const [line] = made.split(':');
  expect(traced(`x (file:///a/b.mjs:${made})\n /a/b.mjs:${line}\n node:internal:1:2`, map)).toBe(
    `x (${NAME}.ts:${written})\n ${NAME}.ts:${written.split(':')[0]}\n node:internal:1:2`,
  );
  expect(traced('/a/b.mjs:9999999:1', map)).not.toContain('undefined');
});

it('what is long is cut, and what moves a cursor is a picture', async () => {
  const { map } = await placesOf('x');
  expect(traced('a\u001b[31m\r\u202eb', map)).toBe('a␛[31m\n[U+202E]b');
  expect(traced('line\n'.repeat(100), map).split('\n')).toHaveLength(31);
  expect(traced('x'.repeat(100_000), map)).toHaveLength(4_000);
});

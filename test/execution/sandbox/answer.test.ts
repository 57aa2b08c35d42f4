import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerReader } from '../../../src/execution/sandbox/answer.ts';

function read(...chunks: (string | Buffer)[]) {
  const progress: string[] = [];
  const reader = new AnswerReader((line) => progress.push(line));
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  reader.end();
  return { final: reader.final, broken: reader.broken !== null, progress };
}

describe('reading an answer', () => {
  it('takes progress and one value, however the bytes are cut', () => {
    const text = '{"progress":"händ"}\n{"value":{"a":[1,true,null]}}\n';
    fc.assert(
      fc.property(fc.nat(Buffer.byteLength(text)), (at) => {
        const bytes = Buffer.from(text);
        expect(read(bytes.subarray(0, at), bytes.subarray(at))).toEqual({
          final: { value: { a: [1, true, null] } },
          broken: false,
          progress: ['händ'],
        });
      }),
    );
  });

  it.each([
    'words\n',
    '{"value":1}',
    '{"value":1}\n{"value":2}\n',
    '{"value":1,"error":null}\n',
    '{"value":1.5}\n',
    '{"value":1e300}\n',
    '{"value":{"__proto__":1}}\n',
    '{"error":{"code":"made_up","message":""}}\n',
    '{"progress":7}\n',
    'null\n',
    `{"value":${'['.repeat(100)}${']'.repeat(100)}}\n`,
    Buffer.from([0x22, 0xff, 0x22, 0x0a]),
  ])('refuses %j', (text) => {
    expect(read(text).broken).toBe(true);
  });

  it('survives nesting deeper than any stack', () => {
    expect(read(`{"value":${'['.repeat(400_000)}${']'.repeat(400_000)}}\n`).broken).toBe(true);
  });

  it('makes progress one visible line of 500 characters, and 200 of them', () => {
    const line = JSON.stringify({ progress: `a\u001b[2J\u202eb\n${'c'.repeat(1000)}` });
    const { progress } = read(`${line}\n`.repeat(300));
    expect(progress).toHaveLength(200);
    expect(progress[0]).toMatch(/^a \[2J bc* ?c+$/);
    expect(progress[0]?.length).toBeLessThanOrEqual(500);
  });
});

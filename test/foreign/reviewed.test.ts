import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readReviewed, writeReviewed } from '../../src/foreign/reviewed.ts';

const Entry = z.strictObject({ sha256: z.string() });
const options = { production: false };
let folder = '';
const file = (): string => join(folder, 'reviewed.json');
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reviewed-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the reviewed file', () => {
  it('is empty before the first review', () => {
    expect(readReviewed(file(), Entry, options).size).toBe(0);
  });

  it('keeps what was written, sorted by name, the newest of each', () => {
    writeReviewed(file(), 'b.two', { sha256: '1' }, options);
    writeReviewed(file(), 'a.one', { sha256: '2' }, options);
    writeReviewed(file(), 'b.two', { sha256: '3' }, options);
    expect([...readReviewed(file(), Entry, options)]).toEqual([
      ['a.one', { sha256: '2' }],
      ['b.two', { sha256: '3' }],
    ]);
    expect(readFileSync(file(), 'utf8').endsWith('}\n')).toBe(true);
  });

  it('is refused when others may write it', () => {
    writeReviewed(file(), 'a.one', { sha256: '1' }, options);
    chmodSync(file(), 0o666);
    expect(() => readReviewed(file(), Entry, options)).toThrow('may be written by others');
  });

  it.each(['[]', '{', '{"v": 2, "reviewed": {}}', '{"v": 1, "reviewed": {"a.one": {}}}'])(
    'refuses %s, and says to review again',
    (text) => {
      writeFileSync(file(), text);
      expect(() => readReviewed(file(), Entry, options)).toThrow('again');
    },
  );

  it('has no entry under a name that means something else', () => {
    writeFileSync(file(), '{"v": 1, "reviewed": {"__proto__": {"sha256": ""}}}');
    expect([...readReviewed(file(), Entry, options)]).toEqual([]);
  });

  it.each(['__proto__', 'constructor', '../x', ''])('takes no entry called %s', (name) => {
    expect(() => writeReviewed(file(), name, {}, options)).toThrow('no name');
  });
});

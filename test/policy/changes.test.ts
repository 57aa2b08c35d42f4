import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineDiff, policyChanges, policyEntry } from '../../src/policy/changes.ts';
import { folderOf, load } from './fixtures.ts';

const rule = (id: string, group = 'employees') =>
  `@id("${id}") @description("D.")\npermit (principal in Group::"${group}", action == Action::"ticket.status", resource);\n`;
const loaded = (files: Record<string, string>) => load(folderOf(files));

describe('changes of policy', () => {
  const before = loaded({ 'a.cedar': rule('kept') + rule('altered'), 'b.cedar': rule('removed') });
  const after = loaded({ 'a.cedar': rule('kept') + rule('altered', 'engineers') + rule('added') });

  it('name what came, went and changed, with the lines', () => {
    const changes = policyChanges(before, after);
    expect(changes).toMatchObject({
      changed: true,
      added: ['added'],
      removed: ['removed'],
      altered: ['altered'],
    });
    expect(changes.diff).toContain('a.cedar');
    expect(changes.diff).toContain(
      '- permit (principal in Group::"employees", action == Action::"ticket.status", resource);',
    );
    expect(changes.diff).toContain(
      '+ permit (principal in Group::"engineers", action == Action::"ticket.status", resource);',
    );
    expect(changes.diff).toContain('- @id("removed") @description("D.")');
    expect(changes.diff.join()).not.toContain('kept');
  });

  it('are none between two loads of the same texts', () => {
    const same = loaded({ 'a.cedar': rule('kept') });
    const again = loaded({ 'a.cedar': rule('kept') });
    expect(again.digest).toBe(same.digest);
    expect(policyChanges(same, again)).toEqual({
      changed: false,
      added: [],
      removed: [],
      altered: [],
      diff: [],
    });
  });

  it('are everything at the first load, whose entry holds every text with its digest', () => {
    const entry = policyEntry(null, after);
    expect(entry).toMatchObject({ digest: after.digest, previous: null, removed: [], altered: [] });
    expect(entry.added).toContain('kept');
    const files = entry.files as { path: string; sha256: string; text: string }[];
    expect(files.map((file) => file.path)).toEqual(['schema.cedarschema', '(built in)', 'a.cedar']);
    expect(files.every((file) => /^[0-9a-f]{64}$/.test(file.sha256) && file.text !== '')).toBe(true);
    expect(policyEntry(before, after)).toMatchObject({ previous: before.digest });
  });
});

describe('a line diff', () => {
  it('is the shortest, by known answer', () => {
    expect(lineDiff(['a', 'b', 'c'], ['a', 'x', 'c', 'd'])).toEqual(['- b', '+ x', '+ d']);
    expect(lineDiff([], ['a'])).toEqual(['+ a']);
    expect(lineDiff(['a'], [])).toEqual(['- a']);
  });
  it('takes away and adds what leads from one text to the other', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 });
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const diff = lineDiff(before, after);
        const count = (all: readonly string[], line: string) => all.filter((one) => one === line).length;
        for (const line of ['a', 'b', 'c']) {
          const change = count(diff, `+ ${line}`) - count(diff, `- ${line}`);
          expect(count(before, line) + change).toBe(count(after, line));
        }
        expect(lineDiff(before, before)).toEqual([]);
      }),
    );
  });
});

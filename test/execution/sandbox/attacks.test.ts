import { beforeAll, describe, expect, it } from 'vitest';
import { GROUPS } from './attack-rows.ts';
import { attackHere, LEVELS, verdictsOf, writtenPage } from './attack-table.ts';

/** Every level is attacked with everything; a busy machine takes a while. */
const PATIENCE_MS = 240_000;

describe('the table of attacks', () => {
  let here: string;
  beforeAll(async () => {
    here = await attackHere();
  }, PATIENCE_MS);

  it('stands in the documentation as this machine finds it (`npm run attacks -- --write`)', () => {
    expect(verdictsOf(writtenPage(), LEVELS)).toEqual(verdictsOf(here, LEVELS));
  });

  it('has every attack at every level', () => {
    const rows = Object.values(GROUPS).flat();
    expect(new Set(rows.map(({ what }) => what)).size).toBe(rows.length);
    const table = verdictsOf(here, LEVELS);
    expect(Object.keys(table)).toEqual(rows.map(({ what }) => what));
    for (const verdicts of Object.values(table))
      expect(Object.values(verdicts).filter((verdict) => verdict === 'not tried')).toEqual([]);
  });

  it('lets nothing succeed at a kernel level', () => {
    for (const verdicts of Object.values(verdictsOf(here, LEVELS)))
      for (const level of ['kernel', 'kernel-lite'] as const)
        expect([undefined, 'refused', 'stopped']).toContain(verdicts[level]);
  });

  it('is compared by its verdicts: a changed one is found, other words are not', () => {
    const [first = ''] = LEVELS;
    const page = writtenPage();
    const changed = page.replace('| read a file outside | refused', '| read a file outside | succeeds');
    expect(verdictsOf(changed, [first as never])).not.toEqual(verdictsOf(page, [first as never]));
    const reworded = page.replace('(kernel: not there)', '(kernel: elsewhere)');
    expect(verdictsOf(reworded, LEVELS)).toEqual(verdictsOf(page, LEVELS));
  });
});

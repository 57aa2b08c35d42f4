/** Rulesets as GitHub's REST description has them ("Rules"): the list names them, and only each by itself says what it keeps. */
import type { Route } from '../ci-wire.ts';

export type Ruleset = {
  id: number;
  name: string;
  target: 'branch' | 'tag' | 'push';
  enforcement: 'active' | 'evaluate' | 'disabled';
  source_type: 'Repository' | 'Organization';
  conditions: { ref_name: { include: string[]; exclude: string[] } };
  rules: { type: string }[];
};

/** One that keeps the assistant's tags. */
export const keepsTags = (more: Partial<Ruleset> = {}): Ruleset => ({
  ...{ id: 4_711, name: 'tags of runs', target: 'tag', enforcement: 'active', source_type: 'Repository' },
  conditions: { ref_name: { include: ['refs/tags/countersign/**'], exclude: [] } },
  rules: ['creation', 'update', 'deletion'].map((type) => ({ type })),
  ...more,
});

/**
 * `rulesets`: those of the repository, and those of its organisation, which are told where they are asked for; null: a server that
 * knows none.
 */
export function rulesetRoutes(repo: string, rulesets: () => readonly Ruleset[] | null): Route[] {
  const missing = { status: 404, body: { message: 'Not Found' } };
  return [
    [
      'GET',
      new RegExp(`^/repos/(${repo})/rulesets$`),
      ({ query }) => {
        const withParents = query.get('includes_parents') !== 'false';
        const targets = query.get('targets')?.split(',');
        const all = rulesets();
        if (all === null) return missing;
        const shown = all
          .filter((one) => withParents || one.source_type === 'Repository')
          .filter((one) => targets?.includes(one.target) ?? true);
        return { status: 200, body: shown.map(({ conditions: _, rules: __, ...told }) => told) };
      },
    ],
    [
      'GET',
      new RegExp(`^/repos/(${repo})/rulesets/(\\d+)$`),
      ({ at: [, id] }) => {
        const found = rulesets()?.find((one) => String(one.id) === id);
        return found === undefined ? missing : { status: 200, body: found };
      },
    ],
  ];
}

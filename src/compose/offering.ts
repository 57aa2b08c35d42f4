/** What a person is offered: the actions that policy could possibly let them use, for the planner and for people, and their forms. */
import type { Catalogue } from '../catalogue.ts';
import type { Judging } from '../judging.ts';
import type { Principal } from '../model/principal.ts';
import { formOf, parseForm } from '../planner/form.ts';
import { plannerTool } from '../planner/schema.ts';

export function createOffering(catalogue: Catalogue, judging: Judging) {
  const usableBy = (person: Principal) => {
    const usable = new Set(judging.possible(person));
    return catalogue.all().filter(({ action }) => usable.has(action.name));
  };
  return {
    toolsFor: (person: Principal) => usableBy(person).map(({ action }) => plannerTool(action)),
    actionsFor: (person: Principal) =>
      usableBy(person).map(({ action: { name, title, description, examples } }) => ({
        name,
        title,
        description,
        examples,
      })),
    /** Null where the action is not served. */
    formFor: (action: string, filled: Record<string, unknown>) => {
      const governed = catalogue.governed(action);
      return governed && formOf(governed.action, filled);
    },
    /** Null where the action is not served. */
    readForm: (action: string, values: Record<string, unknown>) => {
      const governed = catalogue.governed(action);
      return governed && parseForm(governed.action, values);
    },
  };
}

/**
 * What a person is offered: the actions that policy could possibly let them use and that are not switched off, for the planner
 * and for people, and their forms.
 */
import type { Catalogue } from '../catalogue.ts';
import type { Judging } from '../judging.ts';
import type { Principal } from '../model/principal.ts';
import { formOf, parseForm } from '../planner/form.ts';
import { plannerTool } from '../planner/schema.ts';

/** `switchedOff`: by the action's name, as of now. */
export function createOffering(
  catalogue: Catalogue,
  judging: Judging,
  switchedOff: () => Promise<ReadonlyMap<string, string>>,
) {
  const usableBy = async (person: Principal) => {
    const usable = new Set(judging.possible(person));
    const off = await switchedOff();
    return catalogue.all().filter(({ action: { name } }) => usable.has(name) && !off.has(name));
  };
  return {
    toolsFor: async (person: Principal) => (await usableBy(person)).map(({ action }) => plannerTool(action)),
    actionsFor: async (person: Principal) =>
      (await usableBy(person)).map(({ action: { name, title, description, examples } }) => ({
        name,
        title,
        description,
        examples,
      })),
    /** Null where the action is not served or switched off. */
    formFor: async (action: string, filled: Record<string, unknown>) => {
      const governed = catalogue.governed(action);
      return governed && !(await switchedOff()).has(action) ? formOf(governed.action, filled) : null;
    },
    /** Why an action that is served cannot be asked for now, in words for people; null where it can. */
    whySwitchedOff: async (action: string) => (await switchedOff()).get(action) ?? null,
    /** Null where the action is not served. */
    readForm: (action: string, values: Record<string, unknown>) => {
      const governed = catalogue.governed(action);
      return governed && parseForm(governed.action, values);
    },
  };
}

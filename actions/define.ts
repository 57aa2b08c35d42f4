import type { Action, InputSchema } from '../src/action.ts';

/**
 * Types an action's functions by its own schema. The core hands them only what that schema has parsed, which is
 * what makes forgetting the exact type sound.
 */
export function defineAction<S extends InputSchema>(action: Action<S>): Action {
  return action as unknown as Action;
}

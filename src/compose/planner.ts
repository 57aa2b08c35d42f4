/** Who proposes: the model that is configured, or typed commands and known phrases. */
import type { Catalogue } from '../catalogue.ts';
import type { Config } from '../config.ts';
import type { Planner } from '../model/ports.ts';
import { withEveryAction } from '../planner/every-action.ts';
import { offlinePlanner } from '../planner/offline.ts';
import { openAIPlanner } from '../planner/openai.ts';
import { plannerTool } from '../planner/schema.ts';

/** `clean`: of what the model reads, secrets masked and nothing unseen. */
export function createPlanner(
  model: Config['model'],
  catalogue: Catalogue,
  clean: (text: string) => string,
): Planner {
  const chosen = model
    ? openAIPlanner({
        client: {
          apiKey: model.apiKey,
          ...(model.baseUrl === null ? {} : { baseURL: model.baseUrl }),
        },
        model: model.name,
        clean,
      })
    : offlinePlanner();
  return withEveryAction(
    chosen,
    catalogue.all().map(({ action }) => plannerTool(action)),
  );
}

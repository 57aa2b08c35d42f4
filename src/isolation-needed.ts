/** How strong the sandbox must be for everything that may be asked for here: what the check of isolation compares with. */
import type { GovernedAction } from './action.ts';
import { isEnough, leastLevel } from './execution/levels.ts';
import type { IsolationLevel, Risk } from './model/request.ts';
import type { Policy } from './policy/types.ts';

/**
 * The most that risk, or a permit that can apply, asks for of any of these actions; conditions of permits are not weighed, as
 * they depend on who asks and when. `none` where there are no actions.
 */
export function neededLevel(
  actions: readonly GovernedAction[],
  policies: Iterable<Policy>,
  accept: { process: boolean },
): IsolationLevel {
  const permits = [...policies].filter(({ effect }) => effect === 'permit');
  let needed: IsolationLevel = 'none';
  for (const governed of actions) {
    const asked = permits.filter(({ actions }) => actions.includes(governed.action.name));
    for (const isolation of [null, ...asked.map((permit) => permit.asked.isolation)]) {
      for (const risk of risksOf(governed)) {
        const least = leastLevel(risk, { isolation }, accept);
        if (!isEnough(needed, least)) needed = least;
      }
    }
  }
  return needed;
}

/** Of every case that the connector tells apart. */
function risksOf({ action, connector, settings }: GovernedAction): Set<Risk> {
  const cases = connector.examples(action.operation, settings);
  return new Set(
    cases.map((args) =>
      action.risk(args as never, {
        connector: connector.name,
        settings: connector.facts(action.operation, args, settings),
      }),
    ),
  );
}

const JOB_HOSTS: ReadonlySet<string> = new Set(['runner.internal', 'runbook.internal']);

/** Whether it has the built-in runner run a job. */
export function runsJobs({ operation }: GovernedAction): boolean {
  return operation.egress.some(({ host }) => JOB_HOSTS.has(host));
}

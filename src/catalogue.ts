/** Which actions there are now: each of the catalogue joined to the connector that the operator chose for its port. */
import type { Action, Connector, GovernedAction, PortName } from './action.ts';
import { AppError } from './errors.ts';
import type { Json, Resource } from './model/request.ts';

export type Catalogue = {
  governed(name: string): GovernedAction | null;
  all(): readonly GovernedAction[];
  /** Every case of every action that policy may tell apart. */
  candidates(): { action: string; resources: Resource[] }[];
};

/** A port that is not there has no connector: its actions are left out. */
export type ChosenConnectors = Readonly<Partial<Record<PortName, { use: string; settings: Json }>>>;

/**
 * `foreign`: actions from elsewhere, each with the one connector that serves it.
 * Errors: `config_invalid` where a connector is unknown, serves another port, or its settings do not fit;
 * `catalogue_invalid` where two actions have one name. An action whose operation the chosen connector does not serve is left out.
 */
export function createCatalogue(
  actions: readonly Action[],
  connectors: readonly Connector[],
  chosen: ChosenConnectors,
  foreign: readonly GovernedAction[] = [],
): Catalogue {
  const byPort = new Map<PortName, { connector: Connector; settings: Json }>();
  for (const [port, choice] of Object.entries(chosen) as [PortName, { use: string; settings: Json }][]) {
    const { use, settings } = choice;
    const connector = connectors.find((candidate) => candidate.name === use && candidate.port === port);
    if (!connector) {
      const known = connectors
        .filter((candidate) => candidate.port === port)
        .map((candidate) => candidate.name);
      throw new AppError(
        'config_invalid',
        `connectors.${port}.use: there is no connector "${use}"; known: ${known.join(', ')}.`,
      );
    }
    const parsed = connector.settings.safeParse(settings);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new AppError(
        'config_invalid',
        `connectors.${port}.settings: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(),
      );
    }
    byPort.set(port, { connector, settings: parsed.data });
  }
  const governed = new Map<string, GovernedAction>();
  const names = new Set<string>();
  const take = ({ name }: Action): void => {
    if (names.has(name)) throw new AppError('catalogue_invalid', `There are two actions called ${name}.`);
    names.add(name);
  };
  for (const action of actions) {
    take(action);
    const served = byPort.get(action.port);
    const operation = served?.connector.operations[action.operation];
    if (!served || !operation) continue;
    governed.set(action.name, { action, operation, ...served });
  }
  for (const one of foreign) {
    take(one.action);
    governed.set(one.action.name, one);
  }
  return {
    governed: (name) => governed.get(name) ?? null,
    all: () => [...governed.values()],
    candidates: () => [...governed.values()].map(casesOf),
  };
}

function casesOf({ action, connector, settings }: GovernedAction): { action: string; resources: Resource[] } {
  const resources = connector.examples(action.operation, settings).map((args) =>
    action.resource(args as never, {
      connector: connector.name,
      settings: connector.facts(action.operation, args, settings),
    }),
  );
  return { action: action.name, resources };
}

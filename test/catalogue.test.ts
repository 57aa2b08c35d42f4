import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Action, Connector } from '../src/action.ts';
import { type ChosenConnectors, createCatalogue } from '../src/catalogue.ts';
import type { Json } from '../src/model/request.ts';

const settings = z.strictObject({ jobs: z.array(z.string()) }) as unknown as z.ZodType<Json>;
const operation = {} as Connector['operations'][string];
const runner: Connector = {
  name: 'runner',
  port: 'ci',
  title: () => 'the runner',
  settings,
  facts: (_operation, args) => ({ job: args.job ?? null }),
  operations: { trigger: operation },
  examples: (_operation, given) => (given as { jobs: string[] }).jobs.map((job) => ({ job })),
  module: 'actions/connectors/runner.operations.ts',
};
const action: Action = {
  name: 'ci.trigger',
  title: 'Run a job',
  description: '',
  examples: [],
  input: z.strictObject({ job: z.string() }) as unknown as Action['input'],
  effect: 'write',
  risk: () => 'low',
  resourceType: 'Job',
  resource: (args, facts) => ({
    type: 'Job',
    id: String((args as { job: string }).job),
    attributes: { connector: facts.connector, known: JSON.stringify(facts.settings) },
  }),
  port: 'ci',
  operation: 'trigger',
};
const chosen = (use: string, given: Json): ChosenConnectors => ({
  ci: { use, settings: given },
  ticketing: { use: 'desk', settings: {} },
});
const desk: Connector = { ...runner, name: 'desk', port: 'ticketing', settings: z.strictObject({}) };
const make = (use: string, given: Json, actions: Action[] = [action]) =>
  createCatalogue(actions, [runner, desk], chosen(use, given));

test('an action is joined to the connector that the operator chose, with its settings', () => {
  const governed = make('runner', { jobs: ['checks'] }).governed('ci.trigger');
  expect(governed).toMatchObject({ action, connector: runner, settings: { jobs: ['checks'] } });
  expect(governed?.operation).toBe(operation);
});

test('what nobody described is no action', () => {
  const catalogue = make('runner', { jobs: [] });
  for (const name of ['ci.status', '__proto__', 'constructor', ''])
    expect(catalogue.governed(name)).toBeNull();
});

test('an action whose operation the connector does not serve is left out', () => {
  const other = { ...action, name: 'ci.status', operation: 'status' };
  expect(
    make('runner', { jobs: [] }, [action, other])
      .all()
      .map((it) => it.action.name),
  ).toEqual(['ci.trigger']);
});

test('every case of an action is a candidate, with the facts of its connector', () => {
  expect(make('runner', { jobs: ['checks', 'release'] }).candidates()).toEqual([
    {
      action: 'ci.trigger',
      resources: ['checks', 'release'].map((job) => ({
        type: 'Job',
        id: job,
        attributes: { connector: 'runner', known: JSON.stringify({ job }) },
      })),
    },
  ]);
});

describe('is refused, naming the place in the config', () => {
  const messageOf = (work: () => unknown): string => {
    try {
      work();
    } catch (error) {
      expect(error).toMatchObject({ code: 'config_invalid' });
      return (error as Error).message;
    }
    throw new Error('It was accepted.');
  };

  test('a connector that there is not', () => {
    expect(messageOf(() => make('jenkins', {}))).toBe(
      'connectors.ci.use: there is no connector "jenkins"; known: runner.',
    );
  });
  test('a connector of another port', () => {
    expect(messageOf(() => make('desk', {}))).toContain('connectors.ci.use');
  });
  test.each<[Json, string]>([
    [{}, 'connectors.ci.settings: jobs'],
    [{ jobs: [1] }, 'connectors.ci.settings: jobs.0'],
    [{ jobs: [], token: 'hunter2' }, 'connectors.ci.settings'],
  ])('settings that do not fit: %j', (given, where) => {
    const message = messageOf(() => make('runner', given));
    expect(message).toContain(where);
    expect(message).not.toContain('hunter2');
  });
});

test('two actions of one name are a broken catalogue', () => {
  expect(() => make('runner', { jobs: [] }, [action, action])).toThrow(
    expect.objectContaining({ code: 'catalogue_invalid' }),
  );
});

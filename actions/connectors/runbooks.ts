import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import { Risk } from '../../src/model/request.ts';
import { operations } from './runbooks.operations.ts';

/** Made by `runbookSettings` from the runbooks' file. */
const Settings = z.strictObject({
  runbooks: z.record(
    z.string(),
    z.strictObject({
      title: z.string(),
      job: z.string(),
      repository: z.string(),
      ref: z.string(),
      environment: z.string(),
      risk: Risk,
      inputs: z.array(z.string()),
    }),
  ),
});

/** Runbooks on the runner that comes with Countersign. */
export const runbooks: Connector = {
  name: 'runbooks',
  port: 'runbook',
  builtIn: true,
  title: () => 'the built-in runner',
  settings: Settings,
  /** An unknown runbook counts as the worst that there could be. */
  facts: (_operation, args, settings) => {
    const known = Settings.parse(settings).runbooks;
    const name = String(args.runbook);
    const runbook = Object.hasOwn(known, name) ? known[name] : undefined;
    return runbook
      ? { environment: runbook.environment, risk: runbook.risk }
      : { environment: 'production', risk: 'high' };
  },
  operations,
  examples: (_operation, settings) =>
    Object.keys(Settings.parse(settings).runbooks).map((runbook) => ({ runbook })),
  module: 'actions/connectors/runbooks.operations.ts',
};

/** Which connector serves each kind of system. */
import { z } from 'zod';
import { Json as JsonSchema } from '../model/request.ts';

const connector = z.strictObject({ use: z.string().min(1), settings: JsonSchema.default({}) });
type Chosen = z.output<typeof connector>;

/** Every kind of system that can be named; the shape of `connectors` in countersign.yaml. */
export const ConnectorsYaml = z
  .strictObject({
    ticketing: connector.optional(),
    ci: connector.optional(),
    deployment: connector.optional(),
    oncall: connector.optional(),
    access: connector.optional(),
  })
  .default({});

const OPTIONAL_PORTS = ['deployment', 'oncall', 'access'] as const;

/** Tickets and CI have a built-in one; every other port is served only where one is named. */
export type ConnectorsConfig = Record<'ticketing' | 'ci', Chosen> &
  Partial<Record<(typeof OPTIONAL_PORTS)[number], Chosen>>;

export function connectorsOf(named: z.output<typeof ConnectorsYaml>): ConnectorsConfig {
  const others = OPTIONAL_PORTS.flatMap((port) => (named[port] ? [[port, named[port]] as const] : []));
  return {
    ticketing: named.ticketing ?? { use: 'desk', settings: {} },
    ci: named.ci ?? { use: 'runner', settings: {} },
    ...Object.fromEntries(others),
  };
}

/** The connectors of the systems that come with us. */
export const BUILT_IN_CONNECTORS = new Set(['desk', 'runner', 'runner-deployments', 'runbooks']);

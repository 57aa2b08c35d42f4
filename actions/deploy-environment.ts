/** Deployments as policy sees them: one environment of one service. */
import { z } from 'zod';
import type { ResourceFacts } from '../src/action.ts';
import type { Resource, Risk } from '../src/model/request.ts';
import { factsOf } from './ci-job.ts';

export const environmentField = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'An environment is one name in small letters, such as staging.')
  .meta({ title: 'Environment', description: 'The name of the environment, e.g. staging or production.' });

export const environmentRisk = (_args: unknown, { settings }: ResourceFacts): Risk => factsOf(settings).risk;

/** An environment that nobody described counts as one of production. */
export function environmentResource(
  service: string,
  name: string,
  { connector, settings }: ResourceFacts,
): Resource {
  const { environment } = factsOf(settings);
  return {
    type: 'Environment',
    id: `${connector}/${service}/${name}`,
    attributes: { connector, service, name, environment },
  };
}

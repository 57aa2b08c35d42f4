/** Services and their environments in the settings of every deployment connector, and how policy learns of them. */
import { z } from 'zod';
import { type Json, Risk } from '../../src/model/request.ts';
import { Name } from './ci-jobs.ts';

export const ServiceName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'is a name in small letters');
const Kind = z.enum(['test', 'staging', 'production']);

/** The input of the job that deploys which says where to. */
export const DeployInput = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,39}$/)
  .default('environment');
/** What an environment is called on the system that deploys. */
export const NameThere = z.string().min(1).max(200);
/** Where a service's branches and tags are looked up, of a system that has no repository to ask. */
export const GithubLookup = z.strictObject({ owner: Name, repo: Name });

/** What the settings of an environment say whatever the system is. */
export const COMMON_ENVIRONMENT = {
  name: ServiceName,
  /** What rules may ask about; the name itself where it is one of these words. */
  environment: Kind.optional(),
  /** The environment whose commit is promoted to this one. */
  from: ServiceName.optional(),
  /** Default: high in production, medium elsewhere. */
  risk: Risk.optional(),
};

type Environment = {
  name: string;
  environment?: string | undefined;
  from?: string | undefined;
  risk?: Risk | undefined;
};
type Services = Readonly<Record<string, { environments: readonly Environment[] }>>;

const kindOf = ({ name, environment }: Environment): string =>
  environment ?? Kind.catch('production').parse(name);

/** Each name once; each `from` one of those listed before it, so that the way of a commit has a beginning. */
export function checkEnvironments({ services }: { services: Services }, check: z.RefinementCtx): void {
  for (const [service, { environments }] of Object.entries(services)) {
    const before = new Set<string>();
    for (const one of environments) {
      const say = (message: string) =>
        check.addIssue({ code: 'custom', path: ['services', service, 'environments', one.name], message });
      if (before.has(one.name)) say('is there twice');
      if (one.from !== undefined && !before.has(one.from)) say(`there is no ${one.from} before it`);
      if (one.environment === undefined && !Kind.safeParse(one.name).success)
        say('must say which environment it is: test, staging or production');
      before.add(one.name);
    }
  }
}

const named = (operation: string, args: Readonly<Record<string, Json>>): Json | undefined =>
  operation === 'promote' ? args.to : args.environment;

/** What policy may ask about it; an environment that is not described counts as the worst there could be. */
export function environmentFacts(
  operation: string,
  args: Readonly<Record<string, Json>>,
  services: Services,
): Json {
  const service = String(args.service);
  const environments = Object.hasOwn(services, service) ? services[service]?.environments : undefined;
  const found = environments?.find(({ name }) => name === named(operation, args));
  if (found === undefined) return { environment: 'production', risk: 'high' };
  const environment = kindOf(found);
  return { environment, risk: found.risk ?? (environment === 'production' ? 'high' : 'medium') };
}

export function environmentExamples(operation: string, services: Services): Record<string, Json>[] {
  const argument = operation === 'promote' ? 'to' : 'environment';
  return Object.entries(services).flatMap(([service, { environments }]) =>
    environments.map(({ name }) => ({ service, [argument]: name })),
  );
}

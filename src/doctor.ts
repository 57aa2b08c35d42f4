/** Looks at everything that an installation stands on, each by itself: what is broken must not hide what else is. */
import { bad, type Finding, looking, note, ok } from './commands/doctor/finding.ts';
import { HOW_TO_MAKE, lookAtKeys } from './commands/doctor/keys.ts';
import {
  lookAtFolder,
  lookAtJobSandbox,
  lookAtNode,
  lookAtPort,
  lookAtSandbox,
} from './commands/doctor/machine.ts';
import {
  lookAtModel,
  lookAtOperators,
  lookAtRedis,
  lookAtSlack,
  lookAtTeams,
} from './commands/doctor/platforms.ts';
import { lookAtSignIn } from './commands/doctor/sign-in.ts';
import type { Environment } from './config/environment.ts';
import { type Config, readConfig } from './config.ts';
import { AppError } from './errors.ts';

/** Findings as they come; works with a configuration that cannot be read, which is then the first of them. */
export async function* diagnose(env: Environment, cwd: string): AsyncGenerator<Finding> {
  const config = configOf(env, cwd);
  if ('problem' in config) {
    yield config.problem;
    yield note('more', 'the rest of the checks needs a configuration that can be read');
    yield* await looking('node', lookAtNode);
    yield* await looking('sandbox', () => lookAtSandbox(null));
    return;
  }
  yield ok('config', config.local ? 'local mode' : config.production ? 'production' : 'read');
  const looks: [string, () => Promise<Finding[]>][] = [
    ['node', lookAtNode],
    ['data folder', () => lookAtFolder(config)],
    ['keys', () => lookAtKeys(config)],
    ['database', async () => (await import('./commands/doctor/database.ts')).lookAtDatabase(config)],
    ['redis', () => lookAtRedis(config)],
    ['policies', async () => (await import('./commands/doctor/rules.ts')).lookAtRules(config)],
    ['credentials', async () => (await import('./commands/doctor/credentials.ts')).lookAtCredentials(config)],
    ['slack', () => lookAtSlack(config)],
    ['teams', () => lookAtTeams(config)],
    ['operators', async () => lookAtOperators(config)],
    ['sign-in', () => lookAtSignIn(config)],
    ['model', () => lookAtModel(config)],
    ['port', () => lookAtPort(config)],
    ['sandbox', () => lookAtSandbox(config)],
    ['job sandbox', () => lookAtJobSandbox(config)],
  ];
  for (const [name, look] of looks) yield* await looking(name, look);
}

function configOf(env: Environment, cwd: string): Config | { problem: Finding } {
  try {
    return readConfig(env, cwd);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const isKey = /MASTER_KEY|AUDIT_SIGNING_KEY/.test(error.message);
    return {
      problem: bad('config', error.message, isKey ? HOW_TO_MAKE : 'docs/operator.md lists every variable.'),
    };
  }
}

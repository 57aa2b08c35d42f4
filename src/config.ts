/**
 * What the operator wants, parsed once from the environment and one YAML file. Whatever is wrong fails the start and
 * names the variable or the line, never the value.
 */
import { resolve } from 'node:path';
import type { SlackConfig } from '../adapters/slack/adapter.ts';
import type { TeamsConfig } from '../adapters/teams/adapter.ts';
import type { ProviderConfig } from '../adapters/web/sign-in/provider.ts';
import { type ConnectorsConfig, connectorsOf } from './config/connectors.ts';
import { credentialsOf, vaultOf } from './config/credentials.ts';
import {
  type Environment,
  oneOf,
  portOf,
  readSecret,
  type Secret,
  serverUrl,
  urlOf,
} from './config/environment.ts';
import { type ReadFile, readConfigFile } from './config/file.ts';
import { type GivenKeys, givenKeys } from './config/keys.ts';
import { checkLocalMode, checkProduction } from './config/modes.ts';
import { type DatabaseConfig, databaseOf, type ModelConfig, modelOf } from './config/servers.ts';
import { oidcOf } from './config/sign-in.ts';
import { slackOf } from './config/slack.ts';
import { teamsOf } from './config/teams.ts';
import { GITHUB_API, type UpstreamsConfig, upstreamsOf } from './config/upstreams.ts';
import { type GivenSecret, type Grant, readGitHubGrant } from './credentials/grants.ts';
import type { VaultConfig } from './credentials/vault-config.ts';
import type { ActionsConfig } from './foreign/assigned.ts';
import type { Limits } from './intake/limits.ts';
import { type McpConfig, readMcp } from './mcp/config.ts';
import { PAGERDUTY_API } from './oncall/pagerduty.ts';
import { type ReachConfig, readReach } from './reach-config.ts';

export type Config = GivenKeys & {
  host: string;
  port: number;
  publicUrl: URL | null;
  dataFolder: string;
  production: boolean;
  logLevel: string;
  /** Null: the embedded server. */
  database: DatabaseConfig | null;
  redisUrl: string | null;
  /** Local mode is what runs when no platform and no sign-in is configured. */
  local: boolean;
  slack: SlackConfig | null;
  teams: TeamsConfig | null;
  /** Null: nobody can sign in to the workspace. */
  oidc: ProviderConfig | null;
  /** Whether whoever is signed in may link chat accounts of their own. */
  accountLinks: boolean;
  model: ModelConfig | null;
  /** `by`: the variable that opens it. */
  github: { by: 'GITHUB_TOKEN' | 'GITHUB_APP_ID'; apiUrl: string } | null;
  acceptProcess: boolean;
  /** Null where none is given: the samples of local mode. */
  peopleFile: string | null;
  policiesFolder: string | null;
  jobsFile: string | null;
  runbooksFile: string | null;
  /** The operator's own actions, from a folder outside; null for none. */
  actions: ActionsConfig | null;
  /** Tools of MCP servers; null for none. */
  mcp: McpConfig | null;
  /** Name to path of a bare or ordinary git repository. */
  repositories: Record<string, string> | null;
  connectors: ConnectorsConfig;
  upstreams: UpstreamsConfig;
  /** Which secret goes to which of these hosts. */
  credentials: Grant[];
  /** Where credentials may be kept instead of the environment. */
  vault: VaultConfig | null;
  runner: { concurrency: number };
  limits: Limits;
  /** In which policy tells weekday and hour. */
  timeZone: string;
  /** Who is asked where, and who is on call. */
  reach: ReachConfig;
};

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

/**
 * Reads the configuration. `cwd` is where `countersign.yaml` is looked for.
 * Errors: `config_invalid`, with the variable or `file:line: reason`.
 */
export function readConfig(env: Environment, cwd: string): Config {
  const given = (name: string): GivenSecret | null => readSecret(env, name);
  const secret: Secret = (name) => given(name)?.value ?? null;
  const production = env.NODE_ENV === 'production';
  const file = readConfigFile(env, cwd, production);
  // As in a URL or bare: what is bound to is the address alone.
  const host = (env.HOST || '127.0.0.1').replace(/^\[(.*)\]$/, '$1');
  const slack = slackOf(secret, env, file.value);
  const publicUrl = urlOf('PUBLIC_URL', env.PUBLIC_URL);
  const oidc = oidcOf(secret, publicUrl);
  const teams = teamsOf(secret, env, file.value, slack === null && oidc === null);
  const github = readGitHubGrant(given);
  const githubApi = urlOf('GITHUB_API_URL', env.GITHUB_API_URL) === null ? GITHUB_API : env.GITHUB_API_URL!;
  const upstreams = upstreamsOf(file, github === null ? null : githubApi);
  const vault = vaultOf(file, given);
  const credentials = credentialsOf(file, given, github, {
    hosts: Object.keys(upstreams),
    hasVault: vault !== null,
  });
  const config: Config = {
    host,
    port: portOf(env.PORT),
    publicUrl,
    dataFolder: resolve(cwd, env.COUNTERSIGN_DATA || '.countersign'),
    production,
    logLevel: oneOf('LOG_LEVEL', env.LOG_LEVEL || 'info', LOG_LEVELS),
    database: databaseOf(secret),
    redisUrl: serverUrl('REDIS_URL', secret, ['redis:', 'rediss:']),
    local: slack === null && oidc === null && (teams === null || teams.unauthenticated),
    slack,
    teams,
    oidc,
    accountLinks: oidc !== null && file.value.account_links,
    model: modelOf(secret, env),
    github:
      github === null
        ? null
        : { by: secret('GITHUB_TOKEN') === null ? 'GITHUB_APP_ID' : 'GITHUB_TOKEN', apiUrl: githubApi },
    ...givenKeys(secret),
    acceptProcess: env.SANDBOX_ALLOW_PROCESS === '1',
    peopleFile: file.path(file.value.people),
    policiesFolder: file.path(file.value.policies),
    jobsFile: file.path(file.value.jobs),
    runbooksFile: file.path(file.value.runbooks),
    actions: actionsOf(file),
    mcp: readMcp(file.value.mcp, {
      path: (relative) => file.path(relative)!,
      upstreams: Object.keys(upstreams),
      grants: credentials,
    }),
    repositories: repositoriesOf(file),
    connectors: connectorsOf(file.value.connectors),
    upstreams,
    credentials,
    vault,
    runner: file.value.runner,
    timeZone: file.value.time_zone,
    limits: {
      turnsPerMinute: file.value.limits.turns_per_minute,
      requestsPerActionPerHour: file.value.limits.requests_per_action_per_hour,
    },
    reach: readReach(file.value.routes, file.value.on_call, {
      token: secret('PAGERDUTY_TOKEN'),
      apiUrl: urlOf('PAGERDUTY_API_URL', env.PAGERDUTY_API_URL)?.href ?? PAGERDUTY_API,
    }),
  };
  if (config.local) checkLocalMode(config, env);
  if (production) checkProduction(config);
  return config;
}

function actionsOf({ value: { actions }, path }: ReadFile): ActionsConfig | null {
  if (actions === undefined) return null;
  return { ...actions, folder: path(actions.folder)!, reviewed: path(actions.reviewed)! };
}

function repositoriesOf({ value: { repositories }, path }: ReadFile): Config['repositories'] {
  if (repositories === undefined) return null;
  return Object.fromEntries(Object.entries(repositories).map(([name, at]) => [name, path(at)!]));
}

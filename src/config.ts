/**
 * What the operator wants, parsed once from the environment and one YAML file. Whatever is wrong fails the start and
 * names the variable or the line, never the value.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { RoutesYaml } from './approval/escalation-routes.ts';
import { CredentialEntry } from './credentials/entry.ts';
import {
  GITHUB_CREDENTIAL,
  GITHUB_HOST,
  type GivenSecret,
  type Grant,
  readGitHubGrant,
  readGrants,
} from './credentials/grants.ts';
import { readVault, type VaultConfig, VaultYaml } from './credentials/vault-config.ts';
import { AppError } from './errors.ts';
import { type ActionsConfig, ActionsYaml } from './foreign/assigned.ts';
import { DEFAULT_LIMITS, type Limits } from './intake/limits.ts';
import { type McpConfig, McpYaml, readMcp } from './mcp/config.ts';
import { Json as JsonSchema } from './model/request.ts';
import { PAGERDUTY_API } from './oncall/pagerduty.ts';
import { OnCallYaml } from './oncall/shape.ts';
import { isTimeZone } from './policy/time.ts';
import { type ReachConfig, readReach } from './reach-config.ts';
import { parseTrustedYaml, readTrusted } from './trusted-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type SlackConfig = {
  botToken: string;
  /** HTTP mode. */
  signingSecret: string | null;
  /** Socket Mode. */
  appToken: string | null;
  apiUrl: string | null;
  approvalsChannel: string | null;
  operatorsChannel: string | null;
};

/** The identity provider of the web workspace. */
export type OidcConfig = { issuer: URL; clientId: string; clientSecret: string };

export type TeamsConfig = {
  appId: string;
  password: string;
  tenant: string;
  /** Local mode only, for the Agents Playground on this machine: nobody proves who they are. */
  unauthenticated: boolean;
  approvalsConversation: string | null;
  operatorsConversation: string | null;
  serviceUrl: string | null;
  cloud: null;
};

export type Config = {
  host: string;
  port: number;
  publicUrl: URL | null;
  dataFolder: string;
  production: boolean;
  logLevel: string;
  /** Null: the embedded server. */
  database: { url: string; ownerUrl: string | null } | null;
  redisUrl: string | null;
  /** Local mode is what runs when no platform and no sign-in is configured. */
  local: boolean;
  slack: SlackConfig | null;
  teams: TeamsConfig | null;
  /** Null: nobody can sign in to the workspace. */
  oidc: OidcConfig | null;
  model: { apiKey: string; baseUrl: string | null; name: string } | null;
  /** `by`: the variable that opens it. */
  github: { by: 'GITHUB_TOKEN' | 'GITHUB_APP_ID'; apiUrl: string } | null;
  masterKey: string | null;
  auditSigningKey: string | null;
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
  /** Tickets and CI have a built-in one; every other port is served only where one is named. */
  connectors: Record<'ticketing' | 'ci', ChosenConnector> &
    Partial<Record<(typeof OPTIONAL_PORTS)[number], ChosenConnector>>;
  /** By the host that connectors name: where it really is, and which private addresses are meant. */
  upstreams: Record<string, { baseUrl: string; addresses: string[]; ca?: string; files: readonly string[] }>;
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

const connector = z.strictObject({ use: z.string().min(1), settings: JsonSchema.default({}) });
type ChosenConnector = z.output<typeof connector>;
const OPTIONAL_PORTS = ['deployment', 'oncall', 'access'] as const;

/** The shape of countersign.yaml. Paths are relative to the file. */
const ConfigFile = z.strictObject({
  people: z.string().optional(),
  policies: z.string().optional(),
  jobs: z.string().optional(),
  runbooks: z.string().optional(),
  actions: ActionsYaml.optional(),
  mcp: McpYaml.optional(),
  repositories: z.record(z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/), z.string()).optional(),
  connectors: z
    .strictObject({
      ticketing: connector.optional(),
      ci: connector.optional(),
      deployment: connector.optional(),
      oncall: connector.optional(),
      access: connector.optional(),
    })
    .default({}),
  time_zone: z.string().refine(isTimeZone, 'is not a time zone such as Europe/Berlin').default('UTC'),
  routes: RoutesYaml,
  on_call: OnCallYaml.prefault({}),
  slack: z
    .strictObject({ approvals_channel: z.string().optional(), operators_channel: z.string().optional() })
    .default({}),
  upstreams: z
    .record(
      z.string(),
      z.strictObject({
        base_url: z.url({ protocol: /^https?$/ }).optional(),
        addresses: z.array(z.string()).default([]),
        ca_file: z.string().optional(),
        files: z.array(z.string()).optional(),
      }),
    )
    .default({}),
  credentials: z.record(z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/), CredentialEntry).default({}),
  vault: VaultYaml.optional(),
  teams: z
    .strictObject({
      approvals_conversation: z.string().optional(),
      operators_conversation: z.string().optional(),
      service_url: z.url({ protocol: /^https?$/ }).optional(),
    })
    .default({}),
  runner: z.strictObject({ concurrency: z.int().min(1).max(32).default(2) }).prefault({}),
  limits: z
    .strictObject({
      turns_per_minute: z.int().min(1).default(DEFAULT_LIMITS.turnsPerMinute),
      requests_per_action_per_hour: z.int().min(1).default(DEFAULT_LIMITS.requestsPerActionPerHour),
    })
    .prefault({}),
});

const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '::1', '[::1]']);
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];
const DEFAULT_PORT = 3000;
const GITHUB_API = 'https://api.github.com';
/** Where GitHub keeps the logs of jobs (github.blog/changelog, "Meta API endpoints updated for Actions blob storage", 2026-10-22). */
const GITHUB_FILES = ['https://productionresultssa*.blob.core.windows.net'];
/** The connectors of the systems that come with us. */
const BUILT_IN_CONNECTORS = new Set(['desk', 'runner', 'runner-deployments', 'runbooks']);
const MAX_PORT = 65_535;

const fail = (message: string): never => {
  throw new AppError('config_invalid', message);
};

/**
 * Reads the configuration. `cwd` is where `countersign.yaml` is looked for.
 * Errors: `config_invalid`, with the variable or `file:line: reason`.
 */
export function readConfig(env: Environment, cwd: string): Config {
  const given = (name: string): GivenSecret | null => readSecret(env, name);
  const secret = (name: string): string | null => given(name)?.value ?? null;
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
    model: modelOf(secret, env),
    github:
      github === null
        ? null
        : { by: secret('GITHUB_TOKEN') === null ? 'GITHUB_APP_ID' : 'GITHUB_TOKEN', apiUrl: githubApi },
    masterKey: secret('MASTER_KEY'),
    auditSigningKey: secret('AUDIT_SIGNING_KEY'),
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
    repositories:
      file.value.repositories === undefined
        ? null
        : Object.fromEntries(
            Object.entries(file.value.repositories).map(([name, path]) => [name, file.path(path)!]),
          ),
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

function connectorsOf(named: z.output<typeof ConfigFile>['connectors']): Config['connectors'] {
  const others = OPTIONAL_PORTS.flatMap((port) => (named[port] ? [[port, named[port]] as const] : []));
  return {
    ticketing: named.ticketing ?? { use: 'desk', settings: {} },
    ci: named.ci ?? { use: 'runner', settings: {} },
    ...Object.fromEntries(others),
  };
}

/** The value of NAME, or of the file that NAME_FILE names; null where neither is given. */
function readSecret(env: Environment, name: string): GivenSecret | null {
  const path = env[`${name}_FILE`];
  if (path !== undefined && path !== '') {
    // Which of the two was meant is a guess, and one of them may be an old secret.
    if (env[name]) return fail(`${name} and ${name}_FILE are both given: leave one of them out.`);
    try {
      const value = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
      return { value: value || fail(`${name}_FILE: the file is empty.`), file: path };
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('config_invalid', `${name}_FILE: the file cannot be read.`, { cause: error });
    }
  }
  const value = env[name];
  return value ? { value, file: null } : null;
}

type ReadFile = {
  value: z.output<typeof ConfigFile>;
  /** A path of the file, made absolute. */
  path(relative: string | undefined): string | null;
};

function readConfigFile(env: Environment, cwd: string, production: boolean): ReadFile {
  const given = env.COUNTERSIGN_CONFIG;
  const path = resolve(cwd, given || 'countersign.yaml');
  if (!given && !existsSync(path)) return { value: ConfigFile.parse({}), path: () => null };
  const text = readTrusted(path, { production, code: 'config_invalid' });
  const { value } = parseTrustedYaml(text === '' ? '{}' : text, path, ConfigFile, 'config_invalid');
  return {
    value,
    path: (relative: string | undefined) =>
      relative === undefined ? null : resolve(dirname(path), relative),
  };
}

/** GitHub is reachable when there is a token for it; every other host when the operator's file names it. */
function upstreamsOf(file: ReadFile, github: string | null): Config['upstreams'] {
  const named = Object.entries(file.value.upstreams).map(([host, it]) => {
    const baseUrl = it.base_url ?? (host === GITHUB_HOST && github !== null ? github : `https://${host}`);
    const ca = it.ca_file === undefined ? {} : { ca: readCertificate(file.path(it.ca_file)!) };
    return [host, { baseUrl, addresses: it.addresses, ...ca, files: it.files ?? filesOf(baseUrl) }] as const;
  });
  const all = Object.fromEntries(named);
  return github === null || GITHUB_HOST in all
    ? all
    : { ...all, [GITHUB_HOST]: { baseUrl: github, addresses: [], files: filesOf(github) } };
}

/** Where files of an upstream lie if the operator says nothing else. */
const filesOf = (baseUrl: string): readonly string[] =>
  new URL(baseUrl).origin === GITHUB_API ? GITHUB_FILES : [];

/** What the file grants, and what the variables of GitHub do. */
function credentialsOf(
  file: ReadFile,
  secret: (name: string) => GivenSecret | null,
  github: Grant | null,
  known: { hosts: readonly string[]; hasVault: boolean },
): Grant[] {
  const { credentials } = file.value;
  const grants = readGrants(credentials, { secret, ...known });
  if (github === null) return grants;
  if (GITHUB_CREDENTIAL in credentials)
    return fail(
      `credentials.${GITHUB_CREDENTIAL}: GITHUB_TOKEN or GITHUB_APP_ID grants it already; give one of the two.`,
    );
  return [...grants, github];
}

function vaultOf(file: ReadFile, secret: (name: string) => GivenSecret | null): VaultConfig | null {
  const { vault } = file.value;
  if (vault === undefined) return null;
  const path = (relative: string): string => file.path(relative)!;
  return readVault(vault, { secret, path, certificate: (relative) => readCertificate(path(relative)) });
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new AppError('config_invalid', `upstreams: the certificate file ${path} cannot be read.`, {
      cause: error,
    });
  }
}

function databaseOf(secret: (name: string) => string | null): Config['database'] {
  const protocols = ['postgres:', 'postgresql:'];
  const url = serverUrl('DATABASE_URL', secret, protocols);
  const ownerUrl = serverUrl('DATABASE_OWNER_URL', secret, protocols);
  if (url !== null) return { url, ownerUrl };
  return ownerUrl === null ? null : fail('DATABASE_URL is missing: DATABASE_OWNER_URL is given without it.');
}

/** The address of a server, as it was given; it may hold a password and is never shown. */
function serverUrl(
  name: string,
  secret: (name: string) => string | null,
  protocols: readonly string[],
): string | null {
  const text = secret(name);
  if (text === null || protocols.includes(URL.parse(text)?.protocol ?? '')) return text;
  return fail(`${name} must be a URL that begins with ${protocols.map((it) => `${it}//`).join(' or ')}.`);
}

function slackOf(
  secret: (name: string) => string | null,
  env: Environment,
  file: z.output<typeof ConfigFile>,
): SlackConfig | null {
  const botToken = secret('SLACK_BOT_TOKEN');
  const signingSecret = secret('SLACK_SIGNING_SECRET');
  const appToken = secret('SLACK_APP_TOKEN');
  if (botToken === null && signingSecret === null && appToken === null) return null;
  if (botToken === null) {
    const given = appToken === null ? 'SLACK_SIGNING_SECRET' : 'SLACK_APP_TOKEN';
    return fail(`SLACK_BOT_TOKEN is missing: ${given} is given, and Slack needs both.`);
  }
  if (signingSecret === null && appToken === null)
    return fail(
      'SLACK_SIGNING_SECRET is missing: SLACK_BOT_TOKEN is given, and Slack needs both (or SLACK_APP_TOKEN for Socket Mode).',
    );
  return {
    botToken,
    signingSecret,
    appToken,
    apiUrl: urlOf('SLACK_API_URL', env.SLACK_API_URL)?.href ?? null,
    approvalsChannel: file.slack.approvals_channel ?? null,
    operatorsChannel: file.slack.operators_channel ?? null,
  };
}

/** All three or none. Plain HTTP is for a trial on this machine: over a network it would give sessions away. */
function oidcOf(secret: (name: string) => string | null, publicUrl: URL | null): OidcConfig | null {
  const names = ['OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET'] as const;
  const [issuerText, clientId, clientSecret] = names.map(secret);
  const given = names.find((name) => secret(name) !== null);
  if (given === undefined) return null;
  if (!issuerText || !clientId || !clientSecret) {
    const missing = names.find((name) => secret(name) === null);
    return fail(`${missing} is missing: ${given} is given, and sign-in needs ${names.join(', ')}.`);
  }
  const issuer = urlOf('OIDC_ISSUER', issuerText);
  if (issuer === null || !isSecure(issuer) || issuer.search !== '' || issuer.hash !== '')
    return fail('OIDC_ISSUER must be the https URL of the issuer, without a query.');
  if (publicUrl === null)
    return fail('PUBLIC_URL is missing: OIDC_ISSUER is given, and the provider sends browsers back to it.');
  if (!isSecure(publicUrl)) return fail('PUBLIC_URL must be an https URL for people to sign in.');
  return { issuer, clientId, clientSecret };
}

const isSecure = (url: URL): boolean => url.protocol === 'https:' || LOOPBACK_HOSTS.has(url.hostname);

/**
 * Bot Framework's own names. No id: no Teams. Present and empty: unauthenticated, which only local mode may be; an
 * empty id anywhere else would mean that anybody is believed.
 */
function teamsOf(
  secret: (name: string) => string | null,
  env: Environment,
  file: z.output<typeof ConfigFile>,
  isAlone: boolean,
): TeamsConfig | null {
  const appId = secret('MicrosoftAppId') ?? '';
  const password = secret('MicrosoftAppPassword') ?? '';
  const tenant = env.MicrosoftAppTenantId ?? '';
  const isNamed = appId !== '' || env.MicrosoftAppId !== undefined;
  if (!isNamed) {
    return password === '' && tenant === ''
      ? null
      : fail('MicrosoftAppId is missing: MicrosoftAppPassword or MicrosoftAppTenantId is given without it.');
  }
  if ((env.MicrosoftAppType || 'SingleTenant') !== 'SingleTenant')
    fail('MicrosoftAppType must be SingleTenant: only people of one tenant are served.');
  if (appId === '' && !isAlone)
    fail('MicrosoftAppId is empty, which is for local mode only: give it, or leave it out.');
  if (appId === '' && (password !== '' || tenant !== ''))
    fail('MicrosoftAppId is empty, and MicrosoftAppPassword or MicrosoftAppTenantId is given.');
  if (appId !== '' && password === '')
    fail('MicrosoftAppPassword is missing: MicrosoftAppId is given, and Teams needs both.');
  if (appId !== '' && tenant === '')
    fail('MicrosoftAppTenantId is missing: MicrosoftAppId is given, and Teams needs both.');
  return {
    appId,
    password,
    tenant,
    unauthenticated: appId === '',
    approvalsConversation: file.teams.approvals_conversation ?? null,
    operatorsConversation: file.teams.operators_conversation ?? null,
    serviceUrl: file.teams.service_url ?? null,
    cloud: null,
  };
}

function modelOf(secret: (name: string) => string | null, env: Environment): Config['model'] {
  const apiKey = secret('OPENAI_API_KEY');
  const name = env.OPENAI_MODEL;
  if (apiKey === null) {
    if (env.OPENAI_BASE_URL || name)
      return fail('OPENAI_API_KEY is missing: a model is configured without it.');
    return null;
  }
  if (!name) return fail('OPENAI_MODEL is missing: name a pinned snapshot of the model.');
  return { apiKey, name, baseUrl: urlOf('OPENAI_BASE_URL', env.OPENAI_BASE_URL)?.href ?? null };
}

/** Local mode trusts whoever reaches the port, so nothing else may. */
function checkLocalMode(config: Config, env: Environment): void {
  if (config.production) {
    fail(
      'NODE_ENV=production needs a platform (SLACK_BOT_TOKEN with SLACK_SIGNING_SECRET or SLACK_APP_TOKEN; or MicrosoftAppId) or sign-in (OIDC_ISSUER). Local mode is for a first look.',
    );
  }
  if (!LOOPBACK_HOSTS.has(config.host))
    fail('HOST must be a loopback address in local mode: anybody who reaches it may be anybody.');
  if (config.publicUrl && !LOOPBACK_HOSTS.has(config.publicUrl.hostname))
    fail('PUBLIC_URL must be a loopback address in local mode.');
  const real = Object.entries(config.connectors).find(([, { use }]) => !BUILT_IN_CONNECTORS.has(use));
  const [grant] = config.credentials;
  const { pagerDuty } = config.reach;
  if (
    (real || grant || pagerDuty || config.actions || config.mcp) &&
    env.LOCAL_MODE_WITH_CONNECTORS !== '1'
  ) {
    const what = config.github
      ? `${config.github.by} is given`
      : grant
        ? `credentials.${grant.name} is given`
        : real
          ? `connectors.${real[0]}.use is ${real[1].use}`
          : pagerDuty
            ? 'PAGERDUTY_TOKEN is given'
            : config.actions
              ? 'actions.folder is given'
              : 'mcp.servers is given';
    fail(
      `${what} in local mode, where anybody at this machine may be anybody. Set LOCAL_MODE_WITH_CONNECTORS=1 if you mean it.`,
    );
  }
}

function checkProduction(config: Config): void {
  if (!config.database)
    fail('DATABASE_URL is required with NODE_ENV=production; the embedded server is for a first look.');
  if (!config.database?.ownerUrl) fail('DATABASE_OWNER_URL is required with NODE_ENV=production.');
  if (!config.masterKey)
    fail('MASTER_KEY is required with NODE_ENV=production; "countersign doctor" says how to make one.');
  if (!config.auditSigningKey)
    fail(
      'AUDIT_SIGNING_KEY is required with NODE_ENV=production; "countersign doctor" says how to make one.',
    );
  if (!config.peopleFile) fail('countersign.yaml: "people" is required with NODE_ENV=production.');
}

function portOf(text: string | undefined): number {
  if (!text) return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port <= MAX_PORT ? port : fail(`PORT must be a number from 0 to ${MAX_PORT}.`);
}

function urlOf(name: string, text: string | undefined): URL | null {
  if (!text) return null;
  const url = URL.parse(text);
  return url && (url.protocol === 'http:' || url.protocol === 'https:')
    ? url
    : fail(`${name} must be an http or https URL.`);
}

function oneOf(name: string, value: string, allowed: readonly string[]): string {
  return allowed.includes(value) ? value : fail(`${name} must be one of ${allowed.join(', ')}.`);
}

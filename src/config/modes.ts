/** What local mode and production refuse, once everything is read. */
import { BUILT_IN_CONNECTORS } from './connectors.ts';
import { type Environment, isThisMachine } from './environment.ts';
import { configInvalid } from './invalid.ts';

/** Of the configuration, what the modes ask about. */
type Judged = {
  production: boolean;
  host: string;
  publicUrl: URL | null;
  database: { ownerUrl: string | null } | null;
  masterKey: string | null;
  auditSigningKey: string | null;
  peopleFile: string | null;
  github: { by: string } | null;
  credentials: readonly { name: string }[];
  connectors: Readonly<Record<string, { use: string }>>;
  reach: { pagerDuty: object | null };
  actions: object | null;
  mcp: object | null;
};

/** Local mode trusts whoever reaches the port, so nothing else may. */
export function checkLocalMode(config: Judged, env: Environment): void {
  if (config.production) {
    configInvalid(
      'NODE_ENV=production needs a platform (SLACK_BOT_TOKEN with SLACK_SIGNING_SECRET or SLACK_APP_TOKEN; or MicrosoftAppId) or sign-in (OIDC_ISSUER). Local mode is for a first look.',
    );
  }
  if (!isThisMachine(config.host))
    configInvalid('HOST must be a loopback address in local mode: anybody who reaches it may be anybody.');
  if (config.publicUrl && !isThisMachine(config.publicUrl.hostname))
    configInvalid('PUBLIC_URL must be a loopback address in local mode.');
  const [given] = realSystems(config);
  if (given !== undefined && env.LOCAL_MODE_WITH_CONNECTORS !== '1')
    configInvalid(
      `${given} in local mode, where anybody at this machine may be anybody. Set LOCAL_MODE_WITH_CONNECTORS=1 if you mean it.`,
    );
}

/** What leads to a system that is not ours, as words about what the operator gave. */
function realSystems({ github, credentials, connectors, reach, actions, mcp }: Judged): string[] {
  const real = Object.entries(connectors).find(([, { use }]) => !BUILT_IN_CONNECTORS.has(use));
  const [grant] = credentials;
  return [
    ...(github ? [`${github.by} is given`] : []),
    ...(grant ? [`credentials.${grant.name} is given`] : []),
    ...(real ? [`connectors.${real[0]}.use is ${real[1].use}`] : []),
    ...(reach.pagerDuty ? ['PAGERDUTY_TOKEN is given'] : []),
    ...(actions ? ['actions.folder is given'] : []),
    ...(mcp ? ['mcp.servers is given'] : []),
  ];
}

/** What a first look may leave to us must be the operator's own. */
export function checkProduction(config: Judged): void {
  if (!config.database)
    configInvalid(
      'DATABASE_URL is required with NODE_ENV=production; the embedded server is for a first look.',
    );
  if (!config.database?.ownerUrl) configInvalid('DATABASE_OWNER_URL is required with NODE_ENV=production.');
  if (!config.masterKey)
    configInvalid(
      'MASTER_KEY is required with NODE_ENV=production; "countersign doctor" says how to make one.',
    );
  if (!config.auditSigningKey)
    configInvalid(
      'AUDIT_SIGNING_KEY is required with NODE_ENV=production; "countersign doctor" says how to make one.',
    );
  if (!config.peopleFile) configInvalid('countersign.yaml: "people" is required with NODE_ENV=production.');
}

/** What is in force, for the log and for operators: what runs with what, and which rules changed. */
import type { Config } from './config.ts';
import type { Grant } from './credentials/grants.ts';
import type { PreparedOutside } from './foreign/outside.ts';
import type { Json } from './model/request.ts';
import type { policyChanges } from './policy/changes.ts';

/** What runs with what, for the `config.loaded` entry: names and switches, no value of any secret. */
export function describe(
  config: Config,
  level: string,
  planner: string,
  outside: PreparedOutside,
): Record<string, Json> {
  return {
    local: config.local,
    production: config.production,
    slack: config.slack !== null,
    signIn: config.oidc !== null,
    accountLinks: config.accountLinks,
    planner,
    isolation: level,
    acceptProcess: config.acceptProcess,
    database: config.database === null ? 'embedded' : 'server',
    ephemeral: config.redisUrl === null ? 'memory' : 'redis',
    connectors: Object.fromEntries(Object.entries(config.connectors).map(([port, { use }]) => [port, use])),
    limits: { ...config.limits },
    credentials: Object.fromEntries(config.credentials.map(({ name, source }) => [name, keptIn(source)])),
    actions: Object.fromEntries(outside.statuses.map(({ name, state, sha256 }) => [name, { state, sha256 }])),
  };
}

const keptIn = (source: Grant['source']): string =>
  source.kind === 'vault' ? 'vault' : source.file === null ? 'variable' : 'file';

/** For operators: which rules changed, and how their files did, line by line. */
export function changeInWords(changes: ReturnType<typeof policyChanges>): string {
  if (!changes.changed) return 'People and policies were read again; the policies are the same as before.';
  const parts = (['added', 'removed', 'altered'] as const)
    .filter((kind) => changes[kind].length > 0)
    .map((kind) => `${kind} ${changes[kind].join(', ')}`);
  const which = parts.length === 0 ? 'only their text changed' : parts.join('; ');
  return `People and policies were read again: ${which}.\n\`\`\`\n${changes.diff.join('\n')}\n\`\`\``;
}

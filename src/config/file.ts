/** countersign.yaml: its shape, and how it is read. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { RoutesYaml } from '../approval/escalation-routes.ts';
import { CredentialEntry } from '../credentials/entry.ts';
import { VaultYaml } from '../credentials/vault-config.ts';
import { ActionsYaml } from '../foreign/assigned.ts';
import { DEFAULT_LIMITS } from '../intake/limits.ts';
import { McpYaml } from '../mcp/config.ts';
import { OnCallYaml } from '../oncall/shape.ts';
import { isTimeZone } from '../policy/time.ts';
import { parseTrustedYaml, readTrusted } from '../trusted-file.ts';
import { ConnectorsYaml } from './connectors.ts';
import type { Environment } from './environment.ts';

/** The shape of countersign.yaml. Paths are relative to the file. */
const ConfigFile = z.strictObject({
  people: z.string().optional(),
  policies: z.string().optional(),
  jobs: z.string().optional(),
  runbooks: z.string().optional(),
  actions: ActionsYaml.optional(),
  mcp: McpYaml.optional(),
  repositories: z.record(z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/), z.string()).optional(),
  connectors: ConnectorsYaml,
  time_zone: z.string().refine(isTimeZone, 'is not a time zone such as Europe/Berlin').default('UTC'),
  /** Whether people may link chat accounts of their own, where they can sign in. */
  account_links: z.boolean().default(true),
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

export type ConfigFile = z.output<typeof ConfigFile>;

export type ReadFile = {
  value: ConfigFile;
  /** A path of the file, made absolute. */
  path(relative: string | undefined): string | null;
};

/** What the file says, or what holds where there is none. Errors: `config_invalid`, with `file:line: reason`. */
export function readConfigFile(env: Environment, cwd: string, production: boolean): ReadFile {
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

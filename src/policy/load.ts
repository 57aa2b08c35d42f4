/** Loads the folder of rules. Anything that is not beyond doubt refuses all of it: no start, or no reload. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { assertTrustedFolder, readTrusted } from '../trusted-file.ts';
import { BUILT_IN_FILE, builtInPolicies, HOUSE_ACTIONS } from './built-in.ts';
import { prepare, validatePolicies } from './engine.ts';
import { checkSchema } from './schema.ts';
import { readStatement } from './statement.ts';
import { splitStatements } from './statements.ts';
import type { CatalogueEntry, LoadedPolicies, Policy, PolicyFile, PolicyGroup } from './types.ts';

const CODE = 'policy_invalid';
const SCHEMA_FILE = 'schema.cedarschema';
const POLICY_FILE = /\.cedar$/;

export type LoadOptions = {
  /** Holds `schema.cedarschema` and `*.cedar`; other names are not read, folders not entered. */
  folder: string;
  catalogue: readonly CatalogueEntry[];
  /** Every group of the directory. */
  groups: readonly PolicyGroup[];
  /** Ids of the directory's people, to warn of a policy that names somebody who is not there. */
  people?: readonly string[];
  /** `NODE_ENV=production`: group-writable files are refused too. */
  production: boolean;
};

/**
 * Reads, parses and strictly validates schema and policies, and makes them ready to be asked.
 * @throws AppError('policy_invalid') with `FILE:LINE: reason`
 */
export function loadPolicies(options: LoadOptions): LoadedPolicies {
  const { folder } = options;
  const trust = { production: options.production, code: CODE } as const;
  assertTrustedFolder(folder, { ...trust, sealed: true });
  const read = (path: string) => fileOf(path, readTrusted(join(folder, path), trust));
  const schema = read(SCHEMA_FILE);
  const checked = checkSchema(schema.text, options.catalogue);
  if (!checked.ok) throw refusal(join(folder, SCHEMA_FILE), checked.line, checked.reason);
  const catalogue = options.catalogue.filter(({ name }) => checked.actions.has(name));
  const governed = catalogue.map((action) => action.name);
  const own = readdirSync(folder)
    .filter((name) => POLICY_FILE.test(name))
    .sort()
    .map(read);
  const files = [schema, fileOf(BUILT_IN_FILE, builtInPolicies(governed)), ...own];

  const groups = new Map(options.groups.map((group) => [group.id, group]));
  const policies = new Map<string, Policy>();
  const warnings: string[] = [];
  for (const file of files.slice(1)) {
    const path = file.path === BUILT_IN_FILE ? file.path : join(folder, file.path);
    for (const statement of splitStatements(file.text)) {
      const result = readStatement(statement, path, {
        schema: schema.text,
        catalogue,
        groups: new Set(groups.keys()),
      });
      if (!result.ok) throw refusal(path, result.line, result.reason);
      const { policy } = result;
      const twin = policies.get(policy.id);
      if (twin !== undefined)
        throw refusal(path, policy.line, `the id "${policy.id}" is taken by ${twin.file}:${twin.line}`);
      policies.set(policy.id, policy);
      for (const person of result.people) {
        if (options.people !== undefined && !options.people.includes(person)) {
          warnings.push(
            `${path}:${policy.line}: "${policy.id}" names ${person}, who is not in the directory`,
          );
        }
      }
    }
  }
  const invalid = validatePolicies(schema.text, policies);
  if (invalid !== null) throw refusal(invalid.policy.file, invalid.line, invalid.reason);
  const digest = sha256(JSON.stringify(files.map(({ path, text }) => [path, text])));
  prepare(digest, schema.text, policies);
  return {
    folder,
    digest,
    files,
    schema: schema.text,
    policies,
    catalogue: new Map(catalogue.map((action) => [action.name, action])),
    groups,
    requestAttributes: checked.requestAttributes,
    contextAttributes: checked.actions,
    warnings: [
      ...warnings,
      ...withoutPermit(
        policies,
        catalogue.filter((one) => !one.unserved).map((one) => one.name),
      ),
    ],
  };
}

/** An action with no permit is denied to everyone: that may be meant, so the start says it and goes on. */
function withoutPermit(policies: ReadonlyMap<string, Policy>, governed: readonly string[]): string[] {
  const permitted = new Set(
    [...policies.values()].flatMap((one) => (one.effect === 'permit' ? one.actions : [])),
  );
  return [...governed, ...Object.keys(HOUSE_ACTIONS)]
    .filter((name) => !permitted.has(name))
    .map((name) => `No policy permits "${name}": it is denied to everyone.`);
}

function fileOf(path: string, text: string): PolicyFile {
  return { path, sha256: sha256(text), text };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function refusal(file: string, line: number, reason: string): AppError {
  return new AppError(CODE, `${file}:${line}: ${reason}`);
}

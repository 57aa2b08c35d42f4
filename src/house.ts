/**
 * What every process of an installation stands on, the serving one and each command: storage, keys, the log's writer,
 * the directory, the catalogue and the policies. It decides nothing and runs nothing.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ACTIONS, CONNECTORS } from '../actions/catalogue.ts';
import type { Action } from './action.ts';
import type { AuditKeys } from './audit/keys.ts';
import type { AuditLog } from './audit/log.ts';
import { createPersonKeys, type PersonKeys } from './audit/seal.ts';
import { createAuditLog } from './audit/writer.ts';
import { chosenConnectors } from './built-ins.ts';
import { type Catalogue, createCatalogue } from './catalogue.ts';
import type { Config } from './config.ts';
import { type DirectoryFile, type FileDirectory, fileDirectory } from './directory/file.ts';
import { AppError } from './errors.ts';
import { type OutsideActions, readOutside } from './foreign/outside.ts';
import { openKeys } from './keys.ts';
import { type McpActions, mcpActions, TOOL_TYPE } from './mcp/actions.ts';
import type { Json } from './model/request.ts';
import { policyEntry } from './policy/changes.ts';
import { createPolicy, type PolicyDecider } from './policy/decide.ts';
import { loadPolicies } from './policy/load.ts';
import type { CatalogueEntry, LoadedPolicies } from './policy/types.ts';
import { openStorage, type Storage, type StorageLog } from './storage.ts';
import { preparePrivateFolder } from './store/embedded/folder.ts';

const at = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
export const SAMPLE_PEOPLE = at('../samples/people.yaml');
export const SHIPPED_POLICIES = at('../policies');

/** The files that decide who may do what, loaded together: what is not valid as a whole changes nothing. */
export type Rules = {
  directory: FileDirectory;
  catalogue: Catalogue;
  /** Tools of MCP servers; those that are served stand in the catalogue. */
  tools: McpActions;
  policy(): PolicyDecider;
  /** Reads people and policies again; a refusal leaves in force what was. Answers the data of the `policy.loaded` entry. */
  reload(): Record<string, Json>;
  loadAnew(): LoadedPolicies;
  /** The data of the first `policy.loaded` entry of a start. */
  startEntry(): Record<string, Json>;
};

/**
 * `serves`: which of the reviewed actions from outside are served; a command, which runs none of them, takes them all.
 * Errors: `directory_invalid`, `policy_invalid`, `config_invalid`, each with file, line and reason.
 */
export function loadRules(config: Config, serves: (action: string) => boolean = () => true): Rules {
  if (!config.local && config.peopleFile === null) {
    throw new AppError(
      'config_invalid',
      'countersign.yaml: "people" names the file of the people who may use this.',
    );
  }
  const directory = fileDirectory(config.peopleFile ?? SAMPLE_PEOPLE, {
    production: config.production,
    localIssuer: config.local,
  });
  const outside = readOutside(config.actions, config);
  const foreign = outside.known.flatMap(({ name, governed }) => (governed && serves(name) ? [governed] : []));
  const tools = mcpActions(config.mcp, config);
  const catalogue = createCatalogue(ACTIONS, CONNECTORS, chosenConnectors(config), [
    ...foreign,
    ...tools.served,
  ]);
  const entries = catalogueEntries(catalogue, outside, tools);
  const load = (from: DirectoryFile): LoadedPolicies =>
    loadPolicies({
      folder: config.policiesFolder ?? SHIPPED_POLICIES,
      catalogue: entries,
      groups: from.groups,
      people: from.people.map((person) => person.id),
      production: config.production,
    });
  const people = () => directory.current.people;
  let policy = createPolicy(load(directory.current), people);
  return {
    directory,
    catalogue,
    tools,
    policy: () => policy,
    reload() {
      const before = policy.loaded;
      let next = before;
      directory.reload((accepted) => {
        next = load(accepted);
      });
      policy = createPolicy(next, people);
      return policyEntry(before, next);
    },
    loadAnew: () => load(directory.current),
    startEntry: () => policyEntry(null, policy.loaded),
  };
}

/** The actions as the Cedar schema names them: those that are served must stand there, the others may. */
function catalogueEntries(
  catalogue: Catalogue,
  outside: OutsideActions,
  tools: McpActions,
): CatalogueEntry[] {
  const entryOf = ({ name, effect, resourceType }: Action): CatalogueEntry => ({
    name,
    effect,
    resourceTypes: [resourceType],
    unserved: catalogue.governed(name) === null,
  });
  return [
    ...ACTIONS.map(entryOf),
    ...tools.served.map(({ action }) => entryOf(action)),
    ...tools.unreviewed.map(
      ({ action, effect }): CatalogueEntry => ({
        name: action,
        effect,
        resourceTypes: [TOOL_TYPE],
        unserved: true,
      }),
    ),
    // Rules may speak of an action before somebody reviewed it: of what it does, the worst is assumed.
    ...outside.known.map(
      ({ name, governed }): CatalogueEntry =>
        governed ? entryOf(governed.action) : { name, effect: 'write', resourceTypes: null, unserved: true },
    ),
  ];
}

export type House = {
  config: Config;
  storage: Storage;
  keys: AuditKeys;
  personKeys: PersonKeys;
  audit: AuditLog;
  close(): Promise<void>;
};

/** Opens storage, makes or reads the keys, and starts a writer of the log. */
export async function openHouse(
  config: Config,
  log: StorageLog,
  options: { works: boolean; migrates: boolean },
): Promise<House> {
  // Checkpoints and keys made here live in it, whoever runs the database.
  preparePrivateFolder(config.dataFolder);
  const storage = await openStorage(config, log, options);
  try {
    const keys = await openKeys(config, storage.db);
    const personKeys = createPersonKeys(keys.wrapKey);
    const audit = createAuditLog({ instance: randomUUID(), macKey: keys.macKey, personKeys });
    return { config, storage, keys, personKeys, audit, close: () => storage.close() };
  } catch (error) {
    await storage.close();
    throw error;
  }
}

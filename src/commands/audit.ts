/** `audit verify | export | checkpoint | key`. Only the export writes an entry: reading the log's state must not change it. */
import { readCheckpointFile } from '../audit/checkpoint-file.ts';
import {
  auditCheckpoint,
  auditExport,
  auditKey,
  auditVerify,
  auditVerifyFile,
  readKeptCheckpoints,
} from '../audit/commands.ts';
import { parseInstant } from '../audit/export.ts';
import { accountName, type Command, type Exit, type Invocation } from './command.ts';
import { withHouse } from './open.ts';

export const verify: Command = async (invocation) => {
  const { options, json, terminal } = invocation;
  const { file, key, checkpoint } = options;
  if (file === undefined) return verifyDatabase(invocation);
  const given = {
    ...(key === undefined ? {} : { key }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
  };
  return (await auditVerifyFile(terminal, { file, ...given, json })).exit;
};

/** Against the checkpoints that left it by itself and, where some were kept elsewhere, against those too. */
async function verifyDatabase(invocation: Invocation): Promise<Exit> {
  const { options, json, terminal } = invocation;
  const kept = options.checkpoint === undefined ? [] : await readKeptCheckpoints(options.checkpoint);
  return withHouse<Exit>(invocation, async ({ db, keys, checkpointFile }) => {
    // The files come first: what they hold has been committed, so that the database must have it too.
    const notes = [...(await readCheckpointFile(checkpointFile)), ...kept];
    const args = { json, ...(options.key === undefined ? {} : { keys: [options.key] }) };
    return (await auditVerify({ ...terminal, db, keys, notes }, args)).exit;
  });
}

export const exportLog: Command = async (invocation) => {
  const { since, until, checkpoint: to } = invocation.options;
  const range = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
  // Before anything is opened, started or recorded.
  for (const [name, text] of Object.entries(range)) parseInstant(`--${name}`, text);
  return withHouse(invocation, async ({ db, audit, sequence }) => {
    const deps = { ...invocation.terminal, db, log: audit, sequence, account: accountName() };
    return (await auditExport(deps, to === undefined ? range : { ...range, checkpoint: to })).exit;
  });
};

export const checkpoint: Command = (invocation) =>
  withHouse(
    invocation,
    async ({ db }) => (await auditCheckpoint({ ...invocation.terminal, db }, { json: invocation.json })).exit,
  );

export const key: Command = (invocation) =>
  withHouse(
    invocation,
    async ({ keys }) => (await auditKey({ ...invocation.terminal, keys }, { json: invocation.json })).exit,
  );

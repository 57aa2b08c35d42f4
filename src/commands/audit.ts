/** `audit verify | export | checkpoint | key`. Only the export writes an entry: reading the log's state must not change it. */
import { auditCheckpoint, auditExport, auditKey, auditVerify, auditVerifyFile } from '../audit/commands.ts';
import { parseInstant } from '../audit/export.ts';
import { AppError } from '../errors.ts';
import { accountName, type Command } from './command.ts';
import { withHouse } from './open.ts';

export const verify: Command = async (invocation) => {
  const { options, json, terminal } = invocation;
  const { file, key, checkpoint } = options;
  if (file === undefined) {
    if (key !== undefined || checkpoint !== undefined)
      throw new AppError(
        'usage',
        '--key and --checkpoint belong to --file; the database is checked with its own.',
      );
    return withHouse(
      invocation,
      async (house) => (await auditVerify({ ...terminal, ...house }, { json })).exit,
    );
  }
  const given = {
    ...(key === undefined ? {} : { key }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
  };
  return (await auditVerifyFile(terminal, { file, ...given, json })).exit;
};

export const exportLog: Command = async (invocation) => {
  const { since, until } = invocation.options;
  const range = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
  // Before anything is opened, started or recorded.
  for (const [name, text] of Object.entries(range)) parseInstant(`--${name}`, text);
  return withHouse(invocation, async ({ db, audit, sequence }) => {
    const deps = { ...invocation.terminal, db, log: audit, sequence, account: accountName() };
    return (await auditExport(deps, range)).exit;
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

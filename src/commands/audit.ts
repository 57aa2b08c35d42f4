/** `audit verify | export | checkpoint | key`. Only the export writes an entry: reading the log's state must not change it. */
import { readCheckpointFile } from '../audit/checkpoint-file.ts';
import {
  auditCheckpoint,
  auditExport,
  auditKey,
  auditVerify,
  auditVerifyFile,
  type Output,
} from '../audit/commands.ts';
import { parseInstant } from '../audit/export.ts';
import { AppError } from '../errors.ts';
import { accountName, type Command, type Exit, type Invocation } from './command.ts';
import { withHouse } from './open.ts';
import type { Terminal } from './terminal.ts';

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

/** Against the checkpoints that left it by itself and, where one was kept elsewhere, against that one too. */
async function verifyDatabase(invocation: Invocation): Promise<Exit> {
  const { options, json, terminal } = invocation;
  const kept = options.checkpoint;
  if (kept !== undefined && (await readCheckpointFile(kept)).length === 0)
    throw new AppError('usage', `${kept} holds no whole checkpoint, from its name to its last line feed.`);
  return withHouse<Exit>(invocation, async (house) => {
    const args = { json, ...(options.key === undefined ? {} : { keys: [options.key] }) };
    const own = bufferOf(terminal);
    const { exit } = await auditVerify(
      { ...own, db: house.db, keys: house.keys, checkpointFile: house.checkpointFile },
      args,
    );
    if (exit !== 0 || kept === undefined) {
      await terminal.write(own.text());
      return exit;
    }
    return (await auditVerify({ ...terminal, db: house.db, keys: house.keys, checkpointFile: kept }, args))
      .exit;
  });
}

/** Keeps what is written, until it is known whether it is the last word. */
function bufferOf({ say }: Terminal): Output & { text(): string } {
  let kept = '';
  return {
    say,
    write(text) {
      kept += text;
    },
    text: () => kept,
  };
}

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

/** The commands `audit ...`, `evidence ...` and `privacy ...`: data to `write`, everything else to `say`. No environment is read here. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { AppError } from '../errors.ts';
import type { Json } from '../model/request.ts';
import type { Database } from '../store/database.ts';
import { readCheckpointFile } from './checkpoint-file.ts';
import { splitNotes } from './checkpoints.ts';
import { untilCovered } from './cover.ts';
import { buildEvidence } from './evidence.ts';
import { type EvidenceVerification, verifyEvidence } from './evidence-verify.ts';
import { exportLog, parseInstant, toLine } from './export.ts';
import { newestCheckpoint } from './head.ts';
import type { AuditKeys } from './keys.ts';
import type { AuditLog } from './log.ts';
import { parseVerifier } from './note.ts';
import type { Passed } from './sequencer.ts';
import { type Verification, verifyExport } from './verify.ts';
import { verifyDatabase } from './verify-database.ts';

export type Output = {
  /** Standard output, exact bytes; resolves when more may be written. */
  write(text: string): Promise<void> | void;
  /** Standard error, one line for a person. */
  say(line: string): void;
};
/** 0 good, 1 bad news, 2 wrong usage. Failures that are no finding are thrown as `AppError`. */
export type CommandResult = { exit: 0 | 1 | 2 };

const good: CommandResult = { exit: 0 };
const json = (value: unknown) => `${JSON.stringify(value)}\n`;

function usage(message: string): never {
  throw new AppError('usage', message);
}

function unreadable(path: string) {
  return (cause: unknown): never => {
    throw new AppError('usage', `${path} cannot be read.`, { cause });
  };
}

/** Verification in words; the first line is the outcome. */
function wordsOf(found: Verification, pending: number): string[] {
  const { entries, first, last, range, checkpoints, problems, problemCount } = found;
  const what = range ? `the range of entries ${first} to ${last}` : `${entries} entries`;
  const lines = found.ok ? [`verified: ${what}`] : [`NOT verified: ${problemCount} problem(s) in ${what}`];
  lines.push(...problems.map(({ kind, index, message }) => `  ${kind} at ${index ?? '-'}: ${message}`));
  if (problemCount > problems.length) lines.push(`  and ${problemCount - problems.length} more`);
  if (range) lines.push('a range: its hashes and links were checked, not its place in the signed tree');
  else if (checkpoints.size === null)
    lines.push('no checkpoint was given: cut-off ends and a rewritten whole would not show');
  else
    lines.push(
      `signed checkpoints that match: ${checkpoints.compared}, the largest covers ${checkpoints.size}`,
    );
  if (found.root !== null) lines.push(`root: ${found.root}`);
  if (pending > 0) lines.push(`${pending} more wait for their place`);
  return lines;
}

async function tell(
  output: Output,
  asJson: boolean,
  found: Verification & { pending?: number },
): Promise<CommandResult> {
  const text = asJson ? json(found) : `${wordsOf(found, found.pending ?? 0).join('\n')}\n`;
  await output.write(text);
  return { exit: found.ok ? 0 : 1 };
}

/** `audit verify --file F [--key VKEY] [--checkpoint F]`: needs nothing but the files. */
export async function auditVerifyFile(
  output: Output,
  args: { file: string; key?: string; checkpoint?: string; json?: boolean },
): Promise<CommandResult> {
  if (args.checkpoint !== undefined && args.key === undefined)
    usage('--checkpoint needs --key, the key that `audit key` prints.');
  const keys = args.key === undefined ? [] : [parseVerifier(args.key)];
  const notes =
    args.checkpoint === undefined
      ? []
      : splitNotes(await readFile(args.checkpoint, 'utf8').catch(unreadable(args.checkpoint)));
  if (args.checkpoint !== undefined && notes.length === 0) usage(`${args.checkpoint} holds no checkpoint.`);
  const input = createReadStream(args.file, 'utf8');
  const broken = new Promise<never>((_, reject) => input.once('error', reject));
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const found = await Promise.race([verifyExport({ lines, keys, notes }), broken]).catch((error: unknown) =>
    error instanceof AppError ? Promise.reject(error) : unreadable(args.file)(error),
  );
  return tell(output, args.json === true, found);
}

/** `audit verify`: the database, against its own checkpoints and those in the file that left it. `keys`: earlier verifier keys. */
export async function auditVerify(
  deps: Output & { db: Database; keys: AuditKeys; checkpointFile: string },
  args: { keys?: readonly string[]; json?: boolean },
): Promise<CommandResult> {
  // The file comes first: what it holds has been committed, so that the database must have it too.
  const notes = await readCheckpointFile(deps.checkpointFile);
  const { signer, macKey } = deps.keys;
  const found = await verifyDatabase({
    sql: deps.db,
    keys: [signer, ...(args.keys ?? []).map(parseVerifier)],
    notes,
    macKey,
  });
  return tell(deps, args.json === true, found);
}

export type ReadDeps = Output & {
  db: Database;
  log: AuditLog;
  /** `sequencer.runOnce` of a sequencer made for this command. */
  sequence: () => Promise<Passed>;
  /** The operating-system account that asks. */
  account: string;
};

/** `audit export [--since T] [--until T]`: JSON Lines; `--json` changes nothing, they are JSON already. */
export async function auditExport(
  deps: ReadDeps,
  args: { since?: string; until?: string },
): Promise<CommandResult> {
  const since = args.since === undefined ? null : parseInstant('--since', args.since);
  const until = args.until === undefined ? null : parseInstant('--until', args.until);
  if (since !== null && until !== null && since > until) usage('--since is later than --until.');
  const { db, log, sequence, account } = deps;
  const { checkpoint, entries } = await exportLog({ db, log, sequence, since, until, reader: { account } });
  let count = 0;
  for await (const placed of entries) {
    await deps.write(`${toLine(placed)}\n`);
    count += 1;
  }
  deps.say(`${count} entries, up to the signed checkpoint of ${checkpoint.size}`);
  return good;
}

/** `audit checkpoint`: the exact bytes of the newest note. */
export async function auditCheckpoint(
  deps: Output & { db: Database },
  args: { json?: boolean },
): Promise<CommandResult> {
  const newest = await newestCheckpoint(deps.db);
  if (newest === null) throw new AppError('not_found', 'No checkpoint has been signed yet.');
  const { size, root, note } = newest;
  await deps.write(args.json === true ? json({ size, root: root.toString('base64'), note }) : note);
  return good;
}

/** `audit key`: the verifier key. */
export async function auditKey(
  deps: Output & { keys: AuditKeys },
  args: { json?: boolean },
): Promise<CommandResult> {
  const { vkey, name } = deps.keys.signer;
  await deps.write(args.json === true ? json({ name, key: vkey }) : `${vkey}\n`);
  return good;
}

/** `evidence REQUEST`: the bundle as JSON. `preimageOf` answers null where there is no such request. */
export async function evidenceCommand(
  deps: Output & {
    db: Database;
    keys: AuditKeys;
    preimageOf: (request: string) => Promise<Record<string, Json> | null>;
  },
  args: { request: string },
): Promise<CommandResult> {
  const preimage = await deps.preimageOf(args.request);
  if (preimage === null) throw new AppError('not_found', 'There is no such request.');
  const { signer } = deps.keys;
  await deps.write(json(await buildEvidence({ sql: deps.db, signer, request: args.request, preimage })));
  return good;
}

function evidenceWords(found: EvidenceVerification): string[] {
  const { ok, request, digest, entries, size, key, findings } = found;
  const lines = [ok ? `verified: request ${request}` : 'NOT verified'];
  lines.push(...findings.map(({ code, message }) => `  ${code}: ${message}`));
  if (digest !== null) lines.push(`digest: ${digest}`, `${entries} entries proven in the log of ${size}`);
  if (key !== null)
    lines.push(
      `key: ${key.id} (${key.trust === 'given' ? 'as given' : 'the bundle’s own: compare it with one you know'})`,
    );
  return lines;
}

/** `evidence verify FILE [--key VKEY]`: with no server. */
export async function evidenceVerify(
  output: Output,
  args: { file: string; key?: string; json?: boolean },
): Promise<CommandResult> {
  const text = await readFile(args.file, 'utf8').catch(unreadable(args.file));
  const found = verifyEvidence(text, args.key === undefined ? {} : { key: parseVerifier(args.key) });
  await output.write(args.json === true ? json(found) : `${evidenceWords(found).join('\n')}\n`);
  return { exit: found.ok ? 0 : 1 };
}

/** How long a command waits for its own entry to be signed for. */
const COMMAND_COVER_MS = 30_000;

/** Places and signs what a command has just written, whether or not an assistant runs. */
export async function settle(deps: Pick<ReadDeps, 'db' | 'sequence'>, entryId: string): Promise<void> {
  await deps.sequence();
  await untilCovered({ db: deps.db, entryIds: [entryId], timeoutMs: COMMAND_COVER_MS });
}

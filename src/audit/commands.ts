/** The commands `audit ...`, `evidence ...` and `privacy ...`: data to `write`, everything else to `say`. No environment is read here. */
import { createReadStream } from 'node:fs';
import { appendFile, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { AppError } from '../errors.ts';
import type { Json } from '../model/request.ts';
import type { Database } from '../store/database.ts';
import { splitNotes } from './checkpoints.ts';
import { untilCovered } from './cover.ts';
import { buildEvidence } from './evidence.ts';
import { type EvidenceVerification, verifyEvidence } from './evidence-verify.ts';
import { exportLog, parseInstant, toLine } from './export.ts';
import { newestCheckpoint } from './head.ts';
import type { AuditKeys } from './keys.ts';
import type { AuditLog } from './log.ts';
import { parseVerifier, type Verifier } from './note.ts';
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

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EISDIR: 'is a folder',
  EACCES: 'is closed to this account',
  ENOSPC: 'has no room left on its disk',
};

/** A file that a person named, and what is wrong with it. */
function badFile(path: string, what: 'read' | 'written') {
  return (cause: unknown): never => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const why = WHY[code];
    const because = why === undefined ? '' : `: it ${why}`;
    throw new AppError('usage', `${path} cannot be ${what}${because}.`, { cause });
  };
}

/** Every checkpoint of a file that a person kept. Throws `AppError('usage')` where there is none in it. */
export async function readKeptCheckpoints(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(badFile(path, 'read'));
  // Some editors put a byte order mark before what they save.
  const notes = splitNotes(text.replace(/^\uFEFF/, ''));
  return notes.length > 0 ? notes : usage(`${path} holds no checkpoint.`);
}

/** The verifier key that a person gave. Throws `AppError('usage')`. */
function givenKey(text: string): Verifier {
  try {
    return parseVerifier(text);
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    const words =
      '--key takes a verifier key as `countersign audit key` prints it: NAME+HASH+KEY, in one line.';
    throw new AppError('usage', words, { cause });
  }
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
  const keys = args.key === undefined ? [] : [givenKey(args.key)];
  const notes = args.checkpoint === undefined ? [] : await readKeptCheckpoints(args.checkpoint);
  const input = createReadStream(args.file, 'utf8');
  const broken = new Promise<never>((_, reject) => input.once('error', reject));
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const found = await Promise.race([verifyExport({ lines, keys, notes }), broken]).catch((error: unknown) =>
    error instanceof AppError ? Promise.reject(error) : badFile(args.file, 'read')(error),
  );
  // A whole export has its own entry at least: this is what one that failed leaves behind.
  if (found.ok && found.entries === 0)
    usage(`${args.file} holds no entry: there is nothing to verify. Export the log again.`);
  return tell(output, args.json === true, found);
}

/** `audit verify`: the database, against its own checkpoints and the `notes` that left it. `keys`: earlier verifier keys. */
export async function auditVerify(
  deps: Output & { db: Database; keys: AuditKeys; notes: readonly string[] },
  args: { keys?: readonly string[]; json?: boolean },
): Promise<CommandResult> {
  const { signer, macKey } = deps.keys;
  const found = await verifyDatabase({
    sql: deps.db,
    keys: [signer, ...(args.keys ?? []).map(givenKey)],
    notes: deps.notes,
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

/**
 * `audit export [--since T] [--until T] [--checkpoint F]`: JSON Lines; `--json` changes nothing, they are JSON already. `checkpoint`:
 * the file of kept checkpoints to which the one is added that the export was made up to; while an assistant runs, a newer one may
 * be there at once.
 */
export async function auditExport(
  deps: ReadDeps,
  args: { since?: string; until?: string; checkpoint?: string },
): Promise<CommandResult> {
  const since = args.since === undefined ? null : parseInstant('--since', args.since);
  const until = args.until === undefined ? null : parseInstant('--until', args.until);
  if (since !== null && until !== null && since > until) usage('--since is later than --until.');
  const { db, log, sequence, account } = deps;
  const to = args.checkpoint;
  // Before anything is recorded: a file that cannot be written is wrong usage.
  if (to !== undefined) await appendFile(to, '').catch(badFile(to, 'written'));
  const { checkpoint, entries } = await exportLog({ db, log, sequence, since, until, reader: { account } });
  if (to !== undefined) await appendFile(to, `${checkpoint.note}\n`).catch(badFile(to, 'written'));
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
  const text = await readFile(args.file, 'utf8').catch(badFile(args.file, 'read'));
  const found = verifyEvidence(text, args.key === undefined ? {} : { key: givenKey(args.key) });
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

/** The two secrets of the house, given or made at the first start, and what is derived from them. */
import { hkdfSync, randomBytes } from 'node:crypto';
import { chmod, link, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { decodeBase64, formatSigningKey, parseSigner, type Signer } from './note.ts';

const MASTER_KEY_BYTES = 32;
const SEED_BYTES = 32;
/** 8 hex digits tell installations apart in a list of checkpoints. */
const NAME_BYTES = 4;
/** Owner only. */
const SECRET_MODE = 0o600;
/** HKDF's `info`: one label per use, so that no key serves two. Version 1 of each. */
const MAC_INFO = 'countersign/audit-mac/v1';
const WRAP_INFO = 'countersign/person-key-wrap/v1';
const TOKEN_INFO = 'countersign/minted-token/v1';
const MASTER_FILE = 'master.key';
const SIGNING_FILE = 'audit-signing.key';

export type AuditKeys = {
  /** HMAC-SHA256 over entries. */
  macKey: Buffer;
  /** AES-256-GCM around the keys per person. */
  wrapKey: Buffer;
  /** AES-256-GCM around tokens that were made on demand, until they are taken back. */
  tokenKey: Buffer;
  signer: Signer;
  /** Files made just now: the start says to back them up. */
  made: string[];
};

/** Throws `AppError('key_invalid')`. */
export function parseMasterKey(text: string): Buffer {
  const bytes = decodeBase64(text.trim());
  if (bytes?.length === MASTER_KEY_BYTES) return bytes;
  throw new AppError(
    'key_invalid',
    'MASTER_KEY is not 32 bytes in standard base64. Make one: openssl rand -base64 32',
  );
}

/** Throws `AppError('key_invalid')`. */
export function parseSigningKey(text: string): Signer {
  try {
    return parseSigner(text);
  } catch (cause) {
    throw new AppError(
      'key_invalid',
      'AUDIT_SIGNING_KEY is not of the form PRIVATE+KEY+name+hash+base64. Run `countersign doctor` to make one.',
      { cause },
    );
  }
}

const errno = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : undefined);

function unusable(variable: string, path: string, cause: unknown): AppError {
  return new AppError('key_invalid', `${variable}: the file ${path} cannot be read or made.`, { cause });
}

/** Tightens a secret's file that others may read. */
async function readSecret(path: string): Promise<string | null> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) await chmod(path, SECRET_MODE);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errno(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Whole or not at all, and never over an existing one: of two first starts at once, the second reads the first's. */
async function writeOnce(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomBytes(NAME_BYTES).toString('hex')}`;
  const file = await open(temporary, 'wx', SECRET_MODE);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (errno(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(temporary);
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function readOrMake(
  dataDir: string,
  file: string,
  variable: string,
  make: (() => string) | null,
): Promise<{ text: string; made: string[] }> {
  const path = join(dataDir, file);
  try {
    const found = await readSecret(path);
    if (found !== null) return { text: found, made: [] };
    if (make === null)
      throw new AppError('key_invalid', `${variable} is not set and ${path} does not exist.`);
    const made = await writeOnce(path, `${make()}\n`);
    await syncFolder(dataDir);
    const text = await readSecret(path);
    if (text === null) throw new AppError('key_invalid', `${variable}: the file ${path} vanished.`);
    return { text, made: made ? [path] : [] };
  } catch (error) {
    throw error instanceof AppError ? error : unusable(variable, path, error);
  }
}

/** A fresh value for MASTER_KEY. */
export function newMasterKey(): string {
  return randomBytes(MASTER_KEY_BYTES).toString('base64');
}

/** A fresh value for AUDIT_SIGNING_KEY, under a name of its own. */
export function newSigningKey(): string {
  return formatSigningKey(`countersign-${randomBytes(NAME_BYTES).toString('hex')}`, randomBytes(SEED_BYTES));
}

const derive = (masterKey: Buffer, info: string) =>
  Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), info, MASTER_KEY_BYTES));

/** All that follows from the two secrets. */
export function deriveKeys(masterKey: string, signingKey: string, made: string[] = []): AuditKeys {
  const master = parseMasterKey(masterKey);
  const signer = parseSigningKey(signingKey);
  return {
    macKey: derive(master, MAC_INFO),
    wrapKey: derive(master, WRAP_INFO),
    tokenKey: derive(master, TOKEN_INFO),
    signer,
    made,
  };
}

/**
 * Given values win; what is absent is read from the data folder, or made there when `make` allows it (not in
 * production, and not by commands that only read). Throws `AppError('key_invalid')`, which names the variable and never shows a value.
 */
export async function loadKeys(options: {
  dataDir: string;
  masterKey?: string | undefined;
  signingKey?: string | undefined;
  make: boolean;
}): Promise<AuditKeys> {
  const { dataDir, make } = options;
  const given = (text: string) => ({ text, made: [] as string[] });
  const master =
    options.masterKey === undefined
      ? await readOrMake(dataDir, MASTER_FILE, 'MASTER_KEY', make ? newMasterKey : null)
      : given(options.masterKey);
  const signing =
    options.signingKey === undefined
      ? await readOrMake(dataDir, SIGNING_FILE, 'AUDIT_SIGNING_KEY', make ? newSigningKey : null)
      : given(options.signingKey);
  return deriveKeys(master.text, signing.text, [...master.made, ...signing.made]);
}

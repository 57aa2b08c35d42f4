/**
 * Reading the files that everything else trusts: who is who, and which rules hold. Whoever can write them can
 * grant anything, so a file that others may write is refused before a byte of it is believed.
 */
import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { AppError, type ErrorCode } from './errors.ts';

const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
/** In a sticky folder (`/tmp`) nobody can replace somebody else's file. */
const STICKY = 0o1000;

/** With `production` the group may not write either; elsewhere `umask 002` makes every clone group-writable. */
export type TrustOptions = { production: boolean; code: ErrorCode };

/**
 * Refuses a folder in which somebody else could put or replace a file. `sealed` asks that nobody else can add
 * one either (a folder whose every file is believed); then the sticky bit is no excuse.
 * @throws AppError(options.code)
 */
export function assertTrustedFolder(folder: string, options: TrustOptions & { sealed: boolean }): void {
  const mode = stat(folder, () => statSync(folder), options).mode;
  if (!options.sealed && (mode & STICKY) !== 0) return;
  refuseWriters(folder, mode, options);
}

/**
 * The file's text, if only its owner (and, outside production, its group) may write it.
 * The mode is read from the open file, so that what was checked is what is read.
 * @throws AppError(options.code)
 */
export function readTrusted(file: string, options: TrustOptions): string {
  assertTrustedFolder(dirname(file), { ...options, sealed: false });
  const descriptor = stat(file, () => openSync(file, 'r'), options);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw new AppError(options.code, `${file}: is not a regular file`);
    refuseWriters(file, status.mode, options);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

/**
 * YAML checked against `schema`; everything wrong is refused with `FILE:LINE: reason`. `at` then finds the line
 * of a path, for the checks that a schema cannot make.
 * @throws AppError(code)
 */
export function parseTrustedYaml<T>(
  text: string,
  file: string,
  schema: z.ZodType<T>,
  code: ErrorCode,
): { value: T; at: (path: readonly PropertyKey[]) => number } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, strict: true, uniqueKeys: true });
  const broken = document.errors[0] ?? document.warnings[0];
  if (broken !== undefined) {
    const line = lines.linePos(broken.pos[0]).line;
    throw new AppError(code, `${file}:${line}: ${firstLine(broken.message)}`, { cause: broken });
  }
  const at = (path: readonly PropertyKey[]): number => {
    for (let depth = path.length; depth > 0; depth--) {
      const node = document.getIn(path.slice(0, depth), true) as
        | { range?: [number, number, number] }
        | undefined;
      if (node?.range !== undefined) return lines.linePos(node.range[0]).line;
    }
    return 1;
  };
  let data: unknown;
  try {
    // No aliases: what a reviewer reads at a place is what stands there, and nothing can grow when it is read.
    data = document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw new AppError(code, `${file}: YAML aliases (*name) are not accepted`, { cause });
  }
  const parsed = schema.safeParse(data);
  if (parsed.success) return { value: parsed.data, at };
  const issue = deepest(parsed.error.issues[0]);
  const where = issue.path.map(String).join('.');
  const line = at(issue.path);
  throw new AppError(code, `${file}:${line}: ${where === '' ? '' : `${where}: `}${issue.message}`);
}

/** The issue that names the field, where the outer one only says "invalid" or points at what surrounds it. */
function deepest(issue: z.core.$ZodIssue | undefined): { path: PropertyKey[]; message: string } {
  if (issue === undefined) return { path: [], message: 'is not valid' };
  if (issue.code === 'unrecognized_keys') {
    return { path: [...issue.path, issue.keys[0] ?? ''], message: 'is not a known key' };
  }
  if (issue.code === 'invalid_key') return { path: issue.path, message: deepest(issue.issues[0]).message };
  if (issue.code !== 'invalid_union') return issue;
  const inner = issue.errors.flat().sort((a, b) => b.path.length - a.path.length)[0];
  if (inner === undefined) return issue;
  const found = deepest(inner);
  return { path: [...issue.path, ...found.path], message: found.message };
}

function stat<T>(path: string, read: () => T, { code }: TrustOptions): T {
  try {
    return read();
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new AppError(code, `${path}: ${missing ? 'does not exist' : 'cannot be read'}`, { cause });
  }
}

function refuseWriters(path: string, mode: number, { production, code }: TrustOptions): void {
  if ((mode & OTHERS_WRITE) !== 0) {
    throw new AppError(code, `${path}: may be written by others; run: chmod o-w ${path}`);
  }
  if (production && (mode & GROUP_WRITES) !== 0) {
    throw new AppError(
      code,
      `${path}: may be written by its group, which production refuses; run: chmod g-w ${path}`,
    );
  }
}

/** What is wrong, without what stands there: after a colon the parser quotes the file, which may hold a secret. */
function firstLine(text: string): string {
  const line = (text.split('\n', 1)[0] ?? text).replace(/ at line \d+, column \d+:?$/, '');
  return line.split(': ', 1)[0] ?? line;
}

/** The passwords of the embedded server's three roles, kept in the data folder for its owner alone. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { AppError } from '../../errors.ts';

/** 192 bits: guessing is hopeless even without SCRAM's slowness. */
const PASSWORD_BYTES = 24;
const password = z.string().regex(/^[A-Za-z0-9_-]{32}$/);
const schema = z.strictObject({ superuser: password, owner: password, app: password });

export type Passwords = z.output<typeof schema>;

export const SUPERUSER = 'countersign_bootstrap';
export const OWNER_ROLE = 'countersign_owner';
export const APP_ROLE = 'countersign_app';
export const DATABASE_NAME = 'countersign';

export function readPasswords(file: string): Passwords | null {
  if (!existsSync(file)) return null;
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new AppError(
      'data_folder',
      `The file ${file} is damaged; npx countersign reset empties the local data.`,
      {
        cause,
      },
    );
  }
}

/** Writes whole or not at all, so that a crash never leaves half a file. */
export function makePasswords(file: string): Passwords {
  const fresh = () => randomBytes(PASSWORD_BYTES).toString('base64url');
  const passwords = { superuser: fresh(), owner: fresh(), app: fresh() };
  writeFileSync(`${file}.new`, `${JSON.stringify(passwords)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return passwords;
}

export function urlFor(role: string, word: string, port: number, database = DATABASE_NAME): string {
  const url = new URL(`postgres://127.0.0.1:${port}/${database}`);
  url.username = role;
  url.password = word;
  return url.href;
}

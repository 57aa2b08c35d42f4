/** The migration files: in order, with the digest that tells whether one was changed afterwards. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AppError } from '../errors.ts';

export type MigrationFile = { name: string; sql: string; sha256: string };

const FOLDER = fileURLToPath(new URL('./migrations/', import.meta.url));
const NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

/** All files of `folder` by number. Throws `AppError('config_invalid')` when two share one. */
export function migrationFiles(folder: string = FOLDER): MigrationFile[] {
  const names = readdirSync(folder)
    .filter((name) => NAME.test(name))
    .sort();
  const numbers = names.map((name) => name.slice(0, 4));
  if (new Set(numbers).size !== numbers.length) {
    throw new AppError('config_invalid', 'Two migrations have the same number.', {
      cause: new Error(names.join(' ')),
    });
  }
  return names.map((name) => {
    const sql = readFileSync(new URL(name, `file://${folder.endsWith('/') ? folder : `${folder}/`}`), 'utf8');
    return { name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
  });
}

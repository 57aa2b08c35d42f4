/**
 * Statements under a name of their own: PostgreSQL reads and plans each once a connection, and not again with every use.
 * The names are made of the text, which is never spliced, so there are as many as the product has statements.
 */
import { createHash } from 'node:crypto';
import type pg from 'pg';

/** More than the product has; whatever comes beyond is planned each time, so that no defect fills the server's memory. */
const NAMES_MAX = 500;
/** Of a SHA-256: enough to tell 500 texts apart. A name may have 63 bytes. */
const NAME_HEX_DIGITS = 32;

const names = new Map<string, string>();

function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= NAMES_MAX) return known;
  const name = createHash('sha256').update(text).digest('hex').slice(0, NAME_HEX_DIGITS);
  names.set(text, name);
  return name;
}

/** Without parameters a text may be several statements, which cannot have a name. */
export function statementOf(text: string, values: readonly unknown[]): pg.QueryConfig {
  if (values.length === 0) return { text };
  const name = nameOf(text);
  return { text, values: [...values], ...(name === undefined ? {} : { name }) };
}

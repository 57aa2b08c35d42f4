/** The two secrets of the house, where they are given and not kept in the data folder. */
import { parseMasterKey, parseSigningKey } from '../audit/keys.ts';
import { AppError } from '../errors.ts';
import type { Secret } from './environment.ts';
import { configInvalid } from './invalid.ts';

export type GivenKeys = { masterKey: string | null; auditSigningKey: string | null };

/** Of the right form, or the start is over: before a database is made that another key would then belong to. */
export function givenKeys(secret: Secret): GivenKeys {
  return {
    masterKey: keyOf('MASTER_KEY', secret, parseMasterKey),
    auditSigningKey: keyOf('AUDIT_SIGNING_KEY', secret, parseSigningKey),
  };
}

function keyOf(name: string, secret: Secret, parse: (text: string) => unknown): string | null {
  const text = secret(name);
  if (text === null) return null;
  try {
    parse(text);
    return text;
  } catch (error) {
    if (error instanceof AppError) return configInvalid(error.message);
    throw error;
  }
}

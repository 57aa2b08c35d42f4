/**
 * Variables of the environment: what they may hold, and secrets that stand in a file instead. Whatever is wrong is
 * `config_invalid`, with the variable and never its value.
 */
import { readFileSync } from 'node:fs';
import type { GivenSecret } from '../credentials/grants.ts';
import { AppError } from '../errors.ts';
import { configInvalid } from './invalid.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Whether a host, as the operator writes it, is this machine; nothing is looked up. */
export const isThisMachine = (host: string): boolean => LOOPBACK_HOSTS.has(host);

const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '::1', '[::1]']);
const DEFAULT_PORT = 3000;
const MAX_PORT = 65_535;

/** Where the value of a variable is looked up, or of the file that is named instead; null where neither is given. */
export type Secret = (name: string) => string | null;

/** The value of NAME, or of the file that NAME_FILE names; null where neither is given. */
export function readSecret(env: Environment, name: string): GivenSecret | null {
  const path = env[`${name}_FILE`];
  if (path !== undefined && path !== '') {
    // Which of the two was meant is a guess, and one of them may be an old secret.
    if (env[name]) return configInvalid(`${name} and ${name}_FILE are both given: leave one of them out.`);
    try {
      const value = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
      return { value: value || configInvalid(`${name}_FILE: the file is empty.`), file: path };
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('config_invalid', `${name}_FILE: the file cannot be read.`, { cause: error });
    }
  }
  const value = env[name];
  return value ? { value, file: null } : null;
}

export function portOf(text: string | undefined): number {
  if (!text) return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port <= MAX_PORT ? port : configInvalid(`PORT must be a number from 0 to ${MAX_PORT}.`);
}

export function urlOf(name: string, text: string | undefined): URL | null {
  if (!text) return null;
  const url = URL.parse(text);
  return url && (url.protocol === 'http:' || url.protocol === 'https:')
    ? url
    : configInvalid(`${name} must be an http or https URL.`);
}

/** The address of a server, as it was given; it may hold a password and is never shown. */
export function serverUrl(name: string, secret: Secret, protocols: readonly string[]): string | null {
  const text = secret(name);
  if (text === null || protocols.includes(URL.parse(text)?.protocol ?? '')) return text;
  return configInvalid(
    `${name} must be a URL that begins with ${protocols.map((it) => `${it}//`).join(' or ')}.`,
  );
}

export function oneOf(name: string, value: string, allowed: readonly string[]): string {
  return allowed.includes(value) ? value : configInvalid(`${name} must be one of ${allowed.join(', ')}.`);
}

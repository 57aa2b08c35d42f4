/** What a command is given, and what it answers. */
import { userInfo } from 'node:os';
import type { Environment } from '../config/environment.ts';
import type { Terminal } from './terminal.ts';

/** 0 good, 1 bad news, 2 wrong usage. */
export type Exit = 0 | 1 | 2;

export type Invocation = {
  /** As in the table: `audit verify`. */
  name: string;
  env: Environment;
  /** Where `countersign.yaml` and relative paths are looked for. */
  cwd: string;
  /** What stands beside the options; as many as the table allows. */
  words: readonly string[];
  options: Readonly<Record<string, string | undefined>>;
  flags: ReadonlySet<string>;
  json: boolean;
  terminal: Terminal;
};

export type Command = (invocation: Invocation) => Promise<Exit>;

/** The operating-system account that commands are recorded as: asked of the system, never of the environment. */
export function accountName(): string {
  try {
    return `os:${userInfo().username}`;
  } catch {
    // An id without an entry in the password file, as containers have.
    return `os:uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

export const line = (value: unknown): string => `${JSON.stringify(value)}\n`;

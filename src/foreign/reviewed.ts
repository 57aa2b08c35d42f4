/**
 * What was reviewed of things that come from elsewhere, kept in one JSON file beside countersign.yaml: by name, what it said
 * of itself and the digest of what said it. A person wrote it there by a command and can read it as a diff; nothing that is not
 * in it exists. The file decides what may leave, so it is trusted as the policies are.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { readTrusted } from '../trusted-file.ts';
import { isStrangeKey } from './plain.ts';

const VERSION = 1;
const NAME = /^[a-z0-9][a-zA-Z0-9._/-]{0,127}$/;
const MODE = 0o644;

const Shape = z.strictObject({ v: z.literal(VERSION), reviewed: z.record(z.string(), z.unknown()) });

/**
 * By name, each entry checked against `entry`. No file yet: nothing is reviewed.
 * @throws AppError('config_invalid') with file and name
 */
export function readReviewed<T>(
  file: string,
  entry: z.ZodType<T>,
  { production }: { production: boolean },
): Map<string, T> {
  if (!existsSync(file)) return new Map();
  const text = readTrusted(file, { production, code: 'config_invalid' });
  const shape = Shape.safeParse(parse(file, text));
  if (!shape.success)
    throw new AppError(
      'config_invalid',
      `${file}: is not {"v": ${VERSION}, "reviewed": {NAME: …}}; review again.`,
    );
  const found = new Map<string, T>();
  for (const [name, value] of Object.entries(shape.data.reviewed)) {
    const parsed = entry.safeParse(value);
    if (!NAME.test(name) || isStrangeKey(name) || !parsed.success)
      throw new AppError(
        'config_invalid',
        `${file}: the entry ${JSON.stringify(name)} is not valid; review it again.`,
        {
          cause: parsed.error,
        },
      );
    found.set(name, parsed.data);
  }
  return found;
}

/** Puts one entry in the place of what was there; the others stay as they are. */
export function writeReviewed<T>(
  file: string,
  name: string,
  entry: T,
  options: { production: boolean },
): void {
  if (!NAME.test(name) || isStrangeKey(name))
    throw new AppError('config_invalid', `${JSON.stringify(name)} is no name for an entry of ${file}.`);
  const before = readReviewed<unknown>(file, z.unknown(), options);
  const all = [...before.set(name, entry)].sort(([a], [b]) => (a < b ? -1 : 1));
  // Whole or not at all: a start may read it at any moment.
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, `${JSON.stringify({ v: VERSION, reviewed: Object.fromEntries(all) }, null, 2)}\n`, {
    mode: MODE,
  });
  renameSync(draft, file);
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('config_invalid', `${file}: is not JSON; review again.`, { cause });
  }
}

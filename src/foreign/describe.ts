/** Asks an action from a folder outside what it says of itself: in the sandbox, once, with nothing to reach. */
import { AppError } from '../errors.ts';
import { type Bundle, keepBundle } from '../execution/sandbox/bundle.ts';
import type { Sandbox } from '../execution/sandbox/sandbox.ts';
import type { Json } from '../model/request.ts';
import { bundleOutside } from './bundle.ts';
import { type Description, MAX_DESCRIPTION_CHARS, readDescription } from './description.ts';
import { connectorOf } from './governed.ts';
import { OPERATION } from './operation.ts';
import { traced } from './traced.ts';

/** It builds some objects; whoever needs longer is doing something else. */
const WALL_MS = 10_000;

export type Described = {
  bundle: Bundle;
  said: Json;
  /** What its code printed as it failed, with places in its own files; untrusted text, cleaned and bounded. */
  traced(words: string): string;
} & ({ ok: true; description: Description } | { ok: false; problems: string[] });

/**
 * @throws AppError `catalogue_invalid` where it cannot be bundled, `action_failed` where it gives no description; its cause is then
 *   what it printed
 */
export async function describeOutside(folder: string, name: string, sandbox: Sandbox): Promise<Described> {
  const { code, map } = await bundleOutside(folder, name);
  const bundle = await keepBundle(connectorOf(name), code);
  const asked = { bundle, traced: (words: string) => traced(words, map) };
  const outcome = await sandbox.run({
    bundle,
    job: {
      ...{ call: 'describe', operation: OPERATION, input: {}, settings: {}, pinned: {} },
      ...{ mark: '', requester: '', idempotencyKey: '' },
    },
    // The door is shut before it can knock.
    door: (stream) => stream.destroy(),
    limits: { wallMs: WALL_MS, outputBytes: 2 * MAX_DESCRIPTION_CHARS },
  });
  if (outcome.kind === 'failed')
    throw new AppError(
      'action_failed',
      `${name} gives no description of itself (${outcome.code}). ${outcome.message}`,
      { cause: asked.traced(outcome.detail) },
    );
  const read = readDescription(outcome.value);
  if (!read.ok) return { ...asked, said: outcome.value, ok: false, problems: read.problems };
  if (read.description.name !== name) {
    const problems = [`name: is "${read.description.name}", and its file is ${name}.ts. Give both one name.`];
    return { ...asked, said: outcome.value, ok: false, problems };
  }
  return { ...asked, said: outcome.value, ok: true, description: read.description };
}

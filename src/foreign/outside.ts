/**
 * The actions of the operator's own folder: which there are, which were reviewed, and which of those are still what was
 * reviewed. What is not beyond doubt is not served; nothing here runs any of their code.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { canonicalize } from 'json-canonicalize';
import { z } from 'zod';
import type { GovernedAction } from '../action.ts';
import { AppError } from '../errors.ts';
import { type Bundle, keepBundle } from '../execution/sandbox/bundle.ts';
import { Json } from '../model/request.ts';
import { assertTrustedFolder } from '../trusted-file.ts';
import { ACTION_NAME } from './action-name.ts';
import { type ActionsConfig, NOTHING_ASSIGNED } from './assigned.ts';
import { bundleOutside } from './bundle.ts';
import type { Description } from './description.ts';
import { connectorOf, governedFrom, missingCredentials } from './governed.ts';
import { readReviewed } from './reviewed.ts';
import { type DeclaredUndo, undoFrom, whyNoUndo } from './undo.ts';

/** `sha256`: of the bundle that was asked and reviewed. */
export const ReviewedAction = z.strictObject({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  description: Json,
});
export type ReviewedAction = z.output<typeof ReviewedAction>;

export type OutsideState =
  | 'served'
  | 'not_reviewed'
  | 'changed'
  | 'source_missing'
  | 'not_bundled'
  | 'credential_not_assigned';

type Known = {
  name: string;
  reviewed: ReviewedAction | null;
  governed: GovernedAction | null;
  missing: string[];
  undo: DeclaredUndo | null;
  /** Why its undo is not offered, where it declares one that cannot be. */
  noUndo: string | null;
};

/** As the files say; whether the source still is what was reviewed is not looked at. */
export type OutsideActions = { known: readonly Known[] };
const NO_OUTSIDE_ACTIONS: OutsideActions = { known: [] };

export type OutsideStatus = {
  name: string;
  state: OutsideState;
  /** Of the source as it is now, null where there is none. */
  sha256: string | null;
  /** For operators: what to do. */
  words: string;
  /** It is served, and not with all that was reviewed. */
  lacks: boolean;
};

export type PreparedOutside = {
  statuses: readonly OutsideStatus[];
  serves(action: string): boolean;
  /** By connector, of those that are served. */
  bundles: ReadonlyMap<string, Bundle>;
};

/**
 * Reviewed descriptions, read and checked; names of files that nobody reviewed.
 * @throws AppError('config_invalid')
 */
export function readOutside(actions: ActionsConfig | null, trust: { production: boolean }): OutsideActions {
  if (actions === null) return NO_OUTSIDE_ACTIONS;
  if (existsSync(actions.folder))
    assertTrustedFolder(actions.folder, { ...trust, code: 'config_invalid', sealed: true });
  const reviewed = readReviewed(actions.reviewed, ReviewedAction, trust);
  const names = new Set([...reviewed.keys(), ...namesIn(actions.folder)]);
  const known = [...names].sort().map((name) => knownFrom(name, reviewed.get(name) ?? null, actions));
  const strange = Object.keys(actions.assign).find((name) => !names.has(name));
  if (strange !== undefined)
    throw new AppError(
      'config_invalid',
      `actions.assign.${strange}: there is no such action in ${actions.folder}.`,
    );
  return { known: known.map((one) => withUndo(one, known)) };
}

/** Of the folder only: what a name means elsewhere is not asked. */
const governedIn = (known: readonly Known[], action: string): GovernedAction | null =>
  known.find(({ name }) => name === action)?.governed ?? null;

function withUndo(one: Known, known: readonly Known[]): Known {
  const { governed, undo } = one;
  if (governed === null || undo === null) return one;
  const taker = governedIn(known, undo.action);
  const noUndo = whyNoUndo(undo, governed, taker);
  if (noUndo !== null || taker === null) return { ...one, noUndo };
  return { ...one, governed: { ...governed, action: { ...governed.action, undo: undoFrom(undo, taker) } } };
}

function knownFrom(name: string, reviewed: ReviewedAction | null, actions: ActionsConfig): Known {
  if (reviewed === null) return { name, reviewed, governed: null, missing: [], undo: null, noUndo: null };
  const assigned = actions.assign[name] ?? NOTHING_ASSIGNED;
  const { governed, description } = governedFrom(reviewed.description, assigned);
  if (description.name !== name)
    throw new AppError(
      'config_invalid',
      `${actions.reviewed}: the entry "${name}" describes another action; review it again.`,
    );
  const missing = missingCredentials(description, assigned);
  return { name, reviewed, governed, missing, undo: description.undo, noUndo: null };
}

function namesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.ts') && ACTION_NAME.test(file.slice(0, -3)))
    .map((file) => file.slice(0, -3));
}

/**
 * Why what this action declares as its undo would not be offered, beside what is reviewed now; null where it would be. Nothing but
 * the action that it names is looked at: what is wrong with others is no reason not to review this one.
 * @throws AppError('config_invalid') where the file of reviews as a whole cannot be read
 */
export function undoMissing(
  { name, undo }: Pick<Description, 'name' | 'undo'>,
  governed: GovernedAction,
  actions: ActionsConfig,
  trust: { production: boolean },
): string | null {
  if (undo === null) return null;
  if (undo.action === name) return whyNoUndo(undo, governed, governed);
  const entry = readReviewed(actions.reviewed, z.unknown(), trust).get(undo.action);
  if (entry === undefined) return whyNoUndo(undo, governed, null);
  const reviewed = ReviewedAction.safeParse(entry);
  const taker = reviewed.success ? takerFrom(undo.action, reviewed.data, actions) : null;
  if (taker === null) return `what was reviewed of ${undo.action}, or is assigned to it, does not hold`;
  return whyNoUndo(undo, governed, taker);
}

/** Null where it does not hold: whoever reviews that one, or starts, hears why. */
function takerFrom(name: string, reviewed: ReviewedAction, actions: ActionsConfig): GovernedAction | null {
  try {
    return knownFrom(name, reviewed, actions).governed;
  } catch (error) {
    if (error instanceof AppError && error.code === 'config_invalid') return null;
    throw error;
  }
}

/**
 * Names that a kill switch may name. Null where they cannot be read: a broken file must not keep anybody from stopping
 * something.
 */
export function outsideNames(
  actions: ActionsConfig | null,
  trust: { production: boolean },
): { actions: string[]; connectors: string[] } | null {
  try {
    const names = readOutside(actions, trust).known.map(({ name }) => name);
    return { actions: names, connectors: names.map(connectorOf) };
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

/** Bundles each source and compares: for the process that serves. */
export async function prepareOutside(
  actions: ActionsConfig | null,
  trust: { production: boolean },
): Promise<PreparedOutside> {
  const bundles = new Map<string, Bundle>();
  const statuses: OutsideStatus[] = [];
  if (actions !== null) {
    for (const known of readOutside(actions, trust).known) {
      const { status, bundle } = await prepared(known, actions);
      statuses.push(status);
      if (bundle !== null) bundles.set(connectorOf(known.name), bundle);
    }
  }
  return { statuses, serves: (action) => bundles.has(connectorOf(action)), bundles };
}

type Prepared = { status: OutsideStatus; bundle: Bundle | null };

async function prepared(known: Known, actions: ActionsConfig): Promise<Prepared> {
  const { name, reviewed, governed } = known;
  const not = (state: OutsideState, words: string, sha256: string | null = null): Prepared => ({
    status: { name, state, sha256, words: `${name} is not served: ${words}`, lacks: false },
    bundle: null,
  });
  const again = `countersign action review ${name}`;
  if (reviewed === null || governed === null) return not('not_reviewed', `nobody reviewed it; run ${again}.`);
  if (!existsSync(`${actions.folder}/${name}.ts`)) return not('source_missing', 'its file is gone.');
  const bundled = await bundleOutside(actions.folder, name).catch((error: unknown) => {
    if (error instanceof AppError) return error;
    throw error;
  });
  if (bundled instanceof AppError) return not('not_bundled', bundled.message);
  const { code } = bundled;
  const sha256 = createHash('sha256').update(code).digest('hex');
  if (sha256 !== reviewed.sha256)
    return not('changed', `its source is not what was reviewed; run ${again}.`, sha256);
  if (known.missing.length > 0)
    return not(
      'credential_not_assigned',
      `it would like ${known.missing.join(', ')}; name it under actions.assign.${name}.credentials, or leave it so.`,
      sha256,
    );
  const bundle = await keepBundle(connectorOf(name), withTerms(code, reviewed, actions));
  const lacks = known.noUndo !== null;
  const words = lacks
    ? `${name} is served, and its undo is not offered: ${known.noUndo}.`
    : `${name} is served.`;
  return { status: { name, state: 'served', sha256, words, lacks }, bundle };
}

/**
 * The code together with the terms under which it was reviewed and is served: the digest in a request then covers both, and
 * who changes either changes what was approved.
 */
function withTerms(code: Uint8Array, { description }: ReviewedAction, { assign }: ActionsConfig): Uint8Array {
  const { name } = description as { name: string };
  const terms = canonicalize({ description, assigned: assign[name] ?? NOTHING_ASSIGNED });
  const digest = createHash('sha256').update(terms).digest('hex');
  return Buffer.concat([code, Buffer.from(`\n// Reviewed and served under ${digest}.\n`)]);
}

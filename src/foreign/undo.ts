/**
 * What takes an action from elsewhere back: declared as data, reviewed like the rest. Only another action of the operator's own
 * folder may, so that nothing from elsewhere leads to an action of the house.
 */
import { z } from 'zod';
import type { GovernedAction, InputSchema, Undo } from '../action.ts';
import { Json, leastTrusted, type Provenance, type Result } from '../model/request.ts';
import { ACTION_NAME } from './action-name.ts';
import { choicesOf } from './choices.ts';
import { type Fill, type Found, fillJson, fillsOf, isFill, Unfilled } from './template.ts';

/** Below it nobody could read the card and press; the longest is that of access for a time. */
const MIN_SECONDS = 60;
export const MAX_UNDO_SECONDS = 72 * 3_600;

/** `arguments`: templates of `args.…`, what was asked for, and `data.…`, what its run returned. */
export const DeclaredUndo = z.strictObject({
  action: z.string().regex(ACTION_NAME, 'must be the name of an action of the folder'),
  withinSeconds: z.int().min(MIN_SECONDS).max(MAX_UNDO_SECONDS),
  arguments: z.record(z.string(), Json).default({}),
});
export type DeclaredUndo = z.output<typeof DeclaredUndo>;

/** `args`: name of each argument, true where it is always there. Answers sentences for the author. */
export function problemsOfUndo(
  undo: DeclaredUndo,
  effect: 'read' | 'write',
  args: ReadonlyMap<string, boolean>,
): string[] {
  const problems = effect === 'read' ? ['undo: a read changes nothing that could be taken back.'] : [];
  for (const [name, template] of Object.entries(undo.arguments)) {
    const say = (problem: string): void => void problems.push(`undo.arguments.${name} ${problem}.`);
    const fills = fillsOf(template);
    if (fills === null) say('has a place that is none: write fill("args.NAME") or fill("data.NAME")');
    for (const { $fill, or } of fills ?? []) {
      const [kind, argument = ''] = $fill.split('.');
      if (kind !== 'args' && kind !== 'data') say(`fills in ${$fill}: only args and data are there`);
      else if (kind === 'args' && !args.has(argument))
        say(`fills in ${$fill}, and there is no such argument`);
      else if (kind === 'args' && args.get(argument) === false && or === undefined)
        say(`fills in ${$fill}, which may be missing: write fill("${$fill}", { or: "" })`);
    }
  }
  return problems;
}

const NOTHING_FOUND: Found = {
  args: {},
  settings: null,
  pinned: {},
  handle: {},
  mark: '',
  requester: '',
};

/** Null where what was answered does not say enough. */
export function undoArguments(
  undo: DeclaredUndo,
  args: Record<string, Json>,
  { data }: Pick<Result, 'data'>,
): Record<string, Json> | null {
  try {
    return fillJson(undo.arguments, { ...NOTHING_FOUND, args, data: data ?? null }) as Record<string, Json>;
  } catch (error) {
    if (error instanceof Unfilled) return null;
    throw error;
  }
}

/** What was asked for stays what it was; whatever else fills a place is what code from elsewhere answered. */
function undoProvenance(
  undo: DeclaredUndo,
  asked: Readonly<Record<string, Provenance>>,
): Record<string, Provenance> {
  const ofPlace = ({ $fill }: Fill): Provenance => {
    const [kind, name = ''] = $fill.split('.');
    return kind === 'args' ? (asked[name] ?? 'default') : 'fetched';
  };
  return Object.fromEntries(
    Object.entries(undo.arguments).map(([name, template]) => [
      name,
      leastTrusted((fillsOf(template) ?? []).map(ofPlace)) ?? 'default',
    ]),
  );
}

/**
 * Why it is never offered, for operators; null where it may be: what a run will answer nobody knows before.
 * `given`: the action that declares it. `taker`: the action that it names, of the same folder; null where nobody reviewed one of
 * that name.
 */
export function whyNoUndo(
  undo: DeclaredUndo,
  given: GovernedAction,
  taker: GovernedAction | null,
): string | null {
  const { action } = undo;
  if (taker === null) return `no action ${action} of the folder is reviewed`;
  if (taker.action.effect === 'read') return `${action} only reads`;
  const fields = Object.entries(taker.action.input.shape);
  const strange = Object.keys(undo.arguments).find((name) => !fields.some(([field]) => field === name));
  if (strange !== undefined) return `${action} has no argument ${strange}`;
  const missing = fields.find(
    ([name, field]) => !Object.hasOwn(undo.arguments, name) && !z.safeParse(field, undefined).success,
  );
  if (missing !== undefined) return `${action} needs ${missing[0]}, which it does not say`;
  const unfit = fields.find(
    ([name, field]) =>
      undo.arguments[name] !== undefined &&
      neverFits(undo.arguments[name], given.action.input, field as z.ZodType),
  );
  return unfit === undefined ? null : `${action} never takes what it says as ${unfit[0]}`;
}

/** Whether whatever this template may become is refused, as far as the schemas say: a text of many may fit, its kind may not. */
function neverFits(template: Json, given: InputSchema, field: z.ZodType): boolean {
  const possible = valuesOf(template, given);
  if (possible !== null) return possible.every((value) => !field.safeParse(value).success);
  const kinds = [kindOf(template, given), kindOfField(field)];
  return !kinds.includes(null) && kinds[0] !== kinds[1];
}

/** What the template becomes, where that is one of a few values; null where it is not. */
function valuesOf(template: Json, given: InputSchema): Json[] | null {
  if (fillsOf(template)?.length === 0) return [fillJson(template, NOTHING_FOUND)];
  if (!isFill(template)) return null;
  const choices = choicesOf(argumentAt(template, given));
  return choices && [...choices, ...(template.or === undefined ? [] : [template.or])];
}

/** As `kindOfField`; null too where a literal may stand in its place, or where its run alone tells. */
function kindOf(template: Json, given: InputSchema): string | null {
  if (isFill(template)) {
    const field = argumentAt(template, given);
    return field === undefined || template.or !== undefined ? null : kindOfField(field);
  }
  if (Array.isArray(template)) return 'array';
  return typeof template === 'object' && template !== null && '$text' in template ? 'string' : 'object';
}

/** The schema of what is asked for there; undefined for what lies deeper, and for what the run answers. */
function argumentAt({ $fill }: Fill, given: InputSchema): z.ZodType | undefined {
  const [kind, name = '', ...deeper] = $fill.split('.');
  return kind === 'args' && deeper.length === 0 ? (given.shape[name] as z.ZodType | undefined) : undefined;
}

/** JSON Schema's word for it; null where several fit. */
function kindOfField(field: z.ZodType): string | null {
  const { type } = z.toJSONSchema(field, { io: 'input', unrepresentable: 'any' });
  return typeof type === 'string' ? type : null;
}

/** What the core asks. Whatever does not fit the other action's schema is nothing that could be pressed. */
export function undoFrom(undo: DeclaredUndo, { action: { input } }: GovernedAction): Undo {
  return {
    action: undo.action,
    withinSeconds: undo.withinSeconds,
    arguments: (args, result) => {
      const parsed = input.safeParse(undoArguments(undo, args, result));
      return parsed.success ? (parsed.data as Record<string, Json>) : null;
    },
    provenance: (asked) => undoProvenance(undo, asked),
  };
}

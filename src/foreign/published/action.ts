/**
 * `countersign/action`: all that an action in a folder of your own imports. Types, and functions that make plain data; nothing
 * here reaches anything. What an action says of itself is read in the sandbox, reviewed by a person, and in force as reviewed.
 */
import { z } from 'zod';
import type { Look, Reconciliation, Refusal, RunResult, Tools } from '../../action.ts';
import type { Effect, Json, Risk } from '../../model/request.ts';

export type { Effect, Json, Look, Reconciliation, Refusal, Risk, RunResult, Tools };
export { z };

/** Where a value stands once the request is digested: `args.title`, `settings.project`, `pinned.commit`, `handle.run`, `mark`, `requester`, and `data.note` (in `undo`). */
export type Place =
  | `args.${string}`
  | `settings.${string}`
  | `pinned.${string}`
  | `handle.${string}`
  | `data.${string}`
  | 'mark'
  | 'requester';
export type Filled = { $fill: Place; or?: Json };

/** The value of a place; `or` stands there where it is missing. Without one, a missing value means that nothing may leave. */
export function fill(place: Place, instead?: { or: Json }): Filled {
  return instead === undefined ? { $fill: place } : { $fill: place, or: instead.or };
}

/** Text and places, one after the other: `text('Asked by ', fill('requester'))`. */
export function text(...parts: (string | Filled)[]): { $text: (string | Filled)[] } {
  return { $text: parts };
}

/** One call that may leave. GET reads; every other method writes. */
export type DeclaredRule = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** As the operator's `upstreams` name it, e.g. `api.example.com`. */
  host: string;
  /** Whole segments are filled: `/teams/{args.team}/reports`. */
  path: string;
  /** Exactly these; `null` leaves a value free, for reads only. */
  query?: Readonly<
    Record<string, string | number | boolean | Filled | { $text: (string | Filled)[] } | null>
  >;
  /** `accept` and `from` only. */
  headers?: Readonly<Record<string, string | Filled>>;
  /** Exactly this JSON, with `fill(…)` and `text(…)` where digested values stand. */
  body?: unknown;
  /** Name of a credential that it would like; the operator says whether it gets it. */
  credential?: string;
};

/** What one call answered. `ok: false`: certainly nothing happened; `failure` is what `run` may return. */
export type Sent = { ok: true; value: Json } | { ok: false; failure: RunResult & { kind: 'failed' } };

export type ActionTools = Tools & {
  /**
   * Sends the call of this name from `egress`, filled as the broker fills it. `query`: values of the free parameters.
   * Throws where it may have happened without our knowing: do not catch that.
   */
  send: (call: string, query?: Readonly<Record<string, string>>) => Promise<Sent>;
};

/** What will happen, in words. `pinned`: what was moving and now is not. */
export type Shown = {
  summary: string;
  facts?: { label: string; value: string }[];
  pinned?: Record<string, string>;
};

export type OutsideAction<S extends z.ZodObject = z.ZodObject> = {
  /** As its file: `report.weekly`. */
  name: string;
  title: string;
  /** One line; the model reads it. */
  description: string;
  /** Plain words that mean it, with `{argument}` where an argument's words stand. */
  examples: readonly string[];
  /** What it acts on, as people know it: "the report service". */
  system: string;
  /** `z.strictObject`; every argument with `.meta({ title, description })`, every text with `.max(…)`. */
  input: S;
  effect: Effect;
  /** The operator may raise both, never lower them. */
  risk: Risk;
  /** The Cedar entity that policy decides about; places of required arguments only. */
  resource: { type: string; id: string; attributes?: Readonly<Record<string, string | number | boolean>> };
  /** Every call that may ever leave, by a name of yours. */
  egress: Readonly<Record<string, DeclaredRule>>;
  /** How many writes one run may send; 1 for a write where nothing is said. */
  writes?: number;
  /** `key`: the upstream enforces `Idempotency-Key`; `natural`: repeating changes nothing more; `none`: neither. */
  idempotency: 'natural' | 'key' | 'none';
  /** Arguments for each case that policy tells apart, where that is more than its choices say. */
  cases?: readonly Readonly<Record<string, Json>>[];
  /**
   * The action of the same folder that takes it back, and for how long after it succeeded its requester is offered that. The
   * arguments are filled from `args.…`, what was asked for, and `data.…`, what `run` returned by `done(…, { data })`.
   */
  undo?: {
    action: string;
    withinSeconds: number;
    arguments: Readonly<Record<string, string | number | boolean | Filled | { $text: (string | Filled)[] }>>;
  };
  /** What will happen; reads only. */
  preview: (args: z.output<S>, tools: ActionTools) => Promise<Shown | Refusal>;
  run: (args: z.output<S>, tools: ActionTools) => Promise<RunResult>;
  /** Whether it happened, after a crash; reads only. Absent: nobody can tell, and a person is asked. */
  reconcile?: (args: z.output<S>, tools: ActionTools) => Promise<Reconciliation>;
  /** Looks again at what `run` left running; reads only. */
  follow?: (handle: Record<string, Json>, tools: ActionTools) => Promise<Look>;
};

/** Types the functions by the schema; changes nothing. */
export function defineAction<S extends z.ZodObject>(action: OutsideAction<S>): OutsideAction<S> {
  return action;
}

/** It happened: one sentence for the requester, in words of yours. */
export function done(message: string, more: { link?: string; output?: string; data?: Json } = {}): RunResult {
  return { kind: 'done', result: { code: 'done', message, ...more } };
}

/** Certainly nothing happened. */
export function failed(code: string, message: string): RunResult & { kind: 'failed' } {
  return { kind: 'failed', result: { code, message } };
}

/** It happened, and what can be read back is not what was asked for: say what a person must check. */
export function unclear(message: string): RunResult {
  return { kind: 'unclear', result: { code: 'read_back_differs', message } };
}

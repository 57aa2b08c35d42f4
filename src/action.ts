/**
 * What an action is. An action module has no side effect on import; its data comes first, its behaviour runs
 * only inside a sandbox. One action may be served by several connectors; the operator's config chooses one.
 */
import type { z } from 'zod';
import type { Effect, Json, Preview, Provenance, Resource, Result, Risk } from './model/request.ts';

/** The outside systems that actions are written against. `foreign`: an action from elsewhere brings its own connector. */
export type PortName = 'ticketing' | 'ci' | 'deployment' | 'oncall' | 'access' | 'runbook' | 'foreign';

/** An action's schema: strict, so that an argument nobody declared is an error. */
export type InputSchema = z.ZodObject<z.ZodRawShape, z.core.$strict>;

/** The governed operation, as people, policy and planner see it. */
export type Action<S extends InputSchema = InputSchema> = {
  /** Also the file's name and the Cedar action: `ticket.create`. */
  name: string;
  title: string;
  description: string;
  /**
   * Plain words that mean this action, with `{argument}` where an argument's words stand,
   * e.g. "open a ticket: {title}". People and the offline planner read them.
   */
  examples: readonly string[];
  input: S;
  effect: Effect;
  risk: (args: z.output<S>, facts: ResourceFacts) => Risk;
  /** The Cedar entity type of every resource of this action; the policies' schema must say the same. */
  resourceType: string;
  resource: (args: z.output<S>, facts: ResourceFacts) => Resource;
  port: PortName;
  /** The operation of the port that the connector implements. */
  operation: string;
  /** What takes it back, where something does. */
  undo?: Undo;
  /** Where what it does is for a time only. */
  ending?: Ending;
  /** The action whose `ending` this is. */
  ends?: string;
};

/**
 * The action that takes another one back, offered to its requester for a while after it succeeded. Pressing it is a request
 * of that action like any other: policy decides, and the press is its confirmation, unless it is an action from elsewhere: its
 * card is confirmed.
 */
export type Undo = {
  action: string;
  /** From the end of the run on. */
  withinSeconds: number;
  /** Its arguments, from what was asked for and what came of it; null where the result does not say enough. */
  arguments: (args: Record<string, Json>, result: Result) => Record<string, Json> | null;
  /** Where those came from; `asked`: where what was asked for did. Absent: all of them are what the outside system said. */
  provenance?: (asked: Readonly<Record<string, Provenance>>) => Record<string, Provenance>;
};

/**
 * What was given for a time is taken back by this action when the time is over, without anybody's asking: the end was part
 * of what was approved. Both functions see nothing but what was digested.
 */
export type Ending = {
  action: string;
  /** From the end of the run on. */
  afterSeconds: (args: Record<string, Json>) => number;
  arguments: (args: Record<string, Json>) => Record<string, Json>;
};

/** What the operator's config knows of the thing acted on: the connector's name, a job's environment. */
export type ResourceFacts = { connector: string; settings: Json };

/** What an egress rule is filled from; all of it digested, or made by the executor. */
export type EgressValues = {
  args: Record<string, Json>;
  pinned: Record<string, string>;
  /** What `run` answered as its handle, for `follow`. */
  handle: Record<string, Json>;
  settings: Json;
  /** Keyed mark of this execution: `reconcile` finds it again. */
  mark: string;
  /** On whose behalf, e.g. "alice (Alice Adams)"; so that the outside system shows who asked. */
  requester: string;
};

/** `number`: a plain number. `commits`: two whole commits with three dots between them. */
export type FreeSegment = 'number' | 'commits';

/** Who sends a write: `run` itself, or a look at what it started. */
export type WritePhase = 'run' | 'follow';

/**
 * One request that may leave, by method, host and path. Path segments in braces are filled from `fill`, each
 * encoded as one segment; the query and body must equal what is declared here, so that a compromised action
 * can neither reach another place nor say something else there.
 */
export type EgressRule = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** A host of the connector, e.g. `api.github.com`, `desk.internal`. */
  host: string;
  /** e.g. `/repos/{owner}/{repo}/issues`. */
  path: string;
  effect: Effect;
  /** Of writes: the one call that may send it (`run` if absent). Reads are for every call. */
  phase?: WritePhase;
  fill: (values: EgressValues) => Record<string, string>;
  /** Segments that only an answer tells, such as the id of what runs now: any value of that form (reads only). */
  free?: Readonly<Record<string, FreeSegment>>;
  /** Exact query parameters; `null` allows any value for that name (reads only). */
  query: (values: EgressValues) => Record<string, string | null>;
  /** The exact JSON body; null for none. */
  body: (values: EgressValues) => Json;
  /** Names that lead to one text of the body whose value is free, as a page's cursor is (reads only). */
  freeText?: readonly string[];
  /**
   * What is asked for may lie in a store of files that the upstream redirects to. The broker then reads it there, without
   * our credential, if the operator's config lists the store for this upstream (reads only).
   */
  fileElsewhere?: true;
  /** Only so many bytes of the answer's end are given, in whole lines: of a log (reads only). */
  endBytes?: number;
  /**
   * Exact headers that the broker puts on the call, besides its own; names and values from the lists in the broker's
   * headers.ts, anything else declares nothing. What action code sends under these names is never forwarded.
   */
  headers?: (values: EgressValues) => Record<string, string>;
  /** Name of a credential that the operator's config grants to this connector; null for none. */
  credential: string | null;
};

/** What the sandbox gives to action code. Nothing else of the machine is reachable. */
export type Tools = {
  /** Goes through the broker over fd 3; the only door. */
  fetch: typeof fetch;
  settings: Json;
  pinned: Record<string, string>;
  mark: string;
  requester: string;
  /** Sent as `Idempotency-Key`; the same at every try of this execution. */
  idempotencyKey: string;
  /** A line of progress for the thread. */
  progress: (line: string) => void;
};

export type RunResult =
  | { kind: 'done'; result: Result }
  | { kind: 'failed'; result: Result }
  /** It was done, and what can be read back is not what was asked for: `result` says what a person must check. */
  | { kind: 'unclear'; result: Result }
  /** It goes on elsewhere: `follow` looks again with this handle until it has ended. */
  | { kind: 'running'; handle: Record<string, Json>; message: string };

export type Look =
  | { kind: 'running'; handle: Record<string, Json>; output: string }
  | { kind: 'done'; result: Result; output: string }
  | { kind: 'failed'; result: Result; output: string }
  | { kind: 'unclear'; result: Result; output: string };

/** A preview that cannot be: in words for people, e.g. "There is no repository called wbe." */
export type Refusal = { refused: string };

/** `cannot_tell` is the honest answer whenever the mark is not found: absence is never proof. */
export type Reconciliation = { kind: 'happened'; outcome: RunResult } | { kind: 'cannot_tell' };

/**
 * What a token is made for where the operator's credential makes tokens on demand (a GitHub App): one repository and exactly
 * these permissions, by GitHub's names. Previews, looks and reconciliations get read only.
 */
export type CredentialScope = {
  repository: { owner: string; repo: string };
  permissions: Record<string, 'read' | 'write'>;
};

/**
 * What a connector does for one operation. All four run in the sandbox; all but `run` with reads only, but for a look that
 * declares its writes.
 */
export type Operation = {
  egress: readonly EgressRule[];
  /** Filled as egress rules are. Absent: no credential can be made for it, only one that is kept works. */
  scope?: (values: EgressValues) => CredentialScope | null;
  /** How many writes one execution may send. */
  writes: number;
  /**
   * How many writes all looks of one execution may send together, by the rules of phase `follow`; absent: none. Such a rule is
   * filled only from a handle that asks for it, and its write must be natural to repeat, or the only one: a look that was lost
   * is made again.
   */
  followWrites?: number;
  /**
   * `key`: the upstream enforces the idempotency key, so a write may be sent again after a crash;
   * `natural`: repeating changes nothing more; `none`: only `reconcile` may say what happened.
   */
  idempotency: 'natural' | 'key' | 'none';
  /** How long one call of its run may take to be answered, in milliseconds; absent: as long as the broker waits for any call. */
  answerMs?: number;
  preview: (args: Record<string, Json>, tools: Tools) => Promise<Preview | Refusal>;
  run: (args: Record<string, Json>, tools: Tools) => Promise<RunResult>;
  reconcile: (args: Record<string, Json>, tools: Tools) => Promise<Reconciliation>;
  follow: (handle: Record<string, Json>, tools: Tools) => Promise<Look>;
};

/** One outside system behind a port. */
export type Connector = {
  name: string;
  port: PortName;
  /** Whose words its previews and results are where its code is from elsewhere, "the action report.weekly". Absent: ours. */
  author?: string;
  /** It comes with us and is served in this process: what goes on there is looked at every second, however long it takes. */
  builtIn?: true;
  /** Shown to people: "the built-in desk", "GitHub Issues of acme/web". */
  title: (settings: Json) => string;
  /** The operator's settings for it, validated at start. */
  settings: z.ZodType<Json>;
  /** What policy may ask about the thing acted on; from settings alone (a job's environment and risk, say). */
  facts: (operation: string, args: Record<string, Json>, settings: Json) => Json;
  operations: Readonly<Record<string, Operation>>;
  /**
   * One set of arguments for every case that policy may tell apart (each job of each repository, say): what a person
   * could possibly use is judged over these.
   */
  examples: (operation: string, settings: Json) => Record<string, Json>[];
  /** Path from the repository's root of the module to bundle; it exports `operations`. */
  module: string;
};

/** A built-in system served in this process behind the broker, e.g. `desk.internal`. */
export type BuiltInHost = (request: Request) => Promise<Response>;

/** An action joined to the connector that serves it. */
export type GovernedAction = { action: Action; connector: Connector; operation: Operation; settings: Json };

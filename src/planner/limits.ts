/** What one plan with a model may cost. All are bounds against a model or server that does not stop. */
export type ModelLimits = {
  /** Times the model is asked in one turn: a few reads, then the answer. */
  rounds: number;
  /** Read actions run for one turn. */
  reads: number;
  /** Proposals from one turn; each is a card that somebody has to read. */
  proposals: number;
  /** Chances to mend unknown tools or wrong arguments. */
  corrections: number;
  /** Tries of one round, the first included. */
  tries: number;
  /** Longest answer of one round, in tokens. */
  outputTokens: number;
  /** Input and output of all rounds together, in tokens as the server counts them. */
  totalTokens: number;
  /** One HTTP call, in milliseconds. */
  callMs: number;
  /** The whole plan with its waits, in milliseconds: somebody sits in front of it. */
  totalMs: number;
  /** First wait before a new try, in milliseconds; doubles each time. */
  backoffMs: number;
};

export const MODEL_LIMITS: ModelLimits = {
  rounds: 6,
  reads: 8,
  proposals: 5,
  corrections: 1,
  tries: 4,
  outputTokens: 2_000,
  totalTokens: 80_000,
  callMs: 30_000,
  totalMs: 60_000,
  backoffMs: 500,
};

/** Earlier messages shown to the model, newest kept. */
export const HISTORY_MAX_MESSAGES = 20;
/** Their length together, in UTF-16 code units. */
export const HISTORY_MAX_CHARACTERS = 16_000;
/** One piece of fetched text, in UTF-16 code units. */
export const FETCHED_MAX_CHARACTERS = 8_000;
/** A model's words to a person, in UTF-16 code units: what fits one message on every platform. */
export const ANSWER_MAX_CHARACTERS = 3_000;
/** Arguments of one tool call, in UTF-16 code units, before they are parsed. */
export const ARGUMENTS_MAX_CHARACTERS = 40_000;

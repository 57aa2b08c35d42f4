/**
 * Every expected failure has a code from this closed table; tests and metrics key on the code, never on words.
 * `status` is what HTTP answers; `exit` what the command line ends with (1 bad news, 2 wrong usage).
 */
const TABLE = {
  // what came in
  malformed: { status: 400, exit: 2 },
  empty_text: { status: 400, exit: 2 },
  not_json: { status: 415, exit: 2 },
  too_long: { status: 413, exit: 2 },
  forbidden_origin: { status: 403, exit: 2 },
  sign_in_needed: { status: 401, exit: 1 },
  sign_in_refused: { status: 403, exit: 1 },
  unknown_principal: { status: 403, exit: 1 },
  not_allowed: { status: 403, exit: 1 },
  not_found: { status: 404, exit: 1 },
  conflict: { status: 409, exit: 1 },
  rate_limited: { status: 429, exit: 1 },
  usage: { status: 400, exit: 2 },
  // what the operator gave us
  config_invalid: { status: 500, exit: 2 },
  policy_invalid: { status: 500, exit: 1 },
  directory_invalid: { status: 500, exit: 1 },
  catalogue_invalid: { status: 500, exit: 1 },
  port_in_use: { status: 500, exit: 1 },
  data_folder: { status: 500, exit: 1 },
  // what we stand on
  database_unavailable: { status: 503, exit: 1 },
  database_roles: { status: 503, exit: 1 },
  disk_full: { status: 503, exit: 1 },
  overloaded: { status: 503, exit: 1 },
  ephemeral_unavailable: { status: 503, exit: 1 },
  platform_unavailable: { status: 503, exit: 1 },
  model_unavailable: { status: 503, exit: 1 },
  kill_switch: { status: 403, exit: 1 },
  // what is checked
  audit_broken: { status: 500, exit: 1 },
  audit_unwritable: { status: 503, exit: 1 },
  evidence_invalid: { status: 500, exit: 1 },
  key_invalid: { status: 500, exit: 1 },
  // what runs
  isolation_too_low: { status: 403, exit: 1 },
  sandbox_failed: { status: 500, exit: 1 },
  egress_refused: { status: 403, exit: 1 },
  upstream_failed: { status: 502, exit: 1 },
  action_failed: { status: 500, exit: 1 },
} as const satisfies Record<string, { status: number; exit: 0 | 1 | 2 }>;

export type ErrorCode = keyof typeof TABLE;

/**
 * An expected failure. `message` is a sentence we wrote, fit for a person to read: no secret, no vendor's text,
 * no stack. What an operator needs beyond it goes into `cause`, and how they mend it into `mend`.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  /** For how long whoever refused has asked not to be called; null where nothing was said of that. */
  readonly retryAfterMs: number | null;
  /** A sentence for operators alone: it may name variables and places. Null where `message` says all. */
  readonly mend: string | null;
  constructor(
    code: ErrorCode,
    message: string,
    options?: { cause?: unknown; retryAfterMs?: number; mend?: string },
  ) {
    super(message, options);
    this.name = 'AppError';
    this.code = code;
    this.retryAfterMs = options?.retryAfterMs ?? null;
    this.mend = options?.mend ?? null;
  }
  get status(): number {
    return TABLE[this.code].status;
  }
  get exit(): 0 | 1 | 2 {
    return TABLE[this.code].exit;
  }
}

/** What whoever runs it reads at a terminal: what failed, how to mend it, and where to look further. */
export function wordsForOperator({ message, mend }: AppError): string {
  return mend === null ? message : `${message} ${mend} To look at everything: npx countersign doctor`;
}

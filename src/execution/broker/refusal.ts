/** Why the broker refused a call: a closed table. `sent` says whether anything may already have reached the upstream. */
import { AppError } from '../../errors.ts';

const REFUSALS = {
  // what the action code sent
  malformed: { status: 400, sent: false, words: 'The request is not well-formed HTTP.' },
  duplicate_header: { status: 400, sent: false, words: 'A header was sent twice.' },
  ambiguous_target: { status: 400, sent: false, words: 'The address can be read in more than one way.' },
  not_declared: { status: 403, sent: false, words: 'The action does not declare this destination.' },
  query_not_declared: { status: 403, sent: false, words: 'The query differs from the declared one.' },
  body_not_declared: { status: 403, sent: false, words: 'The body differs from the declared one.' },
  write_in_read_only: { status: 403, sent: false, words: 'Only reads are allowed in this phase.' },
  foreign_key: { status: 403, sent: false, words: "The idempotency key is not this execution's own." },
  foreign_session: { status: 403, sent: false, words: 'The upstream did not open this session here.' },
  secret_in_request: {
    status: 422,
    sent: false,
    words: 'The request carries something that looks like a secret.',
  },
  arguments_unsearched: {
    status: 422,
    sent: false,
    words: 'The arguments are too many to be searched for a secret that is spread over them.',
  },
  request_too_large: { status: 413, sent: false, words: 'The request is larger than allowed.' },
  // budgets
  write_budget: { status: 429, sent: false, words: 'The action has used up its writes.' },
  call_budget: { status: 429, sent: false, words: 'The action has used up its calls.' },
  byte_budget: { status: 429, sent: false, words: 'The action has used up its bytes.' },
  execution_budget: {
    status: 429,
    sent: false,
    words: 'The execution as a whole has used up what it may use.',
  },
  time_budget: { status: 429, sent: false, words: 'The action has used up its time.' },
  // the way out
  no_upstream: { status: 403, sent: false, words: 'No upstream is configured for this host.' },
  address_refused: {
    status: 403,
    sent: false,
    words: 'The host resolves to an address that is not allowed.',
  },
  name_unresolved: { status: 502, sent: false, words: 'The host name cannot be resolved.' },
  plain_http: { status: 403, sent: false, words: 'An unencrypted connection is allowed to loopback only.' },
  no_credential: { status: 403, sent: false, words: 'The credential is not granted to this connector.' },
  login_refused: {
    status: 403,
    sent: false,
    words: 'The upstream did not open a session for the credential.',
  },
  mint_refused: {
    status: 403,
    sent: false,
    words: 'No token was made for exactly what the action declares.',
  },
  credential_unavailable: {
    status: 503,
    sent: false,
    words: 'The credential could not be had from where it is kept.',
  },
  circuit_open: {
    status: 503,
    sent: false,
    words: 'The upstream failed several times in a row; it is left alone for a while.',
  },
  paused: { status: 429, sent: false, words: 'The upstream asked to be left alone for a while.' },
  connection_failed: { status: 502, sent: false, words: 'No trusted connection to the upstream was made.' },
  gate: { status: 403, sent: false, words: 'The write was stopped before it left.' },
  closed: { status: 403, sent: false, words: 'The door is closed.' },
  // once it has left
  interrupted: { status: 502, sent: true, words: 'The upstream did not answer to the end.' },
  timeout: { status: 504, sent: true, words: 'The upstream did not answer in time.' },
  redirect: { status: 502, sent: true, words: 'The upstream answered with a redirect; none is followed.' },
  response_too_large: { status: 502, sent: true, words: "The upstream's answer is larger than allowed." },
  response_encoded: {
    status: 502,
    sent: true,
    words: "The upstream's answer is compressed and cannot be checked.",
  },
  unrecorded: { status: 502, sent: true, words: 'The call could not be recorded.' },
} as const satisfies Record<string, { status: number; sent: boolean; words: string }>;

export type RefusalReason = keyof typeof REFUSALS;

export function isRefusalReason(text: string): text is RefusalReason {
  return Object.hasOwn(REFUSALS, text);
}

/** Carries the refusal to the one place that answers and records it. `detail` is ours: a name, a code, a type. */
export class EgressRefused extends AppError {
  readonly reason: RefusalReason;
  readonly detail: string | null;
  /** After how long it makes sense to ask again, in seconds; null where nothing says so. */
  readonly retryAfterSeconds: number | null;
  constructor(
    reason: RefusalReason,
    detail: string | null = null,
    options: { cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super('egress_refused', REFUSALS[reason].words, options);
    this.reason = reason;
    this.detail = detail;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
  /** For what goes by itself: `ms` from now. */
  static later(reason: 'circuit_open' | 'paused', ms: number, cause?: EgressRefused): EgressRefused {
    const retryAfterSeconds = Math.max(1, Math.ceil(ms / 1_000));
    return new EgressRefused(reason, `${retryAfterSeconds} s`, {
      retryAfterSeconds,
      ...(cause === undefined ? {} : { cause }),
    });
  }
  /** True when the upstream may have seen the call: its effect is then unknown, not absent. */
  get sent(): boolean {
    return REFUSALS[this.reason].sent;
  }
  get answerStatus(): number {
    return REFUSALS[this.reason].status;
  }
}

/** Repeats the self-attack while the assistant runs, and tells operators and the log when its answer changes. */
import type { AuditLog } from './audit/log.ts';
import type { Isolation, IsolationChange } from './execution/isolation.ts';
import type { Log } from './log.ts';
import { type OutreachDeps, tellOperators } from './operators.ts';

/** An attack takes about a fifth of a second of one core: often enough to matter, rarely enough not to be felt. */
const ATTACK_EVERY_MS = 10 * 60_000;
/** After a fall sooner: what was mended should not wait, and a machine that was only too busy says so soon. */
const AFTER_A_FALL_MS = 60_000;
/** Each wait is up to this part longer or shorter, so that replicas do not attack together. */
const JITTER = 0.2;

export type IsolationWatch = { start(): void; stop(): Promise<void> };

export function createIsolationWatch(
  deps: OutreachDeps & {
    audit: AuditLog;
    /** Whose isolation it is. */
    of: 'actions' | 'jobs';
    isolation: Isolation;
    log: Log;
    defect(error: unknown): void;
    /** For tests. */
    everyMs?: number | undefined;
  },
): IsolationWatch {
  const { isolation, everyMs = ATTACK_EVERY_MS } = deps;
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();

  const look = async (): Promise<void> => {
    try {
      const change = await isolation.look(stopping.signal);
      if (change !== null) await tell(deps, change);
    } catch (error) {
      // The level is in force already; only telling failed.
      deps.defect(error);
    }
    next();
  };
  const next = (): void => {
    if (stopping.signal.aborted) return;
    const wait = isolation.isAtItsBest() ? everyMs : Math.min(everyMs, AFTER_A_FALL_MS);
    timer = setTimeout(
      () => {
        looking = look();
      },
      wait * (1 + JITTER * (2 * Math.random() - 1)),
    );
    timer.unref();
  };

  return {
    start: next,
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await looking;
    },
  };
}

async function tell(
  deps: OutreachDeps & { audit: AuditLog; of: 'actions' | 'jobs'; log: Log },
  { kind, from, to, failures }: IsolationChange,
): Promise<void> {
  const { of } = deps;
  const code = kind === 'fell' ? 'isolation_fell' : 'isolation_recovered';
  deps.log[kind === 'fell' ? 'error' : 'warn'](
    { code, of, from, to, failures },
    'the isolation level changed',
  );
  await deps.db.transaction((tx) =>
    deps.audit.append(tx, { type: 'alert.raised', data: { code, of, from, to } }),
  );
  await tellOperators(
    deps,
    kind === 'fell'
      ? `Isolation of ${of} fell from ${from} to ${to}: the self-attack showed it. What needs more is refused until it is mended; "countersign doctor" says how.\n${failures.join('\n')}`
      : `Isolation of ${of} is at ${to} now; it was ${from}.`,
  );
}

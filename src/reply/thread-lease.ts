/**
 * Which process shows a thread: one at a time, by a lease in the database, so that replicas show each message once and in order.
 * No connection is held while a platform is called, and what a killed process held is free again when its lease ends.
 */
import type { ThreadId } from '../model/ids.ts';
import type { Place } from '../model/turn.ts';
import type { Database, Sql } from '../store/database.ts';

/** How long a thread is kept without a sign of life: several times the longest pause of a busy process. */
const LEASE_SECONDS = 15;
/** Renewed well before it ends, with time for a second try. */
const RENEW_EVERY_MS = 5_000;

export type ThreadLease = {
  /** Where the thread is; read with the lease, so that it costs no statement of its own. */
  place: Place;
  /** False once another process may have taken the thread over: nothing more may be posted there. */
  holds(): boolean;
};

/** `holder`: this process. What it holds already is its own to take again. `failed`: a lease that could not be renewed or given back. */
export type Leasing = { db: Database; holder: string; failed(error: unknown): void };

/**
 * Works on a thread while no other process does, renewing the lease for as long as that takes. False, and nothing done, where
 * another holds it. Within a process the caller does one thing at a time with a thread.
 */
export async function whileLeased(
  { db, holder, failed }: Leasing,
  thread: ThreadId,
  work: (lease: ThreadLease) => Promise<void>,
): Promise<boolean> {
  // Counted from before the statement is sent, by a clock that nobody sets: it ends here before it ends in the database, but where the
  // whole machine stood still meanwhile.
  let endsMs = nowMs() + LEASE_SECONDS * 1_000;
  const place = await take(db, thread, holder);
  if (place === null) return false;
  const renewing = setInterval(() => {
    const askedMs = nowMs();
    renew(db, thread, holder).then(
      (isOurs) => {
        endsMs = isOurs ? askedMs + LEASE_SECONDS * 1_000 : 0;
      },
      // Whoever could not renew it in time holds it no more, by `endsMs`.
      failed,
    );
  }, RENEW_EVERY_MS);
  try {
    await work({ place, holds: () => nowMs() < endsMs });
  } finally {
    clearInterval(renewing);
    // Left in place it ends by itself, and is ours to take again until then.
    await release(db, thread, holder).catch(failed);
  }
  return true;
}

const nowMs = (): number => performance.now();

/** A statement of its own: one that also read the messages would see those that another has shown while it waited for the row. */
function take(sql: Sql, thread: ThreadId, holder: string): Promise<Place | null> {
  return sql.maybe<Place>(
    `with taken as (
       insert into thread_leases as held (thread, holder, held_until)
       values ($1, $2, clock_timestamp() + make_interval(secs => $3))
       on conflict (thread) do update set holder = excluded.holder, held_until = excluded.held_until
         where held.holder = excluded.holder or held.held_until <= clock_timestamp()
       returning thread)
     select t.platform, t.tenant, t.container, t.thread, t.direct from threads t join taken on taken.thread = t.id`,
    [thread, holder, LEASE_SECONDS],
  );
}

async function renew(sql: Sql, thread: ThreadId, holder: string): Promise<boolean> {
  const rows = await sql.query(
    `update thread_leases set held_until = clock_timestamp() + make_interval(secs => $3)
     where thread = $1 and holder = $2 returning thread`,
    [thread, holder, LEASE_SECONDS],
  );
  return rows.length === 1;
}

async function release(sql: Sql, thread: ThreadId, holder: string): Promise<void> {
  await sql.query('delete from thread_leases where thread = $1 and holder = $2', [thread, holder]);
}

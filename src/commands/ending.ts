/** What was opened is closed: at the end of the work, or when a signal ends it early. */

type Close = () => Promise<void>;

/** Innermost last. */
const open: Close[] = [];
const opening = new Set<Promise<unknown>>();
let ending = false;

/** A signal came: whoever sent it decides how this process exits, and what fails now fails because of it. */
export const isEnding = (): boolean => ending;

/** Marks what takes a while to open: a signal waits for it, because half open it could not be closed. */
export async function opened<T>(promise: Promise<T>): Promise<T> {
  opening.add(promise);
  try {
    return await promise;
  } finally {
    opening.delete(promise);
  }
}

/** Runs `work`, then `close`, whatever happened; a signal closes it too, and then no new work begins. */
export async function untilEnded<T>(close: Close, work: () => Promise<T>): Promise<T> {
  open.push(close);
  if (ending) return new Promise<never>(() => undefined);
  try {
    return await work();
  } finally {
    const at = open.indexOf(close);
    // A signal may have been faster.
    if (at >= 0) {
      open.splice(at, 1);
      await close();
    }
  }
}

/** Closes all that is open, innermost first; a failure does not keep the next from being closed. */
export async function closeEverything(): Promise<void> {
  ending = true;
  await Promise.allSettled([...opening]);
  // Whoever waited for it registers its end now.
  await new Promise((resolve) => setImmediate(resolve));
  for (let close = open.pop(); close !== undefined; close = open.pop()) {
    try {
      await close();
    } catch (error) {
      // On the way out after a signal: there is nobody left to act on it, but it must be seen.
      process.stderr.write(`countersign: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
}

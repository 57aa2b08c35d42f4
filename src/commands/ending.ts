/** What was opened is closed: at the end of the work, or when a signal ends it early. */

type Close = () => Promise<void>;

/** Innermost last. */
const open: Close[] = [];

/** Runs `work`, then `close`, whatever happened; a signal closes it too. */
export async function untilEnded<T>(close: Close, work: () => Promise<T>): Promise<T> {
  open.push(close);
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
  for (let close = open.pop(); close !== undefined; close = open.pop()) {
    try {
      await close();
    } catch (error) {
      // On the way out after a signal: there is nobody left to act on it, but it must be seen.
      process.stderr.write(`countersign: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
}

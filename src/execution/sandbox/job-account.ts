/**
 * The account a job runs as. RLIMIT_NPROC does not bind root, and a job as root would own what root owns: as
 * root each job gets an id of its own, which is no account of the machine and owns nothing but its scratch.
 */
import { readFileSync } from 'node:fs';

/** Far above every id that systems give out (systemd: `uids-gids`, "Unused"). */
const FIRST_WIDE = 2_000_000_000;
/** In containers that map 65,536 ids: above ordinary accounts, below systemd's dynamic ones. */
const FIRST_NARROW = 60_100;
/** More jobs than ever run at once; then ids come again. */
const SLOTS = 400;

let next = 0;

/** Null where we are an ordinary account, which cannot become another. */
export function jobAccount(): number | null {
  if (process.getuid?.() !== 0) return null;
  next = (next + 1) % SLOTS;
  return (isMapped(FIRST_WIDE + SLOTS) ? FIRST_WIDE : FIRST_NARROW) + next;
}

/** Whether an id exists in our user namespace: `/proc/self/uid_map`, lines of inside, outside, count. */
function isMapped(id: number): boolean {
  return readFileSync('/proc/self/uid_map', 'utf8')
    .trim()
    .split('\n')
    .some((line) => {
      const [inside = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
      return id >= inside && id < inside + count;
    });
}

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

/** Null where we cannot become another account: as an ordinary one, or as a root without that power. */
export function jobAccount(): number | null {
  if (process.getuid?.() !== 0 || !mayBecomeOthers()) return null;
  const first = [FIRST_WIDE, FIRST_NARROW].find((id) => isMapped(id) && isMapped(id + SLOTS));
  if (first === undefined) return null;
  next = (next + 1) % SLOTS;
  return first + next;
}

// linux/capability.h: CAP_CHOWN, CAP_SETGID, CAP_SETUID, CAP_SETPCAP
const NEEDED = (1n << 0n) | (1n << 6n) | (1n << 7n) | (1n << 8n);

/** A container's root may have been left without the capabilities that this takes. */
function mayBecomeOthers(): boolean {
  const [, effective = '0'] =
    /^CapEff:\s+([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return (BigInt(`0x${effective}`) & NEEDED) === NEEDED;
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

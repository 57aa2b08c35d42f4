/** A job's scratch where there is no mount namespace: a folder of its own, whose size we watch. */
import { execFile } from 'node:child_process';
import { chownSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** What an entry takes at least, so that empty files are not free. */
const BYTES_PER_ENTRY = 4096;
/** stat(2) counts in blocks of this size, whatever the file system's own. */
const BLOCK_BYTES = 512;

export function makeScratch(account: number | null): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-job-'));
  if (account !== null) chownSync(folder, account, account);
  return folder;
}

/** Everything in it, not following links; stops counting once `enough` is passed. */
export function scratchBytes(folder: string, enough: number): number {
  let total = 0;
  const waiting = [folder];
  for (let at = waiting.pop(); at !== undefined && total <= enough; at = waiting.pop()) {
    for (const name of namesIn(at)) {
      const file = path.join(at, name);
      const stat = lstatSync(file, { throwIfNoEntry: false });
      if (stat === undefined) continue;
      total += Math.max(stat.blocks * BLOCK_BYTES, BYTES_PER_ENTRY);
      if (stat.isDirectory()) waiting.push(file);
    }
  }
  return total;
}

/** A folder may be gone again, or closed by the job to all: what lies in it is then found at the next look. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Called once nothing of the job runs any more. */
export async function removeScratch(folder: string): Promise<void> {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // The job may have closed folders even to their owner.
    await promisify(execFile)('/bin/chmod', ['-R', 'u+rwX', folder]);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The file of signed checkpoints: what has left the database cannot be rewritten with it. Copy it off this machine. */
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { splitNotes } from './checkpoints.ts';
import { parseNote } from './note.ts';

/** Its name in the data folder. */
export const CHECKPOINT_FILE = 'checkpoints';
/** Everybody on this machine may read what is meant to be published; only we may write. */
const MODE = 0o644;
/** The end of a note's last line, and two blank ones. */
const BETWEEN = '\n\n\n';

const isNotFound = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT';

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isNotFound(error)) return Buffer.alloc(0);
    throw error;
  }
}

/** How many bytes are whole notes: a crash in the middle of a write leaves a torn one, even half a character, behind them. */
function wholeBytes(bytes: Buffer): number {
  const text = bytes.toString('utf8');
  const last = splitNotes(text).at(-1);
  if (last === undefined || (text.endsWith('\n') && parseNote(last) !== null)) return bytes.length;
  const end = text.lastIndexOf(BETWEEN);
  return end < 0 ? 0 : Buffer.byteLength(text.slice(0, end + BETWEEN.length), 'utf8');
}

/** Every note in the file, oldest first; unreadable ones too, but for a torn last one. Empty when there is no file. */
export async function readCheckpointFile(path: string): Promise<string[]> {
  const bytes = await readBytes(path);
  return splitNotes(bytes.subarray(0, wholeBytes(bytes)).toString('utf8'));
}

export interface CheckpointFile {
  /** Appends a note, with two blank lines after it, and returns once it is on the disk. */
  append(note: string): Promise<void>;
  close(): Promise<void>;
}

export async function createCheckpointFile(path: string): Promise<CheckpointFile> {
  await mkdir(dirname(path), { recursive: true });
  const bytes = await readBytes(path);
  const whole = wholeBytes(bytes);
  const file = await open(path, 'a', MODE);
  if (whole < bytes.length) await file.truncate(whole);
  let last = Promise.resolve();
  return {
    append(note) {
      const appended = last.then(async () => {
        await file.appendFile(`${note}\n\n`, 'utf8');
        await file.datasync();
      });
      // A failure is the caller's to hear; the next note is tried all the same.
      last = appended.catch(() => undefined);
      return appended;
    },
    async close() {
      await last;
      await file.close();
    },
  };
}

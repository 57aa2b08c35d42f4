/** The file of signed checkpoints: what has left the database cannot be rewritten with it. Copy it off this machine. */
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { splitNotes } from './checkpoints.ts';
import { parseNote } from './note.ts';

/** Its name in the data folder. */
export const CHECKPOINT_FILE = 'checkpoints';
/** Everybody on this machine may read what is meant to be published; only we may write. */
const MODE = 0o644;

const isNotFound = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT';

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isNotFound(error)) return '';
    throw error;
  }
}

/** What a crash in the middle of a write leaves behind the last whole note. */
function tornTail(text: string): number {
  const last = splitNotes(text).at(-1);
  if (last === undefined || (text.endsWith('\n') && parseNote(last) !== null)) return 0;
  const end = text.lastIndexOf('\n\n\n');
  return Buffer.byteLength(text, 'utf8') - Buffer.byteLength(text.slice(0, end < 0 ? 0 : end + 3), 'utf8');
}

/** Every note in the file, oldest first; unreadable ones too, but for a torn last one. Empty when there is no file. */
export async function readCheckpointFile(path: string): Promise<string[]> {
  const bytes = Buffer.from(await readText(path), 'utf8');
  const whole = bytes.subarray(0, bytes.length - tornTail(bytes.toString('utf8'))).toString('utf8');
  return splitNotes(whole);
}

export interface CheckpointFile {
  /** Appends a note, with two blank lines after it, and returns once it is on the disk. */
  append(note: string): Promise<void>;
  close(): Promise<void>;
}

export async function createCheckpointFile(path: string): Promise<CheckpointFile> {
  await mkdir(dirname(path), { recursive: true });
  const torn = tornTail(await readText(path));
  const file = await open(path, 'a', MODE);
  if (torn > 0) await file.truncate((await file.stat()).size - torn);
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

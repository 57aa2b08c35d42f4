/** A secret in a file that may change while we run. A broken new value keeps the old one in force. */
import { readFile, stat } from 'node:fs/promises';

/** A rotation arrives within this time; at most one look at the file in it, however many calls there are. */
const LOOK_EVERY_MS = 3_000;

export type Watched = {
  /** The value in force. */
  current(): Promise<string>;
  /** Looks at once, as on SIGHUP. */
  lookNow(): Promise<void>;
};

export type FileNews = { kind: 'rotated' } | { kind: 'kept'; problem: string };

/** The text of a secret file, without the one line end that editors add. */
export const secretIn = (text: string): string => text.replace(/\r?\n$/, '');

/** What says that a file is another one, or was written again: a mounted secret changes its inode. */
async function signatureOf(path: string): Promise<string> {
  const { mtimeNs, ino, size } = await stat(path, { bigint: true });
  return `${mtimeNs} ${ino} ${size}`;
}

/**
 * `first` is what was read at the start. `news` hears of a new value, and once of each broken one. `nowMs` is a
 * monotonic clock.
 */
export function watchSecret(spec: {
  path: string;
  first: string;
  problem(value: string): string | null;
  news(news: FileNews): void;
  nowMs?: () => number;
}): Watched {
  const nowMs = spec.nowMs ?? (() => performance.now());
  let value = spec.first;
  // Empty: the first look reads it anyway, so that a change between the start and now is not missed.
  let seen = '';
  let looking: Promise<void> | null = null;
  let nextLookMs = 0;

  function keep(problem: string): void {
    spec.news({ kind: 'kept', problem });
  }

  async function look(): Promise<void> {
    let signature: string;
    let text: string;
    try {
      signature = await signatureOf(spec.path);
      if (signature === seen) return;
      text = secretIn(await readFile(spec.path, 'utf8'));
    } catch {
      if (seen !== 'unreadable') keep('cannot be read');
      seen = 'unreadable';
      return;
    }
    seen = signature;
    if (text === value) return;
    const problem = text === '' ? 'is empty' : spec.problem(text);
    if (problem !== null) return keep(problem);
    value = text;
    spec.news({ kind: 'rotated' });
  }

  async function lookOnce(): Promise<void> {
    looking ??= look().finally(() => {
      looking = null;
      nextLookMs = nowMs() + LOOK_EVERY_MS;
    });
    await looking;
  }

  return {
    async current() {
      if (nowMs() >= nextLookMs) await lookOnce();
      return value;
    },
    lookNow: lookOnce,
  };
}

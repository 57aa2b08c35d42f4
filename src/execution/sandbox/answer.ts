/** Reads what comes out of a sandbox: untrusted bytes, bounded in size, depth and number. */
import type { Json } from '../../model/request.ts';

/** Progress is a line in a thread, not a channel. */
const MAX_PROGRESS_LINES = 200;
const MAX_PROGRESS_CHARACTERS = 500;
/** Deeper than any answer of ours; shallow enough for every recursive reader behind us. */
const MAX_DEPTH = 32;

export type Final = { value: Json } | { error: { code: 'threw' | 'out_of_memory'; message: string } };

/** Fed line by line; `final` is the answer once it came, `broken` why it cannot be one. */
export class AnswerReader {
  final: Final | null = null;
  broken: string | null = null;
  #partial = Buffer.alloc(0);
  #progressLines = 0;
  readonly #onProgress: (line: string) => void;

  constructor(onProgress: (line: string) => void) {
    this.#onProgress = onProgress;
  }

  push(chunk: Buffer): void {
    let rest = Buffer.concat([this.#partial, chunk]);
    for (let end = rest.indexOf(0x0a); end >= 0 && this.broken === null; end = rest.indexOf(0x0a)) {
      this.#line(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
    }
    this.#partial = rest;
  }

  /** No more will come. */
  end(): void {
    if (this.#partial.length > 0 && this.broken === null) this.broken = 'The last line has no end.';
  }

  #line(bytes: Buffer): void {
    if (this.final !== null) {
      this.broken = 'Something follows the answer.';
      return;
    }
    const line = parseLine(bytes);
    if (line === null) {
      this.broken = 'A line is not of the agreed form.';
    } else if ('progress' in line) {
      this.#progressLines += 1;
      if (this.#progressLines <= MAX_PROGRESS_LINES) this.#onProgress(line.progress);
    } else {
      this.final = line;
    }
  }
}

function parseLine(bytes: Buffer): Final | { progress: string } | null {
  let line: unknown;
  try {
    line = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return null;
  }
  if (typeof line !== 'object' || line === null) return null;
  const keys = Object.keys(line);
  if (keys.length !== 1) return null;
  if ('progress' in line && typeof line.progress === 'string') return { progress: plain(line.progress) };
  if ('value' in line && isJson(line.value, MAX_DEPTH)) return { value: line.value };
  if ('error' in line && typeof line.error === 'object' && line.error !== null) {
    const { code, message } = line.error as { code?: unknown; message?: unknown };
    if ((code === 'threw' || code === 'out_of_memory') && typeof message === 'string') {
      return { error: { code, message } };
    }
  }
  return null;
}

/** One line of visible text. */
function plain(text: string): string {
  return text
    .replace(/\p{C}+/gu, ' ')
    .slice(0, MAX_PROGRESS_CHARACTERS)
    .trim();
}

/** Integers only, as everywhere; `__proto__` is nobody's honest key. */
function isJson(value: unknown, depth: number): value is Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (typeof value !== 'object' || depth === 0) return false;
  if (Array.isArray(value)) return value.every((item) => isJson(item, depth - 1));
  return Object.entries(value).every(([key, item]) => key !== '__proto__' && isJson(item, depth - 1));
}

/**
 * Cedar's API names no line of a statement, so a file is cut here: a statement ends at a semicolon outside
 * strings and comments. A wrong cut cannot slip through; what it leaves does not parse and refuses the start.
 */

/** One statement as written, from its first annotation on, and the line where that stands (the first is 1). */
export type Statement = { text: string; line: number };

/** Cuts a Cedar file into its statements; text after the last semicolon counts as one, and will not parse. */
export function splitStatements(source: string): Statement[] {
  const statements: Statement[] = [];
  let start: number | null = null;
  const close = (end: number) => {
    if (start === null) return;
    statements.push({ text: source.slice(start, end), line: lineAt(source, start) });
    start = null;
  };
  for (let i = 0; i < source.length; i++) {
    const char = source[i]!;
    if (char === '/' && source[i + 1] === '/') {
      i = endOfLine(source, i);
      continue;
    }
    if (start === null && !/\s/.test(char)) start = i;
    if (char === '"') i = endOfString(source, i);
    else if (char === ';') close(i + 1);
  }
  close(source.length);
  return statements;
}

/** The line of a character offset; the first line is 1. */
function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split('\n').length;
}

/** The line of one of Cedar's offsets, which count bytes of UTF-8. */
export function lineAtByte(source: string, byte: number): number {
  return lineAt(Buffer.from(source).subarray(0, byte).toString(), Number.POSITIVE_INFINITY);
}

function endOfLine(source: string, from: number): number {
  const end = source.indexOf('\n', from);
  return end === -1 ? source.length : end;
}

function endOfString(source: string, from: number): number {
  for (let i = from + 1; i < source.length; i++) {
    if (source[i] === '\\') i++;
    else if (source[i] === '"') return i;
  }
  return source.length;
}

/** What an action's code printed as it failed, told in the files of its author: untrusted text, made fit to be read. Pure. */
import { SourceMap } from 'node:module';
import { z } from 'zod';
import { cleanText, limitText } from '../screening/text.ts';

/** Who mends an error reads its first lines; the rest is where it came from. */
const MAX_LINES = 30;
const MAX_CHARS = 4_000;
/**
 * A place in a bundle, as stacks and Node's own words for an uncaught error name it; the column may be missing. Paths are bounded, or
 * a long line without a space would take a search from each of its characters.
 */
const PLACE = /(?:file:\/\/)?[^\s()]{0,300}\.mjs:([0-9]{1,7})(?::([0-9]{1,7}))?/g;
/** Of a source in the map: the author's files stand under this. */
const THEIRS = /^outside:/;
const Map3 = z.object({ sources: z.array(z.string()), mappings: z.string() });

/** `map`: of the bundle, as esbuild makes it. */
export function traced(words: string, map: string): string {
  const found = new SourceMap({
    file: '',
    version: 3,
    names: [],
    sourcesContent: [],
    sourceRoot: '',
    ...Map3.parse(JSON.parse(map)),
  });
  const placed = words.replace(PLACE, (place, line: string, column?: string) => {
    const entry = found.findEntry(Number(line) - 1, Number(column ?? 1) - 1);
    if (!('originalSource' in entry)) return place;
    const { originalSource, originalLine, originalColumn } = entry;
    return `${originalSource.replace(THEIRS, '')}:${originalLine + 1}${column === undefined ? '' : `:${originalColumn + 1}`}`;
  });
  const lines = cleanText(placed).trim().split('\n');
  const more = lines.length > MAX_LINES ? [`… and ${lines.length - MAX_LINES} lines more`] : [];
  return limitText([...lines.slice(0, MAX_LINES), ...more].join('\n'), MAX_CHARS);
}

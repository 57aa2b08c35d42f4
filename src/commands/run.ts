/** Runs one command line from its words to its exit code. */
import type { Environment } from '../config/environment.ts';
import { AppError, wordsForOperator } from '../errors.ts';
import { type Exit, line } from './command.ts';
import { isEnding } from './ending.ts';
import { parseCommandLine } from './parse.ts';
import { usageText } from './table.ts';
import { BrokenPipe, type Terminal } from './terminal.ts';

/** Answers the exit code; nothing is thrown. */
export async function runCommandLine(
  argv: readonly string[],
  world: { env: Environment; cwd: string; terminal: Terminal },
): Promise<Exit> {
  const { env, terminal } = world;
  let json = argv.includes('--json');
  try {
    const parsed = parseCommandLine(argv);
    json ||= parsed.json;
    if (parsed.kind === 'help') {
      await terminal.write(`${usageText(parsed.family)}\n`);
      return 0;
    }
    if (parsed.kind === 'unknown') {
      if (!json) terminal.say(`countersign: ${parsed.message}\n\n${usageText()}`);
      else throw new AppError('usage', parsed.message);
      return 2;
    }
    const { name, words, options, flags } = parsed;
    const command = await parsed.entry.load();
    return await command({ ...world, name, words, options, flags, json });
  } catch (error) {
    if (error instanceof BrokenPipe || isEnding()) return 0;
    return tell(error, { terminal, json, debug: env.LOG_LEVEL === 'debug' || env.LOG_LEVEL === 'trace' });
  }
}

/** A failure in one sentence; with LOG_LEVEL=debug all that is known of it. */
function tell(error: unknown, how: { terminal: Terminal; json: boolean; debug: boolean }): Exit {
  const { terminal, json, debug } = how;
  const known = error instanceof AppError ? error : null;
  const code = known?.code ?? 'defect';
  const message = known
    ? wordsForOperator(known)
    : 'Something failed that should not. Run it again with LOG_LEVEL=debug to see where.';
  terminal.say(json ? line({ error: { code, message } }).trimEnd() : `countersign: ${message}`);
  if (debug) {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      terminal.say(cause.stack ?? cause.message);
    }
  }
  return known?.exit ?? 1;
}

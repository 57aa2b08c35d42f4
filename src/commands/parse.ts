/** From the words of a command line to a command and its options. Whatever is not understood is refused: half is worse than none. */
import { parseArgs } from 'node:util';
import { AppError } from '../errors.ts';
import { COMMANDS, type Entry } from './table.ts';

export type Parsed =
  /** No command, or one that is not there: answered with the whole usage. */
  | { kind: 'unknown'; message: string; json: boolean }
  | { kind: 'help'; family: string | undefined; json: boolean }
  | {
      kind: 'command';
      name: string;
      entry: Entry;
      words: string[];
      options: Record<string, string | undefined>;
      flags: Set<string>;
      json: boolean;
    };

const HELP = new Set(['help', '--help', '-h']);

/** @throws AppError('usage') */
export function parseCommandLine(argv: readonly string[]): Parsed {
  const args = [...argv];
  let json = false;
  while (args[0] === '--json') {
    json = true;
    args.shift();
  }
  const [first, second] = args;
  if (first === undefined) return { kind: 'unknown', message: 'Which command?', json };
  if (HELP.has(first)) return { kind: 'help', family: second, json };
  const name = [`${first} ${second}`, first].find((candidate) => Object.hasOwn(COMMANDS, candidate));
  if (name === undefined) return unknown(first, second, json);
  const entry = COMMANDS[name]!;
  return parseOptions(name, entry, args.slice(name.split(' ').length), json);
}

function unknown(first: string, second: string | undefined, json: boolean): Parsed {
  const family = Object.keys(COMMANDS).filter((name) => name.startsWith(`${first} `));
  if (family.length === 0) return { kind: 'unknown', message: `There is no command "${first}".`, json };
  if (second !== undefined && HELP.has(second)) return { kind: 'help', family: first, json };
  throw new AppError('usage', `Say which one: ${family.map((name) => COMMANDS[name]!.usage).join(' | ')}`);
}

function parseOptions(name: string, entry: Entry, args: string[], given: boolean): Parsed {
  const refuse = (problem: string, cause?: unknown): never => {
    throw new AppError('usage', `${problem} Usage: countersign ${entry.usage}`, { cause });
  };
  const parsed = (() => {
    try {
      return parseArgs({
        args,
        options: {
          ...Object.fromEntries(entry.options.map((option) => [option, { type: 'string' } as const])),
          ...Object.fromEntries(
            [...entry.flags, 'json', 'help'].map((flag) => [flag, { type: 'boolean' } as const]),
          ),
        },
        allowPositionals: true,
        tokens: true,
      });
    } catch (cause) {
      // Node's first sentence names the option; what follows is advice for programmers.
      return refuse(`${(cause as Error).message.split(/[.\n]/, 1)[0]}.`, cause);
    }
  })();
  const options: Record<string, string | undefined> = {};
  const flags = new Set<string>();
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue;
    // The last one would win: a switch or a window would be narrower than it reads.
    if (flags.has(token.name) || options[token.name] !== undefined)
      refuse(`--${token.name} is given more than once.`);
    if (token.value === undefined) flags.add(token.name);
    else if (token.value.trim() === '') refuse(`--${token.name} is empty.`);
    else options[token.name] = token.value;
  }
  const json = given || flags.has('json');
  if (flags.has('help')) return { kind: 'help', family: name.split(' ')[0], json };
  const words = parsed.positionals;
  if (words.length > entry.words) refuse(`"${words[entry.words]}" is one word too many.`);
  if (words.length < entry.words) refuse('Something is missing.');
  return { kind: 'command', name, entry, words, options, flags, json };
}

/** Where a command speaks: data on standard output, everything else on standard error. */
import { createInterface } from 'node:readline/promises';

export type Terminal = {
  /** Data, exact bytes; resolves when more may be written. Throws `BrokenPipe` when nobody reads any more. */
  write(text: string): Promise<void>;
  /** A line for a person. */
  say(line: string): void;
  /** The answer to a question; null where nobody can be asked. */
  ask(question: string): Promise<string | null>;
  /** Lines of standard input, read as they come. */
  lines(): AsyncIterable<string>;
};

/** The reader of our output has left (`| head`): no error, and no reason to go on. */
export class BrokenPipe extends Error {}

export type Streams = {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
};

const isBrokenPipe = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EPIPE';

export function openTerminal({ stdin, stdout, stderr }: Streams): Terminal {
  // The callback of each write tells its failure; without a listener the stream would end the process.
  stdout.on('error', () => undefined);
  stderr.on('error', () => undefined);
  return {
    write: (text) =>
      new Promise((resolve, reject) => {
        stdout.write(text, (error) => {
          if (!error) resolve();
          else reject(isBrokenPipe(error) ? new BrokenPipe('The reader has left.', { cause: error }) : error);
        });
      }),
    say: (line) => {
      stderr.write(`${line}\n`);
    },
    async ask(question) {
      if (!stdin.isTTY) return null;
      const dialogue = createInterface({ input: stdin, output: stderr });
      const closed = new Promise<null>((resolve) => dialogue.once('close', () => resolve(null)));
      try {
        return await Promise.race([dialogue.question(question), closed]);
      } finally {
        dialogue.close();
      }
    },
    lines: () => createLines(stdin),
  };
}

async function* createLines(stdin: NodeJS.ReadStream): AsyncGenerator<string> {
  stdin.setEncoding('utf8');
  let rest = '';
  for await (const chunk of stdin) {
    const lines = `${rest}${String(chunk)}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

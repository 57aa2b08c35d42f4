#!/usr/bin/env node
/** `countersign COMMAND`: the one reader of the environment on the command line. */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { closeEverything, isEnding } from './commands/ending.ts';
import { runCommandLine } from './commands/run.ts';
import { openTerminal } from './commands/terminal.ts';

// Every command loads most of the assistant: compiled once, it is there in half the time. Where the folder cannot be written,
// nothing is kept.
enableCompileCache(fileURLToPath(new URL('../.build/compile-cache', import.meta.url)));

/** 128 + the signal's number, as shells count. */
const SIGNAL_EXITS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

for (const [signal, exit] of Object.entries(SIGNAL_EXITS)) {
  process.once(signal, () => {
    // The embedded server lives in a session of its own: it would outlive us.
    closeEverything().then(
      () => process.exit(exit),
      () => process.exit(1),
    );
  });
}

const terminal = openTerminal(process);
const exit = await runCommandLine(process.argv.slice(2), { env: process.env, cwd: process.cwd(), terminal });
// Connections that idle must not keep a finished command waiting; after a signal its handler exits.
if (!isEnding()) process.exit(exit);

/**
 * Runs one job at `kernel-lite` and prints its output; a program of its own, so that tests can run it as another
 * account. Arguments: a folder for bundles, a shell line, in which `$INPUT_OUTSIDE` is this program's process.
 */
import { Readable } from 'node:stream';
import { runJob } from '../../../src/execution/sandbox/job.ts';

const [outFolder = '', script = ''] = process.argv.slice(2);
/** The end of an archive with nothing in it. */
const EMPTY_ARCHIVE = Buffer.alloc(1024);
const MIB = 2 ** 20;

const outcome = await runJob({
  level: 'kernel-lite',
  source: Readable.from([EMPTY_ARCHIVE]),
  command: ['sh', '-c', script],
  inputs: { outside: String(process.pid) },
  limits: {
    cpuSeconds: 20,
    wallSeconds: 60,
    memoryBytes: 256 * MIB,
    outputBytes: MIB,
    processes: 16,
    scratchBytes: 16 * MIB,
  },
  outFolder,
  onOutput: (chunk) => process.stdout.write(chunk),
});
process.stderr.write(JSON.stringify(outcome));

/** Runs the probe as the built-in runner runs a job: unpacked from an archive, started by a shell, with no door. */
import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { IsolationLevel, Json } from '../../model/request.ts';
import { AnswerReader } from './answer.ts';
import type { Bundle } from './bundle.ts';
import type { Call } from './call.ts';
import { type Job, runJob } from './job.ts';
import type { JobLimits } from './job-limits.ts';

const MIB = 2 ** 20;
/** One Node that tries a few things. */
const LIMITS: JobLimits = {
  cpuSeconds: 10,
  wallSeconds: 10,
  memoryBytes: 256 * MIB,
  outputBytes: MIB,
  processes: 8,
  scratchBytes: 8 * MIB,
};
/** What it says on stderr would stand among its answer. Appended, as an old Landlock's jobs may truncate nothing. */
const COMMAND = ['sh', '-c', 'exec node probe.mjs <call.json 2>>/dev/null'];

/** @throws AppError where no job can be run at this level */
export async function probeAsJob(
  level: IsolationLevel,
  bundle: Bundle,
  call: Call,
  means: Pick<Job, 'node' | 'bubblewrap' | 'outFolder' | 'signal'>,
): Promise<{ value: Json } | { problem: string }> {
  const source = await mkdtemp(path.join(tmpdir(), 'countersign-probe-'));
  try {
    // As an ordinary account's job may change no mode, its folder must come with the one that it is made with.
    await chmod(source, 0o755);
    await copyFile(bundle.file, path.join(source, 'probe.mjs'));
    await writeFile(path.join(source, 'call.json'), JSON.stringify(call));
    const answer = new AnswerReader(() => undefined);
    const { exitCode, stopped } = await runJob({
      ...means,
      level,
      source,
      command: COMMAND,
      inputs: {},
      limits: LIMITS,
      onOutput: (chunk) => answer.push(chunk),
    });
    answer.end();
    if (stopped !== null) return { problem: `the job was stopped: ${stopped}` };
    if (exitCode !== 0 || answer.final === null || !('value' in answer.final))
      return { problem: `the job ended with ${exitCode} and without its answer` };
    return { value: answer.final.value };
  } finally {
    await rm(source, { recursive: true, force: true });
  }
}

/** The jobs of the built-in runner, described in YAML; a mistake is named with file and line. */
import { RE2JS } from 're2js';
import { z } from 'zod';
import { type Json, Risk } from '../../src/model/request.ts';
import { parseTrustedYaml } from '../../src/trusted-file.ts';

/** What one job may use, over all its processes together. */
export type JobLimits = {
  cpuSeconds: number;
  wallSeconds: number;
  memoryBytes: number;
  outputBytes: number;
  processes: number;
  scratchBytes: number;
};

const MIB = 1024 * 1024;

/** Limits as people write them; the defaults suit a small project's checks on a small machine. */
const Limits = z.strictObject({
  seconds: z.int().min(1).max(3_000).default(300),
  memoryMb: z.int().min(16).max(16_384).default(512),
  outputKb: z.int().min(1).max(16_384).default(1_024),
  processes: z.int().min(1).max(512).default(64),
  scratchMb: z.int().min(1).max(8_192).default(256),
});

const common = { title: z.string().min(1).max(100), default: z.string().max(1_000).optional() };
const Pattern = z.string().max(500).refine(compiles, 'The pattern is not an RE2 regular expression.');
const Input = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), ...common, pattern: Pattern.optional() }),
  z.strictObject({ type: z.literal('integer'), ...common, min: z.int().optional(), max: z.int().optional() }),
  z.strictObject({ type: z.literal('boolean'), ...common }),
  z.strictObject({
    type: z.literal('choice'),
    ...common,
    choices: z.array(z.string().min(1)).min(1).max(50),
  }),
]);
type Input = z.output<typeof Input>;

export const JobName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/);
const InputName = z.string().regex(/^[a-z][a-z0-9_]{0,39}$/);
export const Job = z.strictObject({
  title: z.string().min(1).max(100),
  repositories: z.array(z.string().min(1)).min(1),
  environment: z.enum(['test', 'staging', 'production']),
  /** Default: high in production, medium elsewhere. */
  risk: Risk.optional(),
  /** Program and arguments, started in the source's folder; not a shell line. */
  command: z.array(z.string().min(1).max(1_000)).min(1).max(50),
  inputs: z.record(InputName, Input).default({}),
  limits: Limits.prefault({}),
});
const Jobs = z.strictObject({ jobs: z.record(JobName, Job) });

export type JobDescription = z.output<typeof Job>;
export type JobsConfig = Readonly<Record<string, JobDescription>>;

function compiles(pattern: string): boolean {
  try {
    RE2JS.compile(pattern);
    return true;
  } catch {
    return false;
  }
}

/** Reads jobs. Throws `config_invalid` naming file, line and what is wrong; the file's values are not repeated. */
export const parseJobs = (yaml: string, file: string): JobsConfig =>
  parseTrustedYaml(yaml, file, Jobs, 'config_invalid').value.jobs;

export function riskOf(job: JobDescription): Risk {
  return job.risk ?? (job.environment === 'production' ? 'high' : 'medium');
}

export function limitsOf(job: JobDescription): JobLimits {
  const { seconds, memoryMb, outputKb, processes, scratchMb } = job.limits;
  return {
    cpuSeconds: seconds,
    wallSeconds: seconds,
    memoryBytes: memoryMb * MIB,
    outputBytes: outputKb * 1024,
    processes,
    scratchBytes: scratchMb * MIB,
  };
}

/** What the connector and policy know of the jobs: settings of the connector `runner`. */
export function runnerSettings(jobs: JobsConfig): Json {
  const entries = Object.entries(jobs).map(([name, job]) => [
    name,
    {
      title: job.title,
      repositories: job.repositories,
      environment: job.environment,
      risk: riskOf(job),
      inputs: Object.keys(job.inputs),
    },
  ]);
  return { jobs: Object.fromEntries(entries) };
}

export type CheckedInputs = { ok: true; inputs: Record<string, string> } | { ok: false; message: string };

function problemOf(name: string, input: Input, value: string): string | null {
  // PostgreSQL and environment variables hold no NUL.
  if (value.includes('\0')) return `The input ${name} holds a character that cannot be given.`;
  switch (input.type) {
    case 'text':
      return input.pattern === undefined || RE2JS.matches(input.pattern, value)
        ? null
        : `The input ${name} does not have the form that the job asks for.`;
    case 'integer': {
      const number = Number(value);
      const fits =
        /^-?[0-9]{1,15}$/.test(value) &&
        number >= (input.min ?? -Infinity) &&
        number <= (input.max ?? Infinity);
      return fits ? null : `The input ${name} must be a whole number${rangeOf(input)}.`;
    }
    case 'boolean':
      return value === 'true' || value === 'false' ? null : `The input ${name} must be true or false.`;
    case 'choice':
      return input.choices.includes(value)
        ? null
        : `The input ${name} must be one of ${input.choices.join(', ')}.`;
  }
}

function rangeOf({ min, max }: { min?: number | undefined; max?: number | undefined }): string {
  return `${min === undefined ? '' : ` from ${min}`}${max === undefined ? '' : ` up to ${max}`}`;
}

/** Fills defaults and checks each input against its type. */
export function checkInputs(job: JobDescription, given: Readonly<Record<string, string>>): CheckedInputs {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(job.inputs, name));
  if (unknown !== undefined) return { ok: false, message: `The job has no input called ${unknown}.` };
  const inputs: Record<string, string> = {};
  for (const [name, input] of Object.entries(job.inputs)) {
    const value = given[name] ?? input.default;
    if (value === undefined)
      return { ok: false, message: `The job needs the input ${name} (${input.title}).` };
    const problem = problemOf(name, input, value);
    if (problem !== null) return { ok: false, message: problem };
    inputs[name] = value;
  }
  return { ok: true, inputs };
}

/** `countersign policy check | test | explain | matrix`: what each answers, as lines for people and JSON for programs. */
import { parseArgs } from 'node:util';
import { AppError } from '../errors.ts';
import type { LocalTime } from '../model/decision.ts';
import type { Principal } from '../model/principal.ts';
import type { Json, Resource, Risk } from '../model/request.ts';
import { createPolicy } from './decide.ts';
import { type Case, calm, explain, type MatrixRow, matrix } from './explain.ts';
import { runPolicyTests } from './test.ts';
import type { LoadedPolicies } from './types.ts';

export type PolicyCommandDeps = {
  /** Loads the folder anew. @throws AppError('policy_invalid') */
  load: () => LoadedPolicies;
  people: () => Promise<readonly Principal[]>;
  testsFolder: string;
  production: boolean;
  /** What these arguments would be applied to, from the catalogue; or what is wrong with them. */
  resolve: (
    action: string,
    args: Json,
  ) => { ok: true; resource: Resource; risk: Risk } | { ok: false; message: string };
  /** Everything that exists to be asked for now: each queue, each job. */
  cases: () => readonly Case[];
  /** The moment that explanations are asked for. */
  time: () => LocalTime;
};

/** Data for stdout; `exit` 0 good, 1 bad news. Wrong usage is thrown. */
export type CommandResult = { exit: 0 | 1; lines: string[]; json: unknown };

const USAGE = 'policy check | test | explain --principal P --action A [--args JSON] | matrix';

/** @throws AppError('usage') for anything that is not one of the four, and for what is named and is not there */
export async function policyCommand(
  deps: PolicyCommandDeps,
  args: readonly string[],
): Promise<CommandResult> {
  const { command, options } = parse(args);
  switch (command) {
    case 'check':
      return check(deps);
    case 'test':
      return test(deps);
    case 'explain':
      return explainCommand(deps, options);
    case 'matrix':
      return matrixCommand(deps);
    default:
      throw new AppError('usage', `Usage: countersign ${USAGE}`);
  }
}

function check(deps: PolicyCommandDeps): CommandResult {
  try {
    const loaded = deps.load();
    const { policies, files, warnings, digest } = loaded;
    const summary = `${policies.size} policies in ${files.length} files are valid (${digest.slice(0, 12)}).`;
    return {
      exit: 0,
      lines: [...warnings, summary],
      json: { valid: true, digest, policies: policies.size, warnings },
    };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'policy_invalid') throw error;
    return { exit: 1, lines: [error.message], json: { valid: false, reason: error.message } };
  }
}

function test(deps: PolicyCommandDeps): CommandResult {
  const run = runPolicyTests(deps.load(), deps.testsFolder, deps.production);
  const lines = run.results.flatMap(({ name, file, line, problems }) =>
    problems.length === 0
      ? [`ok   ${name}`]
      : [`FAIL ${name} (${file}:${line})`, ...problems.map((one) => `     ${one}`)],
  );
  for (const { id, file, line } of run.uncovered)
    lines.push(`FAIL no test sees "${id}" decide (${file}:${line})`);
  lines.push(`${run.passed} passed, ${run.failed} failed, ${run.uncovered.length} policies without a test`);
  return { exit: run.failed + run.uncovered.length === 0 ? 0 : 1, lines, json: run };
}

async function explainCommand(deps: PolicyCommandDeps, options: Options): Promise<CommandResult> {
  const { principal: id, action, args } = options;
  if (id === undefined || action === undefined) throw new AppError('usage', `Usage: countersign ${USAGE}`);
  const people = await deps.people();
  const policy = createPolicy(deps.load(), () => people);
  if (!policy.loaded.catalogue.has(action)) {
    throw new AppError(
      'usage',
      `"${action}" is not a governed action; these are: ${[...policy.loaded.catalogue.keys()].join(', ')}`,
    );
  }
  const principal = people.find((person) => person.id === id);
  if (principal === undefined) throw new AppError('usage', `There is nobody "${id}" in the directory.`);
  const explained = casesOf(deps, action, args).map(({ resource, risk }) =>
    explain(policy, { principal, action, resource, context: calm(resource, risk, deps.time()), people }),
  );
  return {
    exit: explained.some((one) => one.decision.allowed) ? 0 : 1,
    lines: explained.flatMap((one) => one.lines),
    json: explained.map(({ principal, decision, rules }) => ({ principal, decision, rules })),
  };
}

/** Without arguments, everything that exists for the action is explained. */
function casesOf(deps: PolicyCommandDeps, action: string, args: string | undefined): readonly Case[] {
  if (args !== undefined) {
    const resolved = deps.resolve(action, json(args));
    if (!resolved.ok) throw new AppError('usage', resolved.message);
    return [{ action, resource: resolved.resource, risk: resolved.risk }];
  }
  const cases = deps.cases().filter((one) => one.action === action);
  if (cases.length === 0)
    throw new AppError('usage', `Say what for: --args '{...}' with the arguments of ${action}.`);
  return cases;
}

async function matrixCommand(deps: PolicyCommandDeps): Promise<CommandResult> {
  const people = await deps.people();
  const rows = matrix(
    createPolicy(deps.load(), () => people),
    people,
    deps.cases(),
    deps.time(),
  );
  return { exit: 0, lines: table(rows), json: rows };
}

function table(rows: readonly MatrixRow[]): string[] {
  const cells = rows.map((row) => [
    row.principal,
    row.action,
    row.resource,
    row.needs === null ? `denied (${row.code})` : `allowed, needs ${row.needs}`,
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
}

type Options = { principal?: string | undefined; action?: string | undefined; args?: string | undefined };

function parse(args: readonly string[]): { command: string; options: Options } {
  try {
    const text = { type: 'string' } as const;
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { principal: text, action: text, args: text, json: { type: 'boolean' } },
      allowPositionals: true,
    });
    return { command: positionals.length === 1 ? (positionals[0] ?? '') : '', options: values };
  } catch (cause) {
    throw new AppError('usage', `Usage: countersign ${USAGE}`, { cause });
  }
}

function json(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new AppError('usage', '--args is not JSON.', { cause });
  }
}

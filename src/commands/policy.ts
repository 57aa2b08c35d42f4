/** `policy check | test | explain | matrix`: the files as they lie there now, not as a running assistant has loaded them. */
import { join } from 'node:path';
import type { Catalogue } from '../catalogue.ts';
import { type Config, readConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { loadRules, type Rules, SHIPPED_POLICIES } from '../house.ts';
import type { Json } from '../model/request.ts';
import { type CommandResult, type PolicyCommandDeps, policyCommand } from '../policy/commands.ts';
import type { Case } from '../policy/explain.ts';
import { localTime } from '../policy/time.ts';
import { type Command, type Invocation, line } from './command.ts';

export const policy: Command = async (invocation) => {
  const { terminal, json } = invocation;
  const config = readConfig(invocation.env, invocation.cwd);
  const result = await answer(config, invocation);
  await terminal.write(json ? line(result.json) : `${result.lines.join('\n')}\n`);
  return result.exit;
};

async function answer(config: Config, { name, options }: Invocation): Promise<CommandResult> {
  const command = name.split(' ')[1]!;
  let rules: Rules;
  try {
    rules = loadRules(config);
  } catch (error) {
    const isAnswer =
      error instanceof AppError && (error.code === 'policy_invalid' || error.code === 'directory_invalid');
    if (command !== 'check' || !isAnswer) throw error;
    return { exit: 1, lines: [error.message], json: { valid: false, reason: error.message } };
  }
  const args = Object.entries(options).flatMap(([option, value]) =>
    value === undefined ? [] : [`--${option}=${value}`],
  );
  return policyCommand(depsOf(config, rules), [command, ...args]);
}

function depsOf(config: Config, { catalogue, directory, loadAnew }: Rules): PolicyCommandDeps {
  return {
    load: loadAnew,
    people: () => directory.people(),
    testsFolder: join(config.policiesFolder ?? SHIPPED_POLICIES, 'tests'),
    production: config.production,
    resolve: (action, args) => resolve(catalogue, action, args),
    cases: () => casesOf(catalogue),
    time: () => localTime(new Date(), config.timeZone),
  };
}

/** What these arguments would be applied to, exactly as the assistant would see it. */
function resolve(catalogue: Catalogue, name: string, args: Json): ReturnType<PolicyCommandDeps['resolve']> {
  const governed = catalogue.governed(name);
  if (governed === null) return { ok: false, message: `No connector serves "${name}" here.` };
  const parsed = governed.action.input.safeParse(args);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.join('.') ?? '';
    return {
      ok: false,
      message: `--args: ${where === '' ? '' : `${where}: `}${issue?.message ?? 'does not fit'}`,
    };
  }
  const { action, connector, settings } = governed;
  const given = parsed.data as Record<string, Json>;
  const facts = { connector: connector.name, settings: connector.facts(action.operation, given, settings) };
  return {
    ok: true,
    resource: action.resource(parsed.data, facts),
    risk: action.risk(parsed.data, facts),
  };
}

function casesOf(catalogue: Catalogue): Case[] {
  return catalogue.all().flatMap(({ action, connector, settings }) =>
    connector.examples(action.operation, settings).flatMap((args) => {
      const resolved = resolve(catalogue, action.name, args);
      return resolved.ok ? [{ action: action.name, resource: resolved.resource, risk: resolved.risk }] : [];
    }),
  );
}

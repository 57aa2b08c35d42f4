/**
 * `mcp review`: what a server says of its tools now, cleaned, with the digest that a review is bound to. With --write what is
 * printed becomes what counts. Stands on the configuration, the way out and the sandbox; no database, no entry in the log.
 */

import { type Config, readConfig } from '../config.ts';
import { createCredentials } from '../credentials/credentials.ts';
import { createVault } from '../credentials/vault.ts';
import { AppError } from '../errors.ts';
import { createBroker } from '../execution/broker/broker.ts';
import { isEnough, leastLevel } from '../execution/levels.ts';
import { bundleOperations } from '../execution/sandbox/bundle.ts';
import { establishLevel } from '../execution/sandbox/probe.ts';
import { createSandbox } from '../execution/sandbox/sandbox.ts';
import { MCP_MODULE } from '../mcp/actions.ts';
import { askForTools, type SaidTools } from '../mcp/asking.ts';
import { connectorOf, type McpConfig, type McpServer } from '../mcp/config.ts';
import { reviewOf, storedOf, type ToolReview } from '../mcp/review.ts';
import { reviewsOf, writeReview } from '../mcp/reviewed.ts';
import { findSecrets } from '../screening/secrets.ts';
import { accountName, type Command, type Exit, line } from './command.ts';
import { untilEnded } from './ending.ts';

type State = 'reviewed' | 'new' | 'changed' | 'not an action here';
type Looked = ToolReview & { state: State };

export const review: Command = async ({ env, cwd, words, flags, json, terminal }) => {
  const config = readConfig(env, cwd);
  const [name = ''] = words;
  const { mcp, server } = serverOf(config, name);
  const said = await ask(config, name, server);
  const looked = said.tools.map((tool) => look(mcp, name, server, reviewOf(tool), config));
  const missing = Object.keys(server.tools).filter((tool) => !looked.some((one) => one.tool === tool));
  const wanted = looked.filter(({ state }) => state !== 'not an action here');
  const usable = wanted.filter(({ problems }) => problems.length === 0);
  if (flags.has('write'))
    for (const one of usable) writeReview(mcp, name, one.tool, storedOf(one, new Date()), config);
  await terminal.write(
    json
      ? line({
          server: name,
          whole: said.whole,
          missing,
          tools: looked.map(({ input: _, ...shown }) => shown),
        })
      : [...looked.map(inWords), ...missing.map((tool) => `${tool}: the server has no such tool.\n`)].join(
          '\n',
        ),
  );
  if (!said.whole) terminal.say('The server has more tools than are read here.');
  const open = usable.filter(({ state }) => state !== 'reviewed').length;
  if (flags.has('write'))
    terminal.say(`Written to ${mcp.reviewedFile}: ${usable.length}. Start the assistant anew.`);
  else if (open > 0)
    terminal.say(`To take it as it is printed here: npx countersign mcp review ${name} --write`);
  const isGood =
    missing.length === 0 && usable.length === wanted.length && (flags.has('write') || open === 0);
  return (isGood ? 0 : 1) satisfies Exit;
};

function serverOf({ mcp }: Config, name: string): { mcp: McpConfig; server: McpServer } {
  const server = mcp !== null && Object.hasOwn(mcp.servers, name) ? mcp.servers[name] : undefined;
  if (mcp !== null && server !== undefined) return { mcp, server };
  const known = Object.keys(mcp?.servers ?? {}).join(', ') || 'none';
  throw new AppError('usage', `There is no MCP server "${name}" under mcp.servers; these are: ${known}.`);
}

function look(mcp: McpConfig, name: string, server: McpServer, review: ToolReview, config: Config): Looked {
  const before = reviewsOf(mcp, config)(name, review.tool);
  const isOurs = Object.hasOwn(server.tools, review.tool);
  const known: State = before === null ? 'new' : before.digest === review.digest ? 'reviewed' : 'changed';
  return { ...review, state: isOurs ? known : 'not an action here' };
}

async function ask(config: Config, name: string, server: McpServer): Promise<SaidTools> {
  const established = await establishLevel({});
  const least = leastLevel('low', { isolation: null }, { process: config.acceptProcess });
  if (!isEnough(established.level, least))
    throw new AppError(
      'isolation_too_low',
      `This must run isolated at least at level "${least}". Run: npx countersign doctor`,
    );
  const connector = connectorOf(name);
  const bundles = await bundleOperations({ modules: [{ name: connector, module: MCP_MODULE }] });
  const vault = config.vault === null ? null : createVault(config.vault, { failed: () => undefined });
  const broker = createBroker({
    upstreams: config.upstreams,
    // What cannot be had is refused in words, call by call.
    credentials: createCredentials(config.credentials, { vault, news: () => undefined }),
    builtIns: {},
    scan: (text) => findSecrets(text)[0]?.type ?? null,
  });
  const close = async (): Promise<void> => {
    await broker.close();
    await vault?.close();
  };
  return untilEnded(close, async () => {
    const sandbox = await createSandbox({ level: established.level });
    const deps = { broker, sandbox, bundle: bundles.get(connector)!, requester: accountName() };
    return askForTools(deps, name, server);
  });
}

function inWords(one: Looked): string {
  const list = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [`  ${title}`, ...lines.map((words) => `    ${words}`)];
  return [
    `${one.tool}  (${one.state})`,
    `  digest ${one.digest}`,
    ...list('says of itself', one.description.split('\n')),
    ...list('arguments', [...one.arguments, ...one.rules]),
    ...list('not checked here, the server checks it', one.unchecked),
    ...list('claims, not trusted', one.claims),
    ...list('LOOK AGAIN', one.warnings),
    ...list('CANNOT BE AN ACTION', one.problems),
    '',
  ].join('\n');
}

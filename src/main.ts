/** `npm start`: reads the environment, starts everything, says where it is, and stops it all again. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createSlackAdapter } from '../adapters/slack/adapter.ts';
import { createTeamsAdapter } from '../adapters/teams/adapter.ts';
import { storedReferences } from '../adapters/teams/references.ts';
import { buildClient } from '../adapters/web/build-client.ts';
import { guardLocal } from '../adapters/web/guard.ts';
import { createWebAdapter, type WebMode } from '../adapters/web/router.ts';
import { createProvider } from '../adapters/web/sign-in/provider.ts';
import { createSessions } from '../adapters/web/sign-in/sessions.ts';
import type { Desk } from '../adapters/web/workspace-api.ts';
import { compose, type Running } from './compose.ts';
import { type Config, readConfig } from './config.ts';
import { AppError, wordsForOperator } from './errors.ts';
import { createLog, errorFields, type Log } from './log.ts';
import { tenantOf } from './reply/messages.ts';
import { closeServer, listen, mountEnd, mountHealth, newApp } from './server.ts';

const CLIENT_FOLDER = fileURLToPath(new URL('../.build/web', import.meta.url));
/** Whom a newcomer starts as. */
const FIRST_PERSON = 'alice';
/**
 * Mostly a stop takes a second or two. One that takes longer is cut short, before a container's runtime loses its patience (ten seconds
 * with Docker): what runs then is left to the crash rules. By then an embedded server with a process that hangs was told to end at once.
 */
const STOP_WITHIN_MS = 9_000;

/** Said before it is done, so that nobody takes a first start for one that hangs. */
const TAKES_LONG = {
  build: '  Building the workspace; this may take a minute.',
  database: '  First start: making a database; this may take a minute.',
};

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

type Started = { stop(): Promise<void>; reload(): Promise<void>; welcome(): void };

async function start(config: Config, log: Log): Promise<Started> {
  const hasPages = config.local || config.oidc !== null;
  if (hasPages) await buildClient({ outFolder: CLIENT_FOLDER, onBuild: () => say(TAKES_LONG.build) });
  if (config.database === null && !existsSync(config.dataFolder)) say(TAKES_LONG.database);
  const origin = (): string => config.publicUrl?.origin ?? `http://127.0.0.1:${port}`;
  let port = config.port;
  const app = newApp();
  const running = await compose(config, log, (request) =>
    hasPages ? `${origin()}/requests/${request}` : null,
  );
  try {
    const where = { port: () => port, publicUrl: config.publicUrl?.href ?? null };
    mountHealth(app, {
      guard: config.local ? guardLocal(where, 'host') : (_request, _response, next) => next(),
      checks: running.checks,
      beforeScrape: running.refreshMetrics,
      metrics: running.metrics,
    });
    const slack = config.slack
      ? createSlackAdapter({
          assistant: () => running.assistant,
          app,
          config: config.slack,
          log,
          ephemeral: running.house.storage.ephemeral,
          teamOf: (channel) => tenantOf(running.house.storage.db, 'slack', channel),
        })
      : null;
    const teams = config.teams
      ? createTeamsAdapter({
          assistant: () => running.assistant,
          app,
          config: config.teams,
          references: storedReferences(running.house.storage.db),
          log,
          ephemeral: running.house.storage.ephemeral,
          view: running.viewRequest,
          ...(config.local ? { guard: guardLocal(where) } : {}),
        })
      : null;
    app.use(
      createWebAdapter({
        ...where,
        assistant: running.assistant,
        mode: webMode(config, running, log),
        clientFolder: CLIENT_FOLDER,
        log,
      }),
    );
    mountEnd(app, (error) => log.error(errorFields(error), 'a request failed'));
    if (slack) running.addSurface(slack.surface);
    if (teams) running.addSurface(teams.surface);
    await running.start();
    const listening = await listen(app, config.host, config.port);
    port = listening.port;
    await Promise.all([
      slack && running.connect('slack', slack.start),
      teams && running.connect('teams', teams.start),
    ]);
    return {
      reload: running.reload,
      welcome: () => welcome(config, running, port),
      async stop() {
        await closeServer(listening.server);
        await slack?.hangUp();
        // Last things are still said there: the newest checkpoint leaves before we go.
        await running.stop();
        await slack?.stop();
        await teams?.stop();
      },
    };
  } catch (error) {
    await running.stop();
    throw error;
  }
}

/** Who may use the workspace: sample people, whoever signs in, or nobody. */
function webMode(config: Config, running: Running, log: Log): WebMode {
  const { local, oidc, publicUrl } = config;
  if (local) {
    const desk = config.connectors.ticketing.use === 'desk' ? deskPage(running.desk) : null;
    return { kind: 'local', startAs: FIRST_PERSON, desk };
  }
  if (oidc === null || publicUrl === null) return { kind: 'off' };
  const now = () => new Date();
  const provider = createProvider(oidc, now);
  const sessions = createSessions(running.house.storage.db, now);
  const signIn = { publicUrl, provider, sessions, now, log };
  const { linking } = running;
  return { kind: 'signed-in', signIn, ...(linking === null ? {} : { linking }) };
}

/** The built-in desk as its page shows it, newest first. */
function deskPage(desk: Running['desk']): Desk {
  return {
    async list() {
      const tickets = await Promise.all((await desk.list()).map(({ ticket }) => desk.ticket(ticket)));
      return tickets.flatMap((ticket) =>
        ticket === null
          ? []
          : [
              {
                number: Number(ticket.ticket.replace(/^T-/, '')),
                title: ticket.title,
                description: ticket.description,
                priority: ticket.priority,
                status: ticket.state,
                requester: ticket.requester,
                createdAt: ticket.createdAt,
                comments: ticket.comments.map(({ author, body, createdAt }) => ({
                  author,
                  text: body,
                  at: createdAt,
                })),
              },
            ],
      );
    },
  };
}

/** What a person at the terminal needs to know, and nothing else. */
function welcome(config: Config, running: Running, port: number): void {
  const { isolation, house, rules, planner } = running;
  say('');
  if (config.local) {
    say(`  Countersign is at http://127.0.0.1:${port} (and http://localhost:${port})`);
    say('  Local mode: sample people, loopback only. You start as alice, an engineer.');
  } else {
    say(`  Countersign listens on ${config.host}:${port}.`);
    if (config.oidc && config.publicUrl)
      say(`  The workspace is at ${config.publicUrl.origin}; people sign in at ${config.oidc.issuer.host}.`);
  }
  say('');
  say(
    `  isolation  ${isolation.level}${isolation.missing === undefined ? '' : `; stronger with ${isolation.missing}`}`,
  );
  say(
    `  planner    ${planner.name === 'offline' ? 'offline: typed commands and known phrases (set OPENAI_API_KEY and OPENAI_MODEL for more)' : planner.name}`,
  );
  say(
    `  storage    ${house.storage.access.embedded ? `embedded PostgreSQL in ${config.dataFolder}` : 'PostgreSQL at DATABASE_URL'}; ${config.redisUrl === null ? 'short-lived state in memory' : 'Redis'}`,
  );
  for (const file of house.keys.made)
    say(`  new key    ${file}: back it up, without it the log can neither be continued nor opened`);
  for (const warning of rules.policy().loaded.warnings) say(`  policy     ${warning}`);
  say('');
  say('  Ctrl-C stops everything.');
  say('');
}

async function main(): Promise<void> {
  const config = readConfig(process.env, process.cwd());
  const log = createLog(config.logLevel);
  const { stop, reload, welcome } = await start(config, log);
  process.on('SIGHUP', () => {
    reload().then(
      () => log.info({}, 'people and policies were read again'),
      (error: unknown) =>
        log.error(errorFields(error), 'people and policies were refused; what was in force stays in force'),
    );
  });
  let stopping = false;
  const end = (): void => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => {
      log.warn({}, 'the stop was cut short; what runs is left to the next start');
      process.exit(1);
    }, STOP_WITHIN_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error(errorFields(error), 'the stop did not go to its end');
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  // Last: whoever reads that we are there may stop us at once, and that must be in order.
  welcome();
}

main().catch((error: unknown) => {
  process.stderr.write(
    `countersign: ${error instanceof AppError ? wordsForOperator(error) : 'could not start.'}\n`,
  );
  if (!(error instanceof AppError))
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(error instanceof AppError ? error.exit || 1 : 1);
});

/** The assistant with its three adapters on one server, wired as the start of the product wires them. */
import type { Server } from 'node:http';
import { createSlackAdapter } from '../../adapters/slack/adapter.ts';
import { ENDPOINT as SLACK_ENDPOINT } from '../../adapters/slack/needs.ts';
import { createTeamsAdapter } from '../../adapters/teams/adapter.ts';
import { ENDPOINT as TEAMS_ENDPOINT } from '../../adapters/teams/needs.ts';
import { storedReferences } from '../../adapters/teams/references.ts';
import { createWebAdapter } from '../../adapters/web/router.ts';
import { createProvider } from '../../adapters/web/sign-in/provider.ts';
import { createSessions } from '../../adapters/web/sign-in/sessions.ts';
import { compose } from '../../src/compose.ts';
import type { Config } from '../../src/config.ts';
import type { Fields } from '../../src/log.ts';
import { closeServer, listen, newApp } from '../../src/server.ts';
import type { FakeSlack } from '../support/slack/fake-slack.ts';
import type { FakeConnector } from '../support/teams/fake-connector.ts';
import { virtualClock } from '../support/virtual-clock.ts';
import { PUBLIC_URL } from './company-files.ts';

/** Composes, connects both pretended platforms and listens; `logged` collects what the log says. */
export async function serve(
  config: Config,
  slack: FakeSlack,
  teams: FakeConnector,
  logged: (Fields & { words: string })[],
) {
  const app = newApp();
  const note = (fields: Fields, words: string) => void logged.push({ ...fields, words });
  const log = { debug: note, info: note, warn: note, error: note };
  const running = await compose(config, log, (request) => `${PUBLIC_URL}/requests/${request}`);
  const assistant = () => running.assistant;
  const { ephemeral, db } = running.house.storage;
  const now = () => new Date();
  let server: Server | null = null;
  let port = 0;
  const slackAdapter = createSlackAdapter({
    assistant,
    app,
    config: config.slack!,
    log,
    ephemeral,
    // The second between two messages passes at once; what is waited for is counted, not slept.
    clock: virtualClock(),
  });
  const clock = virtualClock();
  const teamsAdapter = createTeamsAdapter({
    assistant,
    app,
    config: {
      ...config.teams!,
      cloud: {
        openIdMetadataUrl: `${teams.issuerUrl}/.well-known/openid-configuration`,
        tokenIssuer: teams.issuerUrl,
        loginUrl: `${teams.issuerUrl}/`,
        scope: 'https://api.botframework.com',
      },
    },
    references: storedReferences(db),
    log,
    ephemeral,
    view: running.viewRequest,
    tokens: async () => teams.botToken,
    clock,
  });
  const publicUrl = new URL(PUBLIC_URL);
  app.use(
    createWebAdapter({
      assistant: running.assistant,
      mode: {
        kind: 'signed-in',
        signIn: {
          publicUrl,
          provider: createProvider(config.oidc!, now),
          sessions: createSessions(db, now),
          now,
          log,
        },
      },
      publicUrl: publicUrl.href,
      port: () => port,
      clientFolder: '/nonexistent',
      log,
    }),
  );
  running.addSurface(slackAdapter.surface);
  running.addSurface(teamsAdapter.surface);
  await running.start();
  ({ server, port } = await listen(app, '127.0.0.1', 0));
  slack.connect(`http://127.0.0.1:${port}${SLACK_ENDPOINT}`);
  teams.connect(`http://127.0.0.1:${port}${TEAMS_ENDPOINT}`, () => clock.now());
  await running.connect('slack', slackAdapter.start);
  await running.connect('teams', teamsAdapter.start);
  return {
    running,
    port,
    async stop() {
      if (server !== null) await closeServer(server);
      await running.stop();
      await slackAdapter.stop();
      await teamsAdapter.stop();
    },
  };
}

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type RequestHandler } from 'express';
import { onTestFinished } from 'vitest';
import { createSlackAdapter, type SlackConfig } from '../../../adapters/slack/adapter.ts';
import { ENDPOINT } from '../../../adapters/slack/needs.ts';
import type { Place } from '../../../src/model/turn.ts';
import { FakeSlack, type Manifest } from '../../support/slack/fake-slack.ts';
import { memoryAssistant } from '../../support/slack/memory-assistant.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

export const manifest = JSON.parse(
  readFileSync(new URL('../../../manifest.json', import.meta.url), 'utf8'),
) as Manifest;

/** Where something is said in the fake's workspace. */
export const place = (container: string, thread = ''): Place => ({
  platform: 'slack',
  tenant: 'T0ACME',
  container,
  thread,
  direct: container.startsWith('D'),
});

/** The adapter on a real server, connected to the fake over the wire; ends with the test. */
export async function connected(
  more: {
    config?: Partial<SlackConfig>;
    before?: RequestHandler;
    start?: boolean;
    /** Scopes that an operator added to the manifest's. */
    scopes?: string[];
    /** Slack sends over sockets, and nothing by HTTP. */
    socketMode?: true;
  } = {},
) {
  const settings = { ...manifest.settings, socket_mode_enabled: more.socketMode === true };
  const bot = [...manifest.oauth_config.scopes.bot, ...(more.scopes ?? [])];
  const installed = { ...manifest, settings, oauth_config: { scopes: { bot } } };
  const slack = await FakeSlack.start(installed);
  slack.workspace.addUser('UALICE');
  slack.workspace.addUser('UBOB');
  slack.workspace.addChannel('CGENERAL');
  slack.workspace.addChannel('CAPPROVALS');
  const app = express();
  if (more.before !== undefined) app.use(more.before);
  const assistant = memoryAssistant();
  const clock = virtualClock();
  const codes: unknown[] = [];
  const note = (fields: Record<string, unknown>) => codes.push(fields.code);
  const adapter = createSlackAdapter({
    assistant: () => assistant,
    app,
    config: {
      botToken: slack.token,
      signingSecret: more.socketMode ? null : slack.signingSecret,
      appToken: more.socketMode ? slack.appToken : null,
      apiUrl: slack.apiUrl,
      approvalsChannel: 'CAPPROVALS',
      operatorsChannel: null,
      ...more.config,
    },
    log: { info: note, warn: note, error: note },
    clock,
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  slack.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}${ENDPOINT}`);
  if (more.start !== false) await adapter.start();
  onTestFinished(async () => {
    await adapter.stop();
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await slack.stop();
  });
  return { slack, assistant, adapter, clock, codes };
}

/** One more assistant on the same database and the same Slack, as its environment says, to be killed. Prints a line once it works. */
import { createSlackAdapter } from '../../adapters/slack/adapter.ts';
import { compose } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { tenantOf } from '../../src/reply/messages.ts';
import { newApp } from '../../src/server.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const silent = () => undefined;
const log = { debug: silent, info: silent, warn: silent, error: console.error };
const config = readConfig(process.env, process.cwd());
const running = await compose(config, log, () => null);
const { storage } = running.house;
const adapter = createSlackAdapter({
  assistant: () => running.assistant,
  app: newApp(),
  config: config.slack!,
  log,
  ephemeral: storage.ephemeral,
  teamOf: (channel) => tenantOf(storage.db, 'slack', channel),
  clock: virtualClock(),
});
running.addSurface(adapter.surface);
await running.start();
await running.connect('slack', adapter.start);
process.stdout.write('works\n');

/**
 * What a Slack app is without governance: Bolt with its Express receiver as its documentation shows it, repeating what
 * it hears. Told where Slack is by its arguments: signing secret, bot token, API address. Prints its port.
 */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { App, ExpressReceiver, LogLevel } from '@slack/bolt';

const [signingSecret = '', token = '', slackApiUrl = ''] = process.argv.slice(2);
const receiver = new ExpressReceiver({ signingSecret, endpoints: '/slack/events', logLevel: LogLevel.ERROR });
const app = new App({ receiver, token, clientOptions: { slackApiUrl }, logLevel: LogLevel.ERROR });
app.message(async ({ message, say }) => {
  if ('text' in message) await say({ text: message.text ?? '', thread_ts: message.ts });
});
const server = (await app.start({ port: 0, host: '127.0.0.1' })) as Server;
process.stdout.write(`listens on 127.0.0.1:${(server.address() as AddressInfo).port}.\n`);

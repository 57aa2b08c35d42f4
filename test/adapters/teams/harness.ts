import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type RequestHandler } from 'express';
import { onTestFinished } from 'vitest';
import { createTeamsAdapter, type TeamsConfig, type TeamsOptions } from '../../../adapters/teams/adapter.ts';
import { ENDPOINT } from '../../../adapters/teams/needs.ts';
import type { Reference, References } from '../../../adapters/teams/references.ts';
import type { Place } from '../../../src/model/turn.ts';
import { memoryAssistant } from '../../support/slack/memory-assistant.ts';
import { APP, FakeConnector, TENANT } from '../../support/teams/fake-connector.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

export const ALICE = 'aaaaaaaa-0000-4000-8000-000000000001';
export const BOB = 'bbbbbbbb-0000-4000-8000-000000000002';
export const CHANNEL = '19:general@thread.tacv2';
export const APPROVALS = '19:approvals@thread.tacv2';
export const GROUP = '19:group@thread.v2';

export const place = (container: string, thread = ''): Place => ({
  platform: 'teams',
  tenant: TENANT,
  container,
  thread,
  direct: container.startsWith('a:'),
});

/** References that last as long as the test. */
export function memoryReferences(): References & { all: Reference[]; writes: number } {
  const all: Reference[] = [];
  return {
    all,
    writes: 0,
    get: async (tenant, conversation) =>
      all.find((one) => one.tenant === tenant && one.conversation === conversation) ?? null,
    personal: async (tenant, person) =>
      all.findLast((one) => one.tenant === tenant && one.person === person) ?? null,
    async set(reference) {
      this.writes += 1;
      const at = all.findIndex(
        (one) => one.tenant === reference.tenant && one.conversation === reference.conversation,
      );
      if (at >= 0) all.splice(at, 1);
      all.push(reference);
    },
  };
}

/** The adapter on a real server, connected to the fake over the wire; ends with the test. */
export async function connected(
  more: { config?: Partial<TeamsConfig>; before?: RequestHandler; options?: Partial<TeamsOptions> } = {},
) {
  const teams = await FakeConnector.start();
  teams.addConversation(CHANNEL, 'channel', { members: [ALICE, BOB] });
  teams.addConversation(APPROVALS, 'channel', { members: [BOB] });
  teams.addConversation(GROUP, 'groupChat', { members: [ALICE, BOB] });
  const app = express();
  if (more.before !== undefined) app.use(more.before);
  const assistant = memoryAssistant();
  const clock = virtualClock();
  const references = memoryReferences();
  const codes: unknown[] = [];
  const note = (fields: Record<string, unknown>) => codes.push(fields.code);
  const adapter = createTeamsAdapter({
    assistant: () => assistant,
    app,
    config: {
      appId: APP,
      password: 'unused',
      tenant: TENANT,
      unauthenticated: false,
      approvalsConversation: APPROVALS,
      operatorsConversation: null,
      serviceUrl: teams.serviceUrl,
      cloud: {
        openIdMetadataUrl: `${teams.issuerUrl}/.well-known/openid-configuration`,
        tokenIssuer: teams.issuerUrl,
        loginUrl: `${teams.issuerUrl}/`,
        scope: 'https://api.botframework.com',
      },
      ...more.config,
    },
    references,
    log: { info: note, warn: note, error: note },
    tokens: async () => teams.botToken,
    clock,
    ...more.options,
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  teams.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}${ENDPOINT}`, () => clock.now());
  await adapter.start();
  onTestFinished(async () => {
    await adapter.stop();
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await teams.stop();
  });
  return { teams, assistant, adapter, clock, codes, references };
}

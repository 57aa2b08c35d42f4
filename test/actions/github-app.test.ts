import { createPrivateKey } from 'node:crypto';
import http from 'node:http';
import { createEmulator, type Emulator } from 'emulate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/github-issues.operations.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import { startUpstream } from '../execution/broker/upstream-server.ts';
import { freePort } from '../support/free-port.ts';
import { call, type Given } from './through-broker.ts';

const SETTINGS = { owner: 'acme', repo: 'web', host: 'github.com', account: 'countersign[bot]' };
const VPN = { title: 'VPN down', description: 'In Berlin', priority: 'high' };

let emulator: Emulator;
let front: Awaited<ReturnType<typeof startFront>>;
let config: Partial<BrokerConfig>;

/** The emulator, and in front of it the one thing that it lacks: `DELETE /installation/token`. */
async function startFront(url: string) {
  const revoked = new Set<string>();
  const upstream = await startUpstream((response, { method, url: path, headers, body }) => {
    const bearer = headers.authorization ?? '';
    if (revoked.has(bearer)) return void response.writeHead(401).end();
    if (method === 'DELETE' && path === '/installation/token') {
      revoked.add(bearer);
      return void response.writeHead(204).end();
    }
    const onward = http.request(`${url}${path}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.end(body);
  });
  return { ...upstream, revoked };
}

beforeAll(async () => {
  emulator = await createEmulator({
    service: 'github',
    port: await freePort(),
    seed: {
      github: {
        users: [{ login: 'bot' }],
        orgs: [{ login: 'acme', members: [{ login: 'bot', role: 'admin' }] }],
        repos: [
          { owner: 'acme', name: 'web', auto_init: true },
          { owner: 'acme', name: 'other', auto_init: true },
        ],
        apps: [
          {
            app_id: 12345,
            slug: 'countersign',
            name: 'Countersign',
            permissions: { issues: 'write', contents: 'write', metadata: 'read' },
            events: [],
            installations: [{ installation_id: 100, account: 'acme', repository_selection: 'all' }],
          },
        ],
      },
    },
  });
  const [secret] = emulator.generatedSecrets;
  front = await startFront(emulator.url);
  const key = createPrivateKey(secret?.value ?? '');
  config = {
    upstreams: { 'api.github.com': { baseUrl: front.baseUrl, addresses: ['127.0.0.1/32'] } },
    credentials: { get: async () => ({ kind: 'github-app', appId: '12345', key }) },
  };
});
afterAll(async () => {
  await front.close();
  await emulator.close();
});

const given = (more: Partial<Given> = {}): Given => ({
  args: VPN,
  settings: SETTINGS,
  mark: crypto.randomUUID(),
  ...more,
});

describe("an issue by the operator's app", () => {
  it('is opened with a token for that one repository, which is taken back', async () => {
    const { value, tokens } = await call(config, operations.create, 'run', given());
    expect(value).toMatchObject({ kind: 'running' });
    expect(tokens.minted).toMatchObject([
      { repository: 'acme/web', permissions: { issues: 'write' }, exact: true },
    ]);
    expect(tokens.revoked).toEqual(tokens.minted);
    expect(front.revoked.size).toBe(1);
  });

  it('is previewed, followed and looked for with tokens that can only read', async () => {
    const request = given();
    const preview = await call(config, operations.create, 'preview', request);
    expect(preview.value).toMatchObject({ summary: 'Open an issue in acme/web on GitHub.' });
    const { value: run } = await call(config, operations.create, 'run', request);
    if (run.kind !== 'running') throw new Error(JSON.stringify(run));
    const followed = await call(
      config,
      operations.create,
      'follow',
      given({ ...request, handle: run.handle }),
    );
    expect(followed.value).toMatchObject({ kind: 'done' });
    const found = await call(config, operations.create, 'reconcile', request);
    expect(found.value).toMatchObject({ kind: 'happened' });
    for (const { tokens } of [preview, followed, found]) {
      expect(tokens.minted).toMatchObject([{ permissions: { issues: 'read' } }]);
      expect(tokens.revoked).toEqual(tokens.minted);
    }
  });

  it('cannot be opened where the app is not installed', async () => {
    const elsewhere = { ...SETTINGS, owner: 'bot', repo: 'home' };
    const { value, heard } = await call(config, operations.create, 'run', given({ settings: elsewhere }));
    expect(value).toMatchObject({ kind: 'failed', result: { code: 'mint_refused' } });
    expect(heard.refused).toMatchObject([{ code: 'mint_refused', detail: 'not installed', sent: false }]);
  });
});

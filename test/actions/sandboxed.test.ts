import { describe, expect, it } from 'vitest';
import { CONNECTORS } from '../../actions/catalogue.ts';
import type { EgressValues } from '../../src/action.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import { json, startUpstream } from '../execution/broker/upstream-server.ts';
import { inSandbox } from './in-sandbox.ts';

const VALUES: EgressValues = {
  args: { title: 'VPN down' },
  pinned: {},
  handle: {},
  settings: { owner: 'acme', repo: 'web', host: 'github.com' },
  mark: 'mark-1',
  requester: 'alice (Alice Adams)',
};

const createIn = (connectorName: string, config: Partial<BrokerConfig>) =>
  inSandbox({
    connector: CONNECTORS.find((candidate) => candidate.name === connectorName)!,
    operation: 'create',
    call: 'run',
    values: VALUES,
    config,
  });

describe('in the sandbox', () => {
  it('the desk connector opens a ticket through the broker', async () => {
    const keys: (string | null)[] = [];
    let opened = {};
    const desk = async (request: Request) => {
      if (request.method === 'GET') return Response.json(opened);
      keys.push(request.headers.get('idempotency-key'));
      opened = { ticket: 'T-7', ...((await request.json()) as object) };
      return Response.json(opened, { status: 201 });
    };
    const { outcome, calls, summary } = await createIn('desk', { builtIns: { 'desk.internal': desk } });
    expect(outcome).toMatchObject({ value: { kind: 'done', result: { message: 'Ticket T-7 is open.' } } });
    expect(keys).toEqual(['key-1']);
    // Read back by its mark before it is called done.
    expect(calls).toMatchObject([
      { method: 'POST', status: 201 },
      { method: 'GET', path: '/marks/mark-1', status: 200 },
    ]);
    expect(summary.failure).toBeNull();
  });

  it('Octokit as it is opens an issue through the broker, and never sees the credential', async () => {
    const token = ['ghp', 'a1b2c3d4e5f6a7b8'].join('_');
    const upstream = await startUpstream((response, { headers }) =>
      json(response, { number: 7, html_url: `https://github.com/${headers.authorization}` }, 201),
    );
    const { outcome, calls } = await createIn('github-issues', {
      upstreams: { 'api.github.com': { baseUrl: upstream.baseUrl, addresses: ['127.0.0.1/32'] } },
      credentials: { get: async () => `Bearer ${token}` },
    });
    await upstream.close();
    // A later look reads it back; until then it goes on.
    expect(outcome).toMatchObject({ value: { kind: 'running', handle: { number: '7' } } });
    expect(JSON.stringify(outcome)).not.toContain(token);
    expect(upstream.seen[0]?.headers.authorization).toBe(`Bearer ${token}`);
    expect(calls).toMatchObject([{ path: '/repos/acme/web/issues', credentialEchoed: true }]);
  });
});

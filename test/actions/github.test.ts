import { createEmulator } from 'emulate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/github-issues.operations.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import { json, startUpstream } from '../execution/broker/upstream-server.ts';
import { call, type Given } from './through-broker.ts';

/** Made at run time; it opens nothing but the emulator of this test. */
const TOKEN = ['ghp', 'bot', crypto.randomUUID().replaceAll('-', '')].join('_');
const OTHER = ['ghp', 'other', crypto.randomUUID().replaceAll('-', '')].join('_');
const SETTINGS = { owner: 'acme', repo: 'web', host: 'github.com' };
const VPN = { title: 'VPN down', description: 'In Berlin', priority: 'high' };

let emulator: { url: string; close(): Promise<void> };
beforeAll(async () => {
  // An own server's free port: the emulator takes a number only.
  const probe = await startUpstream(() => {});
  await probe.close();
  emulator = await createEmulator({
    service: 'github',
    port: probe.port,
    seed: {
      tokens: { [TOKEN]: { login: 'bot', scopes: ['repo'] }, [OTHER]: { login: 'eve', scopes: ['repo'] } },
      github: {
        users: [{ login: 'bot' }, { login: 'eve' }],
        orgs: [
          {
            login: 'acme',
            members: [
              { login: 'bot', role: 'admin' },
              { login: 'eve', role: 'admin' },
            ],
          },
        ],
        repos: [{ owner: 'acme', name: 'web', auto_init: true }],
      },
    },
  });
});
afterAll(() => emulator.close());

function upstream(baseUrl: string, token = TOKEN): Partial<BrokerConfig> {
  return {
    upstreams: { 'api.github.com': { baseUrl, addresses: ['127.0.0.0/8', '::1/128'] } },
    credentials: {
      get: async (name, host) => (name === 'github' && host === 'api.github.com' ? `Bearer ${token}` : null),
    },
    resolve: async () => ['127.0.0.1'],
  };
}
const github = (token?: string) => upstream(emulator.url, token);
const given = (args: Record<string, string>, mark: string = crypto.randomUUID()): Given => ({
  args,
  mark,
  settings: SETTINGS,
});

/** Opens an issue and reads it back, as an execution does. */
async function open(config: Partial<BrokerConfig>, request: Given) {
  const { value: run, heard } = await call(config, operations.create, 'run', request);
  if (run.kind !== 'running') throw new Error(JSON.stringify(run));
  const { value } = await call(config, operations.create, 'follow', { ...request, handle: run.handle });
  return { run, value, heard };
}

describe('an issue on GitHub', () => {
  it('is opened by Octokit as it is, through the broker, and found again by its mark', async () => {
    const request = given(VPN);
    const preview = await call(github(), operations.create, 'preview', request);
    expect(preview.value).toMatchObject({ summary: 'Open an issue in acme/web on GitHub.' });
    const { value, heard } = await open(github(), request);
    expect(value).toMatchObject({
      kind: 'done',
      result: { message: expect.stringMatching(/^Issue #\d+ is open\.$/) },
    });
    expect(heard.writes).toMatchObject([{ method: 'POST', path: '/repos/acme/web/issues' }]);
    const found = await call(github(), operations.create, 'reconcile', request);
    expect(found.value).toMatchObject({
      kind: 'happened',
      outcome: { kind: 'done', result: value.kind === 'running' ? {} : value.result },
    });
    expect(found.heard.writes).toEqual([]);
  });

  it("is not taken for ours when it carries another execution's mark", async () => {
    await call(github(), operations.create, 'run', given(VPN));
    const { value } = await call(github(), operations.create, 'reconcile', given(VPN));
    expect(value).toEqual({ kind: 'cannot_tell' });
  });

  it('is not taken for ours when somebody else wrote the same words', async () => {
    const request = given(VPN);
    await call(github(OTHER), operations.create, 'run', request);
    expect((await call(github(), operations.create, 'reconcile', request)).value).toEqual({
      kind: 'cannot_tell',
    });
  });

  it('takes comments, shows them all, and finds its own again past the first page', async () => {
    const made = await open(github(), given(VPN));
    const ticket =
      made.value.kind === 'done' ? String((made.value.result.data as { ticket: string }).ticket) : '';
    for (let index = 0; index < 100; index += 1) {
      await fetch(`${emulator.url}/repos/acme/web/issues/${ticket.slice(1)}/comments`, {
        method: 'POST',
        headers: { authorization: `Bearer ${OTHER}`, 'content-type': 'application/json' },
        body: JSON.stringify({ body: `comment ${index}` }),
      });
    }
    const request = given({ ticket, comment: 'Also in Hamburg' });
    expect((await call(github(), operations.comment, 'preview', request)).value).toMatchObject({
      facts: [{ label: 'Issue', value: '“VPN down”' }, { value: 'open' }, {}],
    });
    const { value } = await call(github(), operations.comment, 'run', request);
    expect(value).toMatchObject({ kind: 'done', result: { message: `The comment is on issue ${ticket}.` } });
    const found = await call(github(), operations.comment, 'reconcile', request);
    expect(found.value).toEqual({ kind: 'happened', outcome: value });
    const status = await call(github(), operations.status, 'run', request);
    expect(status.value).toMatchObject({
      kind: 'done',
      result: {
        message: `Issue ${ticket} is open and has 101 comments.`,
        output: expect.stringContaining('Hamburg'),
      },
    });
  });

  it('is read back before it is done: what differs or is not there is for a person to look at', async () => {
    const request = given(VPN);
    const { run } = await open(github(), request);
    const look = async (handle: typeof run.handle) =>
      (await call(github(), operations.create, 'follow', { ...request, handle })).value;
    expect(await look({ ...run.handle, title: 'Another' })).toMatchObject({
      kind: 'unclear',
      result: { code: 'read_back_differs', message: expect.stringMatching(/with another title/) },
    });
    const gone = { ...run.handle, number: '99999' };
    expect(await look(gone)).toEqual({ kind: 'running', handle: { ...gone, looks: 1 }, output: '' });
    expect(await look({ ...gone, looks: 9 })).toMatchObject({
      kind: 'unclear',
      result: { message: expect.stringMatching(/does not show it/), link: run.handle.link },
    });
  });

  it('is closed, and that is found again', async () => {
    const made = await open(github(), given(VPN));
    const ticket =
      made.value.kind === 'done' ? String((made.value.result.data as { ticket: string }).ticket) : '';
    const request = given({ ticket });
    expect((await call(github(), operations.close, 'reconcile', request)).value).toEqual({
      kind: 'cannot_tell',
    });
    const { value, heard } = await call(github(), operations.close, 'run', request);
    expect(value).toMatchObject({ kind: 'done', result: { message: `Issue ${ticket} is closed.` } });
    expect(heard.writes).toMatchObject([{ method: 'PATCH' }]);
    const found = await call(github(), operations.close, 'reconcile', request);
    expect(found.value).toEqual({ kind: 'happened', outcome: value });
    expect((await call(github(), operations.close, 'preview', request)).value).toEqual({
      refused: `Issue ${ticket} is closed already.`,
    });
  });

  it('that is not there is refused in words', async () => {
    const preview = await call(
      github(),
      operations.comment,
      'preview',
      given({ ticket: '#999', comment: 'x' }),
    );
    expect(preview.value).toEqual({
      refused: 'GitHub knows no such repository or issue, or hides it from the assistant.',
    });
  });
});

describe("GitHub's refusals", () => {
  const cases: [number, Record<string, string>, string][] = [
    [401, {}, 'upstream_unauthorized'],
    [403, {}, 'upstream_forbidden'],
    [403, { 'x-ratelimit-remaining': '0' }, 'rate_limited'],
    [403, { 'retry-after': '60' }, 'rate_limited'],
    [404, {}, 'not_found'],
    [410, {}, 'issues_disabled'],
    [422, {}, 'upstream_rejected'],
    [429, {}, 'rate_limited'],
  ];
  it.each(cases)('%i with %j is a failure in our words', async (status, headers, code) => {
    const server = await startUpstream((response) => {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      json(response, { message: "the vendor's own words" }, status);
    });
    const { value } = await call(upstream(server.baseUrl), operations.create, 'run', given(VPN));
    await server.close();
    expect(value).toMatchObject({ kind: 'failed', result: { code } });
    expect(JSON.stringify(value)).not.toContain('vendor');
  });

  it.each([500, 502, 301])(
    '%i leaves open what happened: it is thrown, never called a failure',
    async (status) => {
      const server = await startUpstream((response) => json(response, {}, status));
      const running = call(upstream(server.baseUrl), operations.create, 'run', given(VPN));
      await expect(running).rejects.toMatchObject({ code: 'upstream_failed' });
      await server.close();
    },
  );

  it('does not include a write that was stopped before it left', async () => {
    const stopped = await call(
      { ...github(), credentials: { get: async () => null } },
      operations.create,
      'run',
      given(VPN),
    );
    expect(stopped.value).toMatchObject({ kind: 'failed', result: { code: 'no_credential' } });
  });
});

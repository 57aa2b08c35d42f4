import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../execution/broker/upstream-server.ts';
import { startAssistant, type TestAssistant } from '../support/assistant.ts';
import { useDatabase } from '../support/database.ts';
import { type Faults, type Serve, startAuthority } from '../support/github-app/authority.ts';

/** A repository that opens issues and shows them as they were written. */
function issues(): Serve {
  const opened: Record<string, unknown>[] = [];
  return (response, { method, path, body }) => {
    if (method === 'POST') {
      const number = opened.length + 1;
      const issue = { number, html_url: `https://github.com/acme/web/issues/${number}`, ...JSON.parse(body) };
      opened.push(issue);
      return json(response, issue, 201);
    }
    const number = /\/issues\/(\d+)$/.exec(path)?.[1];
    if (number !== undefined) return json(response, opened[Number(number) - 1]);
    json(response, path.endsWith('/issues') ? opened : { has_issues: true, private: true });
  };
}

describe("a ticket by the operator's GitHub App", () => {
  const database = useDatabase();
  const faults: Faults = {};
  let authority: Awaited<ReturnType<typeof startAuthority>>;
  let house: TestAssistant;
  beforeAll(async () => {
    authority = await startAuthority(faults, issues());
    house = await startAssistant(database, {
      environment: {
        GITHUB_APP_ID: authority.app.appId,
        GITHUB_APP_PRIVATE_KEY: authority.app.key.export({ type: 'pkcs8', format: 'pem' }).toString(),
        LOCAL_MODE_WITH_CONNECTORS: '1',
      },
      extra: [
        'connectors: {ticketing: {use: github-issues, settings: {owner: acme, repo: web, account: "countersign[bot]"}}}',
        `upstreams: {api.github.com: {base_url: "${authority.baseUrl}/v3", addresses: ["127.0.0.1/32"]}}`,
      ].join('\n'),
    });
  });
  afterAll(async () => {
    await house.running.stop();
    house.home.remove();
    await authority.close();
  });

  async function openTicket() {
    const asked = await house.ask('alice', 'the badge reader is dead, please open a ticket');
    await house.done('alice', asked, 'confirm');
    expect(await house.until(asked, 'succeeded')).toMatchObject({ state: 'succeeded' });
    return house.entries(asked);
  }

  it('is opened with a token made for it and taken back; the log says so, and shows no token', async () => {
    const log = await openTicket();
    const run = log.filter(({ data }) => data?.call === 'run');
    // What the broker asked for itself, to make the token and to take it back, is there too and says so.
    expect(run.map(({ type, data }) => (data?.own ? `own ${data.method}` : type))).toEqual([
      'own POST',
      'credential.minted',
      'egress.called',
      'own DELETE',
      'credential.revoked',
    ]);
    const minted = log.filter(({ type }) => type === 'credential.minted');
    expect(minted.find(({ data }) => data?.call === 'run')?.data).toMatchObject({
      name: 'github',
      host: 'api.github.com',
      repository: 'acme/web',
      permissions: { issues: 'write', metadata: 'read' },
      expiresAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    for (const { data } of minted.filter((entry) => entry.data?.call !== 'run'))
      expect(data).toMatchObject({ permissions: { issues: 'read' } });
    // Looks share one for a little longer, which may only read.
    const writing = authority.issued.filter(({ permissions }) => permissions.issues === 'write');
    expect(writing).toMatchObject([{ revoked: true }]);
    for (const { token } of authority.issued) expect(JSON.stringify(log)).not.toContain(token.slice(4));
  });

  it('whose token cannot be taken back is done all the same, and raises an alert', async () => {
    const always = Array.from({ length: 20 }, () => 502);
    authority.failRevocations(always);
    const log = await openTicket();
    authority.failRevocations([]);
    const alert = log.find(({ type, data }) => type === 'alert.raised' && data?.call === 'run');
    expect(alert?.data).toMatchObject({ code: 'credential_not_revoked', why: '502', repository: 'acme/web' });
  });
});

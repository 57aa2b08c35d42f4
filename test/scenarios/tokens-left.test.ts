/** kill -9 while a token of the GitHub App is in use, and while it is being made: the next start takes it back, or says what may live. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { json } from '../execution/broker/upstream-server.ts';
import { type Home, holdAt, makeHome, runProcess, settles, spawnAssistant } from '../support/assistant.ts';
import { useDatabase } from '../support/database.ts';
import { type Serve, startAuthority } from '../support/github-app/authority.ts';

/** Opens no issue: whoever asks for that waits for an answer for ever. */
const neverAnswers: Serve = (response, { method, path }) => {
  if (method === 'POST') return;
  json(response, path.endsWith('/issues') ? [] : { has_issues: true, private: true });
};

describe('killed with -9', () => {
  const database = useDatabase();
  let authority: Awaited<ReturnType<typeof startAuthority>>;
  let home: Home;
  let assistant: Awaited<ReturnType<typeof spawnAssistant>>;
  let environment: Record<string, string>;

  beforeAll(async () => {
    authority = await startAuthority({}, neverAnswers);
    environment = {
      GITHUB_APP_ID: authority.app.appId,
      GITHUB_APP_PRIVATE_KEY: authority.app.key.export({ type: 'pkcs8', format: 'pem' }).toString(),
      LOCAL_MODE_WITH_CONNECTORS: '1',
    };
    home = makeHome({
      extra: [
        'connectors: {ticketing: {use: github-issues, settings: {owner: acme, repo: web, account: "countersign[bot]"}}}',
        `upstreams: {api.github.com: {base_url: "${authority.baseUrl}/v3", addresses: ["127.0.0.1/32"]}}`,
      ].join('\n'),
    });
  });
  beforeEach(async () => {
    assistant = await spawnAssistant(home, { database, environment });
  });
  afterEach(async () => {
    await assistant.stop();
  });
  afterAll(async () => {
    home.remove();
    await authority.close();
  });

  const ask = (title: string) =>
    // Nobody answers any more when the process is killed.
    void assistant.say('alice', `ticket create title="${title}"`).catch(() => undefined);
  const writing = () => authority.issued.filter(({ permissions }) => permissions.issues === 'write');
  const claimsAreOver = () =>
    database.owner.query(
      "update requests set lease_until = clock_timestamp() - interval '1 second' where state = 'executing'",
    );
  const entries = async (type: string) =>
    (await database.db.query<{ body: string }>('select body from audit_entries where type = $1', [type])).map(
      ({ body }) => JSON.parse(body).data as Record<string, unknown>,
    );
  const leftBehind = async (type: string) => (await entries(type)).filter((data) => data.leftBehind === true);
  const command = async (...words: string[]) => {
    const { said, exited } = runProcess(home, {
      database,
      environment,
      program: 'src/cli.ts',
      arguments: words,
    });
    return { exit: await exited(), ...said };
  };
  const metric = async () =>
    /^countersign_tokens_left_behind (\d+)$/m.exec(
      await (await fetch(`${assistant.address}/metrics`)).text(),
    )?.[1];

  it('while it writes with a token, the next process takes that back when it takes the claim over', async () => {
    ask('Killed while it writes');
    await settles(
      async () => authority.asked(/^POST .*\/issues$/).length > 0,
      'the write has left, and waits for its answer',
    );
    const [token] = writing();
    expect(token).toMatchObject({ revoked: false });

    await assistant.crash();
    await claimsAreOver();
    assistant = await spawnAssistant(home, { database, environment });

    await settles(async () => token?.revoked === true, 'it opens nothing any more');
    await settles(async () => (await leftBehind('credential.revoked')).length === 1, 'the log says so');
    expect(await leftBehind('credential.revoked')).toMatchObject([
      { name: 'github', repository: 'acme/web', permissions: { issues: 'write' }, call: 'run' },
    ]);
    expect(await leftBehind('alert.raised')).toEqual([]);
    expect(await command('audit', 'verify')).toMatchObject({ exit: 0 });
  });

  it('before it knows a token that was made, log, metric and doctor say that one may live, and until when', async () => {
    const held = await holdAt(database, {
      table: 'minted_tokens',
      on: 'update',
      when: `new.sealed is not null and new.permissions->>'issues' = 'write'`,
    });
    const before = writing().length;
    ask('Killed while the token comes');
    await held.reached();
    expect(writing()).toHaveLength(before + 1);

    await assistant.crash();
    await held.release();
    await held.remove();
    await claimsAreOver();
    assistant = await spawnAssistant(home, { database, environment });

    await settles(async () => (await leftBehind('alert.raised')).length > 0, 'the log says so');
    const [alert] = await leftBehind('alert.raised');
    expect(alert).toMatchObject({
      code: 'credential_not_revoked',
      why: 'its answer was never read',
      repository: 'acme/web',
      permissions: { issues: 'write' },
    });
    expect(await metric()).toBe('1');
    const { out } = await command('doctor', '--json');
    const tokens = (JSON.parse(out).findings as { name: string; state: string; what: string }[]).filter(
      ({ name }) => name === 'tokens',
    );
    expect(tokens).toMatchObject([
      {
        state: 'bad',
        what: `a token of github for acme/web (issues: write) was left behind, and may be good until ${alert?.expiresAt}`,
      },
    ]);
  });
});

import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json, startUpstream } from '../execution/broker/upstream-server.ts';
import { settles, startAssistant, type TestAssistant } from '../support/assistant.ts';
import { useDatabase } from '../support/database.ts';

const token = () => ['ghp', crypto.randomUUID().replaceAll('-', '')].join('_');

describe('a secret that is rotated while the assistant runs', () => {
  const database = useDatabase();
  const first = token();
  let folder: string;
  let upstream: Awaited<ReturnType<typeof startUpstream>>;
  let house: TestAssistant;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rotation-'));
    upstream = await startUpstream((response) => json(response, { has_issues: true, private: true }));
    writeFileSync(join(folder, 'token'), first);
    house = await startAssistant(database, {
      environment: { GITHUB_TOKEN_FILE: join(folder, 'token'), LOCAL_MODE_WITH_CONNECTORS: '1' },
      extra: [
        'connectors: {ticketing: {use: github-issues, settings: {owner: acme, repo: web}}}',
        `upstreams: {api.github.com: {base_url: "${upstream.baseUrl}", addresses: ["127.0.0.1/32"]}}`,
      ].join('\n'),
    });
  });
  afterAll(async () => {
    await house.running.stop();
    house.home.remove();
    rmSync(folder, { recursive: true, force: true });
    await upstream.close();
  });

  const sent = async () => {
    await house.ask('alice', 'the badge reader is dead, please open a ticket');
    return upstream.seen.at(-1)?.headers.authorization;
  };
  /** The entries of this type, once there are any. */
  const written = (type: string) =>
    settles(async () => {
      const rows = await database.db.query<{ body: string }>(
        'select body from audit_entries where type = $1',
        [type],
      );
      return rows.length > 0 && rows.map(({ body }) => JSON.parse(body));
    }, `${type} is in the log`);

  it('is taken over by the next call once the files are read again, and the log says so', async () => {
    expect(await sent()).toBe(`Bearer ${first}`);
    const next = token();
    writeFileSync(join(folder, 'token'), next);
    await house.running.reload();
    expect(await sent()).toBe(`Bearer ${next}`);
    const rotated = await written('credential.rotated');
    expect(rotated).toMatchObject([{ data: { name: 'github', variable: 'GITHUB_TOKEN_FILE' } }]);
    expect(JSON.stringify(rotated)).not.toContain(next);
  });

  it('into something broken stays what it was, and raises an alert', async () => {
    const before = await sent();
    writeFileSync(join(folder, 'token'), 'short');
    await house.running.reload();
    expect(await sent()).toBe(before);
    expect(await written('alert.raised')).toMatchObject([
      { data: { code: 'credential_kept', problem: expect.stringContaining('8 to 4096') } },
    ]);
  });
});

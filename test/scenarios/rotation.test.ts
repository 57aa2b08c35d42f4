import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { json, startUpstream } from '../execution/broker/upstream-server.ts';
import { startAssistant, type TestAssistant } from '../support/assistant.ts';
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
  const entries = async (type: string) => {
    const { db } = house.running.house.storage;
    const rows = await db.query<{ body: string }>('select body from audit_entries order by id');
    return rows.map(({ body }) => JSON.parse(body)).filter((entry) => entry.type === type);
  };

  it('is taken over by the next call once the files are read again, and the log says so', async () => {
    expect(await sent()).toBe(`Bearer ${first}`);
    const next = token();
    writeFileSync(join(folder, 'token'), next);
    await house.running.reload();
    expect(await sent()).toBe(`Bearer ${next}`);
    await vi.waitFor(async () =>
      expect(await entries('credential.rotated')).toMatchObject([
        { data: { name: 'github', variable: 'GITHUB_TOKEN_FILE' } },
      ]),
    );
    expect(JSON.stringify(await entries('credential.rotated'))).not.toContain(next);
  });

  it('into something broken stays what it was, and raises an alert', async () => {
    const before = await sent();
    writeFileSync(join(folder, 'token'), 'short');
    await house.running.reload();
    expect(await sent()).toBe(before);
    await vi.waitFor(async () =>
      expect(await entries('alert.raised')).toMatchObject([
        { data: { code: 'credential_kept', problem: expect.stringContaining('8 to 4096') } },
      ]),
    );
  });
});

import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type CredentialNews, createCredentials } from '../../src/credentials/credentials.ts';
import { CredentialEntry } from '../../src/credentials/entry.ts';
import { readGrants } from '../../src/credentials/grants.ts';
import { openTo } from '../execution/broker/child.ts';
import { json, startUpstream } from '../execution/broker/upstream-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'rotation-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HOST = 'api.example.com';
const secret = () => ['s3cr3t', crypto.randomUUID()].join('-');

let file: string;
let first: string;
let news: CredentialNews[];
let clock: { nowMs: number };
beforeEach(() => {
  file = join(folder, crypto.randomUUID());
  first = secret();
  news = [];
  clock = { nowMs: 0 };
  writeFileSync(file, `${first}\n`);
});

function held() {
  const entry = CredentialEntry.parse({ scheme: 'bearer', host: HOST, env: 'CI_TOKEN' });
  const read = () => ({ value: first, file });
  const grants = readGrants({ example: entry }, { secret: read, hosts: [HOST], hasVault: false });
  return createCredentials(grants, {
    vault: null,
    news: (it) => void news.push(it),
    nowMs: () => clock.nowMs,
  });
}

describe('a secret in a file', () => {
  it('is taken over when the file changes, without a restart', async () => {
    const credentials = held();
    expect(await credentials.get('example', HOST)).toBe(`Bearer ${first}`);
    const next = secret();
    writeFileSync(file, next);
    clock.nowMs = 3_000;
    expect(await credentials.get('example', HOST)).toBe(`Bearer ${next}`);
    expect(news).toEqual([{ kind: 'rotated', name: 'example', variable: 'CI_TOKEN_FILE' }]);
  });

  it('is looked at every few seconds at most', async () => {
    const credentials = held();
    await credentials.get('example', HOST);
    writeFileSync(file, secret());
    clock.nowMs = 2_999;
    expect(await credentials.get('example', HOST)).toBe(`Bearer ${first}`);
  });

  it('is looked at at once when it is asked for', async () => {
    const credentials = held();
    await credentials.get('example', HOST);
    const next = secret();
    writeFileSync(file, next);
    await credentials.lookNow();
    expect(await credentials.get('example', HOST)).toBe(`Bearer ${next}`);
  });

  it('is taken over where the file is replaced, as a mounted secret is', async () => {
    const link = join(folder, crypto.randomUUID());
    symlinkSync(file, link);
    const old = file;
    file = link;
    const credentials = held();
    await credentials.get('example', HOST);
    const next = secret();
    const fresh = join(folder, crypto.randomUUID());
    writeFileSync(fresh, next);
    symlinkSync(fresh, `${old}-link`);
    renameSync(`${old}-link`, link);
    await credentials.lookNow();
    expect(await credentials.get('example', HOST)).toBe(`Bearer ${next}`);
  });

  it('that was changed between the start and the first call is not missed', async () => {
    const next = secret();
    writeFileSync(file, next);
    expect(await held().get('example', HOST)).toBe(`Bearer ${next}`);
  });

  it.each([
    ['is empty', ''],
    ['is empty', '\n'],
    ['must be 8 to 4096 characters long', 'short'],
    ['holds characters that cannot be sent', 'line one\nline two'],
  ])('that %s keeps the old one in force, and is told once', async (problem, text) => {
    const credentials = held();
    await credentials.get('example', HOST);
    writeFileSync(file, text);
    await credentials.lookNow();
    await credentials.lookNow();
    expect(await credentials.get('example', HOST)).toBe(`Bearer ${first}`);
    expect(news).toEqual([{ kind: 'kept', name: 'example', variable: 'CI_TOKEN_FILE', problem }]);
  });

  it('that is gone keeps the old one in force, is told once, and taken again when it is back', async () => {
    const credentials = held();
    rmSync(file);
    await credentials.lookNow();
    await credentials.lookNow();
    expect(await credentials.get('example', HOST)).toBe(`Bearer ${first}`);
    expect(news).toMatchObject([{ kind: 'kept', problem: 'cannot be read' }]);
    const next = secret();
    writeFileSync(file, next);
    await credentials.lookNow();
    expect(await credentials.get('example', HOST)).toBe(`Bearer ${next}`);
  });
});

it('what was taken over is masked where an upstream echoes it, in a door that was open already', async () => {
  const credentials = held();
  const upstream = await startUpstream((response, { headers }) => json(response, headers));
  const opened = await openTo({ upstreams: upstream.config, credentials });
  await opened.ask({});
  const next = secret();
  writeFileSync(file, next);
  await credentials.lookNow();
  const { body } = await opened.ask({});
  expect(upstream.seen.at(-1)?.headers.authorization).toBe(`Bearer ${next}`);
  expect(body).not.toContain(next);
  await opened.end();
  await upstream.close();
});

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, inject, it } from 'vitest';
import { lookAtOperators, lookAtTeams } from '../../src/commands/doctor/platforms.ts';
import { markDelivered, markUndeliverable, say, threadAt } from '../../src/reply/messages.ts';
import { useDatabase } from '../support/database.ts';
import { freePort } from '../support/free-port.ts';
import { type Around, countersign, makePlace } from './cli.ts';

type Finding = { name: string; state: 'ok' | 'note' | 'bad'; what: string; mend?: string };

const database = useDatabase();
const place = makePlace();
afterAll(() => place.remove());

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that answers everything with this; and what it was asked. */
async function answering(status: number, body: object): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`.trim());
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked };
}

/** On a database server, so that no embedded one is started; on a port that is free. */
async function diagnose(env: Record<string, string> = {}, around: Omit<Around, 'env'> = {}) {
  const base = {
    DATABASE_URL: database.appUrl,
    DATABASE_OWNER_URL: database.ownerUrl,
    PORT: String(await freePort()),
  };
  const ran = await countersign(place.data, ['doctor', '--json'], { ...around, env: { ...base, ...env } });
  const { ok, findings } = JSON.parse(ran.stdout) as { ok: boolean; findings: Finding[] };
  expect(ran.exit).toBe(ok ? 0 : 1);
  expect(ok).toBe(findings.every(({ state }) => state !== 'bad'));
  return { ...ran, ok, findings, of: (name: string) => findings.filter((finding) => finding.name === name) };
}

describe('doctor', () => {
  it('prints secrets that then serve', async () => {
    const { exit, stdout, stderr } = await countersign(place.data, ['doctor', '--new-keys']);
    expect(exit).toBe(0);
    expect(stderr).toContain('back them up');
    const keys = Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    expect(Object.keys(keys)).toEqual(['MASTER_KEY', 'AUDIT_SIGNING_KEY']);
    const { of } = await diagnose(keys);
    expect(of('keys')[0]).toMatchObject({
      state: 'ok',
      what: expect.stringContaining('MASTER_KEY and AUDIT_SIGNING_KEY'),
    });
    const wrong = await diagnose({ ...keys, MASTER_KEY: 'c2hvcnQ=' });
    expect(wrong.findings[0]).toMatchObject({
      ...{ name: 'config', state: 'bad', what: expect.stringContaining('MASTER_KEY is not 32 bytes') },
      mend: expect.stringContaining('openssl rand'),
    });
  });

  it('looks at everything, and calls a login without rights of its own good', async () => {
    const { findings, of } = await diagnose();
    expect([...new Set(findings.map(({ name }) => name))]).toEqual(
      expect.arrayContaining([
        'config',
        'node',
        'data folder',
        'keys',
        'database',
        'roles',
        'clock',
        'schema',
        'audit log',
        'redis',
        'policies',
        'slack',
        'teams',
        'operators',
        'model',
        'port',
        'sandbox',
        'job sandbox',
      ]),
    );
    expect(of('roles')).toMatchObject([{ state: 'ok', what: expect.stringContaining('countersign_app') }]);
    expect(of('schema')).toMatchObject([{ state: 'ok' }]);
    expect(of('clock')).toMatchObject([{ state: 'ok' }]);
  });

  it('says how far an owner or a superuser as DATABASE_URL protects', async () => {
    const depth = await diagnose({ DATABASE_URL: database.ownerUrl, DATABASE_OWNER_URL: '' });
    expect(depth.of('roles')).toMatchObject([
      { state: 'note', what: expect.stringContaining('depth, not a boundary') },
    ]);
    // This owner was never allowed to take the role, which is the next thing to mend.
    expect(depth.of('schema')).toMatchObject([
      { state: 'bad', what: expect.stringContaining('countersign migrate') },
    ]);
    const owner = await diagnose({ DATABASE_URL: database.ownerUrl });
    expect(owner.of('roles')).toMatchObject([
      { state: 'note', what: expect.stringContaining('owns the schema') },
    ]);
    const superuser = new URL(inject('databaseTemplate').superuserUrl);
    superuser.pathname = new URL(database.appUrl).pathname;
    const all = await diagnose({ DATABASE_URL: superuser.href });
    expect(all.of('roles')).toMatchObject([
      { state: 'note', what: expect.stringContaining('bypass row-level security') },
    ]);
  });

  it('goes on where the database does not answer, and shows no password', async () => {
    const url = `postgres://someone:sesame@127.0.0.1:${await freePort()}/x`;
    const { of, stdout, stderr } = await diagnose({ DATABASE_URL: url });
    expect(of('database')).toMatchObject([
      {
        ...{ state: 'bad', what: 'The database does not answer at the moment.' },
        mend: expect.stringMatching(/DATABASE_URL.*PostgreSQL 15/),
      },
    ]);
    expect(of('sandbox')).toHaveLength(1);
    expect(stdout + stderr).not.toContain('sesame');
  });

  it('begins with a configuration that cannot be read, and looks at what is left', async () => {
    const { exit, stdout } = await countersign(place.data, ['doctor'], { env: { OPENAI_MODEL: 'x' } });
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('BAD  config       OPENAI_API_KEY is missing: a model is configured without it.');
    expect(stdout).toMatch(/^(ok {2}|note|BAD ) sandbox/m);
    expect(stdout).toContain('1 to mend.');
    expect(exit).toBe(1);
  });

  it('says how to make the keys that production misses', async () => {
    const { findings } = await diagnose({
      NODE_ENV: 'production',
      SLACK_BOT_TOKEN: 'x',
      SLACK_SIGNING_SECRET: 'y',
    });
    expect(findings[0]).toMatchObject({ state: 'bad', mend: expect.stringContaining('doctor --new-keys') });
  });

  it('asks Slack with the token, and says what is wrong with it', async () => {
    const good = await answering(200, { ok: true, team_id: 'T1' });
    const people = { cwd: folderWithPeople() };
    const slack = { SLACK_BOT_TOKEN: 'a-token', SLACK_SIGNING_SECRET: 's' };
    const accepted = await diagnose({ ...slack, SLACK_API_URL: good.url }, people);
    expect(accepted.of('slack')[0]).toMatchObject({ state: 'ok' });
    expect(good.asked).toEqual(['POST /auth.test Bearer a-token']);
    const bad = await answering(200, { ok: false, error: 'invalid_auth' });
    const refused = await diagnose({ ...slack, SLACK_API_URL: bad.url }, people);
    expect(refused.of('slack')[0]).toMatchObject({ state: 'bad', what: 'refuses the token (invalid_auth)' });
    const nowhere = await diagnose(
      { ...slack, SLACK_API_URL: `http://127.0.0.1:${await freePort()}/` },
      people,
    );
    expect(nowhere.of('slack')[0]).toMatchObject({ state: 'bad', what: 'cannot be reached (ECONNREFUSED)' });
    expect(accepted.stdout + refused.stdout + nowhere.stdout).not.toContain('a-token');
  });

  it('says where operators hear of reports, and calls it bad where they can neither hear nor read them', () => {
    const look = (config: object) =>
      lookAtOperators({ slack: null, teams: null, oidc: null, local: false, ...config } as never);
    const slack = { operatorsChannel: null };
    expect(look({ local: true })).toMatchObject([
      { state: 'note', what: expect.stringContaining('Operations') },
    ]);
    expect(look({ slack, oidc: {} })).toMatchObject([{ state: 'note' }]);
    expect(look({ slack })).toMatchObject([{ state: 'bad', what: expect.stringContaining('can read none') }]);
    expect(look({ slack: { operatorsChannel: 'C2' } })).toMatchObject([{ state: 'ok' }]);
    expect(look({ slack, teams: { operatorsConversation: '19:x' } })).toMatchObject([{ state: 'ok' }]);
  });

  it('says of each channel that is named what became of what was last said there', async () => {
    const cwd = folderWithPeople();
    writeFileSync(
      path.join(cwd, 'countersign.yaml'),
      'people: people.yaml\nslack: { approvals_channel: C0000001, operators_channel: C0000002 }\nroutes: [{ action: ci.trigger, slack_channel: C0000003 }]\n',
    );
    const says = async (container: string, thread: string, refused: string | null) => {
      const place = { platform: 'slack' as const, tenant: 'T', container, thread, direct: false };
      const message = await database.db.transaction(async (tx) =>
        say(
          tx,
          { deliver: async () => undefined },
          { thread: await threadAt(tx, place), turn: null, text: 'hello', authorship: 'system' },
        ),
      );
      if (refused === null)
        await markDelivered(database.db, message, { platform: 'slack', container, message });
      else await markUndeliverable(database.db, message, refused);
    };
    await says('C0000001', '', null);
    await says('C0000001', '', 'not_allowed');
    await says('C0000001', '', 'over');
    await says('C0000002', '', 'not_allowed');
    await says('C0000002', '', null);
    // Of a thread that was deleted, and no word of the channel.
    await says('C0000002', '1.1', 'not_found');
    const { url } = await answering(200, { ok: true });
    const { of } = await diagnose(
      { SLACK_BOT_TOKEN: 'a-token', SLACK_SIGNING_SECRET: 's', SLACK_API_URL: url },
      { cwd },
    );
    expect(of('slack').map(({ state, what }) => [state, what])).toEqual([
      ['bad', 'C0000001 (slack.approvals_channel) did not take what was last said there (not_allowed)'],
      ['ok', 'C0000002 (slack.operators_channel) shows what is said there'],
      ['note', 'nothing was said in C0000003 (a route) yet'],
      ['ok', 'accepts the token'],
    ]);
  });

  it('says of Teams whether Entra gives a token, as the start would find it', async () => {
    const identity = {
      appId: '11111111-2222-4333-8444-555555555555',
      password: 'an-app-password',
      tenant: '66666666-7777-4888-8999-aaaaaaaaaaaa',
      unauthenticated: false,
    };
    const nowhere = `https://127.0.0.1:${await freePort()}/`;
    const cloud = { openIdMetadataUrl: nowhere, tokenIssuer: nowhere, loginUrl: nowhere, scope: nowhere };
    const [unreached] = await lookAtTeams({ teams: { ...identity, cloud } });
    expect(unreached).toMatchObject({ state: 'bad', what: 'no token can be had from Entra' });
    expect(JSON.stringify(unreached)).not.toContain('an-app-password');
    expect(await lookAtTeams({ teams: null })).toMatchObject([{ state: 'note', what: 'not configured' }]);
  });

  it('looks the model up', async () => {
    const server = await answering(200, { data: [{ id: 'model-2026-01-01' }] });
    const env = { OPENAI_API_KEY: 'a-key', OPENAI_BASE_URL: `${server.url}v1` };
    const there = await diagnose({ ...env, OPENAI_MODEL: 'model-2026-01-01' });
    expect(there.of('model')).toMatchObject([{ state: 'ok' }]);
    expect(server.asked).toEqual(['GET /v1/models Bearer a-key']);
    const missing = await diagnose({ ...env, OPENAI_MODEL: 'other' });
    expect(missing.of('model')).toMatchObject([{ state: 'bad' }]);
    const refusing = await answering(401, {});
    const refused = await diagnose({ ...env, OPENAI_BASE_URL: refusing.url, OPENAI_MODEL: 'other' });
    expect(refused.of('model')).toMatchObject([{ state: 'bad', what: 'refuses the key (401)' }]);
  });

  it('finds Redis absent, a port that is taken by something else, and a folder that others may enter', async () => {
    const taken = await answering(200, { alive: 'no' });
    mkdirSync(place.data, { recursive: true });
    chmodSync(place.data, 0o755);
    const { of } = await diagnose({
      REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
      PORT: new URL(taken.url).port,
    });
    expect(of('redis')).toMatchObject([{ state: 'bad', what: 'does not serve (ECONNREFUSED)' }]);
    expect(of('port')).toMatchObject([{ state: 'bad', mend: expect.stringContaining('PORT=') }]);
    expect(of('data folder')).toMatchObject([{ state: 'note', mend: `chmod 700 ${place.data}` }]);
  });

  it('names file, line and reason of a directory that is refused', async () => {
    const cwd = folderWithPeople('groups: {}\npeople:\n  - { id: alice, name: Alice, groups: [nowhere] }\n');
    const { of } = await diagnose({}, { cwd });
    expect(of('directory')).toMatchObject([
      { state: 'bad', what: expect.stringMatching(/people\.yaml:3: the group "nowhere" is not declared/) },
    ]);
  });

  it('leaves nothing behind on a machine without data', async () => {
    const empty = makePlace();
    const { stdout } = await countersign(empty.data, ['doctor'], { env: { PORT: String(await freePort()) } });
    expect(stdout).toContain('embedded PostgreSQL runs here; the first start makes one');
    expect(stdout).toContain(`${empty.data} does not exist yet`);
    expect(await countersign(empty.data, ['reset'])).toMatchObject({
      stdout: `There is nothing in ${empty.data}.\n`,
    });
    await empty.remove();
  });
});

let made = 0;
function folderWithPeople(text = 'groups:\n  all: { title: All, contact: nobody }\npeople: []\n'): string {
  made += 1;
  const folder = path.join(place.folder, `config-${made}`);
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'people.yaml'), text);
  writeFileSync(path.join(folder, 'countersign.yaml'), 'people: people.yaml\n');
  return folder;
}

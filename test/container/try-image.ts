#!/usr/bin/env node
/**
 * `npm run container -- IMAGE`: starts an image of Countersign in a real Docker, with the flags of docs/deploy.md, and talks to it: a
 * pretended Slack on the host's loopback, a database of its own on the server that DATABASE_ADMIN_URL names. Says at which level the
 * container isolates, opens a ticket and runs a job through approval, and cleans up. Needs root: secrets are files of the container's
 * account. Not part of `npm test`, which needs no engine.
 */
import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { makeSampleRepository } from '../../actions/systems/sample-repository.ts';
import { freshKeys } from '../../src/commands/doctor/keys.ts';
import { freePort } from '../support/free-port.ts';
import { drawMessage } from '../support/slack/draw.ts';
import { FakeSlack, type Manifest } from '../support/slack/fake-slack.ts';
import { type FakeMessage, TEAM } from '../support/slack/workspace.ts';

const ROOT = path.join(import.meta.dirname, '../..');
/** Of the image (deploy/Dockerfile). */
const ACCOUNT = 10_001;
const NAME = `countersign-try-${crypto.randomUUID().slice(0, 8)}`;
const READY_WITHIN_MS = 180_000;
const SHOWN_WITHIN_MS = 60_000;
const PEOPLE = {
  alice: 'employees, engineers',
  bob: 'employees, engineers, oncall',
  erin: 'employees, operators',
};
const slackId = (person: string): string => `U${person.toUpperCase()}`;

const run = promisify(execFile);
const say = (words: string): void => void process.stdout.write(`${words}\n`);
const undos: (() => unknown)[] = [];

function given(): { image: string; adminUrl: string } {
  const image = process.argv[2];
  const adminUrl = process.env.DATABASE_ADMIN_URL;
  if (image !== undefined && adminUrl) return { image, adminUrl };
  throw new Error('usage: DATABASE_ADMIN_URL=postgres://… npm run container -- IMAGE');
}

/** A database whose owner may make the application's role, as a new server's administrator would set it up. */
async function makeDatabase(adminUrl: string): Promise<{ owner: string; application: string }> {
  const admin = new pg.Client(adminUrl);
  await admin.connect();
  undos.push(() => admin.end());
  const name = NAME.replaceAll('-', '_');
  const secret = crypto.randomUUID();
  await admin.query(`create role ${name} login createrole password '${secret}'`);
  await admin.query(`create database ${name} owner ${name}`);
  undos.push(async () => {
    await admin.query(`drop database ${name} with (force)`);
    await admin.query(`drop role if exists ${name}_app`);
    await admin.query(`drop role ${name}`);
  });
  const owner = new URL(adminUrl);
  Object.assign(owner, { username: name, password: secret, pathname: `/${name}` });
  // The migration makes the group role; whoever logs in is a member of it.
  const roles = await admin.query(`select 1 from pg_roles where rolname = 'countersign_app'`);
  if (roles.rowCount === 0) await admin.query('create role countersign_app');
  await admin.query(`grant countersign_app to ${name} with admin option`);
  await admin.query(`create role ${name}_app login in role countersign_app password '${secret}'`);
  const application = new URL(owner);
  application.username = `${name}_app`;
  return { owner: String(owner), application: String(application) };
}

/** What the operator brings: rules that nobody but root may write, secrets that nobody but the account may read. */
async function makeFolders(slack: FakeSlack, database: { owner: string; application: string }) {
  const folder = mkdtempSync(path.join(tmpdir(), `${NAME}-`));
  undos.push(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const [rules, secrets, data] = ['rules', 'secrets', 'data'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const one of [rules, secrets, data]) mkdirSync(one, { mode: 0o755 });
  for (const one of [secrets, data]) chownSync(one, ACCOUNT, ACCOUNT);
  await makeSampleRepository(path.join(ROOT, 'samples/web'), path.join(rules, 'web.git'));
  cpSync(path.join(ROOT, 'samples/jobs.yaml'), path.join(rules, 'jobs.yaml'));
  const groups = ['employees', 'engineers', 'oncall', 'operators'].map(
    (id) => `  ${id}: {title: ${id}, contact: ${id}}`,
  );
  const people = Object.entries(PEOPLE).map(
    ([id, of]) =>
      `  - {id: ${id}, name: ${id}, groups: [${of}], accounts: [{platform: slack, team: ${TEAM}, user: ${slackId(id)}}]}`,
  );
  const config = {
    people: 'people.yaml',
    jobs: 'jobs.yaml',
    repositories: { web: 'web.git' },
    slack: { approvals_channel: 'CAPPROVALS', operators_channel: 'COPERATORS' },
  };
  writeFileSync(path.join(rules, 'people.yaml'), ['groups:', ...groups, 'people:', ...people, ''].join('\n'));
  writeFileSync(path.join(rules, 'countersign.yaml'), JSON.stringify(config));
  execFileSync('chmod', ['-R', 'u=rwX,go=rX', rules]);
  const { MASTER_KEY, AUDIT_SIGNING_KEY } = freshKeys();
  const files = {
    'database-url': database.application,
    'database-owner-url': database.owner,
    'master-key': MASTER_KEY,
    'audit-signing-key': AUDIT_SIGNING_KEY,
    'slack-bot-token': slack.token,
    'slack-signing-secret': slack.signingSecret,
  };
  for (const [name, value] of Object.entries(files)) {
    const file = path.join(secrets, name);
    writeFileSync(file, value, { mode: 0o400 });
    chownSync(file, ACCOUNT, ACCOUNT);
  }
  return { rules, secrets, data, names: Object.keys(files) };
}

/** The flags of docs/deploy.md; the host's network stands in for a published port, as the pretended Slack is on its loopback. */
function startContainer(
  image: string,
  { rules, secrets, data, names }: Awaited<ReturnType<typeof makeFolders>>,
  environment: Record<string, string>,
): void {
  const variable = (name: string) => `${name.toUpperCase().replaceAll('-', '_')}_FILE`;
  const flags = [
    ...['run', '-d', '--name', NAME, '--network', 'host'],
    ...['--read-only', '--tmpfs', '/tmp:rw,exec,nosuid,nodev,size=2g'],
    ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--user', `${ACCOUNT}:${ACCOUNT}`],
    ...['--stop-timeout', '30', '--memory', '3g', '--pids-limit', '512'],
    ...[
      '-v',
      `${data}:/data`,
      '-v',
      `${rules}:/etc/countersign:ro`,
      '-v',
      `${secrets}:/run/secrets/countersign:ro`,
    ],
    ...Object.entries(environment).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
    ...names.flatMap((name) => ['-e', `${variable(name)}=/run/secrets/countersign/${name}`]),
  ];
  execFileSync('docker', [...flags, image], { stdio: ['ignore', 'ignore', 'inherit'] });
  undos.push(() => execFileSync('docker', ['rm', '-f', NAME], { stdio: 'ignore' }));
}

type Ready = { ready: boolean; checks: { name: string; ok: boolean; code: string }[] };
async function untilReady(port: number): Promise<Ready> {
  const lastMs = Date.now() + READY_WITHIN_MS;
  while (Date.now() < lastMs) {
    // The port opens once migrations are done.
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (answer?.status === 200) return (await answer.json()) as Ready;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error('It was not ready in time.');
}

/** The newest message of ours there that says all of this. */
async function shown(slack: FakeSlack, channel: string, ...words: string[]): Promise<FakeMessage> {
  const find = () =>
    slack
      .messages(channel)
      .findLast((it) => it.user === slack.bot && words.every((word) => drawMessage(it).includes(word)));
  await slack.workspace
    .until(() => find() !== undefined, SHOWN_WITHIN_MS)
    .catch(() => {
      const seen = slack.messages(channel).map(drawMessage).join('\n\n');
      throw new Error(`Slack never showed "${words.join('", "')}" in ${channel}:\n${seen}`);
    });
  return find()!;
}

async function main(): Promise<void> {
  const { image, adminUrl } = given();
  const slack = await FakeSlack.start(
    JSON.parse(readFileSync(path.join(ROOT, 'manifest.json'), 'utf8')) as Manifest,
  );
  undos.push(() => slack.stop());
  for (const person of Object.keys(PEOPLE)) slack.workspace.addUser(slackId(person));
  for (const channel of ['CAPPROVALS', 'COPERATORS']) slack.workspace.addChannel(channel);
  const folders = await makeFolders(slack, await makeDatabase(adminUrl));
  const port = await freePort();
  startContainer(image, folders, {
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: 'https://countersign.example',
    SLACK_API_URL: slack.apiUrl,
  });
  const { checks } = await untilReady(port);
  const isolation = checks.find(({ name }) => name === 'isolation');
  say(`ready; isolation ${isolation?.code} (${isolation?.ok ? 'as policy asks' : 'below what policy asks'})`);
  const inside = await run('docker', [
    'exec',
    NAME,
    'sh',
    '-c',
    'id -u; grep -E "Seccomp:|NoNewPrivs|CapEff" /proc/self/status',
  ]);
  say(inside.stdout.trim().replaceAll('\n', '; '));
  const doctor = await run('docker', ['exec', NAME, 'node', 'src/cli.ts', 'doctor']).catch(
    (error) => error as { stdout: string },
  );
  say(doctor.stdout.trim());

  slack.connect(`http://127.0.0.1:${port}/slack/events`);
  const alice = slack.workspace.directWith(slackId('alice'));
  await slack.say(
    slackId('alice'),
    'ticket create title="VPN down in Berlin" description="Nobody can connect."',
    alice,
  );
  say(drawMessage(await shown(slack, alice, 'T-1')));
  await slack.say(slackId('alice'), 'ci trigger repo=web ref=main job=checks', alice);
  const card = await shown(slack, 'CAPPROVALS', 'checks');
  await slack.click(slackId('bob'), card, 'approve');
  say(drawMessage(await shown(slack, alice, 'checks', 'Done.')));

  const startedMs = performance.now();
  execFileSync('docker', ['stop', NAME], { stdio: 'ignore' });
  const code = execFileSync('docker', ['inspect', '-f', '{{.State.ExitCode}}', NAME], {
    encoding: 'utf8',
  }).trim();
  say(`stopped by itself in ${((performance.now() - startedMs) / 1_000).toFixed(1)} s, exit ${code}`);
  if (isolation?.code !== 'kernel-lite' && isolation?.code !== 'kernel') process.exitCode = 1;
}

/** What the container said last, for whoever has to mend it. */
function lastWords(): string {
  try {
    return execFileSync('docker', ['logs', '--tail', '40', NAME], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch {
    return 'There is no container.';
  }
}

try {
  await main();
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${lastWords()}\n`);
} finally {
  for (const undo of undos.reverse()) await undo();
}

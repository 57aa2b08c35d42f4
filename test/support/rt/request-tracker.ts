/**
 * Request Tracker 5 as Debian packages it (request-tracker5, rt5-db-sqlite, rt5-standalone), on a free loopback port with a
 * database and configuration of its own. Nothing of an installed one is read or changed.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../free-port.ts';
import { runToEnd, startProcess, whenReady } from '../real-system.ts';

const SERVER = '/usr/share/request-tracker5/libexec/rt-server';
const SEED = fileURLToPath(new URL('seed.pl', import.meta.url));
const SAY = fileURLToPath(new URL('say.pl', import.meta.url));

const siteConfig = (folder: string, port: number): string =>
  [
    `Set($rtname, 'test.local'); Set($Organization, 'test.local');`,
    `Set($WebDomain, '127.0.0.1'); Set($WebPort, ${port}); Set($WebPath, '');`,
    `Set($DatabaseType, 'SQLite'); Set($DatabaseName, '${folder}/rtdb');`,
    `Set($DatabaseHost, ''); Set($DatabaseUser, ''); Set($DatabasePassword, '');`,
    `Set($MasonDataDir, '${folder}/mason'); Set($MasonSessionDir, '${folder}/session');`,
    // Mail ends in a file of the folder, nowhere else.
    `Set($MailCommand, 'testfile'); Set($Timezone, 'UTC');`,
    `Set($LogToSyslog, undef); Set($LogToSTDERR, 'error');`,
    `Set($WebSecureCookies, 0); Set($RestrictReferrer, 0);`,
    // Each call proves its token by bcrypt: at the cost of a real server that is four fifths of its time.
    `Set($BcryptCost, 4);`,
    '1;',
  ].join('\n');

/** Accounts: `countersign`, who writes for us, and `eve`, who may do the same; `aadams`, a mere
 * requestor. Queues: `Help desk`, `Payroll`. */
export async function startRequestTracker() {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-rt-'));
  const port = await freePort();
  for (const name of ['mason', 'session', 'site.d']) mkdirSync(join(folder, name));
  const config = join(folder, 'RT_SiteConfig.pm');
  writeFileSync(config, siteConfig(folder, port));
  const env = { RT_SITE_CONFIG: config, RT_SITE_CONFIG_DIR: join(folder, 'site.d') };
  const spec = { cwd: folder, env };
  await runToEnd({
    ...spec,
    command: 'rt-setup-database-5',
    args: ['--action', 'init', '--skip-create'],
  });
  const seeded = await runToEnd({ ...spec, command: 'perl', args: [SEED] });
  const tokens = Object.fromEntries(
    [...seeded.matchAll(/^(\w+) (\d+-\d+-[0-9a-f]+)$/gm)].map(([, name, token]) => [name, token]),
  ) as Record<'countersign' | 'eve', string>;
  const baseUrl = `http://127.0.0.1:${port}`;
  const server = startProcess({
    ...spec,
    command: SERVER,
    args: ['--server', 'Standalone', '--host', '127.0.0.1', '--port', String(port)],
  });

  /** Request Tracker's own REST, past everything of ours. */
  const rest = async (
    path: string,
    body?: unknown,
    as: 'countersign' | 'eve' = 'eve',
    method = body === undefined ? 'GET' : 'POST',
  ): Promise<unknown> => {
    const response = await fetch(`${baseUrl}/REST/2.0/${path}`, {
      method,
      headers: { authorization: `token ${tokens[as]}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  /** Eve writes on a ticket, that many times: `note 0`, `note 1` and so on. */
  const say = async (ticket: string, times: number, kind: 'Correspond' | 'Comment'): Promise<void> => {
    await runToEnd({ ...spec, command: 'perl', args: [SAY, ticket, String(times), kind, 'eve'] });
  };
  const stop = async (): Promise<void> => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await whenReady(server, () => rest('queue/1').catch((error: unknown) => isHttp(error) && true));
  } catch (error) {
    await stop();
    throw error;
  }
  return { baseUrl, tokens, rest, say, stop };
}
export type RequestTracker = Awaited<ReturnType<typeof startRequestTracker>>;

/** Any answer, a refusal too, says that it serves. */
const isHttp = (error: unknown): true | null =>
  error instanceof Error && / 4\d\d /.test(error.message) ? true : null;

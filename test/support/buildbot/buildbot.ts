/**
 * Buildbot as Debian packages it (buildbot, buildbot-worker): a master and a worker on free loopback ports, with a
 * database of their own.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../free-port.ts';
import { runToEnd, startProcess, whenReady } from '../real-system.ts';

const MASTER_CONFIG = fileURLToPath(new URL('master.cfg', import.meta.url));

/** Debian leaves out buildbot-www, without which the REST API does not start: a page with nothing on it does. */
const WWW_STUB: Readonly<Record<string, string>> = {
  'bbwww_stub/__init__.py':
    "from buildbot.www.plugin import Application\nep = Application(__name__, 'no pages, REST only')\n",
  'bbwww_stub/VERSION': '0.1',
  'bbwww_stub/static/index.html': '',
  'bbwww_stub-0.1.egg-info/PKG-INFO': 'Metadata-Version: 1.0\nName: bbwww-stub\nVersion: 0.1\n',
  'bbwww_stub-0.1.egg-info/entry_points.txt': '[buildbot.www]\nbase = bbwww_stub:ep\n',
};

const TWISTD = ['--nodaemon', '--pidfile=', '-y', 'buildbot.tac'];

/** People: `countersign` and `eve` may force, `reader` may not; one password for all. */
export async function startBuildbot() {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-buildbot-'));
  const [www, workers] = [await freePort(), await freePort()];
  const password = ['pw', crypto.randomUUID()].join('-');
  for (const [name, content] of Object.entries(WWW_STUB)) {
    mkdirSync(join(folder, 'stub', name, '..'), { recursive: true });
    writeFileSync(join(folder, 'stub', name), content);
  }
  const [master, gates] = [join(folder, 'master'), join(folder, 'gates')];
  mkdirSync(gates);
  await runToEnd({ command: 'buildbot', args: ['create-master', '-q', '-r', master], cwd: folder });
  copyFileSync(MASTER_CONFIG, join(master, 'master.cfg'));
  await runToEnd({
    command: 'buildbot-worker',
    args: ['create-worker', '-q', join(folder, 'worker'), `127.0.0.1:${workers}`, 'local', password],
    cwd: folder,
  });
  const processes = [
    startProcess({
      command: 'twistd3',
      args: TWISTD,
      cwd: master,
      env: {
        PYTHONPATH: join(folder, 'stub'),
        WWW_PORT: String(www),
        WORKERS_PORT: String(workers),
        WORKER_PASSWORD: password,
        PASSWORD: password,
        GATES: gates,
      },
    }),
    startProcess({ command: 'twistd3', args: TWISTD, cwd: join(folder, 'worker') }),
  ];
  const baseUrl = `http://127.0.0.1:${www}`;

  /** Buildbot's own REST, past everything of ours. */
  const rest = async (path: string): Promise<Record<string, unknown>> => {
    const response = await fetch(`${baseUrl}/api/v2/${path}`, { headers: { accept: 'application/json' } });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  };
  /** Eve does something there by hand. */
  const control = async (path: string, method: string, params: object): Promise<void> => {
    const authorization = `Basic ${Buffer.from(`eve:${password}`).toString('base64')}`;
    const login = await fetch(`${baseUrl}/auth/login`, { headers: { authorization }, redirect: 'manual' });
    const [cookie = ''] = login.headers.getSetCookie().at(-1)?.split(';') ?? [];
    const response = await fetch(`${baseUrl}/api/v2/${path}`, {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/json' },
      body: JSON.stringify({ id: 1, jsonrpc: '2.0', method, params }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  };
  /** Lets go on what waits for the test there. */
  const open = (gate: string): void => writeFileSync(join(gates, gate), '');
  const stop = async (): Promise<void> => {
    await Promise.all(processes.map((process) => process.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  const isServing = async (): Promise<true | null> => {
    const { workers: known } = (await rest('workers')) as { workers?: { connected_to: unknown[] }[] };
    return known?.some((worker) => worker.connected_to.length > 0) ? true : null;
  };
  try {
    await whenReady(processes[0]!, isServing);
  } catch (error) {
    await stop();
    throw error;
  }
  return { baseUrl, password, rest, control, open, stop };
}
export type Buildbot = Awaited<ReturnType<typeof startBuildbot>>;

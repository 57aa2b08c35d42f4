/**
 * GitHub Actions on the emulator of the npm package `emulate`. Its public API can neither add a workflow nor let a run go on, so
 * both are done in its store, which only the module that it loads itself gives away.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createEmulator } from 'emulate';
import { freePort } from '../free-port.ts';

type Rows<T> = {
  all(): T[];
  insert(row: object): T;
  update(id: number, change: Partial<T>): void;
  findBy(field: string, value: unknown): T[];
};
type Run = {
  id: number;
  status: string;
  conclusion: string | null;
  head_branch: string;
  head_sha: string;
  actor_id: number;
};
type Step = { name: string; status: string; conclusion: string | null; number: number };
type Job = { id: number; run_id: number; status: string; conclusion: string | null; steps: Step[] };
type Store = {
  repos: Rows<{ id: number; full_name: string }>;
  users: Rows<{ id: number; login: string }>;
  workflows: Rows<{ id: number; path: string; state: string }>;
  workflowRuns: Rows<Run>;
  jobs: Rows<Job>;
};
type Seed = (store: unknown, baseUrl: string) => void;
type Plugin = { githubPlugin: { seed: Seed }; getGitHubStore(store: unknown): Store };

/** The very module that `emulate` will load: its name stands in what it exports. */
async function pluginOf(): Promise<Plugin> {
  const entry = fileURLToPath(import.meta.resolve('emulate'));
  const folder = path.dirname(entry);
  const named = /import\("\.\/(dist-[A-Z0-9]+\.js)"\);\s*return \{\s*plugin: mod\.githubPlugin/;
  const file = named.exec(readFileSync(path.join(folder, 'api.js'), 'utf8'))?.[1];
  if (file === undefined) throw new Error('This version of emulate loads its GitHub in another way.');
  return (await import(pathToFileURL(path.join(folder, file)).href)) as Plugin;
}

/** `acme/web` with a branch `main`, the accounts `countersign` and `eve`, and these workflow files. */
export async function startEmulatedActions(files: readonly string[]) {
  const token = ['ghp', crypto.randomUUID().replaceAll('-', '')].join('_');
  const plugin = await pluginOf();
  const usual = plugin.githubPlugin.seed;
  let store: Store | undefined;
  plugin.githubPlugin.seed = (raw, baseUrl) => {
    usual(raw, baseUrl);
    store = plugin.getGitHubStore(raw);
  };
  const emulator = await createEmulator({
    service: 'github',
    port: await freePort(),
    seed: {
      tokens: { [token]: { login: 'countersign', scopes: ['repo'] } },
      github: {
        users: [{ login: 'countersign' }, { login: 'eve' }],
        orgs: [{ login: 'acme', members: [{ login: 'countersign', role: 'admin' }] }],
        repos: [{ owner: 'acme', name: 'web', auto_init: true }],
      },
    },
  }).finally(() => {
    plugin.githubPlugin.seed = usual;
  });
  if (store === undefined) throw new Error('The emulator gave no store away.');
  const held = store;
  const repository = held.repos.all().find(({ full_name }) => full_name === 'acme/web')!;
  for (const file of files)
    held.workflows.insert({
      ...{ repo_id: repository.id, node_id: '', name: file, badge_url: null },
      ...{ path: `.github/workflows/${file}`, state: 'active' },
    });

  /** Its own API, past everything of ours; null where there is nothing. */
  async function rest(at: string, method = 'GET', body?: object): Promise<unknown> {
    const response = await fetch(`${emulator.url}/repos/acme/web${at}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.status === 404) return null;
    if (!response.ok) throw new Error(`${at}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? null : response.json();
  }
  const [{ sha: commit }] = (await rest('/commits?per_page=1')) as [{ sha: string }];

  return {
    token,
    url: emulator.url,
    commit,
    rest,
    runs: (): Run[] => held.workflowRuns.all(),
    switchOff: (file: string): Promise<unknown> => rest(`/actions/workflows/${file}/disable`, 'PUT'),
    /**
     * A start on a tag gets a commit that is nobody's, as only branches are looked up: one of the same name makes it the commit that
     * the tag of this execution stands for.
     */
    knowsTag: (mark: string): Promise<unknown> =>
      rest('/git/refs', 'POST', { ref: `refs/heads/countersign/${mark}`, sha: commit }),
    startedBy(login: string, run: Run): void {
      held.workflowRuns.update(run.id, { actor_id: held.users.all().find((one) => one.login === login)!.id });
    },
    /** Its one job has come so far; absent `conclusion`: it goes on. */
    goesOn(run: Run, names: readonly string[], conclusion: 'success' | 'failure' | null = null): void {
      const status = conclusion === null ? 'in_progress' : 'completed';
      const steps = names.map((name, index) => {
        const isLast = index === names.length - 1;
        return {
          name,
          status: 'completed',
          conclusion: (isLast && conclusion) || 'success',
          number: index + 1,
        };
      });
      for (const job of held.jobs.findBy('run_id', run.id))
        held.jobs.update(job.id, { status, conclusion, steps });
      held.workflowRuns.update(run.id, { status, conclusion });
    },
    stop: (): Promise<void> => emulator.close(),
  };
}

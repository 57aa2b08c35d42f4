/** A connector for the tests: the official SDK, unmodified, and the tools that every operation is given. */
import { Octokit } from '@octokit/rest';
import type { Operation, Tools } from '../../../src/action.ts';

const never = (): Promise<never> => Promise.reject(new Error('Only run.'));

async function run(_input: Record<string, unknown>, tools: Tools): ReturnType<Operation['run']> {
  tools.progress('asking');
  console.log('printed by a library');
  const octokit = new Octokit({ baseUrl: 'https://api.github.com' });
  const made = await octokit.rest.issues.create({ owner: 'acme', repo: 'web', title: 'Grüße' });
  const list = await octokit.rest.issues.listForRepo({ owner: 'acme', repo: 'web', state: 'open' });
  const missing = await tools.fetch('https://api.github.com/missing');
  const parallel = await Promise.all([1, 2, 3].map((id) => tools.fetch(`http://desk.internal/${id}`)));
  const bodies = await Promise.all(parallel.map((response) => response.json()));
  const { fetch: _fetch, progress: _progress, ...given } = tools;
  const data = JSON.parse(
    JSON.stringify({ made: made.data, list: list.data, missing: missing.status, bodies, given }),
  );
  return { kind: 'done', result: { code: 'done', message: '', data } };
}

export const operations: Record<string, Operation> = {
  talk: {
    egress: [],
    writes: 1,
    idempotency: 'none',
    preview: never,
    run,
    reconcile: never,
    follow: never,
  },
};

/** Segments of an address that only an answer tells: any value of the declared form, in reads. */
import { afterEach, expect, it } from 'vitest';
import type { EgressRule } from '../../../src/action.ts';
import { openTo, RULES } from './child.ts';
import { json, startUpstream } from './upstream-server.ts';

const [READ, WRITE] = RULES as [EgressRule, EgressRule];
const free = { id: 'number', span: 'commits' } as const;
const fill = () => ({ owner: 'acme' });
const query = () => ({});
const FREE: EgressRule[] = [
  { ...READ, path: '/repos/{owner}/deployments/{id}', free, fill, query },
  { ...READ, path: '/repos/{owner}/compare/{span}', free, fill, query },
  { ...WRITE, path: '/repos/{owner}/deployments/{id}/statuses', free, fill, query },
];

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
async function asked(path: string, method = 'GET') {
  const upstream = await startUpstream((response) => json(response, { ok: true }));
  const config = { upstreams: upstream.config, credentials: { get: async () => 'Bearer secret-enough' } };
  const opened = await openTo(config, { rules: FREE });
  ends.push(
    () => upstream.close(),
    () => opened.end(),
  );
  const { status } = await opened.ask({ path, method });
  return { status, refused: opened.heard.refused.map(({ code }) => code) };
}

const [A, B] = ['ab'.repeat(20), 'cd'.repeat(20)];

it.each(['/repos/acme/deployments/2700000001', `/repos/acme/compare/${A}...${B}`])(
  '%s has the declared form and leaves',
  async (path) => {
    expect(await asked(path)).toEqual({ status: 200, refused: [] });
  },
);

it.each([
  '/repos/acme/deployments/latest',
  '/repos/acme/deployments/0',
  '/repos/acme/deployments/1e9',
  '/repos/acme/deployments/12345678901234567890',
  '/repos/acme/deployments/1%0A',
  '/repos/evil/deployments/1',
  '/repos/acme/deployments/1/statuses',
  `/repos/acme/compare/${A}`,
  `/repos/acme/compare/${A}..${B}`,
  `/repos/acme/compare/${A}...main`,
  `/repos/acme/compare/${A}...${B}...${A}`,
])('%s does not, and is refused', async (path) => {
  const { refused } = await asked(path);
  expect(refused).toHaveLength(1);
  expect(['not_declared', 'ambiguous_target']).toContain(refused[0]);
});

it('opens no write, whatever a rule says', async () => {
  expect((await asked('/repos/acme/deployments/1/statuses', 'POST')).refused).toEqual(['not_declared']);
});

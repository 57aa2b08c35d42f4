/** An action of somebody's own, made by the real commands in a folder of the test's, as an author and an operator would. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { countersign, type Ran } from '../cli/cli.ts';
import type { Home } from '../support/assistant.ts';

/** Local mode accepts real connectors only where somebody means it. */
export const MEANT = { LOCAL_MODE_WITH_CONNECTORS: '1' };

export const commandIn =
  (folder: string, env: Record<string, string> = {}) =>
  (...args: string[]): Promise<Ran> =>
    countersign(join(folder, 'data'), args, { cwd: folder, env: { ...MEANT, ...env } });

/** `memo.add`, made in the folder `own`, named in countersign.yaml together with where its board is. */
export async function makeOwn(home: Home, board: string, more = ''): Promise<void> {
  home.edit('countersign.yaml', (text) =>
    [
      text,
      'actions:',
      '  folder: own',
      ...more.split('\n').map((line) => `  ${line}`),
      'upstreams:',
      `  board.example: {base_url: "${board}", addresses: ["127.0.0.1/32"]}`,
      '',
    ].join('\n'),
  );
  mkdirSync(home.file('own'));
  const made = await commandIn(home.folder)('action', 'new', 'memo.add');
  if (made.exit !== 0) throw new Error(made.stderr);
}

/** Changes the source of `memo.add`. */
export function editOwn(home: Home, change: (source: string) => string): void {
  const file = home.file('own/memo.add.ts');
  const before = readFileSync(file, 'utf8');
  const after = change(before);
  if (after === before) throw new Error('the source was not changed');
  writeFileSync(file, after);
}

export async function reviewOwn(home: Home): Promise<Ran> {
  const reviewed = await commandIn(home.folder)('action', 'review', 'memo.add', '--write');
  if (reviewed.exit !== 0) throw new Error(reviewed.stderr);
  return reviewed;
}

/** What the review printed for the rules, each for its own file. */
export function rulesIn(review: Ran): { schema: string; policy: string; cases: string } {
  const [, rules = ''] = review.stderr.split('The Cedar schema needs:\n');
  const [schema = '', rest = ''] = rules.split(
    '\n// A policy to begin with, in a *.cedar file of the same folder:\n',
  );
  const [policy = '', cases = ''] = rest.split(
    '\n# A case for it, in a *.yaml file of the folder tests beside it:\n',
  );
  return { schema, policy, cases };
}

/** The lines that the review printed, and who approves. */
export function allowOwn(home: Home, review: Ran): void {
  const { schema, policy } = rulesIn(review);
  home.edit('policies/schema.cedarschema', (text) => `${text}\n${schema}`);
  const approves =
    '@id("oncall-approves-memos")\n@description("People on call approve memos.")\npermit (principal in Group::"oncall", action == Action::"approve", resource)\nwhen { resource.action == "memo.add" };\n';
  writeFileSync(
    home.file('policies/memos.cedar'),
    `${policy.replace('@approval("none")', '@approval("oncall")')}\n\n${approves}`,
  );
}

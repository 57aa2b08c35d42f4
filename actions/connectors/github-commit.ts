/** Which commit a branch or a tag of a repository on GitHub stands for. Runs in the sandbox. */
import type { EgressRule, EgressValues, Refusal, Tools } from '../../src/action.ts';
import { isFields, text } from './answer.ts';
import { readList, readRule, type System } from './json-call.ts';

export const GITHUB: System = {
  name: 'GitHub',
  host: 'api.github.com',
  credential: 'github',
  refusals: {
    404: [
      'not_found',
      'GitHub knows no such repository, branch, tag or commit, or hides it from the assistant.',
    ],
    409: ['upstream_rejected', 'That repository on GitHub is empty.'],
    422: ['not_found', 'GitHub knows no such commit.'],
  },
};

/** SHA-1 or SHA-256 in full: the only names of a commit that cannot move. */
export const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export type GithubPlace = { owner: string; repo: string };

const commitQuery = (ref: string) => ({ sha: ref, per_page: '1' });

export function commitRule(placeOf: (values: EgressValues) => GithubPlace | null): EgressRule {
  return readRule(GITHUB, '/repos/{owner}/{repo}/commits', {
    fill: (values): Record<string, string> => placeOf(values) ?? {},
    query: ({ args }) => commitQuery(text(args, 'ref')),
  });
}

/** The commit that the words mean now. */
export async function newestCommit(
  { owner, repo }: GithubPlace,
  ref: string,
  tools: Tools,
): Promise<{ commit: string } | Refusal> {
  const answer = await readList(tools, GITHUB, ['repos', owner, repo, 'commits'], commitQuery(ref));
  if (!answer.ok) return { refused: answer.failure.result.message };
  const [newest] = Array.isArray(answer.value) ? answer.value : [];
  const commit = isFields(newest) ? text(newest, 'sha') : '';
  if (!COMMIT.test(commit)) return { refused: `GitHub names no commit for ${ref} of ${owner}/${repo}.` };
  return { commit };
}

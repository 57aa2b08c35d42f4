/**
 * Commits of services whose CI system has no repository to ask: looked up on GitHub where the operator says where they are
 * (`github`), and otherwise only named in full. Runs in the sandbox.
 */
import type { EgressRule, EgressValues } from '../../src/action.ts';
import { isFields } from './answer.ts';
import { type DeploymentSystem, type Environment, targetOf } from './deployed.ts';
import { githubPlace } from './github-actions-runs.ts';
import { COMMIT, commitRule, type GithubPlace, newestCommit } from './github-commit.ts';
import { between, compareRule } from './github-deployments-past.ts';

export const githubOf = (environment: Environment | null): GithubPlace | null =>
  isFields(environment?.of.github) ? githubPlace(environment.of.github) : null;

const placeOf = ({ args, settings }: EgressValues): GithubPlace | null => githubOf(targetOf(args, settings));

export const commitRules: EgressRule[] = [
  commitRule(placeOf),
  compareRule((values): Record<string, string> => placeOf(values) ?? {}),
];

export const commits: Pick<DeploymentSystem, 'commitOf' | 'between'> = {
  async commitOf(ref, environment, tools) {
    const place = githubOf(environment);
    if (place !== null) return newestCommit(place, ref, tools);
    if (COMMIT.test(ref)) return { commit: ref };
    return {
      refused: `Name a commit in full: where branches and tags of ${environment.service} could be looked up is not configured.`,
    };
  },
  async between(from, to, environment, tools) {
    const place = githubOf(environment);
    return place === null ? null : between(from, to, place, tools);
  },
};

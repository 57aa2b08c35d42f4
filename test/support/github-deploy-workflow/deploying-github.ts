/**
 * GitHub as deployments through a workflow need it: the fakes of Actions and of deployments behind one server, with one token and
 * one history. A run whose job names an environment becomes a deployment of its commit there, which ends as the run does
 * (docs.github.com, "Deploying to a specific environment").
 */
import { type Route, startWire } from '../ci-wire.ts';
import { asGithub, FakeGithubActions } from '../github-actions/fake-github-actions.ts';
import {
  commitAt,
  type Deployment,
  FakeGithubDeployments,
} from '../github-deployments/fake-github-deployments.ts';

/** The workflow that deploys, and its input that says where to. */
export const WORKFLOW = 'deploy.yml';
const INPUT = 'environment';

export async function startDeployingGithub() {
  const past = new FakeGithubDeployments();
  const actions = new FakeGithubActions({
    [WORKFLOW]: { inputs: [INPUT], steps: [{ name: 'deploy', conclusion: 'success' }] },
  });
  const deployed = new Map<number, Deployment>();
  let losing: RegExp | null = null;

  /** What main has is its newest commit; each one is on a branch, so that a tag can be made there. */
  function branch(): void {
    for (const index of past.titles.keys()) actions.branches.set(`at-${index + 1}`, commitAt(index + 1));
    actions.branches.set('main', commitAt(past.titles.length));
  }

  /** Runs that have begun are deployments; those that have ended say how. */
  function report(): void {
    for (const run of actions.runs) {
      const status = actions.statusOf(run);
      if (status === 'queued' || status === 'waiting') continue;
      const made =
        deployed.get(run.id) ??
        past.add(run.inputs[INPUT] ?? '', past.titles.length, ['in_progress'], {
          sha: run.head_sha,
          creator: 'github-actions[bot]',
        });
      deployed.set(run.id, made);
      if (status !== 'completed' || made.statuses.at(-1)?.state !== 'in_progress') continue;
      past.report(made, actions.conclusionOf(run) === 'success' ? 'success' : 'failure');
    }
  }

  const routes = [...actions.routes(), ...past.routes()].map(
    ([method, pattern, handle]): Route => [
      method,
      pattern,
      (asked) => {
        const reply = handle(asked);
        report();
        if (method === 'GET' || !losing?.test(asked.path)) return reply;
        losing = null;
        return { ...reply, cut: true };
      },
    ],
  );
  const wire = await startWire(routes, asGithub(actions.token));
  past.wire = wire;
  actions.wire = wire;
  branch();
  return {
    ...{ past, actions, wire, token: actions.token, account: actions.account },
    /** One more commit on `main`; answers it. */
    push(title: string): string {
      past.titles.push(title);
      branch();
      return commitAt(past.titles.length);
    },
    /** The next write to such a path is done, and its answer lost. */
    loseAnswerOf: (path: RegExp): void => {
      losing = path;
    },
    stop: () => wire.stop(),
  };
}
export type DeployingGithub = Awaited<ReturnType<typeof startDeployingGithub>>;

/**
 * Deployments on the built-in runner: one job deploys, told where to by an input, and what runs in an environment is its newest run
 * there that succeeded. Bundled and run in the sandbox; every call passes the broker.
 */
import type { EgressRule, EgressValues, Look, Operation, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, text } from './answer.ts';
import { type Answer, read, write } from './built-in.ts';
import { texts } from './ci-described.ts';
import type { Args } from './ci-runs.ts';
import {
  type Deployment,
  type DeploymentState,
  type DeploymentSystem,
  type Environment,
  sourceOf,
  targetOf,
} from './deployed.ts';
import { previewOf } from './deploying.ts';
import { listOf } from './json-call.ts';
import {
  BASE,
  SYSTEM as RUNNER,
  readRule,
  runBody,
  runRules,
  started,
  stateOf,
  trigger,
} from './runner-trigger.ts';

const nowhere = { repo: '', job: '', ref: '' };

/** The run that deploys this commit there, in the words of the runner. */
function asJob(environment: Environment | null, commit: string): Record<string, Json> {
  if (environment === null) return nowhere;
  const { of, name } = environment;
  const inputs = { [text(of, 'input')]: name };
  return { repo: text(of, 'repository'), job: text(of, 'job'), ref: commit, inputs };
}
const jobIn = ({ args, settings, pinned }: EgressValues) =>
  asJob(targetOf(args, settings), pinned.commit ?? '');

const listQuery = ({ of, name }: Environment) => ({
  repository: text(of, 'repository'),
  job: text(of, 'job'),
  input: text(of, 'input'),
  value: name,
});
const listRule = (which: typeof targetOf): EgressRule =>
  readRule(
    '/deployments',
    () => ({}),
    ({ args, settings }): Record<string, string> => {
      const environment = which(args, settings);
      return environment === null ? {} : listQuery(environment);
    },
  );
const inputsOf = (job: Args): string => JSON.stringify(job.inputs ?? {});

/** Which commit is deployed is known from the runner's answers only. */
const describeRule = readRule(
  '/repositories/{repo}/jobs/{job}',
  (values) => ({ repo: text(jobIn(values), 'repo'), job: text(jobIn(values), 'job') }),
  (values) => ({ ref: null, inputs: inputsOf(jobIn(values)) }),
);
const compareRule = readRule(
  '/repositories/{repo}/commits',
  (values) => ({ repo: text(jobIn(values), 'repo') }),
  () => ({ from: null, to: null }),
);

const query = (values: Record<string, string>) => new URLSearchParams(values).toString();

function describe(environment: Environment, ref: string, tools: Tools): Promise<Answer> {
  const job = asJob(environment, ref);
  const path = `${encodeURIComponent(text(job, 'repo'))}/jobs/${encodeURIComponent(text(job, 'job'))}`;
  return read(tools, RUNNER, `${BASE}/repositories/${path}?${query({ ref, inputs: inputsOf(job) })}`);
}

const STATES: Readonly<Record<string, DeploymentState>> = { done: 'runs', failed: 'failed' };
const deploymentOf = (run: Fields): Deployment => ({
  id: text(run, 'run'),
  commit: text(run, 'commit'),
  by: text(run, 'requester'),
  state: STATES[text(run, 'state')] ?? 'going',
  word: stateOf(run),
  succeeded: run.state === 'done',
});

const SYSTEM_OF_RUNS: DeploymentSystem = {
  name: RUNNER,
  async list(environment, tools) {
    const answer = await read(tools, RUNNER, `${BASE}/deployments?${query(listQuery(environment))}`);
    if (!answer.ok) return { refused: answer.message };
    return listOf(answer.fields, 'deployments').map((run) => async () => deploymentOf(run));
  },
  async commitOf(ref, environment, tools) {
    const answer = await describe(environment, ref, tools);
    return answer.ok ? { commit: text(answer.fields, 'commit') } : { refused: answer.message };
  },
  async between(from, to, { of }, tools) {
    const path = `${encodeURIComponent(text(of, 'repository'))}/commits?${query({ from, to })}`;
    const answer = await read(tools, RUNNER, `${BASE}/repositories/${path}`);
    if (!answer.ok) return null;
    const { ahead, behind, titles } = answer.fields;
    return { ahead: Number(ahead), behind: Number(behind), titles: texts(titles), link: '' };
  },
};

/** The runner's own words, and what it came to. */
function told(look: Look, handle: Args, tools: Tools): Look {
  if (look.kind !== 'done') return look;
  const [service, environment] = [text(handle, 'service'), text(handle, 'environment')];
  const message = `Deployed ${(tools.pinned.commit ?? '').slice(0, 12)} of ${service} to ${environment} (${text(handle, 'run')}).`;
  return { ...look, result: { ...look.result, message } };
}

const operation = (name: 'promote' | 'rollback'): Operation => ({
  egress: [listRule(targetOf), listRule(sourceOf), describeRule, compareRule, ...runRules(jobIn)],
  writes: 1,
  idempotency: 'key',
  preview: async (args, tools) => {
    const preview = await previewOf(SYSTEM_OF_RUNS, name, args, tools);
    const environment = targetOf(args, tools.settings);
    if ('refused' in preview || environment === null) return preview;
    // The job as it is described now: another description by then would be another deployment.
    const job = await describe(environment, preview.pinned.commit ?? '', tools);
    if (!job.ok) return { refused: job.message };
    return {
      ...preview,
      facts: [
        ...preview.facts,
        { label: 'Job', value: `${text(job.fields, 'job')} of ${text(job.fields, 'repository')}` },
        { label: 'Command', value: texts(job.fields.command).join(' ') },
      ],
      pinned: { ...preview.pinned, definition: text(job.fields, 'definition') },
    };
  },
  run: async (args, tools) => {
    const environment = targetOf(args, tools.settings);
    const body = runBody(asJob(environment, tools.pinned.commit ?? ''), tools);
    const made = started(await write(tools, RUNNER, `${BASE}/runs`, body));
    return withPlace(made, args, environment);
  },
  reconcile: async (args, tools) => {
    const found = await trigger.reconcile(args, tools);
    if (found.kind === 'cannot_tell') return found;
    return { ...found, outcome: withPlace(found.outcome, args, targetOf(args, tools.settings)) };
  },
  follow: async (handle, tools) => told(await trigger.follow(handle, tools), handle, tools),
});

/** So that the end can be told in the words of whoever asked. */
function withPlace<T extends { kind: string }>(made: T, args: Args, environment: Environment | null): T {
  if (made.kind !== 'running' || !('handle' in made)) return made;
  const place = { service: text(args, 'service'), environment: environment?.name ?? '' };
  return { ...made, handle: { ...(made.handle as Fields), ...place } };
}

export const operations = { promote: operation('promote'), rollback: operation('rollback') };

/**
 * Deployments on GitHub: a deployment is made at the pinned commit, and followed by the statuses that whatever deploys reports on
 * it (https://docs.github.com/en/rest/deployments). Bundled and run in the sandbox; every call passes the broker.
 */
import type { CredentialScope, EgressValues, Look, Operation, RunResult, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, failed, isFields, text, unclear, unsure } from './answer.ts';
import { texts } from './ci-described.ts';
import type { Args } from './ci-runs.ts';
import { type Environment, kindOf, targetOf } from './deployed.ts';
import { previewOf } from './deploying.ts';
import { COMMIT } from './github-commit.ts';
import {
  creatorOf,
  GITHUB,
  idOf,
  nameOn,
  pastRules,
  payloadOf,
  placeOf,
  readDeployments,
  readStatuses,
  SYSTEM,
  standOf,
} from './github-deployments-past.ts';
import { write, writeRule } from './json-call.ts';
import { CANNOT_TELL, happened, inSentence } from './ticket-words.ts';

/** GitHub's own limit for the description of a deployment, in characters. */
const MAX_DESCRIPTION_CHARS = 140;
const MS_PER_MINUTE = 60_000;

type About = Pick<EgressValues, 'pinned' | 'mark' | 'requester' | 'settings'>;

/** Null while no commit is pinned, so that nothing can be deployed. */
function deploymentBody(args: Args, { pinned, mark, requester, settings }: About): Fields | null {
  const environment = targetOf(args, settings);
  if (environment === null || !COMMIT.test(pinned.commit ?? '')) return null;
  return {
    ref: pinned.commit ?? '',
    environment: nameOn(environment),
    // Exactly this commit: GitHub would merge the default branch into it otherwise.
    auto_merge: false,
    required_contexts: texts(environment.fields.required_contexts),
    production_environment: kindOf(environment) === 'production',
    description: `For ${requester} by Countersign.`.slice(0, MAX_DESCRIPTION_CHARS),
    payload: { countersign: mark, requester },
  };
}

const scope = ({ args, settings }: EgressValues): CredentialScope | null => {
  const repository = placeOf(targetOf(args, settings));
  return repository === null ? null : { repository, permissions: { deployments: 'write', contents: 'read' } };
};

const linkOf = (environment: Environment, settings: Json): string => {
  const { owner, repo } = placeOf(environment) ?? { owner: '', repo: '' };
  const host = isFields(settings) ? text(settings, 'host') || 'github.com' : 'github.com';
  return `https://${host}/${owner}/${repo}/deployments/${encodeURIComponent(nameOn(environment))}`;
};

const minutesIn = (settings: Json): number =>
  isFields(settings) ? Number(settings.timeout_minutes) || 60 : 60;

function started(args: Args, tools: Tools, id: string): RunResult {
  const environment = targetOf(args, tools.settings);
  return {
    kind: 'running',
    handle: {
      id,
      service: text(args, 'service'),
      environment: environment?.name ?? '',
      seen: 0,
      untilMs: Date.now() + minutesIn(tools.settings) * MS_PER_MINUTE,
    },
    message: `Deployment ${id} is made; whatever deploys to ${environment?.name} takes it up.`,
  };
}

async function run(args: Args, tools: Tools): Promise<RunResult> {
  const environment = targetOf(args, tools.settings);
  const place = placeOf(environment);
  const body = deploymentBody(args, tools);
  if (environment === null || place === null || body === null)
    return failed('not_pinned', 'No commit is pinned for this deployment.');
  const made = await write(tools, GITHUB, ['repos', place.owner, place.repo, 'deployments'], body);
  if (!made.ok) return made.failure;
  const deployment = isFields(made.value) ? made.value : {};
  const id = idOf(deployment);
  // 202 with a message: something was merged instead, which was switched off.
  if (id === '') throw unclear(GITHUB.name, 'no deployment in its answer');
  if (text(deployment, 'sha') !== tools.pinned.commit) {
    const words = `GitHub made deployment ${id} of another commit than the approved one (${text(deployment, 'sha').slice(0, 12)}). Stop it there.`;
    return unsure(words, linkOf(environment, tools.settings));
  }
  return started(args, tools, id);
}

/** Ours: by the mark, made by our account, for this environment, at the pinned commit. */
async function reconcile(args: Args, tools: Tools) {
  const environment = targetOf(args, tools.settings);
  const account = isFields(tools.settings) ? text(tools.settings, 'account') : '';
  if (environment === null || account === '') return CANNOT_TELL;
  const deployments = await readDeployments(environment, tools);
  if (!deployments.ok) return CANNOT_TELL;
  const found = deployments.value.find(
    (one) =>
      text(payloadOf(one), 'countersign') === tools.mark &&
      creatorOf(one) === account &&
      text(one, 'sha') === tools.pinned.commit &&
      text(one, 'environment') === nameOn(environment),
  );
  return found === undefined || idOf(found) === ''
    ? CANNOT_TELL
    : happened(started(args, tools, idOf(found)));
}

/** What the deployer says of each status, oldest first; its words are shown as a quote. */
function lines(statuses: readonly Fields[], seen: number): string {
  return statuses
    .slice(0, Math.max(0, statuses.length - seen))
    .toReversed()
    .map((status) =>
      [text(status, 'state').replaceAll('_', ' '), text(status, 'description')].filter(Boolean),
    )
    .map((words) => `${words.join(': ')}\n`)
    .join('');
}

async function follow(handle: Args, tools: Tools): Promise<Look> {
  const environment = targetOf(handle, tools.settings);
  const place = placeOf(environment);
  const id = text(handle, 'id');
  if (environment === null || place === null) {
    const message = `The environment of deployment ${id} is no longer configured. Please look at what became of it on GitHub.`;
    return { kind: 'unclear', result: { code: 'deployment_gone', message }, output: '' };
  }
  const statuses = await readStatuses(place, id, tools);
  if (!statuses.ok) throw unclear(GITHUB.name, statuses.failure.result.code);
  const output = lines(statuses.value, Number(handle.seen ?? 0));
  const { state, word, succeeded } = standOf(statuses.value);
  const commit = tools.pinned.commit ?? '';
  const name = `${commit.slice(0, 12)} of ${environment.service} to ${environment.name} (deployment ${id})`;
  const more = {
    link: linkOf(environment, tools.settings),
    data: { deployment: id, commit, environment: environment.name },
  };
  const said = inSentence(text(statuses.value[0] ?? {}, 'description'));
  if (state === 'runs' || (state === 'gone' && succeeded))
    return { kind: 'done', result: { code: 'done', message: `Deployed ${name}.`, ...more }, output };
  if (state === 'failed' || state === 'gone') {
    const code = state === 'gone' ? 'deployment_inactive' : 'deployment_failed';
    const words = state === 'gone' ? 'was switched off before it had succeeded' : `ended as ${word}`;
    const result = { code, message: `Deploying ${name} ${words}.`, output: said, ...more };
    return { kind: 'failed', result, output };
  }
  if (Date.now() > Number(handle.untilMs ?? 0)) {
    const stuck =
      statuses.value.length === 0
        ? 'Nothing has taken it up: is there a workflow with "on: deployment", and does it report?'
        : `It is still ${word}.`;
    const message = `GitHub shows no end of deploying ${name} after ${minutesIn(tools.settings)} minutes. ${stuck} Please look at it there, and say what became of it.`;
    return { kind: 'unclear', result: { code: 'deployment_not_ended', message, ...more }, output };
  }
  return { kind: 'running', handle: { ...handle, seen: statuses.value.length }, output };
}

const operation = (name: 'promote' | 'rollback'): Operation => ({
  scope,
  egress: [
    ...pastRules,
    writeRule(GITHUB, '/repos/{owner}/{repo}/deployments', {
      fill: (values): Record<string, string> =>
        deploymentBody(values.args, values) === null
          ? {}
          : (placeOf(targetOf(values.args, values.settings)) ?? {}),
      body: (values) => deploymentBody(values.args, values),
    }),
  ],
  writes: 1,
  idempotency: 'none',
  preview: (args, tools) => previewOf(SYSTEM, name, args, tools),
  run,
  reconcile,
  follow,
});

export const operations = { promote: operation('promote'), rollback: operation('rollback') };

/**
 * Starting a workflow on exactly one commit. `workflow_dispatch` takes a branch or a tag, never a commit (docs.github.com,
 * "Create a workflow dispatch event"): so a tag is made for the request, at the pinned commit, and the run starts there. The tag
 * carries the execution's mark, by which the run is found again. Runs in the sandbox.
 */
import type { EgressValues, Look, Operation, RunResult, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, failed, isFields, text, unclear } from './answer.ts';
import { askedJob, type DescribedJob, describedJob, givenInputs, jobFactsShown } from './ci-described.ts';
import { STOPS, stopOther, wantsStop } from './ci-other-commit.ts';
import { type Args, gone, notSeen } from './ci-runs.ts';
import {
  endOf,
  FOUND,
  GITHUB,
  githubPlace,
  hasEnded,
  readJobs,
  readRun,
  runRules,
  scopeFor,
  sendCancel,
  stepLines,
  stopRunRule,
} from './github-actions-runs.ts';
import { COMMIT, commitRule, type GithubPlace, newestCommit } from './github-commit.ts';
import { rulesetRules, TAGGING, TAGS, tagFacts, tagOf } from './github-tags.ts';
import { listOf, read, readRule, write, writeRule } from './json-call.ts';

/** How often a run that GitHub does not show yet is looked for: for a minute every second, for another every five. */
const LOOKS_FOR_RUN = 72;

type Placed = { job: DescribedJob; place: GithubPlace; workflow: string };

function placed(args: Args, settings: Json): Placed | null {
  const job = describedJob(args, settings);
  const place = job === null ? null : githubPlace(job.place);
  return job === null || place === null ? null : { job, place, workflow: text(job.job, 'workflow') };
}
const placeIn = ({ args, settings }: EgressValues) => placed(args, settings)?.place ?? null;
const fill = (values: EgressValues): Record<string, string> => placeIn(values) ?? {};

type About = Pick<EgressValues, 'mark' | 'pinned'>;

/** Null while no commit is pinned, so that no tag can be made. */
const tagBody = ({ mark, pinned }: About): Fields | null =>
  COMMIT.test(pinned.commit ?? '') ? { ref: `refs/tags/${tagOf(mark)}`, sha: pinned.commit ?? '' } : null;

function dispatchBody(args: Args, { mark }: About, settings: Json): Fields {
  const job = describedJob(args, settings);
  const given = Object.entries(givenInputs(args)).filter(([name]) => job?.inputs.includes(name));
  // Servers that do not know it refuse it: those of one's own say so in the settings.
  const details = isFields(settings) && settings.run_details === false ? {} : { return_run_details: true };
  return { ref: tagOf(mark), inputs: Object.fromEntries(given), ...details };
}

const WORKFLOW = '/repos/{owner}/{repo}/actions/workflows/{workflow}';
const withWorkflow = (values: EgressValues) => ({
  ...fill(values),
  workflow: placed(values.args, values.settings)?.workflow ?? '',
});
const onTag = (mark: string) => ({ ...FOUND, branch: tagOf(mark) });

export const trigger: Operation = {
  // A look that stops a run touches no tag.
  scope: (values) =>
    scopeFor(wantsStop(values.handle) ? { actions: 'write' } : { actions: 'write', contents: 'write' })(
      values,
    ),
  egress: [
    commitRule(placeIn),
    stopRunRule(placeIn),
    readRule(GITHUB, WORKFLOW, { fill: withWorkflow }),
    ...rulesetRules(fill),
    writeRule(GITHUB, '/repos/{owner}/{repo}/git/refs', {
      fill: (values) => (tagBody(values) === null ? {} : fill(values)),
      body: tagBody,
    }),
    writeRule(GITHUB, `${WORKFLOW}/dispatches`, {
      fill: (values): Record<string, string> => (tagBody(values) === null ? {} : withWorkflow(values)),
      body: (values) => dispatchBody(values.args, values, values.settings),
    }),
    writeRule(GITHUB, `/repos/{owner}/{repo}/git/refs/tags/${TAGS}/{mark}`, {
      method: 'DELETE',
      fill: (values) => ({ ...fill(values), mark: values.mark }),
      body: () => null,
    }),
    readRule(GITHUB, `${WORKFLOW}/runs`, { fill: withWorkflow, query: ({ mark }) => onTag(mark) }),
    ...runRules(placeIn, ({ handle }) => text(handle, 'run')),
  ],
  // The tag and the start; and the tag away again where GitHub does not start it.
  writes: 3,
  followWrites: STOPS,
  idempotency: 'none',
  preview: async (args, tools) => {
    const asked = askedJob(args, tools.settings, 'GitHub Actions');
    if ('refused' in asked) return asked;
    const found = placed(args, tools.settings);
    if (found === null) return { refused: `Where ${asked.repository} is on GitHub is not configured.` };
    const { place, workflow } = found;
    const described = await read(tools, GITHUB, [
      'repos',
      place.owner,
      place.repo,
      'actions',
      'workflows',
      workflow,
    ]);
    if (!described.ok) return { refused: described.failure.result.message };
    if (described.value.state !== 'active')
      return { refused: `The workflow ${workflow} is disabled on GitHub.` };
    const resolved = await newestCommit(place, text(args, 'ref'), tools);
    if ('refused' in resolved) return resolved;
    const { commit } = resolved;
    const tag = await tagFacts(asked.environment, place, tools);
    if ('refused' in tag) return tag;
    return {
      summary: `Run ${asked.name} of ${asked.repository} on commit ${commit.slice(0, 12)}, on GitHub Actions.`,
      facts: [
        ...jobFactsShown(asked, args, commit),
        { label: 'Workflow', value: `${workflow} of ${place.owner}/${place.repo}` },
        ...tag,
      ],
      pinned: { commit },
    };
  },
  run: async (args, tools) => {
    const found = placed(args, tools.settings);
    const tag = tagBody(tools);
    if (found === null || tag === null) return failed('not_pinned', 'No commit is pinned for this run.');
    const { owner, repo } = found.place;
    const tagged = await write(tools, TAGGING, ['repos', owner, repo, 'git', 'refs'], tag);
    if (!tagged.ok) return tagged.failure;
    const path = ['repos', owner, repo, 'actions', 'workflows', found.workflow, 'dispatches'];
    const sent = await write(tools, GITHUB, path, dispatchBody(args, tools, tools.settings));
    if (sent.ok) return started(args, idIn(sent.value));
    // It did not start: the tag is for nothing.
    const away = ['repos', owner, repo, 'git', 'refs', 'tags', TAGS, tools.mark];
    const removed = await write(tools, GITHUB, away, null, 'DELETE');
    if (removed.ok) return sent.failure;
    const { code, message } = sent.failure.result;
    return failed(
      code,
      `${message} The tag ${tagOf(tools.mark)} was made and could not be taken away again.`,
    );
  },
  reconcile: async (args, tools) => {
    const run = await findRun(args, tools);
    if (run === null || text(run, 'head_sha') !== tools.pinned.commit) return { kind: 'cannot_tell' };
    const actor = isFields(run.actor) ? text(run.actor, 'login') : '';
    const account = isFields(tools.settings) ? text(tools.settings, 'account') : '';
    if (account === '' || actor !== account) return { kind: 'cannot_tell' };
    return { kind: 'happened', outcome: started(args, String(run.id)) };
  },
  follow: async (handle, tools) => {
    const found = placed(argsIn(handle), tools.settings);
    if (found === null)
      return gone(`The job ${text(handle, 'job')} of ${text(handle, 'repo')} is no longer configured.`);
    return text(handle, 'run') === '' ? lookForRun(handle, tools) : lookAtRun(handle, found.place, tools);
  },
};

/** GitHub answers the run's id where it was asked to, else nothing. */
function idIn(answer: Json): string {
  const id = isFields(answer) ? answer.workflow_run_id : null;
  return typeof id === 'number' && Number.isSafeInteger(id) ? String(id) : '';
}

const argsIn = (handle: Args): Args => ({ repo: handle.repo ?? '', job: handle.job ?? '' });

function started(args: Args, run: string): RunResult {
  const [repo, job] = [text(args, 'repo'), text(args, 'job')];
  return {
    kind: 'running',
    handle: { run, repo, job, seen: {}, looks: 0 },
    message: run === '' ? `${job} of ${repo} is being started.` : `Run R-${run} is queued.`,
  };
}

/** The run on the tag of this execution; the tag is nobody else's, as its name is keyed. */
async function findRun(args: Args, tools: Tools): Promise<Fields | null> {
  const found = placed(args, tools.settings);
  if (found === null) return null;
  const path = ['repos', found.place.owner, found.place.repo, 'actions', 'workflows', found.workflow, 'runs'];
  const answer = await read(tools, GITHUB, path, onTag(tools.mark));
  if (!answer.ok) throw unclear(GITHUB.name, answer.failure.result.code);
  const runs = listOf(answer.value, 'workflow_runs');
  return runs.find((run) => text(run, 'head_branch') === tagOf(tools.mark)) ?? null;
}

async function lookForRun(handle: Args, tools: Tools): Promise<Look> {
  const run = await findRun(argsIn(handle), tools);
  if (run !== null) return { kind: 'running', handle: { ...handle, run: String(run.id) }, output: '' };
  const looks = Number(handle.looks ?? 0) + 1;
  if (looks < LOOKS_FOR_RUN) return { kind: 'running', handle: { ...handle, looks }, output: '' };
  const message = `GitHub took the start on the tag ${tagOf(tools.mark)} and shows no run. Please look at it there.`;
  return { kind: 'unclear', result: { code: 'run_not_shown', message }, output: '' };
}

/** How it stands while none of its jobs runs, so that nothing can have ended since; empty where some run, or it has ended. */
function restingAs(run: Fields): string {
  const status = text(run, 'status');
  return hasEnded(run) || status === 'in_progress' ? '' : `${status} ${text(run, 'updated_at')}`;
}

const nameIn = (handle: Args): string =>
  `${text(handle, 'job')} of ${text(handle, 'repo')} (R-${text(handle, 'run')})`;

async function lookAtRun(handle: Args, place: GithubPlace, tools: Tools): Promise<Look> {
  const run = await readRun(tools, place, text(handle, 'run'));
  if (run.ok) return tellRun(run.value, handle, place, tools);
  // One that was never seen may only not be there yet.
  if (handle.resting === undefined) throw unclear(GITHUB.name, run.failure.result.code);
  return notSeen(GITHUB.name, nameIn(handle), run.failure);
}

/** Steps that have ended since the last look, by job; and the end. */
export async function tellRun(run: Fields, handle: Args, place: GithubPlace, tools: Tools): Promise<Look> {
  const id = text(handle, 'run');
  const name = nameIn(handle);
  const resting = restingAs(run);
  // One that waits for somebody's approval may do so for days.
  const jobs = resting !== '' && resting === handle.resting ? [] : await readJobs(tools, place, id);
  const seen: Fields = isFields(handle.seen) ? { ...handle.seen } : {};
  let output = '';
  for (const job of jobs) {
    const lines = stepLines(job);
    for (const line of lines.slice(Number(seen[String(job.id)] ?? 0))) output += `${line}\n`;
    seen[String(job.id)] = lines.length;
  }
  const commit = tools.pinned.commit ?? '';
  const now = { ...handle, seen, resting };
  if (text(run, 'head_sha') !== commit && !hasEnded(run)) {
    const other = { name, built: text(run, 'head_sha'), link: text(run, 'html_url') };
    return stopOther(now, other, output, async () => (await sendCancel(tools, place, id)).ok);
  }
  if (!hasEnded(run)) return { kind: 'running', handle: now, output };
  const { passed, result } = endOf(name, run, jobs, commit, handle);
  return { kind: passed ? 'done' : 'failed', result, output };
}

/**
 * The connector of GitHub Actions against an emulator that somebody else wrote, every call through the real broker. What that
 * emulator does not have, the fake of ours shows (`github-actions.test.ts`): it knows no rulesets, so no job here is of production;
 * never answers a start with its run; starts on a branch only; has one job to each run; answers logs itself instead of redirecting
 * to a store; cancels a run that has ended as gladly as one that goes on; and makes a new run where GitHub makes the next attempt
 * of the same one, so *again* is not shown here.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { githubActions as connector } from '../../actions/connectors/github-actions.ts';
import type { Look, Operation } from '../../src/action.ts';
import { startEmulatedActions } from '../support/github-actions/emulated-actions.ts';
import { perform } from './ci-contract.ts';
import { call, type Given } from './through-broker.ts';

const job = (workflow: string) => ({
  title: workflow,
  repositories: ['web'],
  workflow,
  environment: 'staging',
});
const SETTINGS = connector.settings.parse({
  account: 'countersign',
  repositories: { web: { owner: 'acme', repo: 'web' } },
  jobs: { checks: job('checks.yml'), off: job('off.yml') },
});
const operation = (name: string): Operation => connector.operations[name]!;

let github: Awaited<ReturnType<typeof startEmulatedActions>>;
beforeAll(async () => {
  github = await startEmulatedActions(['checks.yml', 'off.yml']);
  await github.switchOff('off.yml');
});
afterAll(() => github?.stop());

const config = () => ({
  upstreams: { 'api.github.com': { baseUrl: github.url, addresses: ['127.0.0.0/8'] } },
  credentials: { get: async () => `Bearer ${github.token}` },
});
const ci = () => ({ config: config(), settings: SETTINGS });
const given = (name = 'checks', ref = 'main'): Given => ({
  args: { repo: 'web', job: name, ref },
  pinned: { commit: github.commit },
  mark: crypto.randomUUID().replaceAll('-', ''),
  settings: SETTINGS,
});
const previewed = async (request: Given) =>
  (await call(config(), operation('trigger'), 'preview', { ...request, pinned: {} })).value;
const started = async (request: Given) => {
  const { value } = await call(config(), operation('trigger'), 'run', request);
  if (value.kind !== 'running') throw new Error(JSON.stringify(value));
  return { handle: value.handle, run: github.runs().at(-1)! };
};
/** A run on the pinned commit. */
const begun = async () => {
  const request = given();
  await github.knowsTag(request.mark!);
  return { request, ...(await started(request)) };
};
const looked = async (request: Given, look: Pick<Look & { kind: 'running' }, 'handle'>): Promise<Look> =>
  (await call(config(), operation('trigger'), 'follow', { ...request, handle: look.handle })).value;
const going = (look: Look) => {
  if (look.kind !== 'running') throw new Error(JSON.stringify(look));
  return look;
};

describe('a preview', () => {
  it('pins what a branch, a tag, a commit and its beginning stand for', async () => {
    await github.rest('/git/refs', 'POST', { ref: 'refs/tags/v1.0', sha: github.commit });
    for (const ref of ['main', 'v1.0', github.commit, github.commit.slice(0, 10)])
      expect(await previewed(given('checks', ref))).toMatchObject({ pinned: { commit: github.commit } });
  });

  it.each([
    [
      'a branch that is not there',
      'checks',
      'gone',
      'GitHub knows no such repository, branch, tag or commit',
    ],
    ['a workflow that is switched off', 'off', 'main', 'The workflow off.yml is disabled on GitHub.'],
  ])('refuses %s', async (_what, name, ref, words) => {
    expect(await previewed(given(name, ref))).toEqual({ refused: expect.stringContaining(words) });
  });
});

describe('a run', () => {
  it('starts on a tag of its own, is looked for by it, and shown to its end', async () => {
    const { request, handle, run } = await begun();
    expect(await github.rest(`/git/ref/tags/countersign/${request.mark}`)).toMatchObject({
      object: { sha: github.commit },
    });
    expect(handle.run).toBe('');
    const found = going(await looked(request, { handle }));
    expect(found.handle.run).toBe(String(run.id));
    github.goesOn(run, ['lint']);
    const first = going(await looked(request, found));
    expect(first.output).toBe('build / lint: success\n');
    github.goesOn(run, ['lint', 'test'], 'success');
    expect(await looked(request, first)).toMatchObject({
      kind: 'done',
      output: 'build / test: success\n',
      result: { message: `checks of web (R-${run.id}) passed.`, data: { commit: github.commit } },
    });
  });

  it('that failed says which step', async () => {
    const { request, handle, run } = await begun();
    github.goesOn(run, ['lint', 'test'], 'failure');
    const found = going(await looked(request, { handle }));
    expect(await looked(request, found)).toMatchObject({
      kind: 'failed',
      result: { code: 'run_failed', output: 'build / lint: success\nbuild / test: failure' },
    });
  });

  it('whose answer was lost is found by its tag, if our account started it on that commit', async () => {
    const { request, run } = await begun();
    const reconciled = async (more: Given = {}) =>
      (await call(config(), operation('trigger'), 'reconcile', { ...request, ...more })).value;
    expect(await reconciled()).toMatchObject({
      kind: 'happened',
      outcome: { handle: { run: String(run.id) } },
    });
    expect(await reconciled({ mark: 'another' })).toEqual({ kind: 'cannot_tell' });
    expect(await reconciled({ pinned: { commit: '0'.repeat(40) } })).toEqual({ kind: 'cannot_tell' });
    github.startedBy('eve', run);
    expect(await reconciled()).toEqual({ kind: 'cannot_tell' });
  });

  it('that turns out to be on another commit is stopped by the looks at it', async () => {
    const answer = await perform(ci(), operation('trigger'), { repo: 'web', job: 'checks', ref: 'main' });
    const run = github.runs().at(-1)!;
    expect(run).toMatchObject({ status: 'completed', conclusion: 'cancelled' });
    expect(run.head_sha).not.toBe(github.commit);
    expect(answer).toMatchObject({
      stops: 1,
      end: {
        kind: 'failed',
        result: {
          code: 'other_commit',
          message: `checks of web (R-${run.id}) began on another commit than the approved one (${run.head_sha.slice(0, 12)}) and was cancelled.`,
        },
      },
    });
  });

  it('that GitHub does not start leaves no tag behind', async () => {
    const request = given('off');
    const { value, heard } = await call(config(), operation('trigger'), 'run', request);
    expect(value).toMatchObject({ kind: 'failed', result: { code: 'upstream_rejected' } });
    expect(heard.writes.map(({ method }) => method)).toEqual(['POST', 'POST', 'DELETE']);
    expect(await github.rest(`/git/ref/tags/countersign/${request.mark}`)).toBeNull();
  });
});

describe('a run that is there', () => {
  it('is stopped, and says that it has', async () => {
    const { run } = await begun();
    const answer = await perform(ci(), operation('cancel'), {
      run: `R-${run.id}`,
      repo: 'web',
      job: 'checks',
    });
    expect(answer).toMatchObject({
      writes: 1,
      end: { kind: 'done', result: { message: `checks of web (R-${run.id}) was stopped.` } },
    });
    expect(await perform(ci(), operation('cancel'), { run: `R-${run.id}` })).toEqual({
      refused: expect.stringContaining('has ended'),
    });
  });

  it('says how it stands, and what its job printed', async () => {
    const { run } = await begun();
    const args = { run: `R-${run.id}` };
    github.goesOn(run, ['lint']);
    const message = `checks of web (R-${run.id}) is in progress.`;
    expect(await perform(ci(), operation('status'), args)).toMatchObject({ end: { result: { message } } });
    github.goesOn(run, ['lint', 'test'], 'success');
    expect(await perform(ci(), operation('logs'), args)).toMatchObject({
      writes: 0,
      end: { kind: 'done', result: { output: expect.stringMatching(/== build ==\nJob \d+ logs \(stub\)$/) } },
    });
  });

  it('or rather is not, says so', async () => {
    expect(await perform(ci(), operation('status'), { run: 'R-99999' })).toEqual({
      refused: 'R-99999 is no run of a repository that the assistant knows on GitHub.',
    });
  });
});

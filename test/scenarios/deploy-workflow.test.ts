/** From a message in chat to what a workflow of GitHub Actions deploys, and back, chosen by the operator's file alone. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PrincipalId } from '../../src/model/ids.ts';
import type { RequestView } from '../../src/model/request.ts';
import { startAssistant, type TestAssistant } from '../support/assistant.ts';
import { useDatabase } from '../support/database.ts';
import { keepsTags } from '../support/github-actions/rulesets.ts';
import {
  type DeployingGithub,
  startDeployingGithub,
  WORKFLOW,
} from '../support/github-deploy-workflow/deploying-github.ts';
import { commitAt } from '../support/github-deployments/fake-github-deployments.ts';

/** The operator's file, as docs/connectors.md describes it. */
const chosen = (github: DeployingGithub): string =>
  Object.entries({
    connectors: {
      deployment: {
        use: 'github-deploy-workflow',
        settings: {
          account: github.account,
          services: {
            web: {
              ...{ owner: 'acme', repo: 'web', workflow: WORKFLOW },
              environments: [
                { name: 'staging' },
                { name: 'production', from: 'staging', on_github: 'prod-eu' },
              ],
            },
          },
        },
      },
    },
    upstreams: { 'api.github.com': { base_url: github.wire.baseUrl, addresses: ['127.0.0.1/32'] } },
    credentials: { github: { scheme: 'bearer', host: 'api.github.com', env: 'DEPLOY_TOKEN' } },
  })
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join('\n');

const short = (commit: string | undefined): string => commit?.slice(0, 12) ?? 'none';

describe('through the whole product to a workflow of GitHub Actions', () => {
  const database = useDatabase();
  let github: DeployingGithub;
  let house: TestAssistant;

  beforeAll(async () => {
    github = await startDeployingGithub();
    house = await startAssistant(database, {
      extra: chosen(github),
      environment: { LOCAL_MODE_WITH_CONNECTORS: '1', DEPLOY_TOKEN: github.token },
    });
  });
  afterAll(async () => {
    await house?.running.stop();
    house?.home.remove();
    await github?.stop();
  });

  const factsOf = async (request: RequestView): Promise<Record<string, string>> => {
    const page = await house.assistant.requestPage(request.id, request.requester as PrincipalId);
    return Object.fromEntries(page!.message.card!.facts.map(({ label, value }) => [label, value]));
  };
  /** Asked by alice in plain words, confirmed, and approved by everybody who must. */
  async function approved(text: string): Promise<RequestView> {
    const asked = await house.ask('alice', text);
    expect(asked.state, JSON.stringify(asked)).toBe('pending');
    await house.done('alice', asked, 'confirm');
    const count = asked.needs.find(({ kind }) => kind === 'approve')?.count ?? 0;
    for (const person of ['bob', 'carol'].slice(0, count)) await house.done(person, asked, 'approve');
    return house.view(asked.id);
  }
  const through = async (text: string, ...states: Parameters<typeof house.until>[1][]) =>
    house.until(await approved(text), ...(states.length > 0 ? states : ['succeeded' as const]));
  const newestRun = () => github.actions.runs.at(-1)!;
  const commitOf = ({ result }: RequestView): string | undefined =>
    (result?.data as { commit?: string } | undefined)?.commit;

  it('a branch goes to staging as the commit that it stood for when it was shown', async () => {
    const commit = github.push('Say hello');
    const asked = await house.ask('alice', 'deploy main of web to staging');
    expect(asked).toMatchObject({
      action: 'deploy.promote',
      risk: 'medium',
      resource: { type: 'Environment', attributes: { service: 'web', environment: 'staging' } },
      needs: [{ kind: 'confirm' }, { kind: 'approve', group: 'oncall', count: 1 }],
    });
    expect(await factsOf(asked)).toMatchObject({
      Environment: 'staging',
      Commit: `${commit} (main now)`,
      'Runs now': 'nothing that the assistant knows of',
      Workflow: 'deploy.yml of acme/web',
      Through: 'a tag made for this request at that commit',
    });
    await house.done('alice', asked, 'confirm');
    expect(github.actions.runs).toEqual([]);
    await house.done('bob', asked, 'approve');
    const ended = await house.until(asked, 'succeeded');
    const run = newestRun();
    expect(run).toMatchObject({ head_sha: commit, inputs: { environment: 'staging' } });
    expect(run.head_branch).toMatch(/^countersign\/[0-9a-f]{32}$/);
    expect(github.actions.tags.get(run.head_branch)).toBe(commit);
    expect(ended.result).toMatchObject({
      message: `Deployed ${short(commit)} of web to staging (R-${run.id}).`,
      output: 'build / deploy: success',
      data: { commit },
    });
    expect((await house.story(ended)).filter((type) => /^(execution|approval)/.test(type))).toEqual([
      'approval.asked',
      'approval.given',
      'execution.started',
      'execution.finished',
    ]);
  });

  it('production gets what staging runs with two approvals, and none of who asked', async () => {
    const [staged] = github.past.deployments;
    const asked = await house.ask('bob', 'promote web to production');
    // Bob is on call himself: with him only one other could approve.
    expect(asked).toMatchObject({ state: 'denied' });
    const live = await house.ask('alice', 'deploy promote service=web to=production');
    expect(live).toMatchObject({ risk: 'high', needs: [{ kind: 'approve', group: 'oncall', count: 2 }] });
    expect(await factsOf(live)).toMatchObject({
      Commit: staged?.sha,
      'Runs in staging': `${staged?.id} of ${short(staged?.sha)} (success)`,
      'Tag protected by': 'tags of runs',
    });
    expect((await house.decide('alice', live, 'approve')).kind).toBe('refused');
    await house.done('bob', live, 'approve');
    expect(github.actions.runs).toHaveLength(1);
    await house.done('carol', live, 'approve');
    const ended = await house.until(live, 'succeeded');
    expect(newestRun()).toMatchObject({ head_sha: staged?.sha, inputs: { environment: 'prod-eu' } });
    expect(ended.result?.message).toContain(`Deployed ${short(staged?.sha)} of web to production`);
    const again = await house.say('alice', 'promote web to production');
    expect(again.reply).toContain('already: there is nothing to promote');
  });

  it('production goes back to what ran there before, with one approval', async () => {
    const [before] = github.past.deployments;
    const commit = github.push('Say it louder');
    // By somebody on GitHub itself: what it calls a success counts.
    for (const environment of ['staging', 'prod-eu']) github.past.add(environment, github.past.titles.length);
    const back = await house.ask('bob', 'roll back web in production');
    expect(back).toMatchObject({
      action: 'deploy.rollback',
      needs: [{ kind: 'confirm' }, { kind: 'approve', group: 'oncall', count: 1 }],
    });
    expect(await factsOf(back)).toMatchObject({
      Commit: before?.sha,
      'Takes back': `1 commit, from ${short(before?.sha)} to ${short(commit)}`,
    });
    await house.done('bob', back, 'confirm');
    expect((await house.decide('bob', back, 'approve')).kind).toBe('refused');
    await house.done('carol', back, 'approve');
    expect(commitOf(await house.until(back, 'succeeded'))).toBe(before?.sha);
    expect(newestRun()).toMatchObject({ head_sha: before?.sha, inputs: { environment: 'prod-eu' } });
  });

  it('an employee who is no engineer deploys nothing and rolls nothing back', async () => {
    for (const text of ['promote web to production', 'roll back web in production'])
      expect((await house.say('dave', text)).requests).toMatchObject([{ state: 'denied' }]);
  });

  it('what was approved does not run once the branch has moved', async () => {
    const runs = github.actions.runs.length;
    github.push('Looked at');
    const asked = await house.ask('alice', 'deploy promote service=web to=staging ref=main');
    github.push('Not looked at');
    await house.done('bob', asked, 'approve');
    const ended = await house.until(asked, 'denied');
    expect(ended.result).toMatchObject({ code: 'pinned_moved' });
    expect(github.actions.runs).toHaveLength(runs);
  });

  it('production is refused where others could move the tag, also when that is so only at the start', async () => {
    const runs = github.actions.runs.length;
    github.actions.rulesets = [];
    expect((await house.say('alice', 'promote web to production')).reply).toContain(
      'No ruleset of acme/web keeps tags countersign/**',
    );
    github.actions.rulesets = [keepsTags()];
    const asked = await house.ask('alice', 'deploy promote service=web to=production');
    await house.done('bob', asked, 'approve');
    github.actions.rulesets = [];
    await house.done('carol', asked, 'approve');
    const ended = await house.until(asked, 'denied');
    expect(ended.result).toMatchObject({ code: 'preview_failed' });
    github.actions.rulesets = [keepsTags()];
    expect(github.actions.runs).toHaveLength(runs);
  });

  describe('in a freeze', () => {
    const FREEZE = `
@id("freeze")
@description("No production deployments in the freeze.")
@reason("Deployments to production are frozen.")
forbid (principal, action in [Action::"deploy.promote", Action::"deploy.rollback"], resource)
when {
  resource.environment == "production" &&
  context.now >= datetime("2020-01-01T00:00:00Z") && context.now < datetime("2199-01-01T00:00:00Z")
};
`;
    const freeze = async () => {
      house.home.edit('policies/deployments.cedar', (text) => text + FREEZE);
      await house.running.reload();
    };
    afterEach(async () => {
      house.home.edit('policies/deployments.cedar', (text) => text.replace(FREEZE, ''));
      await house.running.reload();
    });

    it('production is refused in words, the way back too, and staging goes on', async () => {
      await freeze();
      for (const text of ['promote web to production', 'roll back web in production']) {
        const [request] = (await house.say('alice', text)).requests;
        expect(request).toMatchObject({ state: 'denied', result: { code: 'forbidden' } });
        expect(request?.reasons.join()).toContain('Deployments to production are frozen.');
      }
      github.push('While frozen');
      const staging = await house.ask('alice', 'deploy promote service=web to=staging ref=main');
      await house.done('bob', staging, 'approve');
      await house.until(staging, 'succeeded');
    });

    it('what waits for its second approval does not get it', async () => {
      const runs = github.actions.runs.length;
      const asked = await house.ask('alice', 'deploy promote service=web to=production');
      await house.done('bob', asked, 'approve');
      await freeze();
      const late = await house.decide('carol', asked, 'approve');
      expect(JSON.stringify(late)).toContain('Deployments to production are frozen.');
      expect(github.actions.runs).toHaveLength(runs);
    });
  });

  it('a run that fails has failed here, with its step; the way back leads to what ran before', async () => {
    const live = github.past.deployments.findLast(
      ({ environment, statuses }) => environment === 'prod-eu' && statuses.at(-1)?.state === 'success',
    );
    const [step] = github.actions.workflows[WORKFLOW]!.steps;
    step!.conclusion = 'failure';
    const failed = await through('promote web to production', 'failed');
    expect(failed.result).toMatchObject({ code: 'run_failed', output: 'build / deploy: failure' });
    step!.conclusion = 'success';
    const back = await house.ask('alice', 'roll back web in production');
    expect(await factsOf(back)).toMatchObject({ Commit: live?.sha });
    await house.done('alice', back, 'cancel');
  });

  it('a run that began on another commit is stopped, and has failed', async () => {
    const workflow = github.actions.workflows[WORKFLOW]!;
    const other = commitAt(1);
    workflow.endless = true;
    github.actions.movesTagsTo = other;
    const failed = await through('promote web to production', 'failed');
    github.actions.movesTagsTo = null;
    workflow.endless = false;
    expect(newestRun()).toMatchObject({ head_sha: other, cancelled: true });
    expect(failed.result).toMatchObject({
      code: 'other_commit',
      message: expect.stringContaining(`(${short(other)}) and was cancelled`),
    });
  });

  describe('where the answer was lost', () => {
    it('to the start, the run is found by its tag and followed to its end', async () => {
      const runs = github.actions.runs.length;
      github.loseAnswerOf(/\/dispatches$/);
      const ended = await through('promote web to production');
      expect(github.actions.runs).toHaveLength(runs + 1);
      expect(ended.result?.message).toContain(`(R-${newestRun().id})`);
    });

    it('to the making of the tag, nothing is started: a person looks, and says what became of it', async () => {
      const runs = github.actions.runs.length;
      github.push('Nobody hears this');
      github.loseAnswerOf(/\/git\/refs$/);
      const unknown = await through('deploy main of web to staging', 'unknown');
      const [tag] = [...github.actions.tags.keys()].slice(-1);
      expect(unknown.result).toMatchObject({
        code: 'unknown_outcome',
        message: expect.stringContaining(`the mark ${tag?.replace('countersign/', '')}`),
      });
      expect(github.actions.runs).toHaveLength(runs);
      await house.say('bob', `resolve ${unknown.id} failed there is no run`);
      expect(await house.view(unknown.id)).toMatchObject({ state: 'failed' });
    });
  });

  it('nothing of the token stands in the log', async () => {
    expect(JSON.stringify(await house.verifiedLog())).not.toContain(github.token);
  });
});

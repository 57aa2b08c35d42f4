/** From a message in chat to what runs in production, and back: on the built-in runner, and as deployments of GitHub. */
import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { gitEnvironment } from '../../actions/systems/git.ts';
import type { RequestView } from '../../src/model/request.ts';
import { holdAt, startAssistant, type TestAssistant, useAssistant } from '../support/assistant.ts';
import { useDatabase } from '../support/database.ts';
import { commitAt, FakeGithubDeployments } from '../support/github-deployments/fake-github-deployments.ts';

/** Where a worker takes a job to execute: everything before it is approved, nothing after it has happened. */
const BEFORE_EXECUTION = {
  table: 'pgboss.job',
  on: 'update' as const,
  when: "new.name = 'execute' and new.state = 'active'",
};
const lines = (config: object): string =>
  Object.entries(config)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join('\n');
const ENVIRONMENTS = [{ name: 'staging' }, { name: 'production', from: 'staging' }];

const JOBS = `
jobs:
  deploy:
    title: Deploy
    repositories: [web]
    environment: production
    command: [sh, deploy]
    inputs:
      environment: {type: choice, title: Environment, choices: [staging, production]}
    limits: {seconds: 20, memoryMb: 128, outputKb: 256, processes: 16, scratchMb: 32}
`;
const DEPLOY = 'echo "to $INPUT_ENVIRONMENT: $(cat version)"\n';

describe('on the built-in runner', () => {
  const house = useAssistant({
    jobs: JOBS,
    files: { deploy: DEPLOY, version: 'one\n' },
    extra: lines({
      connectors: {
        deployment: {
          use: 'runner-deployments',
          settings: { services: { web: { repository: 'web', job: 'deploy', environments: ENVIRONMENTS } } },
        },
      },
    }),
  });

  /** A new commit on `main`: the same tree under another title, or with another text in a file. */
  function commit(title: string): string {
    const git = (...args: string[]) =>
      execFileSync('git', ['--git-dir', house().home.file('web.git'), ...args], {
        env: gitEnvironment({
          ...{ GIT_AUTHOR_NAME: 'Alice', GIT_AUTHOR_EMAIL: 'alice@example.com' },
          ...{ GIT_COMMITTER_NAME: 'Alice', GIT_COMMITTER_EMAIL: 'alice@example.com' },
        }),
      })
        .toString()
        .trim();
    const made = git('commit-tree', '-p', 'main', '-m', title, 'main^{tree}');
    git('update-ref', 'refs/heads/main', made);
    return made;
  }
  const head = () =>
    execFileSync('git', ['--git-dir', house().home.file('web.git'), 'rev-parse', 'main'], {
      env: gitEnvironment(),
    })
      .toString()
      .trim();

  /** Asked by alice in plain words, confirmed, and approved by everybody who must. */
  async function approved(text: string): Promise<RequestView> {
    const { ask, done, view } = house();
    const asked = await ask('alice', text);
    expect(asked.state, JSON.stringify(asked)).toBe('pending');
    await done('alice', asked, 'confirm');
    const count = asked.needs.find(({ kind }) => kind === 'approve')?.count ?? 0;
    for (const person of ['bob', 'carol'].slice(0, count)) await done(person, asked, 'approve');
    return view(asked.id);
  }
  const through = async (text: string) => house().until(await approved(text), 'succeeded');
  const fact = async (request: RequestView, label: string): Promise<string> => {
    const row = await house().database.owner.one<{ value: string | null }>(
      `select (select f ->> 'value' from jsonb_array_elements(preview -> 'facts') f where f ->> 'label' = $2) as value
       from requests where id = $1`,
      [request.id, label],
    );
    return row.value ?? '';
  };

  it('a commit goes to staging, the same one to production, and production back to the one before', async () => {
    const { ask, done, say } = house();
    const first = head();
    const none = await say('alice', 'promote web to production');
    expect(none.reply).toContain('Nothing was ever deployed to staging of web.');

    const staged = await through('deploy main of web to staging');
    expect(staged).toMatchObject({
      action: 'deploy.promote',
      risk: 'medium',
      resource: { type: 'Environment', attributes: { service: 'web', environment: 'staging' } },
    });
    expect(staged.result?.message).toMatch(`Deployed ${first.slice(0, 12)} of web to staging (R-`);
    expect(staged.result?.output).toContain('to staging: one');
    const live = await through('promote web to production');
    expect(live).toMatchObject({ risk: 'high', approvals: [{ approver: 'bob' }, { approver: 'carol' }] });
    expect(live.result).toMatchObject({ data: { commit: first } });
    const again = await say('alice', 'promote web to production');
    expect(again.reply).toContain('already: there is nothing to promote');

    commit('Say hello');
    const second = commit('Say it louder');
    await through('deploy main of web to staging');
    const promoted = await through('promote web to production');
    expect(promoted.result).toMatchObject({ data: { commit: second } });
    expect(await fact(promoted, 'Changes')).toBe(
      `2 commits, from ${first.slice(0, 12)} to ${second.slice(0, 12)}`,
    );
    expect(await fact(promoted, 'Commits')).toBe('“Say hello”\n“Say it louder”');
    expect(await fact(promoted, 'Runs now')).toContain('deployed by alice (Alice Adams)');

    // One approval is enough: it is an emergency. Not one's own, though.
    const back = await ask('bob', 'roll back web in production');
    expect(back.needs).toMatchObject([{ kind: 'confirm' }, { kind: 'approve', group: 'oncall', count: 1 }]);
    await done('bob', back, 'confirm');
    expect((await house().decide('bob', back, 'approve')).kind).toBe('refused');
    await done('carol', back, 'approve');
    const rolled = await house().until(back, 'succeeded');
    expect(rolled.result).toMatchObject({ data: { commit: first } });
    expect(await fact(back, 'Takes back')).toContain('2 commits');
    const further = await say('alice', 'roll back web in production');
    expect(further.reply).toContain('There is no deployment of web to production that came before');
    expect((await house().story(rolled)).filter((type) => type.startsWith('execution'))).toEqual([
      'execution.started',
      'execution.finished',
    ]);
  });

  it('an employee who is no engineer deploys nothing', async () => {
    const said = await house().say('dave', 'promote web to production');
    expect(said.requests).toMatchObject([{ state: 'denied' }]);
  });

  it('what was approved does not run where another deployment came in between', async () => {
    const { ask, done, until } = house();
    await through('promote web to production');
    commit('Another one');
    await through('deploy main of web to staging');
    const waiting = await ask('alice', 'deploy promote service=web to=production');
    await done('bob', waiting, 'approve');
    await through('roll back web in production');
    await done('carol', waiting, 'approve');
    const ended = await until(waiting, 'denied');
    expect(ended.result).toMatchObject({ code: 'pinned_moved' });
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
      house().home.edit('policies/deployments.cedar', (text) => text + FREEZE);
      await house().running.reload();
    };
    afterEach(async () => {
      house().home.edit('policies/deployments.cedar', (text) => text.replace(FREEZE, ''));
      await house().running.reload();
    });

    it('production is refused in words, and the rest goes on', async () => {
      await freeze();
      const said = await house().say('alice', 'promote web to production');
      expect(said.requests).toMatchObject([{ state: 'denied', result: { code: 'forbidden' } }]);
      expect(said.requests[0]?.reasons.join()).toContain('Deployments to production are frozen.');
      commit('While frozen');
      await through('deploy main of web to staging');
    });

    it('what was approved before it does not start', async () => {
      const hold = await holdAt(house().database, BEFORE_EXECUTION);
      const asked = await approved('promote web to production');
      await hold.reached();
      expect((await house().view(asked.id)).state).toBe('approved');
      await freeze();
      await hold.release();
      await hold.remove();
      const ended = await house().until(asked, 'denied');
      expect(ended.result?.code).toBe('policy_denies');
      expect(ended.result?.message).toContain('Deployments to production are frozen.');
    });
  });
});

describe('as deployments of GitHub', () => {
  const database = useDatabase();
  let github: FakeGithubDeployments;
  let house: TestAssistant;

  beforeAll(async () => {
    github = await FakeGithubDeployments.start();
    house = await startAssistant(database, {
      extra: lines({
        connectors: {
          deployment: {
            use: 'github-deployments',
            settings: {
              account: github.account,
              services: { web: { owner: 'acme', repo: 'web', environments: ENVIRONMENTS } },
            },
          },
        },
        upstreams: { 'api.github.com': { base_url: github.wire.baseUrl, addresses: ['127.0.0.1/32'] } },
        credentials: { github: { scheme: 'bearer', host: 'api.github.com', env: 'DEPLOY_TOKEN' } },
      }),
      environment: { LOCAL_MODE_WITH_CONNECTORS: '1', DEPLOY_TOKEN: github.token },
    });
    github.add('production', 2);
    github.add('production', 3);
    github.add('staging', 6);
  });
  afterAll(async () => {
    await house?.running.stop();
    house?.home.remove();
    await github?.wire.stop();
  });

  async function through(text: string, approvers: string[], ...states: Parameters<typeof house.until>[1][]) {
    const asked = await house.ask('alice', text);
    await house.done('alice', asked, 'confirm');
    for (const person of approvers) await house.done(person, asked, 'approve');
    return house.until(asked, ...(states.length > 0 ? states : ['succeeded' as const]));
  }

  it('production gets what staging runs, and goes back', async () => {
    const live = await through('promote web to production', ['bob', 'carol']);
    expect(live.result).toMatchObject({ data: { commit: commitAt(6), environment: 'production' } });
    expect(github.deployments.at(-1)).toMatchObject({ sha: commitAt(6), creator: github.account });
    const back = await through('roll back web in production', ['carol']);
    expect(back.result).toMatchObject({ data: { commit: commitAt(3) } });
  });

  it('a deployment that fails there has failed here, in the words of the deployer as a quote', async () => {
    github.script = ['in_progress', 'failure'];
    const failed = await through('promote web to production', ['bob', 'carol'], 'failed');
    expect(failed.result).toMatchObject({ code: 'deployment_failed', output: 'the deployer says failure' });
    github.script = ['success'];
    // What failed may have left anything: the way back leads to what ran before it.
    const back = await through('roll back web in production', ['bob']);
    expect(back.result).toMatchObject({ data: { commit: commitAt(3) } });
  });

  it('of which the answer was lost is found again, and made once', async () => {
    const before = github.deployments.length;
    github.wire.plan('POST', 'cut after');
    const found = await through('promote web to production', ['bob', 'carol']);
    expect(found.result).toMatchObject({ data: { commit: commitAt(6) } });
    expect(github.deployments).toHaveLength(before + 1);
  });
});

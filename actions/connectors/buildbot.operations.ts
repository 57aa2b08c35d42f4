/** CI on Buildbot: forced builds of a pinned commit. Bundled and run in the sandbox; every call passes the broker. */
import type { Operation, RunResult } from '../../src/action.ts';
import { text } from './answer.ts';
import {
  buildRules,
  endedWords,
  hasPassed,
  linkTo,
  newestBuild,
  readBuild,
  readRequest,
  readSteps,
  resultOf,
} from './buildbot-builds.ts';
import { BUILDBOT, buildersOf } from './buildbot-jobs.ts';
import { cancel, logs, rerun } from './buildbot-runs.ts';
import { trigger } from './buildbot-trigger.ts';
import { type Args, numberOf, READ_ONLY } from './ci-runs.ts';
import { listOf, read, readRule } from './json-call.ts';

const unknownRun = (args: Args) =>
  `${text(args, 'run')} is no run of a job that the assistant knows on Buildbot.`;

const status: Operation = {
  ...READ_ONLY,
  egress: [
    ...buildRules(
      ({ args }) => numberOf(args),
      ({ pinned }) => pinned.build ?? '',
    ),
    readRule(BUILDBOT, '/api/v2/builders'),
  ],
  preview: async (args, tools) => {
    const answer = await readRequest(tools, numberOf(args));
    if (!answer.ok) {
      const { code, message } = answer.failure.result;
      return { refused: code === 'not_found' ? unknownRun(args) : message };
    }
    const [request] = listOf(answer.value, 'buildrequests');
    const builders = await read(tools, BUILDBOT, ['api', 'v2', 'builders']);
    if (!builders.ok) return { refused: builders.failure.result.message };
    const builder = listOf(builders.value, 'builders').find((one) => one.builderid === request?.builderid);
    // Other builders of the same Buildbot are not ours to show.
    if (builder === undefined || !buildersOf(tools.settings).includes(text(builder, 'name')))
      return { refused: unknownRun(args) };
    const build = await newestBuild(tools, numberOf(args));
    return {
      summary: `Read run ${text(args, 'run')} of the builder ${text(builder, 'name')} on Buildbot.`,
      facts: [],
      pinned: { builder: text(builder, 'name'), ...(build === null ? {} : { build }) },
    };
  },
  run: async (args, tools) => {
    const run = text(args, 'run');
    const name = tools.pinned.builder ?? '';
    const done = (message: string, link?: string): RunResult => ({
      kind: 'done',
      result: { code: 'done', message, data: { run }, ...(link === undefined ? {} : { link }) },
    });
    if (tools.pinned.build === undefined) {
      const answer = await readRequest(tools, numberOf(args));
      if (!answer.ok) return answer.failure;
      const [request] = listOf(answer.value, 'buildrequests');
      // It may have been taken up, and have ended, since the preview.
      const build = await newestBuild(tools, numberOf(args));
      const going = build === null ? 'has not begun' : 'is running';
      const how = request?.complete === true ? endedWords(request.results, build) : going;
      return done(`${name} (${run}) ${how}.`);
    }
    const build = await readBuild(tools, tools.pinned.build);
    if (build.complete !== true) return done(`${name} (${run}) is running.`, linkTo(tools.settings, build));
    const steps = await readSteps(tools, tools.pinned.build);
    const { result } = await resultOf(tools, { name, run, commit: '' }, build, steps);
    return {
      kind: 'done',
      result: { ...result, code: 'done', data: { run, passed: hasPassed(build.results) } },
    };
  },
};

export const operations = { trigger, status, cancel, rerun, logs };

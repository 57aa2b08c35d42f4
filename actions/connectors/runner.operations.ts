/** CI on the built-in runner. Bundled and run in the sandbox; every call passes the broker. */
import type { EgressValues, Operation, Tools } from '../../src/action.ts';
import { type Fields, failed, isFields, text } from './answer.ts';
import { type Answer, read, write } from './built-in.ts';
import {
  again,
  logsResult,
  nameOf,
  type PastRun,
  previewCancel,
  previewRerun,
  READ_ONLY,
  stopped,
  stopping,
} from './ci-runs.ts';
import {
  BASE,
  readRule,
  resultOf,
  runBody,
  runRules,
  SYSTEM,
  started,
  stateOf,
  trigger,
  writeRule,
} from './runner-trigger.ts';

const readNamed = readRule(
  '/runs/{run}',
  ({ args }) => ({ run: text(args, 'run') }),
  () => ({ from: '0' }),
);
const showRun = (run: string, tools: Tools): Promise<Answer> =>
  read(tools, SYSTEM, `${BASE}/runs/${encodeURIComponent(run)}?from=0`);

function pastOf(run: Fields): PastRun {
  return {
    run: text(run, 'run'),
    job: text(run, 'job'),
    repository: text(run, 'repository'),
    environment: text(run, 'environment'),
    commit: text(run, 'commit'),
    startedBy: text(run, 'requester'),
    state: stateOf(run),
    hasEnded: run.state === 'done' || run.state === 'failed',
  };
}

const status: Operation = {
  ...READ_ONLY,
  egress: [readNamed],
  preview: async (args) => ({
    summary: `Read run ${text(args, 'run')} of ${SYSTEM}.`,
    facts: [],
    pinned: {},
  }),
  run: async (args, tools) => {
    const answer = await showRun(text(args, 'run'), tools);
    if (!answer.ok) return failed(answer.code, answer.message);
    const past = pastOf(answer.fields);
    const result = resultOf(answer.fields);
    const message = past.hasEnded ? result.message : `${nameOf(past)} is ${past.state}.`;
    return { kind: 'done', result: { ...result, code: 'done', message } };
  },
};

const logs: Operation = {
  ...READ_ONLY,
  egress: [readNamed],
  preview: async (args) => ({
    summary: `Read the output of run ${text(args, 'run')} of ${SYSTEM}.`,
    facts: [],
    pinned: {},
  }),
  run: async (args, tools) => {
    const answer = await showRun(text(args, 'run'), tools);
    if (!answer.ok) return failed(answer.code, answer.message);
    const run = answer.fields;
    const past = pastOf(run);
    const stands = past.hasEnded ? past.state : `is ${past.state}`;
    // A job here is one program: there are no steps of which one could have failed.
    if (args.part === 'failed' && run.state !== 'failed')
      return logsResult(past.run, `${nameOf(past)} ${stands}; nothing of it has failed.`, '');
    const output = text(run, 'end');
    const words =
      output === ''
        ? `${nameOf(past)} ${stands}; it has printed nothing.`
        : `The end of the output of ${nameOf(past)}, which ${stands}.`;
    return logsResult(past.run, words, output);
  },
};

const cancelBody = ({ requester }: Pick<EgressValues, 'requester'>): Fields => ({ requester });

const cancel: Operation = {
  egress: [
    readNamed,
    writeRule(
      '/runs/{run}/cancel',
      ({ args }) => ({ run: text(args, 'run') }),
      (values) => cancelBody(values),
    ),
  ],
  writes: 1,
  idempotency: 'natural',
  preview: async (args, tools) => {
    const answer = await showRun(text(args, 'run'), tools);
    return answer.ok ? previewCancel(args, pastOf(answer.fields), SYSTEM) : { refused: answer.message };
  },
  run: async (args, tools) => {
    const address = `${BASE}/runs/${encodeURIComponent(text(args, 'run'))}/cancel`;
    const answer = await write(tools, SYSTEM, address, cancelBody(tools));
    if (!answer.ok) return failed(answer.code, answer.message);
    return stopping(args, nameOf(pastOf(answer.fields)));
  },
  reconcile: async (args, tools) => {
    const answer = await showRun(text(args, 'run'), tools);
    if (!answer.ok || text(answer.fields, 'cancelAskedBy') !== tools.requester)
      return { kind: 'cannot_tell' };
    return { kind: 'happened', outcome: stopping(args, nameOf(pastOf(answer.fields))) };
  },
  follow: async (handle, tools) => {
    const answer = await showRun(text(handle, 'run'), tools);
    if (!answer.ok) return { ...failed(answer.code, answer.message), output: '' };
    const past = pastOf(answer.fields);
    if (!past.hasEnded) return { kind: 'running', handle: { ...handle }, output: '' };
    return stopped(handle, answer.fields.code === 'cancelled', past.state);
  },
};

const rerun: Operation = {
  ...trigger,
  egress: [
    readNamed,
    readRule('/runs/{run}/again', ({ args }) => ({ run: text(args, 'run') })),
    ...runRules(({ pinned }) => again(pinned)),
  ],
  preview: async (args, tools) => {
    const answer = await showRun(text(args, 'run'), tools);
    if (!answer.ok) return { refused: answer.message };
    const would = await read(tools, SYSTEM, `${BASE}/runs/${encodeURIComponent(text(args, 'run'))}/again`);
    if (!would.ok) return { refused: would.message };
    // Judged and shown as the job is described now: that is what would run.
    const past = { ...pastOf(answer.fields), environment: text(would.fields, 'environment') };
    const inputs = isFields(would.fields.inputs) ? would.fields.inputs : {};
    const command = Array.isArray(would.fields.command) ? would.fields.command.join(' ') : '';
    return previewRerun(args, past, SYSTEM, {
      inputs: Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, String(value)])),
      pinned: { definition: text(would.fields, 'definition') },
      facts: [{ label: 'Command', value: command }],
    });
  },
  run: async (_args, tools) =>
    started(await write(tools, SYSTEM, `${BASE}/runs`, runBody(again(tools.pinned), tools))),
};

export const operations = { trigger, status, cancel, rerun, logs };

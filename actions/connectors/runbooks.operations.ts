/** A runbook is a job whose repository and ref the operator chose. Bundled and run in the sandbox. */
import type { EgressRule, EgressValues, Operation, Tools } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { isFields, text } from './answer.ts';
import { operations as runner } from './runner.operations.ts';

/** The runner serves runbooks under a name of its own, where no job of CI can be asked for. */
const HOST = 'runbook.internal';

type Args = Readonly<Record<string, Json>>;

/** The same run in the words of the runner. */
function asJob(args: Args, settings: Json): Record<string, Json> {
  const known = isFields(settings) && isFields(settings.runbooks) ? settings.runbooks : {};
  const name = text(args, 'runbook');
  const runbook = Object.hasOwn(known, name) && isFields(known[name]) ? known[name] : {};
  return {
    repo: text(runbook, 'repository'),
    ref: text(runbook, 'ref'),
    job: text(runbook, 'job'),
    ...(args.inputs === undefined ? {} : { inputs: args.inputs }),
  };
}

function asRunbookRule(rule: EgressRule): EgressRule {
  const inRunnersWords = (values: EgressValues): EgressValues => ({
    ...values,
    args: asJob(values.args, values.settings),
  });
  return {
    ...rule,
    host: HOST,
    fill: (values) => rule.fill(inRunnersWords(values)),
    query: (values) => rule.query(inRunnersWords(values)),
    body: (values) => rule.body(inRunnersWords(values)),
  };
}

const throughHost = (tools: Tools): Tools => ({
  ...tools,
  fetch: (input, init) => {
    const url = new URL(String(input));
    url.host = HOST;
    return tools.fetch(url.href, init);
  },
});

const { trigger } = runner;

const run: Operation = {
  ...trigger,
  egress: trigger.egress.map(asRunbookRule),
  preview: async (args, tools) => {
    const job = asJob(args, tools.settings);
    if (text(job, 'job') === '') {
      const known =
        isFields(tools.settings) && isFields(tools.settings.runbooks) ? tools.settings.runbooks : {};
      const names = Object.keys(known).join(', ') || 'none';
      return { refused: `There is no runbook called ${text(args, 'runbook')}; there is ${names}.` };
    }
    const preview = await trigger.preview(job, throughHost(tools));
    if ('refused' in preview) return preview;
    const commit = preview.pinned.commit ?? '';
    const summary = `Run the runbook ${text(args, 'runbook')}, as it stands in ${text(job, 'repository')} at commit ${commit.slice(0, 12)}.`;
    return { ...preview, summary };
  },
  run: (args, tools) => trigger.run(asJob(args, tools.settings), throughHost(tools)),
  reconcile: (args, tools) => trigger.reconcile(asJob(args, tools.settings), throughHost(tools)),
  follow: (handle, tools) => trigger.follow(handle, throughHost(tools)),
};

export const operations = { run };

/** Asks a server which tools it has, for a review: through the broker and in the sandbox, as everything else; reads only. */
import { type Fields, isFields } from '../../actions/connectors/answer.ts';
import { MAX_TOOLS } from '../../actions/connectors/mcp-tools.ts';
import { AppError } from '../errors.ts';
import type { Broker } from '../execution/broker/broker.ts';
import { type BrokerRefusal, DEFAULT_BUDGETS } from '../execution/broker/call.ts';
import type { Bundle } from '../execution/sandbox/bundle.ts';
import type { Sandbox } from '../execution/sandbox/sandbox.ts';
import type { Json } from '../model/request.ts';
import { listOperation, settingsOf } from './actions.ts';
import type { McpServer } from './config.ts';

export type AskingDeps = {
  broker: Pick<Broker, 'open'>;
  sandbox: Pick<Sandbox, 'run'>;
  bundle: Bundle;
  requester: string;
};

export type SaidTools = { tools: Fields[] /** False where there are more than are read. */; whole: boolean };

/** Throws `action_failed` in words for operators. */
export async function askForTools(deps: AskingDeps, name: string, server: McpServer): Promise<SaidTools> {
  const settings = settingsOf(name, server, {
    ...{ tool: '', effect: 'read', digest: '', decimals: [] },
    answerMs: DEFAULT_BUDGETS.callMs,
  });
  const about = { args: {}, pinned: {}, mark: '', requester: deps.requester };
  const refused: BrokerRefusal[] = [];
  const door = deps.broker.open({
    rules: listOperation(settings).egress,
    values: { ...about, handle: {}, settings },
    phase: 'read-only',
    writes: 0,
    hooks: {
      beforeWrite: async () => {
        throw new AppError('egress_refused', 'A look at tools writes nothing.');
      },
      afterCall: async () => undefined,
      refused: async (refusal) => void refused.push(refusal),
    },
  });
  try {
    const { requester, pinned, mark } = about;
    const outcome = await deps.sandbox.run({
      bundle: deps.bundle,
      job: {
        call: 'run',
        operation: 'list',
        input: {},
        settings,
        pinned,
        mark,
        requester,
        idempotencyKey: '',
      },
      door: (stream) => door.attach(stream),
    });
    if (outcome.kind === 'failed') throw new AppError('action_failed', outcome.message);
    return readAnswer(outcome.value);
  } finally {
    await door.close();
  }
}

/** What came out of the sandbox is untrusted. */
function readAnswer(value: Json): SaidTools {
  const result = isFields(value) && isFields(value.result) ? value.result : {};
  const data = isFields(result.data) ? result.data : {};
  if (!isFields(value) || value.kind !== 'done' || !Array.isArray(data.tools)) {
    const words = typeof result.message === 'string' ? result.message : 'The server gave no list of tools.';
    throw new AppError('action_failed', words);
  }
  const tools = data.tools.slice(0, MAX_TOOLS).flatMap((one) => {
    const tool: unknown = typeof one === 'string' ? JSON.parse(one) : null;
    return isFields(tool) ? [tool] : [];
  });
  return { tools, whole: data.whole === true };
}

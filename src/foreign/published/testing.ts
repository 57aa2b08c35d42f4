/**
 * `countersign/testing`: tries an action of your own as an execution does: its code in a sandbox, its calls through a real broker to a
 * system that your test holds on this machine. What a review would refuse fails the test.
 */
import { fileURLToPath } from 'node:url';
import { AppError } from '../../errors.ts';
import { createBroker } from '../../execution/broker/broker.ts';
import type { BrokerAnswer, BrokerRefusal } from '../../execution/broker/call.ts';
import type { CallName } from '../../execution/sandbox/call.ts';
import { establishLevel } from '../../execution/sandbox/probe.ts';
import { createSandbox, type Sandbox } from '../../execution/sandbox/sandbox.ts';
import type { Json } from '../../model/request.ts';
import { type Described, describeOutside } from '../describe.ts';
import { governedFrom } from '../governed.ts';
import { OPERATION } from '../operation.ts';

export type Trial = {
  /** Where each host of its egress is in this test: `{'notes.example': 'http://127.0.0.1:4711'}`. */
  upstreams: Readonly<Record<string, string>>;
  /** The value of an Authorization header by the credential's name. */
  credentials?: Readonly<Record<string, string>>;
  settings?: Json;
};

export type Tried = {
  /** What the function answered. */
  value: Json;
  /** What left, and what the broker refused: in the order of events. */
  calls: BrokerAnswer[];
  refused: BrokerRefusal[];
};

export type TriedAction = {
  /** As a start reads it: arguments are checked by its schema, which throws. */
  preview(args: Record<string, Json>): Promise<Tried>;
  run(args: Record<string, Json>, more?: { pinned?: Record<string, string> }): Promise<Tried>;
  reconcile(args: Record<string, Json>): Promise<Tried>;
  follow(handle: Record<string, Json>): Promise<Tried>;
  close(): Promise<void>;
};

/** The same in every call, as in one execution. */
const MARK = 'mark-of-this-trial';
const REQUESTER = 'alice (Alice Adams)';

/** `file`: of the action, as `new URL('./report.weekly.ts', import.meta.url)`. Throws what a review would refuse. */
export async function tryAction(file: URL, trial: Trial): Promise<TriedAction> {
  const [, folder = '', name = ''] = /^(.*)\/([^/]+)\.ts$/.exec(fileURLToPath(file)) ?? [];
  const { level } = await establishLevel();
  if (level === 'none')
    throw new AppError('isolation_too_low', 'This machine isolates nothing; see npx countersign doctor.');
  const sandbox = await createSandbox({ level });
  const described = await describeOutside(folder, name, sandbox).catch((error: unknown) => {
    if (!(error instanceof AppError) || typeof error.cause !== 'string') throw error;
    throw new AppError(error.code, `${error.message}\n${error.cause}`, { cause: error });
  });
  if (!described.ok) throw new AppError('catalogue_invalid', described.problems.join('\n'));
  return triedAction(described, sandbox, trial);
}

function triedAction(described: Described & { ok: true }, sandbox: Sandbox, trial: Trial): TriedAction {
  const { settings = {}, credentials = {} } = trial;
  const { governed } = governedFrom(described.said, { credentials: Object.keys(credentials), settings });
  const broker = createBroker({
    upstreams: Object.fromEntries(
      Object.entries(trial.upstreams).map(([host, baseUrl]) => [
        host,
        { baseUrl, addresses: ['127.0.0.1/32'] },
      ]),
    ),
    credentials: { get: async (name) => credentials[name] ?? null },
    builtIns: {},
    scan: () => null,
  });

  const call = async (
    name: CallName,
    {
      args = {},
      handle = {},
      pinned = {},
    }: { args?: Record<string, Json>; handle?: Record<string, Json>; pinned?: Record<string, string> },
  ): Promise<Tried> => {
    const calls: BrokerAnswer[] = [];
    const refused: BrokerRefusal[] = [];
    const values = {
      args,
      handle,
      pinned,
      settings,
      mark: name === 'preview' ? '' : MARK,
      requester: REQUESTER,
    };
    const mayWrite = name === 'run' && governed.action.effect === 'write';
    const door = broker.open({
      rules: governed.operation.egress,
      values,
      phase: mayWrite ? 'full' : 'read-only',
      writes: mayWrite ? governed.operation.writes : 0,
      idempotencyKey: MARK,
      hooks: {
        beforeWrite: async () => undefined,
        afterCall: async (answer) => void calls.push(answer),
        refused: async (refusal) => void refused.push(refusal),
      },
    });
    const { mark, requester } = values;
    let printed = '';
    const outcome = await sandbox.run({
      bundle: described.bundle,
      job: {
        ...{ call: name, operation: OPERATION, input: name === 'follow' ? handle : args },
        ...{ settings, pinned, mark, requester, idempotencyKey: MARK },
      },
      door: (stream) => door.attach(stream),
      onPrinted: (text) => {
        printed = described.traced(text);
      },
    });
    await door.close();
    if (outcome.kind === 'failed')
      throw new AppError(
        'action_failed',
        `${name} gave no answer (${outcome.code}): ${described.traced(outcome.detail)}`,
      );
    // Beside what the test itself prints.
    if (printed !== '') process.stderr.write(`${printed}\n`);
    return { value: outcome.value, calls, refused };
  };
  const checked = (args: Record<string, Json>) => governed.action.input.parse(args) as Record<string, Json>;
  return {
    preview: async (args) => call('preview', { args: checked(args) }),
    run: async (args, more = {}) => call('run', { args: checked(args), ...more }),
    reconcile: async (args) => call('reconcile', { args: checked(args) }),
    follow: (handle) => call('follow', { handle }),
    close: () => broker.close(),
  };
}

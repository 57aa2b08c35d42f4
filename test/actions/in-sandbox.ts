/** Runs one call of a connector's bundle as an execution does: in a real sandbox, behind a real broker. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connector, EgressValues } from '../../src/action.ts';
import { type BrokerConfig, createBroker } from '../../src/execution/broker/broker.ts';
import type { BrokerAnswer } from '../../src/execution/broker/call.ts';
import { bundleOperations } from '../../src/execution/sandbox/bundle.ts';
import type { CallName } from '../../src/execution/sandbox/call.ts';
import { createSandbox } from '../../src/execution/sandbox/sandbox.ts';

export type SandboxedCall = {
  connector: Connector;
  operation: string;
  call: CallName;
  values: EgressValues;
  config: Partial<BrokerConfig>;
};

export async function inSandbox({ connector, operation, call, values, config }: SandboxedCall) {
  const folder = mkdtempSync(join(tmpdir(), 'bundles-'));
  const bundles = await bundleOperations({ modules: [connector], outFolder: folder });
  const sandbox = await createSandbox({ level: 'kernel-lite', outFolder: folder });
  const broker = createBroker({
    upstreams: {},
    builtIns: {},
    credentials: { get: async () => null },
    scan: () => null,
    ...config,
  });
  const calls: BrokerAnswer[] = [];
  const declared = connector.operations[operation]!;
  const door = broker.open({
    rules: declared.egress,
    values,
    phase: call === 'run' ? 'full' : 'read-only',
    writes: call === 'run' ? declared.writes : 0,
    idempotencyKey: 'key-1',
    hooks: {
      beforeWrite: async () => {},
      afterCall: async (answer) => void calls.push(answer),
      refused: async () => {},
    },
  });
  const { args, handle, pinned, settings, mark, requester } = values;
  const outcome = await sandbox.run({
    bundle: bundles.get(connector.name)!,
    job: {
      ...{ call, operation, input: call === 'follow' ? handle : args, settings, pinned, mark, requester },
      idempotencyKey: 'key-1',
    },
    door: (stream) => door.attach(stream),
  });
  await door.close();
  await broker.close();
  rmSync(folder, { recursive: true, force: true });
  return { outcome, calls, summary: door.summary() };
}

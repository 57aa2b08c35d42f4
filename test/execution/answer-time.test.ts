/** How long a call of a run is waited for, where its operation says so: at the door, and in the sandbox that waits for it. */
import { afterEach, expect, test } from 'vitest';
import type { GovernedAction } from '../../src/action.ts';
import { attempt } from '../../src/execution/attempt.ts';
import { type Broker, createBroker } from '../../src/execution/broker/broker.ts';
import type { DoorSpec } from '../../src/execution/broker/call.ts';
import type { CallName } from '../../src/execution/sandbox/call.ts';
import type { SandboxRun } from '../../src/execution/sandbox/sandbox.ts';
import { alice, storeRequest, testLog, testSealing } from '../support/core.ts';
import { useDatabase } from '../support/database.ts';
import { RULES, rawRequest, socketPair } from './broker/child.ts';
import { startUpstream } from './broker/upstream-server.ts';

const database = useDatabase();
const { audit } = testLog();
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Short for whoever never answers; what is asked leaves well before, on a busy machine too. */
const ANSWER_MS = 1_500;

/** Reads something of a system that never answers; says what the door and the sandbox were opened with, and what came back. */
async function waitFor(call: CallName, answerMs: number | null) {
  const upstream = await startUpstream(() => undefined);
  const broker = createBroker({
    upstreams: upstream.config,
    credentials: { get: async () => 'Bearer x' },
    builtIns: {},
    scan: () => null,
  });
  ends.push(
    () => upstream.close(),
    () => broker.close(),
  );
  const opened: DoorSpec[] = [];
  const runs: Pick<SandboxRun, 'limits'>[] = [];
  const watched: Pick<Broker, 'open'> = {
    open(spec) {
      opened.push(spec);
      return broker.open(spec);
    },
  };
  const request = await storeRequest(database.db, { state: 'approved', confirmedAt: new Date() });
  let heard = '';
  await attempt(
    {
      ...{ db: database.db, audit, broker: watched as Broker, sealing: testSealing() },
      ...{ bundleOf: () => ({ file: '', sha256: '' }), mask: (text) => text, troubled: () => undefined },
      sandbox: {
        async run(run) {
          runs.push(run);
          const [inside, outside] = await socketPair();
          run.door(outside);
          const { promise, resolve } = Promise.withResolvers<void>();
          inside.on('data', (bytes: Buffer) => {
            heard += bytes.toString();
            if (heard.includes('x-egress-refused')) resolve();
          });
          // Where nobody waits that long, nobody is waited for here.
          if (answerMs === null || call !== 'run') resolve();
          else inside.write(rawRequest('GET /repos/acme/issues/12?state=all'));
          await promise;
          inside.destroy();
          return { kind: 'answered', value: {}, durations: { wallMs: 1, firstByteMs: 1 } };
        },
      },
    },
    {
      call,
      governed: {
        action: { name: 'ticket.read', effect: 'read', operation: 'read' },
        connector: { name: 'example' },
        operation: { egress: RULES, writes: 0, ...(answerMs === null ? {} : { answerMs }) },
        settings: {},
      } as unknown as GovernedAction,
      ...{ turn: request.turn, request: request.id, args: { ticket: '12' }, pinned: {}, handle: {} },
      ...{ requester: { id: alice, name: 'Alice' }, mark: 'mark-1', idempotencyKey: 'key-1' },
      ...{ claim: null, share: null, least: 'kernel', onProgress: () => undefined },
      signal: new AbortController().signal,
    },
  );
  return { budgets: opened[0]?.budgets, limits: runs[0]?.limits, heard };
}

test('a run is waited for as long as its operation says, and its sandbox ten seconds longer', async () => {
  const { budgets, limits, heard } = await waitFor('run', ANSWER_MS);
  expect(budgets).toEqual({ callMs: ANSWER_MS });
  expect(limits).toEqual({ wallMs: ANSWER_MS + 10_000 });
  expect(heard).toMatch(/x-egress-refused: timeout/i);
});

test.each([
  ['a preview', 'preview', ANSWER_MS],
  ['an operation that says nothing', 'run', null],
] as const)('%s is waited for as always', async (_what, call, answerMs) => {
  const { budgets, limits } = await waitFor(call, answerMs);
  expect({ budgets, limits }).toEqual({ budgets: undefined, limits: undefined });
});

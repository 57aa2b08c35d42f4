/** Runs a connector's operation as the sandbox does, its every call through a real broker; only the process is ours. */
import type { EgressValues, Operation, Tools } from '../../src/action.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import type { DoorSpec, MintedToken } from '../../src/execution/broker/call.ts';
import { declare, inPhase } from '../../src/execution/broker/rules.ts';
import type { Json } from '../../src/model/request.ts';
import { openTo } from '../execution/broker/child.ts';

export type Given = {
  args?: Record<string, Json>;
  pinned?: Record<string, string>;
  handle?: Record<string, Json>;
  settings?: Json;
  mark?: string;
  key?: string;
};

type Opened = Awaited<ReturnType<typeof openTo>>;

function fetchThrough(opened: Opened): typeof fetch {
  return async (input, init) => {
    const url = new URL(String(input));
    const headers = Object.fromEntries(new Headers(init?.headers));
    const body = typeof init?.body === 'string' ? JSON.parse(init.body) : undefined;
    const answer = await opened.ask({
      method: init?.method ?? 'GET',
      path: `${url.pathname}${url.search}`,
      host: url.host,
      scheme: url.protocol.slice(0, -1),
      headers,
      body,
    });
    const empty = answer.status === 204 || answer.status === 304;
    return new Response(empty ? null : answer.body, {
      status: answer.status,
      headers: answer.headers as Record<string, string>,
    });
  };
}

/** The door that an execution opens for this call: a look may write where its handle fills a write of looks. */
function doorFor(name: string, operation: Operation, values: EgressValues) {
  const { egress, writes, followWrites = 0 } = operation;
  if (name === 'run') return { rules: inPhase(egress, 'run'), phase: 'full', writes } as const;
  const rules = inPhase(egress, 'follow');
  const asked = declare(
    rules.filter(({ effect }) => effect === 'write'),
    values,
  );
  return name === 'follow' && followWrites > 0 && asked.length > 0
    ? ({ rules, phase: 'full', writes: followWrites } as const)
    : ({ rules: egress, phase: 'read-only', writes: 0 } as const);
}

/** Calls one function of an operation behind a door of its own; answers what it answered and what the door heard. */
export async function call<K extends 'preview' | 'run' | 'reconcile' | 'follow'>(
  config: Partial<BrokerConfig>,
  operation: Operation,
  name: K,
  given: Given,
  spec: Partial<DoorSpec> = {},
) {
  const values: EgressValues = {
    args: given.args ?? {},
    pinned: given.pinned ?? {},
    handle: given.handle ?? {},
    settings: given.settings ?? {},
    mark: given.mark ?? 'mark-1',
    requester: 'alice (Alice Adams)',
  };
  const key = given.key ?? 'key-1';
  const tokens = { minted: [] as MintedToken[], revoked: [] as MintedToken[] };
  const opened = await openTo(config, {
    ...doorFor(name, operation, values),
    values,
    minting: {
      sharedBy: null,
      scope: (filled) => operation.scope?.(filled) ?? null,
      expected: async () => crypto.randomUUID(),
      notMade: async () => undefined,
      minted: async (_id, token) => void tokens.minted.push(token),
      revoked: async (_id, token, failure) => void (failure === null && tokens.revoked.push(token)),
    },
    idempotencyKey: key,
    ...spec,
  });
  const tools: Tools = {
    fetch: fetchThrough(opened),
    settings: values.settings,
    pinned: values.pinned,
    mark: values.mark,
    requester: values.requester,
    idempotencyKey: key,
    progress: () => {},
  };
  try {
    const value = (await operation[name](name === 'follow' ? values.handle : values.args, tools)) as Awaited<
      ReturnType<Operation[K]>
    >;
    return { value, heard: opened.heard, tokens };
  } finally {
    await opened.end();
  }
}

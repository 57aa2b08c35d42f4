/**
 * Actions that differ in what is known after a crash, against one outside system on loopback. Also what is bundled and run in
 * the sandbox.
 */
import type { EgressRule, Operation, RunResult, Tools } from '../../../src/action.ts';

export const HOST = 'outside';
const DONE: RunResult = { kind: 'done', result: { code: 'done', message: 'Done.' } };

/** How each kind behaves, and what a crash may leave: how many effects, and whether nobody may be able to say. */
export const KINDS = {
  /** The outside system enforces the key. */
  keyed: { effects: 1, mayBeUnknown: false },
  /** Doing it again changes nothing more. */
  natural: { effects: 1, mayBeUnknown: false },
  /** Found again by its mark. */
  marked: { effects: 1, mayBeUnknown: true },
  /** Nothing finds it again. */
  blind: { effects: 1, mayBeUnknown: true },
  /** Goes on elsewhere after its write, and is looked at until it has ended. */
  followed: { effects: 1, mayBeUnknown: false },
  /** Two writes, each under the key. */
  pair: { effects: 2, mayBeUnknown: false },
} as const;
export type Kind = keyof typeof KINDS;

const rule = (method: 'GET' | 'POST' | 'PUT', path: string): EgressRule => ({
  method,
  host: HOST,
  path,
  effect: method === 'GET' ? 'read' : 'write',
  fill: ({ mark }) => ({ mark }),
  query: () => ({}),
  body: () => (method === 'GET' ? null : {}),
  credential: null,
});

async function send(tools: Tools, method: 'POST' | 'PUT', path: string): Promise<void> {
  const response = await tools.fetch(`https://${HOST}/${path}/${tools.mark}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  // Whatever is not a plain yes is left to the crash rules.
  if (!response.ok) throw new Error(`answered ${response.status}`);
}

async function isThere(tools: Tools, path: string): Promise<boolean> {
  return (await tools.fetch(`https://${HOST}/${path}/${tools.mark}`)).status === 200;
}

const never = async (): Promise<never> => {
  throw new Error('is not called');
};

function operation(
  idempotency: Operation['idempotency'],
  paths: readonly ['POST' | 'PUT', string][],
  more: Partial<Operation> = {},
): Operation {
  return {
    egress: paths.flatMap(([method, path]) => [
      rule(method, `/${path}/{mark}`),
      rule('GET', `/${path}/{mark}`),
    ]),
    writes: paths.length,
    idempotency,
    preview: never,
    run: async (_args, tools) => {
      for (const [method, path] of paths) await send(tools, method, path);
      return DONE;
    },
    reconcile: async () => ({ kind: 'cannot_tell' }),
    follow: never,
    ...more,
  };
}

export const operations: Readonly<Record<Kind, Operation>> = {
  keyed: operation('key', [['POST', 'keyed']]),
  natural: operation('natural', [['PUT', 'natural']]),
  marked: operation('none', [['POST', 'marked']], {
    reconcile: async (_args, tools) =>
      (await isThere(tools, 'marked')) ? { kind: 'happened', outcome: DONE } : { kind: 'cannot_tell' },
  }),
  blind: operation('none', [['POST', 'blind']]),
  followed: operation('key', [['POST', 'keyed']], {
    run: async (_args, tools) => {
      await send(tools, 'POST', 'keyed');
      return { kind: 'running', handle: { looks: 0 }, message: 'It runs.' };
    },
    follow: async (handle, tools) => {
      const looks = Number(handle.looks) + 1;
      if (looks < 2 || !(await isThere(tools, 'keyed')))
        return { kind: 'running', handle: { looks }, output: `look ${looks}\n` };
      return { kind: 'done', result: { code: 'done', message: 'It ended.' }, output: 'end\n' };
    },
  }),
  pair: operation('key', [
    ['POST', 'keyed'],
    ['POST', 'second'],
  ]),
};

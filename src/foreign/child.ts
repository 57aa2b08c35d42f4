/**
 * What is bundled around an action from a folder outside and runs with it in the sandbox. It protects nothing: the code
 * beside it could do otherwise, and what it answers is checked by the core like any other answer.
 */
import { z } from 'zod';
import { readList, write } from '../../actions/connectors/json-call.ts';
import type { Tools } from '../action.ts';
import { type Served, serve } from '../execution/sandbox/child.ts';
import type { Json } from '../model/request.ts';
import { OPERATION } from './operation.ts';
import type { ActionTools, DeclaredRule, OutsideAction, Sent } from './published/action.ts';
import { type Found, fillJson, fillPath, fillText, readPath } from './template.ts';

/** Called by the bundle's entry with what the module exports as `action`. */
export async function serveOutside(action: OutsideAction): Promise<void> {
  await serve({ [OPERATION]: served(action) }, () => describe(action));
}

function describe(action: OutsideAction): unknown {
  const egress = Object.entries(action.egress).map(([name, rule]) => ({ name, ...rule }));
  return {
    v: 1,
    name: action.name,
    title: action.title,
    description: action.description,
    examples: action.examples,
    system: action.system,
    input: z.toJSONSchema(action.input, { io: 'input' }),
    effect: action.effect,
    risk: action.risk,
    resource: action.resource,
    egress,
    writes: action.writes ?? (action.effect === 'write' ? 1 : 0),
    idempotency: action.idempotency,
    ...(action.cases === undefined ? {} : { cases: action.cases }),
    ...(action.undo === undefined ? {} : { undo: action.undo }),
  };
}

function served(action: OutsideAction): Served {
  return {
    async preview(args, tools) {
      const shown = await action.preview(args as never, withSend(action, args, {}, tools));
      return 'refused' in shown ? shown : { facts: [], pinned: {}, ...shown };
    },
    run: (args, tools) => action.run(args as never, withSend(action, args, {}, tools)),
    reconcile: async (args, tools) =>
      (await action.reconcile?.(args as never, withSend(action, args, {}, tools))) ?? { kind: 'cannot_tell' },
    async follow(handle, tools) {
      if (action.follow === undefined) throw new Error(`${action.name} has no follow.`);
      return action.follow(handle, withSend(action, {}, handle, tools));
    },
  };
}

function withSend(
  action: OutsideAction,
  args: Record<string, Json>,
  handle: Record<string, Json>,
  tools: Tools,
): ActionTools {
  const values: Found = { ...tools, args, handle };
  return {
    ...tools,
    send: (name, query = {}) => {
      const rule = Object.hasOwn(action.egress, name) ? action.egress[name] : undefined;
      if (rule === undefined) throw new Error(`egress has no call ${name}.`);
      return send(action.system, rule, values, query, tools);
    },
  };
}

/** The same words and the same line between "failed" and "not known" as the shipped connectors have. */
async function send(
  name: string,
  rule: DeclaredRule,
  values: Found,
  free: Readonly<Record<string, string>>,
  tools: Tools,
): Promise<Sent> {
  const system = { name, host: rule.host, credential: '', refusals: {} };
  const path = fillPath(readPath(rule.path) ?? [], values);
  const query: Record<string, string> = { ...free };
  for (const [key, value] of Object.entries(rule.query ?? {}))
    if (value !== null) query[key] = fillText(value as Json, values);
  if (rule.method === 'GET') return readList(tools, system, path, query);
  const body = fillJson((rule.body ?? null) as Json, values);
  return write(tools, system, path, body, rule.method, query);
}

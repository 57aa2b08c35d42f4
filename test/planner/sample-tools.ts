import { z } from 'zod';
import type { Action, InputSchema } from '../../src/action.ts';
import type { Plan, PlanInput } from '../../src/model/ports.ts';
import { planOffline } from '../../src/planner/offline.ts';
import { plannerTool } from '../../src/planner/schema.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/;
const REF = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/;

function action<S extends InputSchema>(
  base: Pick<Action<S>, 'name' | 'title' | 'examples' | 'input' | 'effect'>,
): Action<S> {
  return {
    ...base,
    description: `${base.title}.`,
    risk: () => 'low',
    resourceType: 'Job',
    resource: () => ({ type: 'Thing', id: 'x', attributes: {} }),
    port: base.name.startsWith('ci') ? 'ci' : 'ticketing',
    operation: base.name,
  };
}

export const triggerAction = action({
  name: 'ci.trigger',
  title: 'Run a CI job',
  examples: ['run the {job} of {repo} on {ref}', 'trigger the {job} pipeline for {repo} on {ref}'],
  input: z.strictObject({
    repo: z.string().regex(NAME),
    ref: z.string().regex(REF),
    job: z.string().regex(NAME),
    inputs: z.record(z.string().regex(NAME), z.string().max(200)).default({}),
  }),
  effect: 'write',
});

export const createAction = action({
  name: 'ticket.create',
  title: 'Open a ticket',
  examples: ['{title}, please open a ticket', 'open a ticket: {title}', 'open a ticket'],
  input: z.strictObject({
    title: z
      .string()
      .trim()
      .min(3)
      .max(200)
      .regex(/^[^\r\n]+$/, 'A title is one line.'),
    body: z.string().max(10_000).default(''),
    priority: z.enum(['low', 'normal', 'high']).default('normal'),
  }),
  effect: 'write',
});

export const statusAction = action({
  name: 'ticket.status',
  title: 'Look up a ticket',
  examples: ['what is the status of ticket {ticket}', 'show ticket {ticket}'],
  input: z.strictObject({ ticket: z.int().positive() }),
  effect: 'read',
});

export const commentAction = action({
  name: 'ticket.comment',
  title: 'Comment on a ticket',
  examples: ['comment on ticket {ticket}: {text}'],
  input: z.strictObject({ ticket: z.int().positive(), text: z.string().min(1).max(5_000) }),
  effect: 'write',
});

export const inviteAction = action({
  name: 'meeting.invite',
  title: 'Invite people',
  examples: ['invite {guests}'],
  input: z.strictObject({
    guests: z.array(z.string().regex(NAME)).min(1).max(3),
    rooms: z.array(z.int()).optional(),
    notes: z.array(z.string().max(500)).default([]),
  }),
  effect: 'write',
});

export const tools = [
  plannerTool(triggerAction as unknown as Action),
  plannerTool(createAction as unknown as Action),
  plannerTool(statusAction as unknown as Action),
  plannerTool(commentAction as unknown as Action),
];

export function say(text: string, pendingAsk: PlanInput['pendingAsk'] = null, known = tools): Plan {
  return planOffline({ text, tools: known, pendingAsk });
}

/** The ask of a plan, or a failure that shows the plan. */
export function askOf(plan: Plan) {
  if (plan.kind !== 'ask') throw new Error(`expected a question, got ${JSON.stringify(plan)}`);
  return plan.ask;
}

export function proposalOf(plan: Plan) {
  if (plan.kind !== 'proposals' || plan.proposals.length !== 1) {
    throw new Error(`expected one proposal, got ${JSON.stringify(plan)}`);
  }
  return plan.proposals[0];
}

export function textOf(plan: Plan): string {
  return plan.kind === 'answer' ? plan.text : JSON.stringify(plan);
}

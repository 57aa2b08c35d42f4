/**
 * How far a request is, as Slack's own plan of tasks: who countersigned, what it waits for, and the run with its newest line.
 * Rewritten in place with its card. docs.slack.dev: reference/block-kit/blocks/plan-block, task-card-block.
 */
import type { Card } from '../../src/model/card.ts';
import { visible } from '../../src/surface/unseen.ts';
import { type Block, rich, section, type Task, type TaskStatus, text } from './blocks.ts';
import { LABEL_MAX } from './limits.ts';
import { clip } from './outbound-text.ts';

/** Approvals shown as steps; the card's rows name all of them. */
const APPROVALS_SHOWN = 5;
/** Of a run's newest line; the card shows the tail of its output. */
const LINE_MAX = 120;

const RUN: Partial<Record<Card['state'], TaskStatus>> = {
  pending: 'pending',
  approved: 'pending',
  executing: 'in_progress',
  succeeded: 'complete',
  failed: 'error',
  unknown: 'error',
};

/** Nothing where it never ran and never will: the status says so. */
export function stepsOf(card: Card): Block[] {
  const run = RUN[card.state];
  if (run === undefined) return [];
  const { request, approvals, state, status, title } = card;
  const done = approvals
    .slice(-APPROVALS_SHOWN)
    .map(({ name }, nth) => task(`${request}:approval-${nth}`, `Approved by ${name}`, 'complete'));
  const waits = state === 'pending' ? [task(`${request}:waits`, status, 'in_progress')] : [];
  const runs = { ...task(`${request}:run`, title, run), ...newestLine(card) };
  return [{ type: 'plan', title: 'How far it is', tasks: [...done, ...waits, runs] }];
}

const task = (id: string, title: string, status: TaskStatus): Task => ({
  type: 'task_card',
  task_id: id,
  title: clip(visible(title), LABEL_MAX),
  status,
});

/** An outside system's words while it runs, literal. */
function newestLine({ state, output }: Card): Pick<Task, 'output'> {
  const line = state === 'executing' ? (output ?? '').trimEnd().split('\n').at(-1) : undefined;
  return line ? { output: rich(section(text(clip(visible(line), LINE_MAX), { code: true }))) } : {};
}

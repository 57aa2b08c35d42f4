/** What the operator's file says of actions from a folder outside, by name: what no action may say for itself. */
import { z } from 'zod';
import { Effect, Json, Risk } from '../model/request.ts';
import { ACTION_NAME } from './action-name.ts';

const Assigned = z.strictObject({
  /** Upwards only. */
  effect: Effect.optional(),
  risk: Risk.optional(),
  /** Which of the credentials it would like it gets; what they are is said under `credentials`. */
  credentials: z.array(z.string()).default([]),
  /** What `settings.…` stands for in its egress. */
  settings: Json.default({}),
});
export type Assigned = z.output<typeof Assigned>;
export const NOTHING_ASSIGNED: Assigned = { credentials: [], settings: {} };

/** `actions` of countersign.yaml. */
export const ActionsYaml = z.strictObject({
  folder: z.string().min(1),
  reviewed: z.string().min(1).default('actions.reviewed.json'),
  assign: z.record(z.string().regex(ACTION_NAME, 'is no name of an action'), Assigned).default({}),
});

/** Paths are absolute. */
export type ActionsConfig = { folder: string; reviewed: string; assign: Readonly<Record<string, Assigned>> };

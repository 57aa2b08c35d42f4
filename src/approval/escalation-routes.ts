/** The shape of `routes` in countersign.yaml. */
import { z } from 'zod';
import { DurationSeconds } from '../model/duration.ts';
import { PrincipalId } from '../model/ids.ts';
import type { Route, Target } from './escalation.ts';

const GroupTarget = z
  .strictObject({ group: z.string().min(1) })
  .transform(({ group }): Target => ({ kind: 'group', id: group }));
const PersonTarget = z
  .strictObject({ person: PrincipalId })
  .transform(({ person }): Target => ({ kind: 'person', id: person }));
const ScheduleTarget = z
  .strictObject({ schedule: z.string().min(1) })
  .transform(({ schedule }): Target => ({ kind: 'schedule', id: schedule }));

const RouteEntry = z
  .strictObject({
    group: z.string().min(1).optional(),
    action: z.string().min(1).optional(),
    resource: z.string().min(1).optional(),
    environment: z.string().min(1).optional(),
    slack_channel: z
      .string()
      .regex(/^[CG][A-Z0-9]{2,30}$/, 'is not the id of a Slack channel (C... or G...)')
      .optional(),
    teams_conversation: z.string().min(1).max(300).optional(),
    schedule: z.string().min(1).optional(),
    remind_after: DurationSeconds.optional(),
    escalate_after: DurationSeconds.optional(),
    escalate_to: z.array(z.union([PersonTarget, GroupTarget, ScheduleTarget])).default([]),
  })
  .refine(
    ({ escalate_to, escalate_after }) => escalate_to.length === 0 || escalate_after !== undefined,
    'escalate_to is given without escalate_after',
  );

export const RoutesYaml = z
  .array(
    RouteEntry.transform(
      (entry): Route => ({
        group: entry.group ?? null,
        action: entry.action ?? null,
        resource: entry.resource ?? null,
        environment: entry.environment ?? null,
        channels: { slack: entry.slack_channel ?? null, teams: entry.teams_conversation ?? null },
        schedule: entry.schedule ?? null,
        remindAfter: entry.remind_after ?? null,
        escalateAfter: entry.escalate_after ?? null,
        escalateTo: entry.escalate_to,
      }),
    ),
  )
  .default([]);

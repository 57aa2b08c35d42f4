import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import { type Json, Risk } from '../../src/model/request.ts';
import { operations } from './buildbot.operations.ts';
import { jobExamples, jobFacts } from './ci-jobs.ts';

/** What Buildbot itself calls an identifier: names of schedulers and builders that its REST takes in a path. */
export const Identifier = z.string().regex(/^[A-Za-z_-][A-Za-z0-9._-]{0,49}$/);
const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);
/** Parameters of the force form that we fill ourselves. */
export const OURS = /(?:^|_)(?:username|reason|owner|branch|revision|repository|project|builderid)$/;

/** Of the source that the commit is of; empty where the scheduler has a single one. */
export const Codebase = z
  .string()
  .regex(/^[A-Za-z0-9_]{0,50}$/)
  .default('');
/** Where people open it in a browser, for links. */
export const Web = z.url({ protocol: /^https?$/ });

const Job = z.strictObject({
  title: z.string().min(1),
  /** Where it may run, by the names of `repositories`. */
  repositories: z.array(z.string()).min(1),
  scheduler: Identifier,
  builder: Identifier,
  codebase: Codebase,
  environment: z.enum(['test', 'staging', 'production']),
  risk: Risk.optional(),
  /** Parameters of the scheduler that whoever asks may fill. */
  inputs: z
    .array(
      z
        .string()
        .regex(/^[a-z][a-z0-9_]{0,39}$/)
        .refine((name) => !OURS.test(name), 'is filled by the assistant itself'),
    )
    .default([]),
});

const Settings = z
  .strictObject({
    web: Web,
    /** Whom Buildbot takes the credential for: the owner it writes on what we force. */
    account: z.string().min(1).max(100),
    repositories: z.record(
      Name,
      z.strictObject({
        /** Where branches and tags are looked up; without it only a full commit can be asked for. */
        github: z.strictObject({ owner: Name, repo: Name }).optional(),
        /** Given to the scheduler as the repository, where it asks for one. */
        url: z.string().min(1).max(500).optional(),
      }),
    ),
    jobs: z.record(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/), Job),
  })
  .superRefine(({ repositories, jobs }, check) => {
    for (const [job, { repositories: named }] of Object.entries(jobs)) {
      for (const name of named) {
        if (Object.hasOwn(repositories, name)) continue;
        check.addIssue({
          code: 'custom',
          path: ['jobs', job, 'repositories'],
          message: `there is no ${name}`,
        });
      }
    }
  });

/** CI on Buildbot, over its REST API and force schedulers. */
export const buildbot: Connector = {
  name: 'buildbot',
  port: 'ci',
  title: () => 'Buildbot',
  settings: Settings as unknown as z.ZodType<Json>,
  facts: (operation, args, settings) => jobFacts(operation, args, Settings.parse(settings).jobs),
  operations,
  examples: (operation, settings) => jobExamples(operation, Settings.parse(settings).jobs),
  module: 'actions/connectors/buildbot.operations.ts',
};

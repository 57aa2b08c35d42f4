import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { operations } from './github-issues.operations.ts';

const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);
const Settings = z.strictObject({
  owner: Name,
  repo: Name,
  /** Where the repository lives, as people know it; where calls go is said in the upstreams. */
  host: z
    .string()
    .regex(/^[a-z0-9.-]{1,253}$/)
    .default('github.com'),
  /** The account that writes, e.g. `countersign[bot]`; GitHub is asked where this is absent. */
  account: z.string().min(1).max(100).optional(),
});

const EXAMPLES: Readonly<Record<string, Record<string, Json>>> = {
  create: { title: 'example' },
  status: { ticket: '#1' },
  close: { ticket: '#1' },
  comment: { ticket: '#1', comment: 'example' },
};

/** Tickets as issues of one repository on GitHub. */
export const githubIssues: Connector = {
  name: 'github-issues',
  port: 'ticketing',
  title: (settings) => {
    const { owner, repo, host } = Settings.parse(settings);
    return `GitHub Issues of ${owner}/${repo}${host === 'github.com' ? '' : ` on ${host}`}`;
  },
  settings: Settings as unknown as z.ZodType<Json>,
  facts: () => ({}),
  operations,
  // Policy cannot tell one issue from another.
  examples: (operation) => [EXAMPLES[operation] ?? {}],
  module: 'actions/connectors/github-issues.operations.ts',
};

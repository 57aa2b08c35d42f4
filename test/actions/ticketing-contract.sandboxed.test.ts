import { describe, expect, it } from 'vitest';
import type { EgressValues } from '../../src/action.ts';
import { useDatabase } from '../support/database.ts';
import { needs } from '../support/needs.ts';
import { deskSubject } from './desk.world.ts';
import { githubSubject } from './github.world.ts';
import { inSandbox } from './in-sandbox.ts';
import { jiraSubject } from './jira.world.ts';
import { requestTrackerSubject } from './request-tracker.world.ts';
import { servicenowSubject } from './servicenow.world.ts';
import { through } from './ticketing-contract.world.ts';
import { zendeskSubject } from './zendesk.world.ts';

const database = useDatabase();
const RT_INSTALLED = needs('rt-setup-database-5');
const SUBJECTS = [
  deskSubject(database),
  githubSubject(),
  ...(RT_INSTALLED.skip ? [] : [requestTrackerSubject()]),
  jiraSubject('cloud'),
  jiraSubject('data-center'),
  servicenowSubject(),
  zendeskSubject(),
];
/** One of them is a real system that has to start first. */
const PATIENCE = { timeout: 300_000 };

describe('in the sandbox', PATIENCE, () => {
  if (RT_INSTALLED.skip) it.skip(`Request Tracker is left out: ${RT_INSTALLED.reason}`, () => {});

  it.each(SUBJECTS.map((subject) => [subject.connector.title(subject.settings), subject] as const))(
    '%s opens a ticket, and the credential stays outside',
    async (_title, subject) => {
      const world = await subject.start();
      const { upstream } = through(subject, () => world);
      const values: EgressValues = {
        args: { title: 'VPN down', description: 'In Berlin' },
        pinned: {},
        handle: {},
        settings: subject.settings,
        mark: 'ab'.repeat(16),
        requester: 'alice (Alice Adams)',
      };
      const { connector } = subject;
      const run = { connector, operation: 'create', call: 'run', values, config: upstream() } as const;
      const { outcome, summary, calls } = await inSandbox(run);
      expect(summary.failure).toBeNull();
      const writes = calls.filter(({ effect }) => effect === 'write');
      expect(writes).toMatchObject([{ method: 'POST', status: 201 }]);
      expect(outcome).toMatchObject({
        kind: 'answered',
        value: { kind: expect.stringMatching(/done|running/) },
      });
      const [, secret = 'none'] = world.authorization('ours')?.split(' ') ?? [];
      expect(JSON.stringify(outcome)).not.toContain(secret);
      expect(await world.count()).toBe(1);
      const again = await inSandbox({ ...run, call: 'reconcile' });
      expect(again.outcome).toMatchObject({ kind: 'answered', value: { kind: 'happened' } });
      await world.stop();
    },
  );
});

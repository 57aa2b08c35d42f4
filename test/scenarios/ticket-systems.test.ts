/** From a message in chat to a ticket of each system that tickets may be kept in, chosen by the operator's file alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jiraSubject } from '../actions/jira.world.ts';
import { servicenowSubject } from '../actions/servicenow.world.ts';
import type { Subject, World } from '../actions/ticketing-contract.world.ts';
import { zendeskSubject } from '../actions/zendesk.world.ts';
import { startAssistant, type TestAssistant } from '../support/assistant.ts';
import { useDatabase } from '../support/database.ts';

type Losing = Awaited<ReturnType<World['losing']>>;

/** User and secret of what the broker is to send. */
function loginOf(world: World): { user: string; secret: string } {
  const [, encoded = ''] = (world.authorization('ours') ?? '').split(' ');
  const login = Buffer.from(encoded, 'base64').toString();
  return { user: login.slice(0, login.lastIndexOf(':')), secret: login.slice(login.lastIndexOf(':') + 1) };
}

/** The operator's file, as docs/connectors.md describes it. */
function chosen({ connector, settings }: Subject, { way }: Losing, user: string): string {
  const { name } = connector;
  const lines = {
    connectors: { ticketing: { use: name, settings: { ...(settings as object), shows: 'all' } } },
    upstreams: { [name]: { base_url: way.upstreams?.[name]?.baseUrl, addresses: ['127.0.0.1/32'] } },
    credentials: { [name]: { scheme: 'basic', user, host: name, env: 'TICKETS_SECRET' } },
  };
  return Object.entries(lines)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join('\n');
}

const SUBJECTS = [jiraSubject('cloud'), servicenowSubject(), zendeskSubject()];

describe.each(SUBJECTS.map((subject) => [subject.connector.name, subject] as const))(
  'through the whole product to %s',
  (_name, subject) => {
    const database = useDatabase();
    let world: World;
    let losing: Losing;
    let house: TestAssistant;
    let secret: string;

    beforeAll(async () => {
      world = await subject.start();
      losing = await world.losing();
      const login = loginOf(world);
      secret = login.secret;
      house = await startAssistant(database, {
        extra: chosen(subject, losing, login.user),
        environment: { LOCAL_MODE_WITH_CONNECTORS: '1', TICKETS_SECRET: secret },
      });
    });
    afterAll(async () => {
      await house?.running.stop();
      house?.home.remove();
      await losing?.stop();
      await world?.stop();
    });

    async function opened(title: string): Promise<string> {
      const asked = await house.ask('alice', `${title}, please open a ticket`);
      await house.done('alice', asked, 'confirm');
      const ended = await house.until(asked, 'succeeded');
      return String((ended.result?.data as { ticket?: string } | undefined)?.ticket);
    }

    it('a ticket is opened, commented on, read and closed', async () => {
      const ticket = await opened('the VPN is down in Berlin');
      expect(await world.held(ticket)).toMatchObject({ title: 'the VPN is down in Berlin', isDone: false });
      const comment = await house.ask('alice', `ticket comment ticket=${ticket} comment="Also in Hamburg"`);
      await house.until(comment, 'succeeded');
      const { comments } = await world.held(ticket);
      expect(comments).toMatchObject([{ isOurs: true, isPublic: false }]);
      const look = await house.ask('dave', `status of ticket ${ticket}`);
      const seen = await house.until(look, 'succeeded');
      expect(seen.result).toMatchObject({
        message: expect.stringContaining(`Ticket ${ticket} is `),
        output: expect.stringContaining('Also in Hamburg'),
      });
      const close = await house.ask('alice', `ticket close ticket=${ticket}`);
      await house.until(close, 'succeeded');
      expect(await world.held(ticket)).toMatchObject({ isDone: true });
      expect(JSON.stringify(await house.verifiedLog())).not.toContain(secret);
    });

    it('a ticket whose answer was lost is found again, and not opened twice', async () => {
      const before = await world.count();
      losing.loseNextWrite();
      const ticket = await opened('the door is stuck');
      expect(await world.count()).toBe(before + 1);
      expect(await world.held(ticket)).toMatchObject({ title: 'the door is stuck' });
    });
  },
);

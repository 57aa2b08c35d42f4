import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { servicenow } from '../../actions/connectors/servicenow.ts';
import { COVERAGE } from '../support/servicenow/coverage.ts';
import { ERRORS, type FakeServiceNow, ROUTES } from '../support/servicenow/fake-servicenow.ts';
import { held, servicenowSubject } from './servicenow.world.ts';
import { ticketingContract } from './ticketing-contract.ts';
import { through, type World } from './ticketing-contract.world.ts';

let fake: FakeServiceNow;
const subject = servicenowSubject((started) => {
  fake = started;
});

describe('ServiceNow', () => {
  ticketingContract(subject);
});

describe("ServiceNow's own ways", () => {
  let world: World;
  beforeAll(async () => {
    world = await subject.start();
  });
  afterAll(() => world.stop());
  const { given, run, reconcile, preview, open } = through(subject, () => world);
  const denied = async <T>(field: string, work: () => Promise<T>): Promise<T> => {
    fake.unwritable.add(field);
    try {
      return await work();
    } finally {
      fake.unwritable.delete(field);
    }
  };

  it('leave out a field that our account may not write: that is said, not called done', async () => {
    const made = await denied('correlation_id', () => run('create', given({ title: 'VPN down' })));
    expect(made.value).toMatchObject({
      kind: 'unclear',
      result: { message: expect.stringContaining('another mark') },
    });
    const ticket = await open();
    const noted = await denied('work_notes', () => run('comment', given({ ticket, comment: 'x' })));
    expect(noted.value).toMatchObject({ kind: 'unclear', result: { code: 'read_back_differs' } });
    const stuck = await denied('state', () => run('close', given({ ticket })));
    expect(stuck.value).toMatchObject({
      kind: 'unclear',
      result: { message: expect.stringContaining('shows it as New') },
    });
  });

  it('leave out a condition that they do not understand: another incident is never taken for ours', async () => {
    fake.incidents.length = 0;
    const ticket = await open();
    // No incident has a field of that name now, so the query finds every one.
    for (const row of fake.incidents) delete row.correlation_id;
    expect(await reconcile('create', given({ title: 'VPN down' }))).toEqual({ kind: 'cannot_tell' });
    expect(ticket).toMatch(/^INC/);
  });

  it('cut off what is too long, so it is refused before', async () => {
    expect(await preview('create', given({ title: 'x'.repeat(161) }))).toMatchObject({
      refused: expect.stringContaining('160 characters of a title'),
    });
    const description = 'x'.repeat(4_000);
    expect(await preview('create', given({ title: 'Long', description }))).toMatchObject({
      refused: expect.stringContaining('4000 characters of a description'),
    });
  });

  it('name the fields that a data policy asks for, and rules that stop it', async () => {
    const request = given({ title: 'VPN down' }, { pinned: {} });
    const refusedWith = async (reply: ReturnType<typeof ERRORS.DataPolicy>) => {
      world.refuseNext(reply);
      return (await run('create', request)).value;
    };
    expect(await refusedWith(ERRORS.DataPolicy('Caller, Short description, Cost centre'))).toMatchObject({
      result: {
        code: 'upstream_rejected',
        message:
          'ServiceNow asks for a caller (`people`, `caller`), the title and a field of its own; an operator must look at its data policies.',
      },
    });
    expect(await refusedWith(ERRORS.BusinessRule())).toMatchObject({
      result: { message: expect.stringContaining("ServiceNow's own rules") },
    });
  });

  it('hide the journal without the right to read it: then nobody but a person can tell', async () => {
    const ticket = await open();
    const request = given({ ticket, comment: 'x' });
    expect((await run('comment', request)).value).toMatchObject({ kind: 'done' });
    fake.isJournalHidden = true;
    expect(await reconcile('comment', request)).toEqual({ kind: 'cannot_tell' });
    expect((await run('status', request)).value).toMatchObject({ kind: 'done' });
    fake.isJournalHidden = false;
  });

  it('write for the caller too where that is meant, and say so before', async () => {
    const settings = { ...(subject.settings as object), comments: 'public' };
    const ticket = await open();
    const request = given({ ticket, comment: 'Fixed' }, { settings });
    expect(await preview('comment', request)).toMatchObject({
      facts: expect.arrayContaining([
        { label: 'Read by', value: 'staff and the caller' },
        { label: 'Caller', value: 'Callers of the desk', quoted: true },
      ]),
    });
    await run('comment', request);
    expect(held(fake, ticket).comments).toMatchObject([{ isPublic: true }]);
  });
});

it.each(['a^b', 'a=b', 'line\nfeed'])(
  'an account called %j is refused at the start: it could extend a query',
  (account) => {
    const settings = { account, web: 'https://acme.service-now.com' };
    expect(servicenow.settings.safeParse(settings).success).toBe(false);
  },
);

describe('the fake ServiceNow', () => {
  it('covers what its list says, no more and no less', () => {
    expect(Object.keys(ROUTES).sort()).toEqual([...COVERAGE.routes]);
    expect(Object.keys(ERRORS).sort()).toEqual([...COVERAGE.errors]);
    const source = readFileSync(new URL('../support/servicenow/fake-servicenow.ts', import.meta.url), 'utf8');
    const tests = readFileSync(new URL('servicenow.test.ts', import.meta.url), 'utf8');
    for (const name of COVERAGE.errors) expect(source + tests).toContain(`ERRORS.${name}`);
  });
});

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COVERAGE } from '../support/zendesk/coverage.ts';
import { ERRORS, type FakeZendesk, ROUTES } from '../support/zendesk/fake-zendesk.ts';
import { ticketingContract } from './ticketing-contract.ts';
import { through, ticketIn, type World } from './ticketing-contract.world.ts';
import { found, held, zendeskSubject } from './zendesk.world.ts';

let fake: FakeZendesk;
const subject = zendeskSubject((started) => {
  fake = started;
});

describe('Zendesk', () => {
  ticketingContract(subject);
});

describe("Zendesk's own ways", () => {
  let world: World;
  beforeAll(async () => {
    world = await subject.start();
  });
  afterAll(() => world.stop());
  const { given, run, reconcile, preview, open } = through(subject, () => world);

  it('enforce the key of an execution: asked twice, one ticket is opened', async () => {
    const request = given({ title: 'VPN down' });
    const first = await run('create', request);
    const before = await world.count();
    expect((await run('create', request)).value).toEqual(first.value);
    expect(await world.count()).toBe(before);
    const other = { ...request, args: { title: 'Another' } };
    expect((await run('create', other)).value).toMatchObject({
      kind: 'failed',
      result: { code: 'key_reused' },
    });
  });

  it('name the field that they do not accept', async () => {
    const request = given({ title: 'VPN down' }, { pinned: {} });
    world.refuseNext(ERRORS.InvalidRecord('priority'));
    expect((await run('create', request)).value).toMatchObject({
      result: { code: 'upstream_rejected', message: 'Zendesk does not accept the priority as it is.' },
    });
    world.refuseNext(ERRORS.InvalidRecord('custom_field_9'));
    expect((await run('create', request)).value).toMatchObject({
      result: { message: 'Zendesk does not accept a field of its own as it is.' },
    });
  });

  it('let nobody write on a closed ticket', async () => {
    const ticket = await open();
    found(fake, ticket).status = 'closed';
    const request = given({ ticket, comment: 'x' }, { pinned: {} });
    expect(await preview('comment', request)).toMatchObject({ refused: expect.stringContaining('closed') });
    expect((await run('comment', request)).value).toMatchObject({
      kind: 'failed',
      result: { code: 'ticket_closed' },
    });
  });

  it('have our account as the author of what it wrote, whomever the ticket is for', async () => {
    const settings = { ...(subject.settings as object), people: { alice: '902' } };
    const { value } = await run('create', given({ title: 'VPN down' }, { settings }));
    const ticket = found(fake, ticketIn(value));
    expect(ticket).toMatchObject({ requester_id: 902, submitter_id: 900 });
    expect(ticket.comments).toMatchObject([{ author_id: 900 }]);
  });

  it('may turn a public comment into an internal one: that is said, not called done', async () => {
    const settings = { ...(subject.settings as object), comments: 'public' };
    const ticket = await open();
    found(fake, ticket).requester_id = fake.users.customer.id;
    const request = given({ ticket, comment: 'Fixed' }, { settings });
    expect(await preview('comment', request)).toMatchObject({
      facts: expect.arrayContaining([
        { label: 'Read by', value: 'agents, the requester and everybody copied in' },
        { label: 'Requester there', value: 'Alice', quoted: true },
      ]),
    });
    expect((await run('comment', request)).value).toMatchObject({ kind: 'done' });
    expect(held(fake, ticket).comments).toMatchObject([{ isPublic: true }]);
    fake.users.ours.isLight = true;
    const again = given({ ticket, comment: 'Really' }, { settings });
    expect((await run('comment', again)).value).toMatchObject({
      kind: 'unclear',
      result: { code: 'read_back_differs' },
    });
    expect(await reconcile('comment', again)).toEqual({ kind: 'cannot_tell' });
    // The first text of a ticket too.
    expect((await run('create', given({ title: 'VPN down' }, { settings }))).value).toMatchObject({
      kind: 'unclear',
      result: { message: expect.stringContaining('another set of readers') },
    });
    fake.users.ours.isLight = false;
  });

  it('may open a ticket otherwise than asked: that is said too', async () => {
    world.refuseNext({ status: 201, body: { ticket: { id: 5, subject: 'Changed by a trigger' } } });
    expect((await run('create', given({ title: 'VPN down' }))).value).toMatchObject({
      kind: 'unclear',
      result: {
        message: expect.stringContaining('another title, description, mark, group and set of readers'),
      },
    });
  });

  it('may stop to take calls while comments are read', async () => {
    const ticket = await open();
    const request = given({ ticket }, { pinned: {} });
    world.refuseNext(ERRORS.APIRateLimitExceeded());
    expect((await run('status', request)).value).toMatchObject({
      kind: 'failed',
      result: { code: 'rate_limited' },
    });
  });
});

describe('the fake Zendesk', () => {
  it('covers what its list says, no more and no less', () => {
    expect(Object.keys(ROUTES).sort()).toEqual([...COVERAGE.routes]);
    expect(Object.keys(ERRORS).sort()).toEqual([...COVERAGE.errors]);
    const source = readFileSync(new URL('../support/zendesk/fake-zendesk.ts', import.meta.url), 'utf8');
    for (const name of COVERAGE.errors) expect(source).toContain(`ERRORS.${name}`);
  });
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { document, wiki, wordsOf } from '../../actions/connectors/jira-texts.ts';
import { sameWords } from '../../actions/connectors/ticket-words.ts';
import { COVERAGE } from '../support/jira/coverage.ts';
import { type Edition, ERRORS, type FakeJira, ROUTES, type Ticket } from '../support/jira/fake-jira.ts';
import { documentOf, isDocument, seen } from '../support/jira/texts.ts';
import { found, jiraSubject } from './jira.world.ts';
import { call } from './through-broker.ts';
import { ticketingContract } from './ticketing-contract.ts';
import { through, type World } from './ticketing-contract.world.ts';

let fake: FakeJira;
const subjectFor = (edition: Edition) =>
  jiraSubject(edition, (started) => {
    fake = started;
  });

describe.each(['cloud', 'data-center'] as const)('Jira, %s', (edition) => {
  ticketingContract(subjectFor(edition));
});

describe.each(['cloud', 'data-center'] as const)("Jira's own ways, %s", (edition) => {
  const subject = subjectFor(edition);
  let world: World;
  beforeAll(async () => {
    world = await subject.start();
  });
  afterAll(() => world.stop());
  const { given, run, reconcile, preview, open, pinnedBy, upstream, operation } = through(
    subject,
    () => world,
  );
  const refused = (text: string) => ({ refused: expect.stringContaining(text) });

  it('let search be behind: what it does not show yet proves nothing, and is found later', async () => {
    const request = given({ title: 'VPN down' });
    fake.isIndexBehind = true;
    const { value } = await run('create', request);
    fake.isIndexBehind = false;
    expect(value).toMatchObject({ kind: 'done' });
    expect(await reconcile('create', request)).toEqual({ kind: 'cannot_tell' });
    for (const ticket of fake.tickets) ticket.isIndexed = true;
    expect(await reconcile('create', request)).toEqual({ kind: 'happened', outcome: value });
  });

  it('page what our account opened: it is found past the first page', async () => {
    const request = given({ title: 'VPN down' });
    const { value } = await run('create', request);
    const like = fake.tickets.at(-1) as Ticket;
    for (let index = 0; index < 60; index += 1)
      fake.tickets.push({ ...like, key: `IT-${fake.tickets.length + 1}`, summary: `another ${index}` });
    expect(await reconcile('create', request)).toEqual({ kind: 'happened', outcome: value });
  });

  it('have request types: one that cannot be opened is refused before anybody approves', async () => {
    const request = given({ title: 'VPN down' });
    const usual = fake.fields;
    fake.fields = [...usual, { fieldId: 'customfield_10050', required: true }];
    expect(await preview('create', request)).toEqual(
      refused('asks for a field that the assistant does not fill'),
    );
    fake.fields = usual.filter(({ fieldId }) => fieldId !== 'description');
    expect(await preview('create', request)).toEqual(refused('has no field for description'));
    fake.fields = usual;
    fake.deskProject = 'HR';
    expect(await preview('create', request)).toEqual(refused('not that of the project IT'));
    fake.deskProject = 'IT';
    const settings = { ...(subject.settings as object), request_type: '99' };
    expect(await preview('create', { ...request, settings })).toEqual(refused('no such request'));
  });

  it('may not let our account open requests for others: that is refused before anybody approves', async () => {
    const people = { alice: fake.people.customer.id };
    const request = given({ title: 'VPN down' }, { settings: { ...(subject.settings as object), people } });
    fake.canRaiseOnBehalfOf = false;
    expect(await preview('create', request)).toEqual(
      refused("does not let the assistant's account open requests for somebody else"),
    );
    expect(await preview('create', given({ title: 'VPN down' }))).not.toHaveProperty('refused');
    fake.canRaiseOnBehalfOf = true;
  });

  it('close by the transition that was approved, and by no other', async () => {
    const ticket = await open();
    const request = given({ ticket });
    const pinned = await pinnedBy('close', request);
    expect(pinned).toEqual({ project: 'IT', transition: '761' });
    found(fake, ticket).status = 'In progress';
    // The executor sees that it has moved; were it sent all the same, Jira would not take it.
    expect(await pinnedBy('close', request)).toMatchObject({ transition: '762' });
    expect((await run('close', { ...request, pinned })).value).toMatchObject({ kind: 'failed' });
    const settings = { ...(subject.settings as object), closing: { status: 'Nowhere' } };
    expect(await preview('close', { ...request, settings })).toEqual(
      refused('to “Nowhere” from where it is now'),
    );
    const nothing = await run('close', { ...request, pinned: {} }).catch((error: unknown) => error);
    expect(nothing).toBeInstanceOf(Error);
    expect(found(fake, ticket).status).toBe('In progress');
  });

  it('may ask for a resolution, which is named, and given where the operator says which', async () => {
    fake.asksForResolution = true;
    const ticket = await open();
    const request = given({ ticket });
    expect((await run('close', request)).value).toMatchObject({
      kind: 'failed',
      result: { message: 'Jira does not accept the resolution (`closing`).' },
    });
    const settings = { ...(subject.settings as object), closing: { status: 'resolved', resolution: 'Done' } };
    expect((await run('close', { ...request, settings })).value).toMatchObject({ kind: 'done' });
    expect(found(fake, ticket).resolution).toBe('Done');
    fake.asksForResolution = false;
  });

  it('may make a comment public that was not meant to be: that is said, not called done', async () => {
    fake.isCustomerOnly = true;
    const ticket = await open();
    const request = given({ ticket, comment: 'x' });
    expect((await run('comment', request)).value).toMatchObject({
      kind: 'unclear',
      result: { message: expect.stringContaining('not internal') },
    });
    fake.isCustomerOnly = false;
    // Nor where its answer was lost.
    expect(await reconcile('comment', request)).toEqual({ kind: 'cannot_tell' });
  });

  it('may hold a ticket otherwise than asked, or not show it: that is said too', async () => {
    const request = given({ title: 'VPN down' });
    const follow = async (handle: Record<string, string | number>) =>
      (await call(upstream(), operation('create'), 'follow', { ...request, handle })).value;
    const key = await open();
    expect(await follow({ key, title: 'Another', text: 'x' })).toMatchObject({
      kind: 'unclear',
      result: { message: expect.stringContaining('another title and description') },
    });
    const gone = { key: 'IT-99999', title: 'x', text: 'x' };
    expect(await follow(gone)).toEqual({ kind: 'running', handle: { ...gone, looks: 1 }, output: '' });
    expect(await follow({ ...gone, looks: 9 })).toMatchObject({ kind: 'unclear' });
  });

  it('take the ticket of another project for none', async () => {
    const { value } = await run('status', given({ ticket: 'HR-1' }));
    expect(value).toMatchObject({
      result: { message: 'Tickets of the project IT of Jira are written like IT-12.' },
    });
  });
});

describe('words as Jira holds them', () => {
  it('are the same, whatever they are made of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (words) => {
        expect(sameWords(wordsOf(document(words)), words)).toBe(true);
        expect(isDocument(document(words))).toBe(true);
      }),
    );
  });

  it('tell nobody, and end no literal block, whatever they are made of', () => {
    const part = fc.constantFrom(
      '{noformat}',
      '{NoFormat',
      '[~eve]',
      '[~',
      '~',
      '[',
      ']',
      '*b*',
      ' ',
      'x',
      '\n',
      '{',
      '}',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const words = parts.join('');
        expect(seen(wiki(words))).not.toMatch(/<b>|<told/);
        expect(seen(documentOf(wiki(words)))).not.toMatch(/<b>|<told/);
        expect(sameWords(seen(documentOf(wiki(words))), words)).toBe(true);
      }),
    );
  });
});

describe('the fake Jira', () => {
  it('covers what its list says, no more and no less', () => {
    expect(Object.keys(ROUTES).sort()).toEqual([...COVERAGE.routes]);
    expect(Object.keys(ERRORS).sort()).toEqual([...COVERAGE.errors]);
    const source = readFileSync(new URL('../support/jira/fake-jira.ts', import.meta.url), 'utf8');
    for (const name of COVERAGE.errors) expect(source).toContain(`ERRORS.${name}`);
  });
});

/**
 * What every connector of the port `ticketing` does, whatever the system behind it: called with a system, pretended or real, and
 * a way to look into it. Every call passes the real broker. A rule that a system cannot keep is left out by name, with the reason.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../../src/model/request.ts';
import { findSecrets } from '../../src/screening/secrets.ts';
import {
  type Exceptable,
  type Subject,
  through,
  ticketIn,
  VPN,
  type World,
} from './ticketing-contract.world.ts';

const INVISIBLE = /\u2060/g;

export function ticketingContract(subject: Subject): void {
  let world: World;
  beforeAll(async () => {
    world = await subject.start();
  });
  afterAll(() => world.stop());
  const { upstream, given, preview, run, reconcile, open, pinnedBy } = through(subject, () => world);
  const words = (text: string): string => text.replace(INVISIBLE, '');
  const noun = subject.noun ?? 'Ticket';
  const why = (rule: Exceptable): string | undefined => subject.exceptions?.[rule];
  const unless = (rule: Exceptable) => (says: string, proof: () => Promise<void>) =>
    why(rule) === undefined ? it(says, proof) : it.skip(`${says} Excepted: ${why(rule)}.`, proof);

  describe('a ticket', () => {
    it('is opened as it was asked for, in the name of the requester, and found again by its mark', async () => {
      const request = given(VPN);
      expect(await preview('create', request)).toMatchObject({
        summary: expect.stringMatching(/^Open an? /),
        facts: expect.arrayContaining([{ label: 'Opened for', value: 'alice (Alice Adams)' }]),
      });
      const before = await world.count();
      const { value, heard } = await run('create', request);
      expect(value).toMatchObject({
        kind: 'done',
        result: {
          message: expect.stringMatching(new RegExp(`^${noun} \\S+ is open\\.$`)),
          link: expect.stringMatching(/^https?:\/\//),
        },
      });
      expect(heard.writes).toHaveLength(1);
      expect(await world.count()).toBe(before + 1);
      const ticket = ticketIn(value);
      expect(ticket).toMatch(subject.ticket.pattern);
      const held = await world.held(ticket);
      expect(held).toMatchObject({ title: VPN.title, isDone: false, comments: [] });
      expect(held.text).toContain('since <noon> & "before".');
      expect(held.text).toContain('Written for alice (Alice Adams) by Countersign.');
      expect(await reconcile('create', request)).toEqual({ kind: 'happened', outcome: value });
    });

    it('without a description or priority is one too', async () => {
      const held = await world.held(await open({ title: 'Only a title' }));
      expect(held.text).toContain('Written for alice');
    });

    it('holds what people wrote literally: no markup, no placeholder, nobody told', async () => {
      const ticket = await open({ title: 'Hostile', description: subject.hostile.text });
      await run('comment', given({ ticket, comment: subject.hostile.text }));
      const { text, comments } = await world.held(ticket);
      for (const said of [text, comments[0]?.text ?? '']) {
        expect(words(said)).toContain(subject.hostile.text);
        expect(said).not.toMatch(subject.hostile.never);
      }
    });

    it.each([6, 10, 16])(
      'holds no secret whose first %d characters are in its title and the others in its description',
      async (cut) => {
        const key = ['AKIA', 'QXZ7LM2PV9RT4WBN'].join('');
        const halves = { title: `VPN ${key.slice(0, cut)}`, description: `${key.slice(cut)} please` };
        const scan = (said: string) => findSecrets(said)[0]?.type ?? null;
        const before = await world.count();
        const { heard } = await run('create', given(halves), { ...upstream(), scan });
        expect(heard.refused).toMatchObject([{ code: 'secret_in_request', detail: 'aws_access_key' }]);
        expect(await world.count()).toBe(before);
      },
    );

    it("is not taken for ours with another execution's mark, or with other words", async () => {
      const request = given(VPN);
      await open();
      expect(await reconcile('create', request)).toEqual({ kind: 'cannot_tell' });
      await run('create', given({ ...VPN, title: 'Something else' }, { mark: request.mark ?? '' }));
      expect(await reconcile('create', request)).toEqual({ kind: 'cannot_tell' });
    });

    unless('accounts')('is not taken for ours by another account', async () => {
      const request = given(VPN);
      await run('create', request, upstream('other'));
      expect(await reconcile('create', request)).toEqual({ kind: 'cannot_tell' });
    });

    async function isRefusedInWords(ticket: string): Promise<void> {
      for (const name of ['comment', 'close']) {
        const request = given({ ticket, comment: 'x' });
        const refused = await preview(name, request);
        expect(refused).toMatchObject({ refused: expect.stringMatching(/^[A-Z#].*\.$/) });
        expect(JSON.stringify(refused)).not.toContain(subject.vendorWords);
      }
      const { value } = await run('status', given({ ticket }));
      expect(value).toMatchObject({ kind: 'failed', result: { code: 'not_found' } });
    }

    it('that is not there is refused in words', () => isRefusedInWords(subject.ticket.unknown));

    unless('places')('that is elsewhere is refused in words', async () =>
      isRefusedInWords(await world.elsewhere()),
    );

    it.each(subject.ticket.strange)(
      'written like %s reaches no other address than that of a ticket',
      async (ticket) => {
        const { value } = await run('status', given({ ticket }));
        expect(value).toMatchObject({ kind: 'failed', result: { code: 'not_found' } });
      },
    );
  });

  describe('a comment', () => {
    it('is written once, says beforehand who will read it, and is found again past the first page', async () => {
      const ticket = await open();
      const request = given({ ticket, comment: 'Also in Hamburg,\n\nand Kiel' });
      expect(await preview('comment', request)).toMatchObject({
        facts: expect.arrayContaining([
          { label: noun, value: `“${VPN.title}”`, quoted: true },
          { label: 'Read by', value: expect.any(String) },
          { label: 'Written for', value: 'alice (Alice Adams)' },
        ]),
      });
      const { value, heard } = await run('comment', request);
      expect(value).toMatchObject({
        kind: 'done',
        result: { message: `The comment is on ${noun.toLowerCase()} ${ticket}.` },
      });
      expect(heard.writes).toHaveLength(1);
      const isPublic = why('internal comments') !== undefined;
      expect((await world.held(ticket)).comments).toMatchObject([{ isOurs: true, isPublic }]);
      await world.saidByOthers(ticket, 250, isPublic);
      const asked = world.calls().length;
      expect(await reconcile('comment', request)).toEqual({ kind: 'happened', outcome: value });
      expect(world.calls().length - asked).toBeGreaterThanOrEqual(subject.pages);
    });

    unless('accounts')('is not taken for ours when somebody else wrote it', async () => {
      const ticket = await open();
      const request = given({ ticket, comment: 'Also in Hamburg' });
      await run('comment', request, upstream('other'));
      expect(await reconcile('comment', request)).toEqual({ kind: 'cannot_tell' });
    });

    it("is not taken for ours with another execution's mark", async () => {
      const ticket = await open();
      const request = given({ ticket, comment: 'Also in Hamburg' });
      await run('comment', given({ ticket, comment: 'Also in Hamburg' }));
      expect(await reconcile('comment', request)).toEqual({ kind: 'cannot_tell' });
    });
  });

  describe('a look at a ticket', () => {
    it('shows state, link and the newest comments, as quoted words', async () => {
      const ticket = await open();
      await world.saidByOthers(ticket, 30);
      const { value } = await run('status', given({ ticket }));
      expect(value).toMatchObject({
        kind: 'done',
        result: {
          message: expect.stringContaining(`${noun} ${ticket} is `),
          link: expect.stringMatching(/^https?:\/\//),
          output: expect.stringMatching(/note 28\n[^\n]*note 29$/),
          data: { ticket, title: VPN.title },
        },
      });
      const { message = '', output = '' } = value.kind === 'done' ? value.result : {};
      expect(output).not.toContain('note 9\n');
      expect(message).not.toMatch(/note|\n/);
    });

    unless('owner')('shows who owns it, in our sentence and in one line', async () => {
      const ticket = await open();
      const owner = await world.ownedBy(ticket);
      const { value } = await run('status', given({ ticket }));
      expect(value).toMatchObject({
        result: {
          message: expect.stringMatching(new RegExp(`^${noun} ${ticket} is [^\\n]*owner ${owner}`)),
          data: { owner },
        },
      });
    });
  });

  describe('what staff says among themselves', () => {
    unless('internal comments')('is shown only where the operator says so', async () => {
      const ticket = await open();
      await world.saidByOthers(ticket, 1, false);
      const usual = await run('status', given({ ticket }));
      expect(JSON.stringify(usual.value)).not.toContain('note 0');
      const settings = { ...(subject.settings as object), shows: 'all' };
      const all = await run('status', given({ ticket }, { settings }));
      expect(all.value).toMatchObject({
        kind: 'done',
        result: { output: expect.stringContaining('note 0') },
      });
    });
  });

  describe('many notes of staff', () => {
    unless('internal comments')('hide nothing of what everybody may read', async () => {
      const ticket = await open();
      await world.saidByOthers(ticket, 2);
      await world.saidByOthers(ticket, 110, false);
      const { value } = await run('status', given({ ticket }));
      expect(value).toMatchObject({ result: { output: expect.stringMatching(/note 0\n[^\n]*note 1$/) } });
    });
  });

  describe('closing', () => {
    it('is read back, found again, harmless when repeated, and refused for a closed ticket', async () => {
      const ticket = await open();
      const request = given({ ticket });
      const pinned = await pinnedBy('close', request);
      const closing = { ...request, pinned };
      expect(await reconcile('close', closing)).toEqual({ kind: 'cannot_tell' });
      const { value, heard } = await run('close', closing);
      expect(value).toMatchObject({ kind: 'done', result: { message: `${noun} ${ticket} is closed.` } });
      expect(heard.writes).toHaveLength(1);
      expect((await world.held(ticket)).isDone).toBe(true);
      expect(await reconcile('close', closing)).toEqual({ kind: 'happened', outcome: value });
      expect((await run('close', closing)).value).toEqual(value);
      expect(await preview('close', request)).toEqual({ refused: `${noun} ${ticket} is closed already.` });
    });
  });

  const { people } = subject;
  const withPeople = (more: object = {}): Json =>
    ({
      ...(subject.settings as object),
      ...(people ? { people: { alice: people.alice } } : {}),
      ...more,
    }) as Json;
  const withNobody = (more: object = {}): Json =>
    ({
      ...(subject.settings as object),
      ...people?.nobody,
      people: { bob: people?.alice ?? '' },
      ...more,
    }) as Json;
  const opened = async (settings: Json): Promise<string> =>
    ticketIn((await run('create', given(VPN, { settings }))).value);

  describe('whoever asked', () => {
    unless('people')('has the ticket in their own name there, as the card says before', async () => {
      const request = given(VPN, { settings: withPeople() });
      const seen = await preview('create', request);
      expect(seen).toMatchObject({
        facts: expect.arrayContaining([{ label: 'Requester there', value: people?.alice }]),
        pinned: { requester: people?.alice },
      });
      const { value } = await run('create', request);
      expect((await world.held(ticketIn(value))).requester).toBe(people?.alice);
      expect(await reconcile('create', request)).toEqual({ kind: 'happened', outcome: value });
    });

    unless('people')(
      "and of whom the operator does not say who they are there, has it in nobody's",
      async () => {
        const seen = await preview('create', given(VPN, { settings: withNobody() }));
        expect(seen).toMatchObject({
          facts: expect.arrayContaining([
            { label: 'Requester there', value: expect.stringMatching(/^nobody$|^the assistant's account$/) },
          ]),
          pinned: {},
        });
        expect((await world.held(await opened(withNobody()))).requester).toBeNull();
      },
    );

    unless('people')(
      'reads a comment only where they are the requester, and the card says which',
      async () => {
        const seen = async (ticket: string) => {
          const shown = await preview(
            'comment',
            given({ ticket, comment: 'Fixed' }, { settings: withPeople(people?.openly) }),
          );
          if ('refused' in shown) throw new Error(shown.refused);
          const readBy = shown.facts.find(({ label }) => label === 'Read by')?.value ?? '';
          return { readBy, pinned: shown.pinned };
        };
        const theirs = await seen(await opened(withPeople()));
        expect(theirs.readBy).toMatch(/the (?:requester|requestor|customer|caller)(?! is)/);
        const nobodys = await seen(await opened(withNobody()));
        expect(nobodys.readBy).toMatch(/nobody but the assistant|alone/);
        // So that a ticket which another is the requester of by then is not written on.
        expect(Object.keys(nobodys.pinned)).toEqual(Object.keys(theirs.pinned));
        expect(nobodys.pinned).not.toEqual(theirs.pinned);
      },
    );
  });

  describe('an opened ticket that the system stored', () => {
    it.each(subject.asked)('with another %s is not called done', async (what) => {
      const request = given(VPN, { settings: withPeople() });
      const before = await world.count();
      const undo = world.storesOtherwise(what);
      const { value } = await run('create', request);
      expect(value).toMatchObject({
        kind: 'unclear',
        result: {
          code: 'read_back_differs',
          message: expect.stringContaining(`with another ${what}. Please look`),
          link: expect.stringMatching(/^https?:\/\//),
        },
      });
      expect(await world.count()).toBe(before + 1);
      expect(await reconcile('create', request)).toEqual({ kind: 'cannot_tell' });
      undo();
    });
  });

  describe('an answer that was lost', () => {
    it.each(['create', 'comment', 'close'])(
      'of %s is no failure: what happened is found again',
      async (name) => {
        const losing = await world.losing();
        const ticket = name === 'create' ? '' : await open();
        const request = given(name === 'create' ? VPN : { ticket, comment: 'Also in Hamburg' });
        const pinned = await pinnedBy(name, request);
        const before = await world.count();
        losing.loseNextWrite();
        const running = run(name, { ...request, pinned }, losing.way);
        await expect(running).rejects.toMatchObject({ code: 'upstream_failed' });
        await losing.stop();
        expect(await world.count()).toBe(before + (name === 'create' ? 1 : 0));
        expect(await reconcile(name, { ...request, pinned })).toMatchObject({
          kind: 'happened',
          outcome: { kind: 'done' },
        });
      },
    );

    it.each(['create', 'comment', 'close'])('of %s that never arrived proves nothing', async (name) => {
      const ticket = name === 'create' ? '' : await open();
      const request = given(name === 'create' ? VPN : { ticket, comment: 'x' });
      expect(await reconcile(name, request)).toEqual({ kind: 'cannot_tell' });
    });
  });

  describe('what the system refuses', () => {
    const cases: [number, string][] = [
      [400, 'upstream_rejected'],
      [401, 'upstream_unauthorized'],
      [403, 'upstream_forbidden'],
      [404, 'not_found'],
      [409, 'upstream_conflict'],
      [429, 'rate_limited'],
      ...subject.refusals,
    ];
    for (const [status, code] of cases)
      unless('refusals')(`with ${status} is a failure in our words, and changed nothing`, async () => {
        const before = await world.count();
        const request = given(VPN, { pinned: {} });
        world.refuseNext(status);
        const { value } = await run('create', request);
        expect(value).toMatchObject({ kind: 'failed', result: { code } });
        expect(JSON.stringify(value)).not.toContain(subject.vendorWords);
        expect(await world.count()).toBe(before);
      });

    for (const status of [500, 503])
      unless('refusals')(`with ${status} leaves open what happened: it is thrown`, async () => {
        const request = given(VPN, { pinned: {} });
        world.refuseNext(status);
        await expect(run('create', request)).rejects.toMatchObject({ code: 'upstream_failed' });
      });

    unless('refusals')('is said in a preview too', async () => {
      const ticket = await open();
      world.refuseNext(403);
      const refused = await preview('comment', given({ ticket, comment: 'x' }));
      expect(refused).toMatchObject({ refused: expect.stringContaining("assistant's account") });
    });

    unless('accounts')('is a credential that opens nothing', async () => {
      const { value } = await run('create', given(VPN, { pinned: {} }), upstream('nobody'));
      expect(value).toMatchObject({ kind: 'failed', result: { code: 'upstream_unauthorized' } });
    });

    unless('refusals')('is an answer that is no answer', async () => {
      world.refuseNext({ status: 201, body: {} });
      await expect(run('create', given(VPN, { pinned: {} }))).rejects.toMatchObject({
        code: 'upstream_failed',
      });
    });
  });
}

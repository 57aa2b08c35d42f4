/** Incidents and pages on a pretended PagerDuty, every call through the real broker. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pagerduty } from '../../actions/connectors/pagerduty.ts';
import { RESOLVED } from '../../actions/connectors/pagerduty-incidents.ts';
import type { Json } from '../../src/model/request.ts';
import { startLosingProxy } from '../support/losing-proxy.ts';
import { COVERAGE } from '../support/pagerduty/coverage.ts';
import { ERRORS, FakePagerDuty, ROUTES, SAID } from '../support/pagerduty/fake-pagerduty.ts';
import { call, type Given } from './through-broker.ts';

const SETTINGS = pagerduty.settings.parse({
  from: 'assistant@example.com',
  account: 'PASSIST',
  web: 'https://acme.pagerduty.com/',
  services: { web: { id: 'PWEB001', title: 'Web' }, off: { id: 'POFF001', title: 'Off' } },
  teams: { platform: { service: 'PPAGES1', escalation_policy: 'PPOLPLA', title: 'Platform' } },
});
const OPEN = { service: 'web', title: 'Checkout is down', description: 'Since noon.', urgency: 'low' };

let fake: FakePagerDuty;
beforeAll(async () => {
  fake = await FakePagerDuty.start(`pd-${crypto.randomUUID()}`);
});
afterAll(() => fake.stop());

const config = (baseUrl = fake.wire.baseUrl) => ({
  upstreams: { 'api.pagerduty.com': { baseUrl, addresses: ['127.0.0.0/8'] } },
  credentials: { get: async (name: string) => (name === 'pagerduty' ? `Token token=${fake.token}` : null) },
});
type Name = 'preview' | 'run' | 'reconcile';
const on = async (
  operation: string,
  name: Name,
  args: Record<string, Json>,
  more: Given = {},
  baseUrl?: string,
) =>
  (await call(config(baseUrl), pagerduty.operations[operation]!, name, { args, settings: SETTINGS, ...more }))
    .value;
const anOpenOne = (service = 'PWEB001') =>
  fake.open({ title: 'Old', service, key: crypto.randomUUID(), details: '' });

describe('an incident', () => {
  it('is previewed with its service, and with who would be told first', async () => {
    expect(await on('open', 'preview', OPEN)).toMatchObject({
      summary: 'Open an incident for Web on PagerDuty.',
      facts: expect.arrayContaining([
        { label: 'Service', value: 'Web (active)' },
        { label: 'On call now', value: '1: Bob B.; 2: Assistant', quoted: true },
      ]),
    });
  });

  it('is opened once, in the name of the assistant, and found again by its key', async () => {
    const given = { mark: 'mark-open' };
    expect(await on('open', 'reconcile', OPEN, given)).toEqual({ kind: 'cannot_tell' });
    const opened = await on('open', 'run', OPEN, given);
    const incident = fake.incidents.find(({ incident_key }) => incident_key === 'mark-open')!;
    expect(opened).toMatchObject({
      kind: 'done',
      result: {
        data: { incident: incident.id },
        link: `https://acme.pagerduty.com/incidents/${incident.id}`,
      },
    });
    expect(incident).toMatchObject({ title: 'Checkout is down', urgency: 'low', service: { id: 'PWEB001' } });
    expect(incident.body.details).toBe('Since noon.\n\nWritten for alice (Alice Adams) by Countersign.');
    expect(await on('open', 'reconcile', OPEN, given)).toEqual({ kind: 'happened', outcome: opened });
    // The same key with other words is somebody else's.
    expect(await on('open', 'reconcile', { ...OPEN, title: 'Another' }, given)).toEqual({
      kind: 'cannot_tell',
    });
  });

  it('whose answer was lost is not opened again: it throws, and is found by its key', async () => {
    const proxy = await startLosingProxy(fake.wire.baseUrl);
    proxy.loseNextWrite();
    const given = { mark: 'mark-lost' };
    await expect(on('open', 'run', OPEN, given, proxy.baseUrl)).rejects.toThrow('no clear answer');
    await proxy.stop();
    expect(fake.incidents.filter(({ incident_key }) => incident_key === 'mark-lost')).toHaveLength(1);
    expect(await on('open', 'reconcile', OPEN, given)).toMatchObject({ kind: 'happened' });
  });

  it.each([
    [{ ...OPEN, service: 'nope' }, 'There is no service called nope; there is web, off.'],
    [{ ...OPEN, service: 'constructor' }, 'There is no service called constructor'],
    [{ ...OPEN, service: 'off' }, 'The service off is disabled on PagerDuty.'],
  ])('cannot be opened where there is no such service: %#', async (args, words) => {
    expect(await on('open', 'preview', args)).toMatchObject({ refused: expect.stringContaining(words) });
  });

  it.each(['newest', 'oldest'])(
    'is read with its newest notes, as other people said them, where PagerDuty lists the %s first',
    async (first) => {
      const incident = anOpenOne();
      const said = Array.from({ length: 22 }, (_, index) => `note ${index + 1}`);
      for (const words of said) fake.addNote(incident.id, words, fake.users[1]!);
      if (first === 'oldest') fake.notes.get(incident.id)?.reverse();
      expect(await on('status', 'run', { incident: incident.id })).toMatchObject({
        result: {
          message: `Incident ${incident.id} is triggered, urgency high, assigned to Bob B..`,
          output: ['Old', ...said.slice(2).map((words) => `Bob B.: ${words}`)].join('\n'),
        },
      });
    },
  );

  it('takes a note, which is found again by our account and its words', async () => {
    const incident = anOpenOne();
    const args = { incident: incident.id, note: 'Looking into it.' };
    expect(await on('note', 'preview', args)).toMatchObject({ pinned: { service: 'PWEB001' } });
    expect(await on('note', 'reconcile', args)).toEqual({ kind: 'cannot_tell' });
    const noted = await on('note', 'run', args);
    expect(noted).toMatchObject({ kind: 'done' });
    expect(await on('note', 'reconcile', args)).toEqual({ kind: 'happened', outcome: noted });
    const [note] = fake.notes.get(incident.id)!;
    note!.user = fake.reference(fake.users[1]!);
    expect(await on('note', 'reconcile', args)).toEqual({ kind: 'cannot_tell' });
  });

  it('is resolved, read back, and not resolved twice', async () => {
    const incident = anOpenOne();
    const args = { incident: incident.id };
    expect(await on('resolve', 'run', args)).toMatchObject({ kind: 'done' });
    expect(incident.status).toBe('resolved');
    expect(await on('resolve', 'preview', args)).toEqual({
      refused: `Incident ${incident.id} is resolved already.`,
    });
    expect(RESOLVED.incident.status).toBe('resolved');
  });

  it('that is resolved by the time it is asked for, by us or somebody else, is no failure', async () => {
    const incident = anOpenOne();
    incident.status = 'resolved';
    expect(await on('resolve', 'run', { incident: incident.id })).toMatchObject({ kind: 'done' });
  });

  it.each(['status', 'note', 'resolve'])(
    'of another service is neither shown nor changed: %s',
    async (operation) => {
      const args = { incident: anOpenOne('POTHER1').id, note: 'x' };
      const answer = await on(operation, operation === 'status' ? 'run' : 'preview', args);
      expect(JSON.stringify(answer)).toContain('not of a service that the assistant serves');
    },
  );
});

describe('a page', () => {
  it('says who would be woken up, and calls the team with high urgency', async () => {
    const args = { team: 'platform', message: 'The database is down' };
    expect(await on('page', 'preview', args)).toMatchObject({
      facts: expect.arrayContaining([{ label: 'On call now', value: 'nobody is on call', quoted: true }]),
    });
    expect(await on('page', 'run', args, { mark: 'mark-page' })).toMatchObject({ kind: 'done' });
    const incident = fake.incidents.find(({ incident_key }) => incident_key === 'mark-page')!;
    expect(incident).toMatchObject({
      urgency: 'high',
      service: { id: 'PPAGES1' },
      escalation_policy: { id: 'PPOLPLA' },
    });
  });
});

describe('an incident that PagerDuty stored otherwise than asked', () => {
  const PAGE = { team: 'platform', message: 'The database is down' };
  const POLICY = { id: 'PPOLWEB', type: 'escalation_policy_reference', summary: 'Policy' };
  it.each([
    ['open', OPEN, 'title', { title: 'Changed by a rule' }],
    ['open', OPEN, 'urgency', { urgency: 'high' }],
    ['page', PAGE, 'urgency', { urgency: 'low' }],
    ['page', PAGE, 'escalation policy', { escalation_policy: POLICY }],
  ] as const)('is not called done: %s, %j, another %s', async (operation, args, what, stored) => {
    const given = { mark: crypto.randomUUID() };
    fake.stores = stored;
    const answer = await on(operation, 'run', args, given);
    fake.stores = {};
    expect(answer).toMatchObject({
      kind: 'unclear',
      result: {
        code: 'read_back_differs',
        message: expect.stringContaining(`, with another ${what}. Please look`),
        link: expect.stringMatching(/^https:/),
      },
    });
    expect(await on(operation, 'reconcile', args, given)).toEqual({ kind: 'cannot_tell' });
  });

  it('is one of our own where the rest is the rule of its service', async () => {
    const { urgency: _urgency, ...args } = OPEN;
    fake.stores = { urgency: 'low', escalation_policy: POLICY };
    expect(await on('open', 'run', args, { mark: crypto.randomUUID() })).toMatchObject({ kind: 'done' });
    fake.stores = {};
  });

  it('nor a note with other words', async () => {
    const args = { incident: anOpenOne().id, note: 'Looking into it.' };
    fake.wire.refuseNext({ status: 201, body: { note: { id: 'PNOTE1', content: 'Looking' } } });
    expect(await on('note', 'run', args)).toMatchObject({
      kind: 'unclear',
      result: { message: expect.stringContaining('with other words') },
    });
  });
});

describe('what PagerDuty refuses is said in our words', () => {
  it.each([
    [400, 'upstream_rejected'],
    [401, 'upstream_unauthorized'],
    [402, 'upstream_forbidden'],
    [403, 'upstream_forbidden'],
    [404, 'not_found'],
    [429, 'rate_limited'],
  ])('%i', async (status, code) => {
    fake.wire.refuseNext(status);
    const answer = await on('open', 'run', OPEN, { mark: `mark-${status}` });
    expect(answer).toMatchObject({ kind: 'failed', result: { code } });
    expect(JSON.stringify(answer)).not.toContain(SAID);
  });

  const refusal = async (work: Promise<unknown>) => ((await work) as { result: object }).result;
  it('with 400 for a `from` that is nobody: every write says whose setting that is', async () => {
    const settings = { ...(SETTINGS as object), from: 'nobody@example.com' };
    const incident = anOpenOne().id;
    for (const [name, args] of [
      ['open', OPEN],
      ['note', { incident, note: 'x' }],
      ['resolve', { incident }],
    ] as const)
      expect(await refusal(on(name, 'run', args, { settings, mark: crypto.randomUUID() }))).toEqual({
        code: 'upstream_rejected',
        message: expect.stringContaining('in whose name the assistant writes (`from`)'),
      });
  });

  it.each([
    // As its message says it, or as its list of errors.
    [1008, 'Requester User Not Found', [], 'upstream_rejected', '(`from`)'],
    [2001, 'Invalid Input Provided', ['Service is disabled'], 'upstream_rejected', 'disabled on PagerDuty'],
    [2002, 'Arguments Caused Error', ['Service not found'], 'upstream_rejected', 'knows no such service'],
    [2001, 'Invalid Input Provided', ['Incident Already Resolved'], 'upstream_conflict', 'resolved already'],
    [2001, SAID, [SAID], 'upstream_rejected', 'PagerDuty does not accept these values.'],
  ])('with 400, %i: %s %j', async (number, message, errors, code, words) => {
    fake.wire.refuseNext({ status: 400, body: { error: { code: number, message, errors } } });
    expect(await refusal(on('open', 'run', OPEN, { mark: crypto.randomUUID() }))).toEqual({
      code,
      message: expect.stringContaining(words),
    });
  });

  it('a server error leaves open whether it happened', async () => {
    fake.wire.refuseNext(500);
    await expect(on('open', 'run', OPEN, { mark: 'mark-500' })).rejects.toThrow('no clear answer');
  });
});

it('the fake covers what it says that it covers', () => {
  expect(Object.keys(ROUTES).sort()).toEqual([...COVERAGE.routes]);
  expect(Object.keys(ERRORS).sort()).toEqual([...COVERAGE.errors]);
});

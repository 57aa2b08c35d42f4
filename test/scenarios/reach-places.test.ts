import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { compose, type Running } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import type { RequestView } from '../../src/model/request.ts';
import { TOKEN, usePagerDuty } from '../oncall/fake-pagerduty.ts';
import { startAssistant, type TestAssistant } from '../support/assistant.ts';
import { useDatabase } from '../support/database.ts';
import {
  allowAWeek,
  DEFAULT_CHANNEL,
  hoursPass,
  passToNextStep,
  plannedStep,
  recordingSurface,
} from './reach-support.ts';

const ROUTES = `
routes:
  - group: oncall
    environment: test
    slack_channel: CCHECKS
    schedule: platform
    remind_after: 6h
    escalate_after: 12h
on_call:
  schedules: { platform: { pagerduty: PSCHED1 } }
  pagerduty_users: { PBOB001: bob, PDAVE01: dave }
`;
const always = (user: string) => ({ user, level: 1, start: null, end: null });

describe('where people are asked', () => {
  const database = useDatabase();
  const pagerDuty = usePagerDuty();
  const chat = recordingSurface();
  let house: TestAssistant;
  let environment: Record<string, string>;

  beforeAll(async () => {
    environment = {
      PAGERDUTY_TOKEN: TOKEN,
      PAGERDUTY_API_URL: pagerDuty.url,
      LOCAL_MODE_WITH_CONNECTORS: '1',
    };
    house = await startAssistant(database, { extra: ROUTES, environment });
    house.running.addSurface(chat.surface);
    await allowAWeek(house);
  });
  afterAll(async () => {
    await house.running.stop();
    house.home.remove();
  });
  beforeEach(() => {
    pagerDuty.entries = [always('PDAVE01'), always('PBOB001')];
    pagerDuty.instead = null;
  });

  const asks = async (job: string): Promise<RequestView> =>
    house.ask('alice', `ci trigger repo=web ref=main job=${job}`);
  const shows = (request: RequestView, ...places: string[]) =>
    chat.until(() => chat.cards(request.id).join() === places.join(), `cards in ${places.join()}`);
  const says = (request: RequestView, count: number) =>
    chat.until(() => chat.said(request.id).length === count, `${count} messages`);

  it('is the route’s channel and who is on call, and it is quiet for the others', async () => {
    const request = await asks('checks');
    await shows(request, 'CCHECKS', 'D-bob');
    expect(await passToNextStep(database.owner, request)).toBe(6);
    await says(request, 2);
    expect(chat.said(request.id)).toEqual(
      ['CCHECKS', 'D-bob'].map((place) => ({
        place,
        text: expect.stringMatching(/^Reminder: Alice Adams still waits for a decision on "/),
      })),
    );
    // A reminder is no second card: it stands below the one in the channel, and calls in the direct message.
    expect(chat.cards(request.id)).toEqual(['CCHECKS', 'D-bob']);
    const stands = (place: string, isCard: boolean) =>
      chat.shown.find((it) => it.place === place && (it.card === request.id) === isCard && it.text !== '');
    expect(stands('CCHECKS', true)?.thread).toBe('');
    expect(stands('CCHECKS', false)?.thread).toMatch(/^below [0-9a-f-]{36} \d+$/);
    // Who does not follow that thread is to see it all the same.
    expect([stands('CCHECKS', true)?.calls, stands('CCHECKS', false)?.calls]).toEqual([false, true]);
    expect(stands('D-bob', false)?.thread).toBe('');

    expect(await passToNextStep(database.owner, request)).toBe(6);
    await shows(request, 'CCHECKS', 'D-bob', 'D-carol');
    await says(request, 4);
    const told = chat.said(request.id).filter((it) => it.text.startsWith('Nobody has decided on '));
    expect(told.map((it) => it.place)).toEqual(['CCHECKS', 'D-bob']);
    expect(told[0]?.text).toMatch(/Now Carol Clark is asked too\.$/);
    await house.done('bob', request, 'deny');
  });

  it('is, after a restart of hours, where it was before: nothing is lost and nothing comes twice', async () => {
    const request = await asks('checks');
    await shows(request, 'CCHECKS', 'D-bob');
    const before = await plannedStep(database.owner, request);
    await house.running.stop();
    await hoursPass(database.owner, request, 60);

    const config = readConfig({ ...house.home.environment(database), ...environment }, house.home.folder);
    const running: Running = await compose(config, createLog('fatal'), () => null, {
      strongest: 'kernel-lite',
    });
    running.addSurface(chat.surface);
    // Somebody else is on call by now; whom it was put to is kept.
    pagerDuty.entries = [];
    await running.start();
    house.running = running;
    await says(request, 2);
    const after = await plannedStep(database.owner, request);
    expect([before?.step, after?.step]).toEqual([0, 1]);
    // Sixty hours are ten reminders: those who could not be reached are called once.
    expect(after?.hours).toBe(6);
    expect(chat.cards(request.id)).toEqual(['CCHECKS', 'D-bob']);
  });
});

describe('who else is asked', () => {
  const database = useDatabase();
  const pagerDuty = usePagerDuty();
  const chat = recordingSurface();
  let house: TestAssistant;
  beforeAll(async () => {
    house = await startAssistant(database, {
      extra: ROUTES,
      environment: {
        PAGERDUTY_TOKEN: TOKEN,
        PAGERDUTY_API_URL: pagerDuty.url,
        LOCAL_MODE_WITH_CONNECTORS: '1',
      },
    });
    house.running.addSurface(chat.surface);
  });
  afterAll(async () => {
    await house.running.stop();
    house.home.remove();
  });
  beforeEach(() => {
    pagerDuty.entries = [always('PBOB001')];
    pagerDuty.instead = null;
  });
  const asks = (job: string) => house.ask('alice', `ci trigger repo=web ref=main job=${job}`);
  const shows = (request: RequestView, ...places: string[]) =>
    chat.until(() => chat.cards(request.id).join() === places.join(), `cards in ${places.join()}`);

  it('everybody who may approve, in the usual channel, where no route holds', async () => {
    const request = await asks('release');
    await shows(request, DEFAULT_CHANNEL, 'D-bob', 'D-carol');
    expect(await plannedStep(database.owner, request)).toBeNull();
  });

  it.each([
    ['cannot be read', { status: 500, body: '' }, []],
    ['names nobody who may approve', null, [always('PDAVE01')]],
    ['names nobody', null, []],
  ])('everybody who may approve, where the schedule %s', async (_what, instead, entries) => {
    Object.assign(pagerDuty, { instead, entries });
    await shows(await asks('checks'), 'CCHECKS', 'D-bob', 'D-carol');
  });

  it('everybody who may approve, where whoever is on call cannot be written to', async () => {
    chat.state.strangers = ['bob'];
    const request = await asks('checks');
    await shows(request, 'CCHECKS', 'D-carol');
    const reach = await database.owner.one('select scope from reaches where request = $1', [request.id]);
    expect(reach).toEqual({ scope: 'everybody' });
    chat.state.strangers = [];
  });

  it('the one to whom it was handed over; the others are told', async () => {
    const request = await asks('checks');
    await shows(request, 'CCHECKS', 'D-bob');
    await house.say('bob', `delegate ${request.id} to carol`);
    await shows(request, 'CCHECKS', 'D-bob', 'D-carol');
    const card = chat.shown.find((it) => it.card === request.id && it.place === 'D-carol');
    expect(card?.text).toMatch(/^Bob Brown handed this over to you\. Alice Adams asks for your approval: /);
    await chat.until(() => chat.said(request.id).length === 2, 'the others are told');
    expect(chat.said(request.id)).toEqual(
      ['CCHECKS', 'D-bob'].map((place) => ({
        place,
        text: expect.stringMatching(/^Bob Brown handed ".*" \([0-9a-f]{8}\) over to Carol Clark\.$/),
      })),
    );
  });

  it('is on call by PagerDuty’s word, or that it cannot say', async () => {
    expect((await house.say('dave', 'who is on call')).reply).toBe('platform: Bob Brown');
    pagerDuty.instead = { status: 503, body: '' };
    expect((await house.say('dave', 'who is on call')).reply).toBe(
      'platform: PagerDuty cannot say who is on call right now.',
    );
  });

  it('on one platform while another is down, and there when it is back', async () => {
    const other = recordingSurface('teams');
    other.state.isDown = true;
    house.running.addSurface(other.surface);
    const request = await asks('checks');
    await shows(request, 'CCHECKS', 'D-bob');
    await house.say('bob', `delegate ${request.id} to carol`);
    await shows(request, 'CCHECKS', 'D-bob', 'D-carol');
    expect(other.shown).toEqual([]);
    other.state.isDown = false;
    // Bob has handed it over by now: he is called nowhere else.
    await other.until(
      () => other.cards(request.id).join() === `${DEFAULT_CHANNEL},D-carol`,
      'the card is there too',
    );
  });

  it('again where the card stands already, once, when the request was changed', async () => {
    const request = await asks('checks');
    await shows(request, 'CCHECKS', 'D-bob');
    // The same commit by its full name: another digest over the same work.
    const web = house.home.file('web.git');
    const commit = execFileSync('git', ['-C', web, 'rev-parse', 'main'], { encoding: 'utf8' }).trim();
    const edited = await house.assistant.edit({
      request: request.id,
      principal: request.requester,
      digest: request.digest,
      arguments: { ...request.arguments, ref: commit },
    });
    if (edited.kind !== 'done') throw new Error(edited.message);
    await chat.until(() => chat.said(request.id).length === 2, 'both are told');
    expect(chat.said(request.id).map((it) => it.place)).toEqual(['CCHECKS', 'D-bob']);
    expect(chat.said(request.id)[0]?.text).toContain(edited.request.digest.slice(0, 8));
    expect(chat.cards(request.id)).toEqual(['CCHECKS', 'D-bob']);
  });
});

/** A place where the app may not write, and a card that somebody deleted, keep nobody from deciding. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RequestView } from '../../src/model/request.ts';
import { startAssistant, type TestAssistant } from '../support/assistant.ts';
import { useDatabase } from '../support/database.ts';
import { allowAWeek, passToNextStep, recordingSurface } from './reach-support.ts';

const ROUTES = `
routes:
  - environment: test
    slack_channel: CROUTE
    remind_after: 4h
  - environment: production
    schedule: platform
    slack_channel: CPROD
    remind_after: 4h
on_call:
  schedules:
    platform: { rotation: { people: [bob, carol], starts: 2020-01-01T00:00:00Z, every: 9999d }, overrides: [{ people: [bob, carol], from: 2020-01-01T00:00:00Z, until: 2120-01-01T00:00:00Z }] }
`;
const FRANK = `  - id: frank
    name: Frank Fox
    groups: [employees, engineers, oncall]
`;
const OPERATORS = 'COPERATORS';

describe('a request', () => {
  const database = useDatabase();
  const chat = recordingSurface();
  let house: TestAssistant;
  beforeAll(async () => {
    house = await startAssistant(database, {
      extra: ROUTES,
      prepare: (home) => home.edit('people.yaml', (text) => `${text}${FRANK}`),
    });
    chat.state.operators = OPERATORS;
    house.running.addSurface(chat.surface);
    await allowAWeek(house);
  });
  afterAll(async () => {
    await house.running.stop();
    house.home.remove();
  });
  beforeEach(() => {
    chat.state.closed = [];
  });

  const asks = (job: string) => house.ask('alice', `ci trigger repo=web ref=main job=${job}`);
  const stands = (request: RequestView, ...places: string[]) =>
    chat.until(() => chat.cards(request.id).join() === places.join(), `cards in ${places.join()}`);
  const why = async (request: RequestView) =>
    (await house.entries(request))
      .filter(({ type }) => type === 'approval.escalated')
      .map(({ data }) => [data?.because, data?.to]);
  const alarms = () => chat.shown.filter(({ place, text }) => place === OPERATORS && text.includes('CROUTE'));

  it('whose channel cannot be written to is asked of everybody, and operators are told once which channel it is', async () => {
    chat.state.closed = ['CROUTE'];
    const first = await asks('checks');
    await stands(first, 'D-bob', 'D-carol', 'D-frank');
    expect(await why(first)).toEqual([['unreachable', ['bob', 'carol', 'frank']]]);
    const second = await asks('checks');
    await stands(second, 'D-bob', 'D-carol', 'D-frank');
    expect(alarms().map(({ text }) => text)).toEqual([
      'Slack does not let me write to CROUTE (not_allowed). Add the app there, or name another place in the configuration. What was to be decided there is asked of those who may approve, by direct message.',
    ]);
    for (const request of [first, second]) {
      const raised = (await house.entries(request)).filter(({ type }) => type === 'alert.raised');
      expect(raised.map(({ data }) => [data?.code, data?.container])).toEqual([
        ['place_unreachable', 'CROUTE'],
      ]);
    }
    await house.done('bob', second, 'deny');

    // Somebody has added the app meanwhile: the next reminder puts the card there.
    chat.state.closed = [];
    await passToNextStep(database.owner, first);
    await stands(first, 'CROUTE', 'D-bob', 'D-carol', 'D-frank');
    await house.done('bob', first, 'deny');
  });

  it('that was put to people by name is asked of everybody where one of them cannot be told and is needed', async () => {
    chat.state.closed = ['D-carol'];
    const request = await asks('release');
    await stands(request, 'CPROD', 'D-bob', 'D-frank');
    expect(await why(request)).toEqual([['unreachable', ['frank']]]);
    await house.done('bob', request, 'deny');
  });

  it('that was put to people by name stays theirs where only the channel cannot be written to', async () => {
    chat.state.closed = ['CPROD'];
    const request = await asks('release');
    await stands(request, 'D-bob', 'D-carol');
    await passToNextStep(database.owner, request);
    await chat.until(() => chat.said(request.id).length === 2, 'both are reminded');
    expect(chat.said(request.id).map(({ place }) => place)).toEqual(['D-bob', 'D-carol']);
    expect(await why(request)).toEqual([]);
    await house.done('bob', request, 'deny');
  });

  it('whose card was deleted gets it anew while it waits', async () => {
    const request = await asks('release');
    await stands(request, 'CPROD', 'D-bob', 'D-carol');
    await chat.deleteCard(database.owner, 'D-carol', request);
    await house.done('bob', request, 'approve');
    await stands(request, 'CPROD', 'D-bob', 'D-carol', 'D-carol');
    await house.done('carol', await house.view(request.id), 'deny');
  });

  it('whose card was deleted gets it anew with the next reminder, too', async () => {
    const request = await asks('checks');
    await stands(request, 'CROUTE');
    await chat.deleteCard(database.owner, 'CROUTE', request);
    await passToNextStep(database.owner, request);
    await stands(request, 'CROUTE', 'CROUTE');
    await house.done('bob', request, 'deny');
  });
});

import { beforeEach, describe, expect, test } from 'vitest';
import { PrincipalId } from '../../src/model/ids.ts';
import { pagerDutyOnCall } from '../../src/oncall/pagerduty.ts';
import { onCallTogether } from '../../src/oncall/together.ts';
import { writtenOnCall } from '../../src/oncall/written.ts';
import { describeOnCall, hour, SCHEDULE } from './contract.ts';
import { TOKEN, usePagerDuty } from './fake-pagerduty.ts';

const USERS: Record<string, PrincipalId> = {
  PBOB001: PrincipalId.parse('bob'),
  PCAROL1: PrincipalId.parse('carol'),
};
const idOf = (person: string) => Object.entries(USERS).find(([, name]) => name === person)![0];

const fake = usePagerDuty();
const waited: number[] = [];
const make = (more: { token?: string } = {}) =>
  pagerDutyOnCall({
    token: TOKEN,
    apiUrl: fake.url,
    schedules: { [SCHEDULE]: 'PSCHED1' },
    users: USERS,
    wait: async (ms) => void waited.push(ms),
    ...more,
  });
const now = () => make().whoIsOnCall(SCHEDULE, hour(9));
const always = (user: string, level = 1) => ({ user, level, start: null, end: null });

beforeEach(() => {
  Object.assign(fake, { entries: [], pageSize: 100, limited: [], instead: null });
  fake.asked.length = 0;
  waited.length = 0;
});

describeOnCall('PagerDuty, a page of one entry at a time,', async (shifts) => {
  fake.pageSize = 1;
  fake.entries = shifts.map(({ person, from, until }) => ({
    user: idOf(person),
    level: 1,
    start: hour(from),
    end: hour(until),
  }));
  return make();
});

describe('what only PagerDuty has', () => {
  test('the first escalation level is asked first', async () => {
    fake.entries = [always('PCAROL1', 2), always('PBOB001', 1)];
    expect(await now()).toEqual(['bob', 'carol']);
  });

  test('a user whom the operator did not link is nobody', async () => {
    fake.entries = [always('PSTRANGER'), always('PBOB001')];
    expect(await now()).toEqual(['bob']);
  });

  test('every page is read, each asked for where the last one ended', async () => {
    fake.pageSize = 2;
    fake.entries = [
      always('PX00001'),
      always('PX00002'),
      always('PX00003'),
      always('PX00004'),
      always('PBOB001'),
    ];
    expect(await now()).toEqual(['bob']);
    expect(fake.asked.map((url) => url.searchParams.get('offset'))).toEqual(['0', '2', '4']);
  });

  test('a list without an end is no answer', async () => {
    fake.instead = { status: 200, body: JSON.stringify({ oncalls: [], more: true }) };
    await expect(now()).rejects.toMatchObject({ code: 'upstream_failed' });
    expect(fake.asked).toHaveLength(1);
  });

  test.each([
    [{ 'retry-after': '7' }, 7_000],
    [{ 'ratelimit-reset': '3' }, 3_000],
    [{}, 2_000],
    [{ 'retry-after': 'soon' }, 2_000],
  ])('a rate limit is waited out: %j', async (headers, ms) => {
    fake.entries = [always('PBOB001')];
    fake.limited = [headers as Record<string, string>];
    expect(await now()).toEqual(['bob']);
    expect(waited).toEqual([ms]);
  });

  test('a rate limit that does not end is given up', async () => {
    fake.limited = Array.from({ length: 10 }, () => ({ 'retry-after': '1' }));
    await expect(now()).rejects.toMatchObject({ code: 'upstream_failed' });
    expect(waited).toHaveLength(3);
  });

  test.each([
    ['an error of theirs', { status: 500, body: '{}' }],
    ['no JSON', { status: 200, body: '<html>' }],
    ['another shape', { status: 200, body: '{"oncalls": [{"user": "bob"}], "more": false}' }],
    ['more than we read', { status: 200, body: ' '.repeat(1_048_577) }],
    ['a redirect', { status: 302, body: '', headers: { location: '/oncalls' } }],
  ])('%s is no answer', async (_what, instead) => {
    fake.instead = instead;
    await expect(now()).rejects.toMatchObject({ code: 'upstream_failed' });
  });

  test('a refused token fails without showing it', async () => {
    const token = `${TOKEN}x`;
    const error: Error = await make({ token })
      .whoIsOnCall(SCHEDULE, hour(9))
      .then(
        () => expect.fail('a refused token was taken'),
        (failed: Error) => failed,
      );
    expect(error).toMatchObject({ code: 'upstream_failed' });
    expect(`${error.message} ${String(error.cause)}`).not.toContain(token);
  });
});

test('both sources together answer each for its own schedules', async () => {
  fake.entries = [always('PBOB001')];
  const both = onCallTogether([
    writtenOnCall({
      night: { overrides: [{ people: [PrincipalId.parse('carol')], from: hour(0), until: hour(24) }] },
    }),
    make(),
  ]);
  expect(both.schedules).toEqual(['night', SCHEDULE]);
  expect(await both.whoIsOnCall('night', hour(9))).toEqual(['carol']);
  expect(await both.whoIsOnCall(SCHEDULE, hour(9))).toEqual(['bob']);
  await expect(both.whoIsOnCall('day', hour(9))).rejects.toMatchObject({ code: 'not_found' });
});

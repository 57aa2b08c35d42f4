import { afterEach, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { loadRules } from '../../src/house.ts';
import type { PrincipalId } from '../../src/model/ids.ts';
import { checkReach, onCallInWords, onCallOf } from '../../src/reach-config.ts';
import { type Home, makeHome } from '../support/assistant.ts';

/** Made at run time; it opens nothing. */
const TOKEN = ['y', crypto.randomUUID().replaceAll('-', '')].join('_');
const ROTATION = 'rotation: { people: [bob], starts: 2026-01-05T09:00:00Z, every: 7d }';
const WITH_PAGERDUTY =
  'on_call: { schedules: { web: { pagerduty: PSCHED1 } }, pagerduty_users: { PBOB001: bob } }';

let home: Home | null = null;
afterEach(() => home?.remove());
const read = (extra: string, environment: Record<string, string> = {}) => {
  home?.remove();
  home = makeHome({ extra });
  return readConfig({ ...home.environment(null), ...environment }, home.folder);
};
const check = (extra: string, environment: Record<string, string> = {}) => {
  const config = read(extra, environment);
  checkReach(config.reach, loadRules(config).directory.current);
  return config.reach;
};

it('is empty where nothing is said', () => {
  expect(check('')).toEqual({ routes: [], written: {}, pagerDuty: null });
});

it('is read with its times in seconds', () => {
  const { routes } = check(
    `routes: [{ group: oncall, slack_channel: C0CHECKS, schedule: web, remind_after: 30m, escalate_after: 4h, escalate_to: [{ schedule: web }, { group: operators }] }]\non_call: { schedules: { web: { ${ROTATION} } } }`,
  );
  expect(routes).toEqual([
    {
      group: 'oncall',
      action: null,
      resource: null,
      environment: null,
      channels: { slack: 'C0CHECKS', teams: null },
      schedule: 'web',
      remindAfter: 1_800,
      escalateAfter: 14_400,
      escalateTo: [
        { kind: 'schedule', id: 'web' },
        { kind: 'group', id: 'operators' },
      ],
    },
  ]);
});

it('asks PagerDuty only with its token', () => {
  const reach = check(WITH_PAGERDUTY, { PAGERDUTY_TOKEN: TOKEN, LOCAL_MODE_WITH_CONNECTORS: '1' });
  expect(reach.pagerDuty).toEqual({
    token: TOKEN,
    apiUrl: 'https://api.pagerduty.com',
    schedules: { web: 'PSCHED1' },
    users: { PBOB001: 'bob' },
  });
  expect(onCallOf(reach).schedules).toEqual(['web']);
});

it.each<[string, string, Record<string, string>, RegExp]>([
  ['a schedule that is none', 'routes: [{ schedule: web }]', {}, /no schedule "web"/],
  [
    'a next schedule that is none',
    'routes: [{ escalate_after: 1h, escalate_to: [{ schedule: web }] }]',
    {},
    /no schedule "web"/,
  ],
  [
    'a person who is none',
    'routes: [{ escalate_after: 1h, escalate_to: [{ person: mallory }] }]',
    {},
    /no "mallory"/,
  ],
  [
    'a rotation of a stranger',
    `on_call: { schedules: { web: { ${ROTATION.replace('bob', 'mallory')} } } }`,
    {},
    /no "mallory"/,
  ],
  ['a group that is none', 'routes: [{ group: nobody }]', {}, /no group "nobody"/],
  [
    'a next group that is none',
    'routes: [{ escalate_after: 1h, escalate_to: [{ group: nobody }] }]',
    {},
    /no group "nobody"/,
  ],
  ['PagerDuty without a token', WITH_PAGERDUTY, {}, /PAGERDUTY_TOKEN is missing/],
  ['a token for nothing', '', { PAGERDUTY_TOKEN: TOKEN }, /PAGERDUTY_TOKEN is given/],
  ['PagerDuty in local mode', WITH_PAGERDUTY, { PAGERDUTY_TOKEN: TOKEN }, /LOCAL_MODE_WITH_CONNECTORS/],
  [
    'PagerDuty’s address that is none',
    WITH_PAGERDUTY,
    { PAGERDUTY_TOKEN: TOKEN, PAGERDUTY_API_URL: 'ftp://x' },
    /PAGERDUTY_API_URL/,
  ],
])('%s fails the start without a secret in the words', (_what, extra, environment, words) => {
  const error = (() => {
    try {
      check(extra, environment);
    } catch (failed) {
      return failed as Error;
    }
    return null;
  })();
  expect(error).toMatchObject({ code: 'config_invalid', message: expect.stringMatching(words) });
  expect(error?.message).not.toContain(TOKEN);
});

it('names who is on call, nobody, and what cannot be asked', async () => {
  const on = onCallOf(check(`on_call: { schedules: { web: { ${ROTATION} } } }`));
  const words = (schedule: string | null, at: string) =>
    onCallInWords(on, schedule, new Date(at), (id: PrincipalId) => id.toUpperCase());
  expect(await words(null, '2026-01-06T00:00:00Z')).toBe('web: BOB');
  expect(await words('web', '2026-01-01T00:00:00Z')).toBe('web: nobody');
  expect(await words('api', '2026-01-06T00:00:00Z')).toBe(
    'There is no on-call schedule "api". There are: web.',
  );
  const none = onCallOf(check(''));
  expect(await onCallInWords(none, null, new Date(0), String)).toBe('No on-call schedule is configured.');
});

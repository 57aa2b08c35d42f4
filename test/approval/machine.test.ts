import { expect, test } from 'vitest';
import { EVENTS, next, sourcesOf, targetOf } from '../../src/approval/machine.ts';
import { FINAL_STATES, RequestState } from '../../src/model/request.ts';

/** The design's table, written down once more: every way that there is, and no other. */
const WAYS = [
  'pending -quorum_met-> approved',
  'pending -denied-> denied',
  'pending -expired-> expired',
  'pending -cancelled-> cancelled',
  'approved -expired-> expired',
  'approved -cancelled-> cancelled',
  'approved -checks_failed-> denied',
  'approved -claimed-> executing',
  'executing -succeeded-> succeeded',
  'executing -failed-> failed',
  'executing -lost-> unknown',
  'unknown -resolved_succeeded-> succeeded',
  'unknown -resolved_failed-> failed',
];

test('there are exactly these ways between states', () => {
  const ways = RequestState.options.flatMap((from) =>
    EVENTS.flatMap((event) => {
      const to = next(from, event);
      return to === null ? [] : [`${from} -${event}-> ${to}`];
    }),
  );
  expect(ways.sort()).toEqual([...WAYS].sort());
});

test('nothing leads out of a final state', () => {
  for (const event of EVENTS) {
    expect(sourcesOf(event).some((state) => FINAL_STATES.has(state))).toBe(false);
  }
});

test('every state but the first is reached', () => {
  const reached = new Set(EVENTS.map(targetOf));
  expect(RequestState.options.filter((state) => !reached.has(state))).toEqual(['pending']);
});

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createPolicy } from '../../src/policy/decide.ts';
import { isTimeZone, localTime } from '../../src/policy/time.ts';
import {
  alice,
  CHECKS,
  context,
  dave,
  folderOf,
  load,
  MONDAY,
  PEOPLE,
  permit,
  QUEUE,
  rules,
} from './fixtures.ts';

describe('the moment', () => {
  it.each([
    ['2026-01-05T10:00:00Z', 'UTC', 1, 10],
    ['2026-01-04T23:30:00Z', 'Europe/Berlin', 1, 0],
    ['2026-01-05T02:00:00Z', 'America/New_York', 7, 21],
    // The day on which clocks in Berlin go forward: there is no two o'clock.
    ['2026-03-29T01:30:00Z', 'Europe/Berlin', 7, 3],
  ])('%s in %s', (now, zone, weekday, hour) => {
    expect(localTime(new Date(now), zone)).toEqual({ now: new Date(now).toISOString(), weekday, hour });
  });
  it('is told in time zones that exist', () => {
    expect(['UTC', 'Europe/Berlin', 'Nowhere/Land', ''].map(isTimeZone)).toEqual([true, true, false, false]);
  });
});

describe('a rule about time', () => {
  const freeze = (when: string) =>
    rules(`${permit('ci.trigger', '@approval("none")', '', 'engineers')}
@id("freeze") @description("No runs while frozen.") @reason("Nothing is run during the freeze.")
forbid (principal, action == Action::"ci.trigger", resource) when { ${when} };`);
  const at = (now: string) =>
    context({ risk: 'medium', connector: 'runner', time: localTime(new Date(now), 'UTC') });
  const ask = (policy: ReturnType<typeof freeze>, now: string) =>
    policy.decide({
      principal: alice,
      action: 'ci.trigger',
      resource: CHECKS,
      context: at(now),
      people: PEOPLE,
    });

  it('freezes between two moments, and says why', () => {
    const policy = freeze(
      'context.now >= datetime("2026-12-21T00:00:00Z") && context.now < datetime("2027-01-04T00:00:00Z")',
    );
    expect(ask(policy, '2026-12-20T23:59:59Z').allowed).toBe(true);
    expect(ask(policy, '2026-12-21T00:00:00Z')).toMatchObject({
      code: 'forbidden',
      reasons: [expect.stringContaining('Nothing is run during the freeze.')],
    });
    expect(ask(policy, '2027-01-04T00:00:00Z').allowed).toBe(true);
  });

  it('freezes from Friday afternoon on', () => {
    const policy = freeze('context.weekday > 5 || (context.weekday == 5 && context.hour >= 15)');
    expect(
      ['2026-01-09T14:59:00Z', '2026-01-09T15:00:00Z', '2026-01-11T09:00:00Z', '2026-01-12T00:00:00Z'].map(
        (now) => ask(policy, now).allowed,
      ),
    ).toEqual([true, false, false, true]);
  });

  it('hides nothing: what is frozen now is still what one could ask for, and is refused in words', () => {
    const policy = freeze('context.now < datetime("2026-01-06T00:00:00Z")');
    const candidates = [{ action: 'ci.trigger', resources: [CHECKS] }];
    expect(policy.possible(alice, candidates, new Date(MONDAY.now))).toEqual(['ci.trigger']);
    const never = freeze('context.now > datetime("2020-01-01T00:00:00Z")');
    expect(never.possible(alice, candidates, new Date(MONDAY.now))).toEqual([]);
  });
});

it('a schema that does not speak of the moment is asked without it', () => {
  const folder = folderOf({ 'rules.cedar': permit('ticket.create', '@approval("none")') });
  const file = join(folder, 'schema.cedarschema');
  const old = readFileSync(file, 'utf8').replace(/^ {2}(?:now|weekday|hour): .*\n/gm, '');
  expect(old).not.toContain('datetime,');
  writeFileSync(file, old);
  const policy = createPolicy(load(folder), () => PEOPLE);
  const decision = policy.decide({
    principal: dave,
    action: 'ticket.create',
    resource: QUEUE,
    context: context(),
    people: PEOPLE,
  });
  expect(decision).toMatchObject({ allowed: true, evidence: { errors: [] } });
  expect(JSON.stringify(decision.evidence)).not.toContain('weekday');
});

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Principal } from '../../src/model/principal.ts';
import { type PolicyCommandDeps, policyCommand } from '../../src/policy/commands.ts';
import { explain, matrix } from '../../src/policy/explain.ts';
import {
  alice,
  bob,
  CHECKS,
  context,
  dave,
  folderOf,
  load,
  MONDAY,
  PEOPLE,
  permit,
  QUEUE,
  RELEASE,
  SHIPPED,
  shipped,
} from './fixtures.ts';

const CASES = [
  { action: 'ticket.create', resource: QUEUE, risk: 'low' },
  { action: 'ci.trigger', resource: CHECKS, risk: 'medium' },
  { action: 'ci.trigger', resource: RELEASE, risk: 'high' },
] as const;
const principals: Principal[] = PEOPLE.map((one) => ({ ...one, accounts: [] }));
const deps = (folder = SHIPPED): PolicyCommandDeps => ({
  time: () => MONDAY,
  load: () => load(folder),
  people: async () => principals,
  testsFolder: join(folder, 'tests'),
  production: false,
  resolve: (_action, args) =>
    JSON.stringify(args) === '{"job":"release"}'
      ? { ok: true, resource: RELEASE, risk: 'high' }
      : { ok: false, message: 'job: there is no such job' },
  cases: () => CASES,
});

describe('an explanation', () => {
  it('shows every rule of the action with its text, its place and whether it applies', () => {
    const input = { principal: alice, action: 'ci.trigger', resource: RELEASE, people: PEOPLE };
    const { rules, lines } = explain(shipped(), {
      ...input,
      context: context({ risk: 'high', connector: 'runner' }),
    });
    expect(rules.map(({ id, applies }) => [id, applies])).toEqual([
      ['kill-switch', false],
      ['engineers-trigger-ci', false],
      ['engineers-trigger-production-ci', true],
    ]);
    expect(lines.join('\n')).toContain(
      `applies: permit engineers-trigger-production-ci (${join(SHIPPED, 'ci.cedar')}:7)`,
    );
    expect(lines.join('\n')).toContain('@quorum("2")');
  });
  it('shows the permits that a forbid outweighs', () => {
    const input = { principal: dave, action: 'ticket.create', resource: QUEUE, people: PEOPLE };
    const { decision, rules } = explain(shipped(), { ...input, context: context({ killed: true }) });
    expect(decision.code).toBe('kill_switch');
    expect(rules.filter((rule) => rule.applies).map((rule) => rule.id)).toEqual([
      'kill-switch',
      'employees-open-tickets',
    ]);
  });
});

describe('the matrix', () => {
  it('says for each person and case what it takes', () => {
    const rows = matrix(shipped(), [alice, bob, dave], CASES, MONDAY).map((row) => [
      row.principal,
      row.resource,
      row.code,
      row.needs,
    ]);
    expect(rows).toContainEqual(['dave', 'TicketQueue desk', 'allowed', 'nobody else']);
    expect(rows).toContainEqual(['dave', 'Job web/checks', 'no_permit', null]);
    expect(rows).toContainEqual(
      ['bob', 'Job web/release', 'no_permit', null].with(2, 'nobody_could_approve'),
    );
    expect(rows).toHaveLength(9);
  });
});

describe('the command', () => {
  it('check says what is valid, and exits 1 with file, line and reason for what is not', async () => {
    const good = await policyCommand(deps(), ['check', '--json']);
    expect(good).toMatchObject({ exit: 0, json: { valid: true, warnings: [] } });
    const bad = folderOf({ 'bad.cedar': 'permit (principal, action, resource);' });
    const refused = await policyCommand(deps(bad), ['check']);
    expect(refused.exit).toBe(1);
    expect(refused.lines[0]).toContain('bad.cedar:1: ');
  });
  it('explain answers for given arguments, exiting 1 for a denial', async () => {
    const args = ['explain', '--action', 'ci.trigger', '--args', '{"job":"release"}', '--principal'];
    expect((await policyCommand(deps(), [...args, 'alice'])).exit).toBe(0);
    const denied = await policyCommand(deps(), [...args, 'bob']);
    expect(denied.exit).toBe(1);
    expect(denied.lines.join('\n')).toContain('denied (nobody_could_approve)');
  });
  it('explain without arguments answers for everything that exists', async () => {
    const { json } = await policyCommand(deps(), [
      'explain',
      '--principal',
      'alice',
      '--action',
      'ci.trigger',
    ]);
    expect(json).toHaveLength(2);
  });
  it('matrix is a table', async () => {
    const { exit, lines } = await policyCommand(deps(), ['matrix']);
    expect(exit).toBe(0);
    expect(lines).toContain('erin   ci.trigger     Job web/checks    denied (no_permit)');
  });
  it('test runs the shipped tests, all green', async () => {
    const { exit, lines } = await policyCommand(deps(), ['test']);
    expect(lines.at(-1)).toMatch(/^\d+ passed, 0 failed, 0 policies without a test$/);
    expect(exit).toBe(0);
  });
  it.each([
    [[]],
    [['chek']],
    [['check', 'twice']],
    [['check', '--verbose']],
    [['explain', '--principal', 'alice']],
    [['explain', '--principal', 'alice', '--action', 'approve']],
    [['explain', '--principal', 'alice', '--action', 'ci.status']],
    [['explain', '--principal', 'alice', '--action', 'ci.trigger', '--args', 'job=x']],
    [['explain', '--principal', 'alice', '--action', 'ci.trigger', '--args', '{}']],
  ])('answers %j with how it is used', async (args) => {
    await expect(policyCommand(deps(), args)).rejects.toMatchObject({ code: 'usage', exit: 2 });
  });
  it('does not explain for somebody who is not in the directory', async () => {
    const asked = policyCommand(deps(), ['explain', '--principal', 'zoe', '--action', 'ci.trigger']);
    await expect(asked).rejects.toMatchObject({
      code: 'usage',
      exit: 2,
      message: expect.stringContaining('zoe'),
    });
  });
  it('passes on what is wrong with the rules where they are needed', async () => {
    const bad = deps(folderOf({ 'bad.cedar': permit('ticket.create', '') }));
    await expect(policyCommand(bad, ['matrix'])).rejects.toMatchObject({ code: 'policy_invalid' });
  });
});

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runPolicyTests } from '../../src/policy/test.ts';
import { folderOf, load, permit } from './fixtures.ts';

const CASE = `people:
  dave: [employees]
  bob: [oncall]
tests:
  - name: opens
    principal: dave
    action: ticket.create
    resource: {type: TicketQueue, id: desk, attributes: {connector: desk}}
    expect: {decision: allow, approvals: {oncall: 1}, expires: 8h}
`;
const RULES = `${permit('ticket.create', '@approval("oncall")')}
@id("oncall-approves") @description("On call approves.")
permit (principal in Group::"oncall", action == Action::"approve", resource);`;

function run(tests: string | null, rules = RULES) {
  const folder = folderOf({ 'rules.cedar': rules });
  const tested = join(folder, 'tests');
  mkdirSync(tested);
  if (tests !== null) writeFileSync(join(tested, 'cases.yaml'), tests);
  if (tests !== null) chmodSync(join(tested, 'cases.yaml'), 0o644);
  return runPolicyTests(load(folder), tested, false);
}

describe("the policies' own tests", () => {
  it('pass where the decision is as expected', () => {
    expect(run(CASE).results).toMatchObject([{ name: 'opens', line: 5, problems: [] }]);
  });

  it.each([
    ['the decision', 'decision: allow', 'decision: deny', 'decision should be "deny", is "allow"'],
    ['the approvals', 'oncall: 1', 'oncall: 2', 'approvals should be'],
    ['fewer approvals', '{oncall: 1}', '{}', 'approvals should be'],
    ['the expiry', '8h', '7h', 'expires should be 25200, is 28800'],
    ['an expiry that is none', '8h', 'soon', 'expires should be "soon"'],
    ['the code', 'expires: 8h', 'code: forbidden', 'code should be "forbidden"'],
    ['the policies', 'expires: 8h', 'by: [other]', 'by should be ["other"]'],
    ['the isolation', 'expires: 8h', 'isolation: kernel', 'isolation should be "kernel"'],
  ])('fail where %s differs', (_what, from, to, problem) => {
    const { results, failed } = run(CASE.replace(from, to));
    expect(failed).toBe(1);
    expect(results[0]?.problems.join()).toContain(problem);
  });

  it('fail where a denial is only a question that could not be asked', () => {
    const wrong = CASE.replace('{connector: desk}', '{conector: desk}').replace(/expect: .*/, 'expect: deny');
    expect(run(wrong).failed).toBe(1);
  });

  it('name every policy that no test sees decide', () => {
    const { uncovered } = run(CASE);
    expect(uncovered).toMatchObject([{ id: 'oncall-approves', line: 4 }]);
    expect(run(null).uncovered).toHaveLength(2);
  });

  it('are refused with file and line where they are not what they should be', () => {
    expect(() => run(CASE.replace('expect:', 'expct:'))).toThrow(/cases\.yaml:\d+: /);
    expect(() => run(CASE.replace('people:', 'persons:'))).toThrow(/cases\.yaml:\d+: /);
  });
});

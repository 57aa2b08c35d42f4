/** Runs the policies' own tests. A policy that no test sees decide is a failure: nobody knows what it does. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PrincipalId, RequestId } from '../model/ids.ts';
import type { Obligations } from '../model/request.ts';
import { parseTrustedYaml, readTrusted } from '../trusted-file.ts';
import { seconds } from './annotations.ts';
import { BUILT_IN_FILE } from './built-in.ts';
import { createPolicy, type PolicyDecider } from './decide.ts';
import type { Person } from './question.ts';
import { type Expected, type PolicyTest, PolicyTestFile } from './test-shape.ts';
import type { LoadedPolicies } from './types.ts';

export type PolicyTestResult = { name: string; file: string; line: number; problems: string[] };
export type PolicyTestRun = {
  results: PolicyTestResult[];
  /** Policies of the operator's files that decided in no test. */
  uncovered: { id: string; file: string; line: number }[];
  passed: number;
  failed: number;
};

/** Any id will do: policy sees a request's facts. */
const SOME_REQUEST = RequestId.parse('00000000-0000-4000-8000-000000000000');

/**
 * Runs every `*.yaml` of the folder; a missing folder holds no tests.
 * @throws AppError('policy_invalid') for a file that is not one of tests
 */
export function runPolicyTests(loaded: LoadedPolicies, folder: string, production: boolean): PolicyTestRun {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => /\.ya?ml$/.test(name)) : [];
  const seen = new Set<string>();
  const results = names.sort().flatMap((name) => {
    const file = join(folder, name);
    const text = readTrusted(file, { production, code: 'policy_invalid' });
    const { value, at } = parseTrustedYaml(text, file, PolicyTestFile, 'policy_invalid');
    const people = Object.entries(value.people).map(([id, groups]) => personOf(id, groups));
    const policy = createPolicy(loaded, () => people);
    return value.tests.map((test, index) => {
      const got = run(policy, test, people);
      for (const id of got.policies) seen.add(id);
      return { name: test.name, file, line: at(['tests', index]), problems: compare(test.expect, got) };
    });
  });
  const uncovered = [...loaded.policies.values()]
    .filter(({ id, file }) => file !== BUILT_IN_FILE && !seen.has(id))
    .map(({ id, file, line }) => ({ id, file, line }));
  const failed = results.filter((result) => result.problems.length > 0).length;
  return { results, uncovered, passed: results.length - failed, failed };
}

type Got = {
  allowed: boolean;
  policies: string[];
  code: string;
  obligations?: Obligations;
  reasons: string[];
};

function run(policy: PolicyDecider, test: PolicyTest, people: readonly Person[]): Got {
  const principal = people.find((person) => person.id === test.principal) ?? personOf(test.principal, []);
  if ('request' in test) {
    const { request, context } = test;
    const { risk, tainted } = context;
    const subject = { ...request, id: SOME_REQUEST, risk, tainted };
    return policy.mayApprove(principal, subject, context);
  }
  if ('resource' in test) {
    return policy.decide({
      principal,
      people,
      action: test.action,
      resource: test.resource,
      context: test.context,
    });
  }
  return policy.mayInWords(principal, test.action);
}

function compare(expected: Expected, got: Got): string[] {
  const problems: string[] = [];
  const check = (what: string, want: unknown, have: unknown) => {
    if (want === undefined || JSON.stringify(want) === JSON.stringify(have)) return;
    problems.push(
      `${what} should be ${JSON.stringify(want)}, is ${JSON.stringify(have)}: ${got.reasons.join(' ')}`,
    );
  };
  check('decision', expected.decision, got.allowed ? 'allow' : 'deny');
  // A question that could not be asked is a wrong test, even where a denial is expected.
  check('code', expected.code ?? (got.code === 'policy_error' ? 'an answer' : undefined), got.code);
  check('by', expected.by?.toSorted(), got.policies.toSorted());
  const { approvals, expires, isolation } = expected;
  const have = (got.obligations?.approvals ?? []).map(
    ({ group, quorum }) => [group ?? 'anybody', quorum] as const,
  );
  check('approvals', approvals && Object.entries(approvals).sort(), have.toSorted());
  check('expires', expires && (seconds(expires) ?? expires), got.obligations?.expiresSeconds);
  check('isolation', isolation, got.obligations?.isolation);
  return problems;
}

function personOf(id: string, groups: readonly string[]): Person {
  return { id: PrincipalId.parse(id), name: id, groups };
}

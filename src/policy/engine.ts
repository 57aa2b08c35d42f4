/**
 * The one place where Cedar is asked. Allowed means: the answer is allow and no policy raised an error, because
 * Cedar skips a policy that errs, and a skipped forbid would let everything through.
 */
import {
  type EntityJson,
  isAuthorized,
  preparsePolicySet,
  preparseSchema,
  statefulIsAuthorized,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs';
import { AppError } from '../errors.ts';
import { locate } from './schema.ts';
import type { LoadedPolicies, Policy } from './types.ts';

export type Uid = { type: string; id: string };

/** Cedar's datetime in its JSON form. */
type Moment = { __extn: { fn: 'datetime'; arg: string } };

/** A question as Cedar gets it. */
export type Question = {
  principal: Uid;
  action: string;
  resource: Uid;
  context: Record<string, string | boolean | number | Moment>;
  entities: EntityJson[];
};

/** `errors` non-empty: nothing may be concluded, and nothing is allowed. */
export type Answer = { allowed: boolean; policies: string[]; errors: string[] };

/**
 * Parses schema and policies once, under the name of their digest: another set never answers for this one, and a
 * reload of the same texts costs nothing more.
 * @throws AppError('policy_invalid')
 */
export function prepare(digest: string, schema: string, policies: ReadonlyMap<string, Policy>): void {
  const answers = [
    preparseSchema(digest, schema),
    preparsePolicySet(digest, { staticPolicies: texts(policies.values()) }),
  ];
  const failed = answers.find((answer) => answer.type === 'failure');
  if (failed !== undefined)
    throw new AppError('policy_invalid', 'The policies cannot be prepared.', { cause: failed });
}

/** Facts that rules need not speak of: left out where the schema does not declare them for this action. */
const OPTIONAL_FACTS = ['now', 'weekday', 'hour'];

/** What may be asked under this schema, which refuses every fact that it does not declare. */
export function asDeclared(loaded: Pick<LoadedPolicies, 'contextAttributes'>, question: Question): Question {
  const declared = loaded.contextAttributes.get(question.action);
  const context = Object.entries(question.context).filter(
    ([name]) => declared?.has(name) || !OPTIONAL_FACTS.includes(name),
  );
  return { ...question, context: Object.fromEntries(context) };
}

/** Asks with the whole request validated against the schema; whatever Cedar cannot answer is not allowed. */
export function ask(
  loaded: Pick<LoadedPolicies, 'digest' | 'contextAttributes'>,
  question: Question,
): Answer {
  const answer = statefulIsAuthorized({
    ...asDeclared(loaded, question),
    action: { type: 'Action', id: question.action },
    preparsedSchemaName: loaded.digest,
    preparsedPolicySetId: loaded.digest,
    validateRequest: true,
  });
  return conclude(answer);
}

/** Whether one policy by itself applies, for explanations: a denial's diagnostics name no permit. */
export function applies(
  policy: Policy,
  loaded: Pick<LoadedPolicies, 'schema' | 'contextAttributes'>,
  question: Question,
): boolean {
  const { schema } = loaded;
  const answer = isAuthorized({
    ...asDeclared(loaded, question),
    action: { type: 'Action', id: question.action },
    schema,
    validateRequest: true,
    policies: { staticPolicies: texts([policy]) },
  });
  return answer.type === 'success' && answer.response.diagnostics.reason.includes(policy.id);
}

/**
 * Strict validation. `validate` succeeds with errors in its answer, so the arrays are what is read; Cedar's
 * warnings (impossible policies, look-alike letters) each mean a policy that does not do what it reads as.
 */
export function validatePolicies(
  schema: string,
  policies: ReadonlyMap<string, Policy>,
): { policy: Policy; line: number; reason: string } | null {
  const answer = validate({
    schema,
    policies: { staticPolicies: texts(policies.values()) },
    validationSettings: { mode: 'strict' },
  });
  if (answer.type === 'failure') throw new AppError('policy_invalid', locate(answer.errors[0], '').reason);
  const found = answer.validationErrors[0] ?? answer.validationWarnings[0];
  if (found === undefined) {
    const other = answer.otherWarnings[0];
    if (other !== undefined) throw new AppError('policy_invalid', locate(other, '').reason);
    return null;
  }
  const policy = policies.get(found.policyId);
  if (policy === undefined) throw new AppError('policy_invalid', locate(found.error, '').reason);
  const { line, reason } = locate(found.error, policy.text);
  return { policy, line: policy.line + line - 1, reason };
}

function conclude(answer: ReturnType<typeof statefulIsAuthorized>): Answer {
  if (answer.type === 'failure') {
    const errors = answer.errors.map((error) => error.message);
    return { allowed: false, policies: [], errors: errors.length === 0 ? ['no answer'] : errors };
  }
  const { decision, diagnostics } = answer.response;
  return {
    allowed: decision === 'allow' && diagnostics.errors.length === 0,
    policies: [...diagnostics.reason].sort(),
    errors: diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`),
  };
}

function texts(policies: Iterable<Policy>): Record<string, string> {
  return Object.fromEntries([...policies].map((policy) => [policy.id, policy.text]));
}

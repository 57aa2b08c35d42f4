/** One statement of a policy file: parsed, its annotations checked, and what it covers worked out. */
import { getValidRequestEnvsPolicy, policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import { readAnnotations } from './annotations.ts';
import { locate } from './schema.ts';
import { scopeOf } from './scope.ts';
import type { Statement } from './statements.ts';
import type { CatalogueEntry, Policy } from './types.ts';
import { approvalWords, namedEntities, RESOURCE_WORDS, strangeWord } from './vocabulary.ts';

export type StatementFacts = {
  schema: string;
  catalogue: readonly CatalogueEntry[];
  groups: ReadonlySet<string>;
};

export type ReadStatement =
  | { ok: true; policy: Policy; people: readonly string[] }
  | { ok: false; line: number; reason: string };

/** Everything that can be told from one statement alone; types and attributes are Cedar's validator's. */
export function readStatement(statement: Statement, file: string, facts: StatementFacts): ReadStatement {
  const { text, line } = statement;
  const parsed = policyToJson(text);
  if (parsed.type === 'failure') {
    const found = locate(parsed.errors[0], text);
    return { ok: false, line: line + found.line - 1, reason: found.reason };
  }
  const { effect, annotations: raw = {}, principal, conditions } = parsed.json;
  const named = `policy "${raw.id ?? 'without id'}": `;
  const no = (reason: string): ReadStatement => ({ ok: false, line, reason: named + reason });
  const read = readAnnotations(raw, effect, facts.groups);
  if (!read.ok) return no(read.reason);
  const entities = namedEntities([principal, parsed.json.resource, conditions]);
  const stranger = entities.find(({ type, id }) => type === 'Group' && !facts.groups.has(id));
  if (stranger !== undefined) return no(`the group "${stranger.id}" is not in the directory`);
  const covered = getValidRequestEnvsPolicy(text, facts.schema);
  // What cannot be typed at all is the validator's to name, with its better words.
  const actions = covered.type === 'success' ? covered.actions.map(actionName) : [];
  const onlyApproves = actions.every((name) => name === 'approve');
  const governedNames = facts.catalogue.map((action) => action.name);
  const word = strangeWord(conditions, onlyApproves ? approvalWords(governedNames) : RESOURCE_WORDS);
  if (word !== null) return no(word);
  const { asked } = read.annotations;
  const governed = facts.catalogue.filter((action) => actions.includes(action.name));
  const write = governed.find((action) => action.effect === 'write');
  if (effect === 'permit' && write !== undefined && asked.approval.kind === 'undeclared') {
    return no(
      `permits the write "${write.name}" and so must declare @approval("none") or @approval("GROUP")`,
    );
  }
  if (actions.length > 0 && write === undefined && asked.approval.kind === 'group') {
    return no('@approval asks for an approval that nothing here needs: only writes are approved');
  }
  if (
    governed.length === 0 &&
    actions.length > 0 &&
    Object.values(obligationsOf(asked)).some((one) => one !== null)
  ) {
    return no('@stepup, @expires and @isolation hold for governed actions only');
  }
  const people = entities.filter(({ type }) => type === 'Person').map(({ id }) => id);
  return {
    ok: true,
    people,
    policy: { ...read.annotations, effect, actions, scope: scopeOf(principal), file, line, text },
  };
}

function obligationsOf({ stepup, expiresSeconds, isolation }: Policy['asked']) {
  return { stepup, expiresSeconds, isolation };
}

/** `Action::"ci.trigger"` as Cedar prints it. */
function actionName(printed: string): string {
  return JSON.parse(printed.slice(printed.indexOf('"'))) as string;
}

/** What people are told: which rule decided, and who can help. Only our words and the operator's; never Cedar's. */
import type { ApprovalNeed, Resource } from '../model/request.ts';
import type { Person } from './question.ts';
import { inScope } from './scope.ts';
import type { LoadedPolicies, Policy } from './types.ts';

/** More names than this are a list that nobody reads. */
const MAX_NAMES = 3;

/** `Engineers (engineers)`: the title that people know and the id that rules use. */
export function groupWords(loaded: LoadedPolicies, id: string): string {
  const group = loaded.groups.get(id);
  return group === undefined ? id : `${group.title} (${id})`;
}

/** `2 approvals from On call (oncall)` and so on, joined. */
export function needWords(loaded: LoadedPolicies, needs: readonly ApprovalNeed[]): string {
  const one = ({ group, quorum }: ApprovalNeed) =>
    `${quorum} ${quorum === 1 ? 'approval' : 'approvals'} from ${group === null ? 'somebody else who may approve it' : groupWords(loaded, group)}`;
  return needs.map(one).join(' and ');
}

/** `Rule "Engineers may trigger CI." (engineers-trigger-ci)`. */
export function ruleWords(policy: Policy): string {
  return `the rule "${policy.description}" (${policy.id})`;
}

export function noPermit(
  loaded: LoadedPolicies,
  who: Person,
  action: string,
  resource: Resource | null,
  people: readonly Person[],
): string[] {
  const on = resource === null ? '' : ` on ${resource.type} ${resource.id}`;
  return [`No rule lets ${who.name} use ${action}${on}.`, ...whoCanHelp(loaded, who, action, people)];
}

/** Whom the permits of this action name besides `who`, a few by name, and how to join them. */
export function whoCanHelp(
  loaded: LoadedPolicies,
  who: Person,
  action: string,
  people: readonly Person[],
): string[] {
  const permits = [...loaded.policies.values()].filter(
    (policy) => policy.effect === 'permit' && policy.actions.includes(action),
  );
  if (permits.length === 0)
    return [`No policy permits ${action} to anybody; an operator would have to add one.`];
  const groups = new Set<string>();
  for (const { scope } of permits) if (scope.kind === 'group') groups.add(scope.group);
  const lines: string[] = [];
  for (const id of groups) {
    if (who.groups.includes(id)) continue;
    const members = people.filter((person) => person.id !== who.id && person.groups.includes(id));
    const contact = loaded.groups.get(id)?.contact;
    const ask = members.length === 0 ? 'it has no members now' : `ask ${names(members)}`;
    lines.push(
      `Members of ${groupWords(loaded, id)} may: ${ask}, or about joining ${contact ?? 'an operator'}.`,
    );
  }
  if (lines.length > 0) return lines;
  const others = people.filter(
    (person) => person.id !== who.id && permits.some((policy) => inScope(policy.scope, person)),
  );
  return others.length === 0
    ? ['The rules for it name nobody else; an operator can change them.']
    : [`The rules for it also name ${names(others)}; they or an operator can say more.`];
}

/** The forbids that decided, each with its reason. */
export function forbidden(policies: readonly Policy[]): string[] {
  return policies.map(
    (policy) => `${policy.reason ?? policy.description} Forbidden by ${ruleWords(policy)}.`,
  );
}

export function notEnough(
  loaded: LoadedPolicies,
  needs: readonly ApprovalNeed[],
  eligible: readonly Person[],
  instead: readonly Person[],
): string[] {
  const count = eligible.length;
  const exist =
    count === 0
      ? 'no other approver exists'
      : count === 1
        ? `only one other approver exists: ${names(eligible)}`
        : `only ${count} other approvers exist: ${names(eligible)}`;
  const total = needs.reduce((sum, need) => sum + need.quorum, 0);
  const apart = needs.length > 1 ? ` by ${total} different people` : '';
  return [
    `It needs ${needWords(loaded, needs)}${apart}, and ${exist}.`,
    instead.length === 0
      ? 'Nobody else could ask for it either; an operator can change the rules or the groups.'
      : `${names(instead)} could ask for it instead.`,
  ];
}

/** A few names, and how many more. */
function names(people: readonly Person[]): string {
  const shown = people.slice(0, MAX_NAMES).map((person) => person.name);
  const more = people.length - shown.length;
  if (more > 0) return `${shown.join(', ')} and ${more} more`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
}

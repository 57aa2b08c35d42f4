/** What people are told: which rule decided, and who can help. Only our words and the operator's; never Cedar's. */
import type { ApprovalNeed, Resource } from '../model/request.ts';
import type { HOUSE_ACTIONS } from './built-in.ts';
import { firstFew, type Look, MAX_NAMES } from './looking.ts';
import type { Person } from './question.ts';
import { isNamed } from './scope.ts';
import type { LoadedPolicies, Policy } from './types.ts';

/** Among whom to look for help, and whether policy would let one of them do the very thing that was refused: `look` asks it. */
export type Helpers = { people: readonly Person[]; look: Look; may: (person: Person) => boolean };

/** What is not a governed action has no name that people know. */
const HOUSE_WORDS: Record<keyof typeof HOUSE_ACTIONS, string> = {
  approve: 'approve this request',
  kill: 'use the kill switch',
  readAudit: 'read the audit log',
  erase: 'erase a person’s data',
};

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

/** `helpers` null: nobody is looked for. */
export function noPermit(
  loaded: LoadedPolicies,
  who: Person,
  action: string,
  resource: Resource | null,
  helpers: Helpers | null,
): string[] {
  return [
    `No rule lets ${who.name} ${deedWords(action, resource)}.`,
    ...(helpers === null ? [] : whoCanHelp(loaded, who, action, helpers)),
  ];
}

/** `use ci.trigger on Job web/checks`: what a rule would have let somebody do. */
function deedWords(action: string, resource: Resource | null): string {
  if (Object.hasOwn(HOUSE_WORDS, action)) return HOUSE_WORDS[action as keyof typeof HOUSE_WORDS];
  return `use ${action}${resource === null ? '' : ` on ${resource.type} ${resource.id}`}`;
}

/**
 * Who may besides `who`: the groups that it would take to be in, each with a few members, and how to join; otherwise
 * people. A rule's head alone names nobody, because its conditions may not hold for this very thing.
 */
export function whoCanHelp(
  loaded: LoadedPolicies,
  who: Person,
  action: string,
  { people, look, may }: Helpers,
): string[] {
  const permits = [...loaded.policies.values()].filter(
    (policy) => policy.effect === 'permit' && policy.actions.includes(action),
  );
  if (permits.length === 0)
    return [`No policy permits ${action} to anybody; an operator would have to add one.`];
  const others = people.filter((person) => person.id !== who.id && isNamed(loaded, action, person));
  const groups = new Set(permits.flatMap(({ scope }) => (scope.kind === 'group' ? [scope.group] : [])));
  const lines = [...groups]
    .filter((id) => !who.groups.includes(id) && may({ ...who, groups: [...who.groups, id] }))
    .map((id) => {
      const contact = loaded.groups.get(id)?.contact ?? 'an operator';
      const inIt = others.filter((person) => person.groups.includes(id));
      const members = firstFew(look, inIt, may);
      const group = `Members of ${groupWords(loaded, id)} may`;
      if (members.length > 0) return `${group}: ask ${names(members)}, or about joining ${contact}.`;
      return `${group}${look.isCutShort() ? '' : ', but no other was found'}; ask about joining ${contact}.`;
    });
  if (lines.length > 0) return lines;
  const able = firstFew(look, others, may);
  if (able.length > 0) return [`${names(able)} may; they or an operator can say more.`];
  return [
    look.isCutShort()
      ? 'Who else may would take too long to find out; an operator can say more.'
      : 'Nobody else was found who may; an operator can change the rules or the groups.',
  ];
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
  look: Look,
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
  const others = look.isCutShort()
    ? 'Who else could ask for it would take too long to find out; an operator can say more.'
    : 'Nobody else could ask for it either; an operator can change the rules or the groups.';
  return [
    `It needs ${needWords(loaded, needs)}${apart}, and ${exist}.`,
    instead.length === 0 ? others : `${names(instead)} could ask for it instead.`,
  ];
}

/** Finds its words when they are first read, and once. */
export function once(words: () => string[]): () => string[] {
  let said: string[] | null = null;
  return () => {
    said ??= words();
    return said;
  };
}

/** A few names, and how many more. */
function names(people: readonly Person[]): string {
  const shown = people.slice(0, MAX_NAMES).map((person) => person.name);
  const more = people.length - shown.length;
  if (more > 0) return `${shown.join(', ')} and ${more} more`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
}

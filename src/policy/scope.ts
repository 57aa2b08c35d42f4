/** Whom a policy's head names. Read from Cedar's own parse, to tell people who can help and to ask fewer questions. */
import type { PrincipalConstraint } from '@cedar-policy/cedar-wasm/nodejs';
import type { Principal } from '../model/principal.ts';
import type { LoadedPolicies, PrincipalScope } from './types.ts';

export function scopeOf(head: PrincipalConstraint): PrincipalScope {
  switch (head.op) {
    case 'All':
      return { kind: 'anybody' };
    case 'is':
      if (head.entity_type !== 'Person') return { kind: 'nobody' };
      return head.in === undefined ? { kind: 'anybody' } : named(head.in);
    case '==':
    case 'in':
      return named(head);
  }
}

/** Whether the head lets this person pass. Cedar has the last word; whoever fails here, Cedar denies too. */
export function inScope(scope: PrincipalScope, person: Pick<Principal, 'id' | 'groups'>): boolean {
  switch (scope.kind) {
    case 'anybody':
      return true;
    case 'group':
      return person.groups.includes(scope.group);
    case 'person':
      return person.id === scope.person;
    case 'nobody':
      return false;
  }
}

/** Whether some permit's head lets this person pass for this action; where none does, Cedar need not be asked. */
export function isNamed(
  { policies }: Pick<LoadedPolicies, 'policies'>,
  action: string,
  person: Pick<Principal, 'id' | 'groups'>,
): boolean {
  return [...policies.values()].some(
    (policy) =>
      policy.effect === 'permit' && policy.actions.includes(action) && inScope(policy.scope, person),
  );
}

function named(head: { entity: unknown } | { slot: string }): PrincipalScope {
  if (!('entity' in head)) return { kind: 'nobody' };
  const { type, id } = uid(head.entity);
  if (type === 'Group') return { kind: 'group', group: id };
  return type === 'Person' ? { kind: 'person', person: id } : { kind: 'nobody' };
}

/** Cedar writes an entity as `{type, id}` or wrapped in `__entity`. */
function uid(entity: unknown): { type: string; id: string } {
  const bare = entity as { type: string; id: string } | { __entity: { type: string; id: string } };
  return '__entity' in bare ? bare.__entity : bare;
}

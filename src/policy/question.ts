/** From our nouns to Cedar's: what is asked, of whom, with which entities. Pure. */
import type { EntityJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { ApprovableRequest, PolicyContext } from '../model/decision.ts';
import type { Principal } from '../model/principal.ts';
import type { Resource } from '../model/request.ts';
import type { HouseAction } from './built-in.ts';
import type { Question } from './engine.ts';

/** Who is asked about: the directory's id and groups are all that policy sees of a person. */
export type Person = Pick<Principal, 'id' | 'groups' | 'name'>;

/** A request that need not exist yet: its feasibility is asked at the proposal already. */
export type Approvable = Omit<ApprovableRequest, 'id'> & { id?: string };

/** The one resource of what operators do to the house. */
const SYSTEM = { type: 'System', id: 'countersign' };
/** Stands for the id of a request that is only proposed. */
const PROPOSED = 'proposed';

export function governedQuestion(
  principal: Person,
  action: string,
  resource: Resource,
  context: PolicyContext,
): Question {
  const uid = { type: resource.type, id: resource.id };
  return {
    principal: person(principal),
    action,
    resource: uid,
    context: facts(context),
    entities: [personEntity(principal), { uid, attrs: { ...resource.attributes }, parents: [] }],
  };
}

/**
 * May `principal` approve `request`? The requester comes with their groups, so that a rule about whose request
 * it is finds them. `declared`: the schema's attributes of Request; the resource's own appear where declared.
 */
export function approvalQuestion(
  principal: Person,
  request: Approvable,
  requester: Person,
  context: PolicyContext,
  declared: ReadonlySet<string>,
): Question {
  const uid = { type: 'Request', id: request.id ?? PROPOSED };
  const carried = Object.entries(request.resource.attributes).filter(([name]) => declared.has(name));
  const attrs: EntityJson['attrs'] = {
    ...Object.fromEntries(carried),
    requester: { __entity: person(requester) },
    action: request.action,
    risk: request.risk,
    tainted: request.tainted,
    connector: context.connector,
  };
  const entities = [personEntity(principal), { uid, attrs, parents: [] }];
  if (requester.id !== principal.id) entities.push(personEntity(requester));
  return {
    principal: person(principal),
    action: 'approve',
    resource: uid,
    context: facts(context),
    entities,
  };
}

/** Cedar is given every fact; what the schema does not declare is left out where it is asked. */
function facts({ time, ...others }: PolicyContext): Question['context'] {
  const now = { __extn: { fn: 'datetime', arg: time.now } } as const;
  return { ...others, now, weekday: time.weekday, hour: time.hour };
}

export function houseQuestion(principal: Person, action: HouseAction): Question {
  return {
    principal: person(principal),
    action,
    resource: SYSTEM,
    context: {},
    entities: [personEntity(principal), { uid: SYSTEM, attrs: {}, parents: [] }],
  };
}

function person({ id }: { id: string }) {
  return { type: 'Person', id };
}

function personEntity(principal: Pick<Principal, 'id' | 'groups'>): EntityJson {
  return {
    uid: person(principal),
    attrs: {},
    parents: principal.groups.map((id) => ({ type: 'Group', id })),
  };
}

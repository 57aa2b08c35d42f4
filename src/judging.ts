/**
 * Policy asked with the facts of this moment: the person's groups as the directory has them now, the kill switch as
 * the database has it now. What cannot be read is a denial.
 */
import type { GovernedAction } from './action.ts';
import { joinDecisions } from './approval/joined.ts';
import { approvalsAreMet, asCountersigners } from './approval/needs.ts';
import { approvalsOf } from './approval/requests.ts';
import { isKilled } from './intake/killswitch.ts';
import type { ApprovableRequest, Decision, PolicyContext, Wanted } from './model/decision.ts';
import type { PrincipalId } from './model/ids.ts';
import type { Directory } from './model/ports.ts';
import type { Principal } from './model/principal.ts';
import type { ApprovalNeed, Json, Resource, Risk, StoredRequest } from './model/request.ts';
import { localTime } from './policy/time.ts';
import type { Sql } from './store/database.ts';

/** The policy room's door, as the pipeline uses it. */
export type PolicyDoor = {
  decide(question: {
    principal: Principal;
    action: string;
    resource: Resource;
    context: PolicyContext;
    people: readonly Principal[];
  }): Decision;
  mayApprove(
    principal: Principal,
    request: ApprovableRequest,
    context: PolicyContext,
  ): { allowed: boolean; policies: string[]; reasons: string[]; groups: string[] };
  /** One by one, each of them a question: whoever needs to know of one only asks no further. */
  approvers(
    needs: readonly ApprovalNeed[],
    request: ApprovableRequest,
    context: PolicyContext,
  ): Iterable<PrincipalId>;
  may(principal: Principal, what: 'kill' | 'readAudit' | 'erase'): boolean;
  possible(
    principal: Principal,
    candidates: readonly { action: string; resources: readonly Resource[] }[],
    now: Date,
  ): string[];
};

export type Judging = ReturnType<typeof createJudging>;

/** Where nobody in particular is needed: whoever may approve it at all can say what became of it. */
const ANYBODY: readonly ApprovalNeed[] = [{ group: null, quorum: 1 }];

type Asked = { action: string; resource: Resource; risk: Risk; connector: string; tainted: boolean };

/** What policy is asked about, where somebody asks for an action with these arguments. */
export function askedOf(
  { action, connector, settings }: GovernedAction,
  args: Record<string, Json>,
): Omit<Asked, 'tainted'> {
  const facts = { connector: connector.name, settings: connector.facts(action.operation, args, settings) };
  return {
    action: action.name,
    connector: connector.name,
    resource: action.resource(args, facts),
    risk: action.risk(args, facts),
  };
}

/** What is still wanted of others; null where nothing is, as when a press comes late. */
async function wantedBy(sql: Sql, request: StoredRequest): Promise<Wanted | null> {
  if (request.state !== 'pending') return null;
  const approvals = await approvalsOf(sql, request);
  if (approvalsAreMet(request, approvals)) return null;
  return { needs: request.obligations.approvals, given: asCountersigners(approvals) };
}

export function createJudging(deps: {
  policy: () => PolicyDoor;
  directory: Directory;
  now: () => Date;
  /** In which weekday and hour are told. */
  timeZone: string;
  /** Every case of every action that policy may tell apart: what a person could use is judged over all of them. */
  candidates(): readonly { action: string; resources: readonly Resource[] }[];
}) {
  const contextOf = async (sql: Sql, asked: Asked, requester: PrincipalId): Promise<PolicyContext> => ({
    killed: await isKilled(sql, { action: asked.action, principal: requester, connector: asked.connector }),
    tainted: asked.tainted,
    risk: asked.risk,
    connector: asked.connector,
    time: localTime(deps.now(), deps.timeZone),
  });

  /** Whether this may be asked for, and under which obligations. */
  const decide = async (sql: Sql, principal: Principal, asked: Asked): Promise<Decision> =>
    deps.policy().decide({
      principal,
      action: asked.action,
      resource: asked.resource,
      context: await contextOf(sql, asked, principal.id),
      people: await deps.directory.people(),
    });

  /**
   * The same for several people who ask together: each must be permitted by themselves, none counts as another's
   * approver, and what any of them owes all owe. Null where one of them is nobody any more.
   */
  const decideForAll = async (
    sql: Sql,
    ids: readonly PrincipalId[],
    asked: Asked,
  ): Promise<Decision | null> => {
    const everybody = await deps.directory.people();
    const decisions: Decision[] = [];
    for (const id of ids) {
      const principal = await deps.directory.byId(id);
      if (!principal) return null;
      const { action, resource } = asked;
      const context = await contextOf(sql, asked, id);
      const people = everybody.filter((person) => person.id === id || !ids.includes(person.id));
      decisions.push(deps.policy().decide({ principal, action, resource, context, people }));
    }
    return joinDecisions(decisions);
  };

  /** The same for a stored request and everybody who asks for it. */
  const decideAgain = (sql: Sql, request: StoredRequest): Promise<Decision | null> =>
    decideForAll(sql, [request.requester, ...request.coRequesters], request);

  const mayApprove = async (sql: Sql, person: Principal, request: StoredRequest) => {
    if (request.coRequesters.includes(person.id)) {
      const reasons = ['You changed this request, so you ask for it too: somebody else must approve it.'];
      return { allowed: false, policies: [], reasons, groups: [] };
    }
    const context = await contextOf(sql, request, request.requester);
    return deps.policy().mayApprove(person, { ...request, wanted: await wantedBy(sql, request) }, context);
  };

  /** Whether they could have approved it: who may see what has ended does not hang on a switch that was moved since. */
  const mightHaveApproved = async (sql: Sql, person: Principal, request: StoredRequest): Promise<boolean> => {
    if (request.coRequesters.includes(person.id)) return false;
    const context = await contextOf(sql, request, request.requester);
    return deps.policy().mayApprove(person, request, { ...context, killed: false }).allowed;
  };

  /** Who could approve it now, found only as far as somebody asks. */
  const eachApproverOf = async (sql: Sql, request: StoredRequest): Promise<Iterable<Principal>> => {
    const context = await contextOf(sql, request, request.requester);
    const { approvals } = request.obligations;
    const people = new Map((await deps.directory.people()).map((person) => [person.id, person]));
    for (const id of request.coRequesters) people.delete(id);
    const ids = deps.policy().approvers(approvals.length === 0 ? ANYBODY : approvals, request, context);
    return (function* () {
      for (const id of ids) {
        const person = people.get(id);
        if (person !== undefined) yield person;
      }
    })();
  };

  /** Everybody who could approve it now: who is asked. In one go: a question for each person would stop a large company. */
  const approversOf = async (sql: Sql, request: StoredRequest): Promise<Principal[]> => [
    ...(await eachApproverOf(sql, request)),
  ];

  /** Names of the actions that this person could use at all; the planner is shown no others. */
  const possible = (person: Principal): string[] =>
    deps.policy().possible(person, deps.candidates(), deps.now());

  /** Whether this action is one of those. */
  const couldAskFor = (person: Principal, action: string): boolean => {
    const cases = deps.candidates().filter((candidate) => candidate.action === action);
    return deps.policy().possible(person, cases, deps.now()).includes(action);
  };

  return {
    decide,
    decideForAll,
    decideAgain,
    mayApprove,
    mightHaveApproved,
    eachApproverOf,
    approversOf,
    possible,
    couldAskFor,
    may: (person: Principal, what: 'kill' | 'readAudit' | 'erase') => deps.policy().may(person, what),
  };
}

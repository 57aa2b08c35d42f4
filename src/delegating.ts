/**
 * Handing a request over: by somebody who is asked and may approve, to somebody who may. It gives nobody a right; policy
 * is asked again when that person decides.
 */
import { addReached, dropReached, findReach, reachedBy } from './approval/escalation-store.ts';
import { couldMeet, waitsForApproval, wouldCount } from './approval/needs.ts';
import { approvalsOf, findRequest, lockRequest } from './approval/requests.ts';
import { tellWhereItStands } from './calling.ts';
import { OUTDATED } from './deciding.ts';
import type { PrincipalId, RequestId } from './model/ids.ts';
import type { Directory } from './model/ports.ts';
import type { Principal } from './model/principal.ts';
import type { StoredRequest } from './model/request.ts';
import { requestNamed, SEVERAL_BEGIN_SO } from './naming.ts';
import { askedToApprove, putCard } from './operators.ts';
import type { Reaching, ReachingDeps } from './reaching.ts';
import { putAgain, say, threadAt } from './reply/messages.ts';
import type { Sql } from './store/database.ts';

export type DelegatingDeps = Pick<
  ReachingDeps,
  'db' | 'audit' | 'judging' | 'deliverer' | 'surfaces' | 'titleOf' | 'nameOf' | 'queueAsking'
> & { directory: Directory; reaching: Reaching };
/** What it takes to say who could hand it over to whom. */
export type OfferingDeps = Pick<DelegatingDeps, 'judging'> & { reaching: Pick<Reaching, 'isTheirs'> };

/** `refused`: this person may not, which is recorded. `ignored`: nothing is wrong with them, and nothing was changed. */
type Answer = { kind: 'done' } | { kind: 'refused' | 'ignored'; words: string };
/** What became of it, in words for the person who asked for it. */
export type Told = { became: 'done' | 'refused' | 'ignored'; words: string };

/** By its whole id; `digest`: it stands as this person saw it, or not. */
export type Handed = { request: RequestId; digest?: string };

const NO_SUCH = 'There is no request of that id that waits for approval.';
const NO_TAKER = 'There is nobody else to whom this could be handed over.';
const NOBODY = 'I know nobody of that name. Write: delegate REQUEST-ID to PERSON';

/** `wanted` is an id or how it begins; `to` null: nobody whom the directory knows. */
export async function delegateNamed(
  deps: DelegatingDeps,
  by: Principal,
  wanted: string,
  to: Principal | null,
): Promise<Told> {
  const parts = { judging: deps.judging, personById: (id: PrincipalId) => deps.directory.byId(id) };
  const named = await requestNamed(deps.db, parts, wanted, by.id);
  if (named.kind !== 'one') return told(named.kind === 'several' ? SEVERAL_BEGIN_SO : NO_SUCH);
  return delegate(deps, by, { request: named.request }, to);
}

/** Whom this person may hand it over to at this moment, in the directory's order; nobody where they may not. */
export async function takersOf(
  deps: OfferingDeps,
  sql: Sql,
  request: StoredRequest,
  by: Principal,
): Promise<Principal[]> {
  if (!waitsForApproval(request) || (await whyNotBy(deps, sql, request, by)) !== null) return [];
  const isTaker = await takersTest(sql, request);
  const approvers = await deps.judging.approversOf(sql, request);
  return approvers.filter((person) => person.id !== by.id && isTaker(person));
}

/** Whether there is anybody to whom `by` may hand it over; `by` null: whoever of those who are asked looks at it. */
export async function couldBeHandedOver(
  deps: OfferingDeps,
  sql: Sql,
  request: StoredRequest,
  by: Principal | null,
): Promise<boolean> {
  if (!waitsForApproval(request)) return false;
  if (by !== null && (await whyNotBy(deps, sql, request, by)) !== null) return false;
  const isTaker = await takersTest(sql, request);
  const approvals = await approvalsOf(sql, request);
  let others = 0;
  let takers = 0;
  for (const person of await deps.judging.eachApproverOf(sql, request)) {
    if (person.id === by?.id) continue;
    if (wouldCount(request, approvals, person)) others += 1;
    if (isTaker(person)) takers += 1;
    if (takers > 0 && (by !== null || others > 1)) return true;
  }
  return false;
}

/** Hands it over, and answers what became of it. Everything given is untrusted, and judged at this moment. */
export async function delegate(
  deps: DelegatingDeps,
  by: Principal,
  { request: id, digest }: Handed,
  to: Principal | null,
): Promise<Told> {
  const request = await findRequest(deps.db, id);
  if (request === null || !waitsForApproval(request)) return told(NO_SUCH);
  if (digest !== undefined && digest !== request.digest) return told(OUTDATED);
  const first = await judge(deps, deps.db, request, by, to);
  if (first.kind === 'refused') await recordRefusal(deps, request, by);
  if (first.kind !== 'done') return { became: first.kind, words: first.words };
  if (to === null) return told(NOBODY);
  // Opening a conversation asks a platform, which no transaction waits for.
  const places = await deps.reaching.directPlaces([to]);
  return deps.db.transaction(async (tx) => {
    const current = await lockRequest(tx, request.id);
    if (current === null || !waitsForApproval(current)) return told(NO_SUCH);
    if (digest !== undefined && digest !== current.digest) return told(OUTDATED);
    const again = await judge(deps, tx, current, by, to);
    if (again.kind !== 'done') return { became: again.kind, words: again.words };
    await deps.audit.append(tx, {
      type: 'approval.delegated',
      turn: current.turn,
      request: current.id,
      principal: by.id,
      data: { digest: current.digest, to: to.id },
    });
    // Whoever cannot be called is no reason to call nobody.
    const isCalled = places.length > 0 || deps.surfaces().length === 0;
    const isNeeded = !(await couldBeSpared(deps, tx, current, by, isCalled ? to : null));
    if (!isNeeded) await dropReached(tx, current.id, by.id);
    await addReached(tx, current.id, [to.id], 'delegated');
    const threads = [];
    for (const place of places) threads.push(await threadAt(tx, place));
    const title = deps.titleOf(current.action);
    await tellWhereItStands(
      tx,
      deps,
      current,
      `${by.name} handed "${title}" (${current.id.slice(0, 8)}) over to ${to.name}${isNeeded ? ', and stays asked' : ''}.`,
      threads,
    );
    for (const place of places) {
      const words = `${by.name} handed this over to you. ${askedToApprove(deps, current)}`;
      if (await putCard(tx, deps.deliverer, current.id, place, words)) continue;
      const thread = await threadAt(tx, place);
      if (await putAgain(tx, deps.deliverer, thread, current.id)) continue;
      await say(tx, deps.deliverer, {
        thread,
        turn: null,
        text: `${by.name} handed "${title}" (${current.id.slice(0, 8)}) over to you. The card is above.`,
        authorship: 'system',
      });
    }
    // Where their platform could not be asked just now, the durable job comes again.
    await deps.queueAsking(tx, current.id);
    return {
      became: 'done',
      words: isNeeded
        ? `${to.name} is asked too. You stay asked: without you too few could be reached.`
        : `${to.name} is asked now. You can still decide yourself.`,
    };
  });
}

/** Whether this person may hand exactly this over to that one, at this moment. */
async function judge(
  deps: DelegatingDeps,
  sql: Sql,
  request: StoredRequest,
  by: Principal,
  to: Principal | null,
): Promise<Answer> {
  const whyNot = await whyNotBy(deps, sql, request, by);
  if (whyNot !== null) return whyNot;
  if (to === null) {
    const takers = await takersOf(deps, sql, request, by);
    return ignored(takers.length === 0 ? NO_TAKER : NOBODY);
  }
  if (to.id === by.id) return ignored('That is you, and you can decide it yourself.');
  const approvers = await deps.judging.approversOf(sql, request);
  if (!approvers.some((person) => person.id === to.id))
    return ignored(`${to.name} may not approve this, so nothing was handed over.`);
  const approvals = await approvalsOf(sql, request);
  if (approvals.some(({ approver }) => approver === to.id))
    return ignored(`${to.name} has approved this already.`);
  if (!wouldCount(request, approvals, to))
    return ignored(
      `An approval of ${to.name} would add nothing to what is there, so nothing was handed over.`,
    );
  if ((await reachedBy(sql, request.id)).has(to.id))
    return ignored(`${to.name} is asked already, so nothing was handed over.`);
  return { kind: 'done' };
}

/** Null where it is this person's to hand over. */
async function whyNotBy(
  deps: OfferingDeps,
  sql: Sql,
  request: StoredRequest,
  by: Principal,
): Promise<Exclude<Answer, { kind: 'done' }> | null> {
  if (by.id === request.requester)
    return { kind: 'refused', words: 'You asked for this yourself: who decides is not yours to say.' };
  const verdict = await deps.judging.mayApprove(sql, by, request);
  if (!verdict.allowed) return { kind: 'refused', words: verdict.reasons.join(' ') };
  if (!(await deps.reaching.isTheirs(sql, request, by.id)))
    return { kind: 'refused', words: 'You are not asked about this one, so you cannot hand it over.' };
  const approvals = await approvalsOf(sql, request);
  if (approvals.some(({ approver }) => approver === by.id))
    return ignored('You have approved this already: nothing is left to hand over.');
  return wouldCount(request, approvals, by)
    ? null
    : ignored('Your approval would add nothing to what is there: nothing is left to hand over.');
}

/** Whether somebody who may approve it could take it: their approval would count, and they are not asked in particular yet. */
async function takersTest(sql: Sql, request: StoredRequest): Promise<(person: Principal) => boolean> {
  const approvals = await approvalsOf(sql, request);
  const reached = await reachedBy(sql, request.id);
  return (person) => wouldCount(request, approvals, person) && !reached.has(person.id);
}

/**
 * Whether those who are asked by name could decide it without this person, with `to` in their place. Where the others are
 * too few, whoever hands it over is still asked: better one too many than a request that nobody can meet.
 */
async function couldBeSpared(
  deps: DelegatingDeps,
  sql: Sql,
  request: StoredRequest,
  by: Principal,
  to: Principal | null,
): Promise<boolean> {
  const reach = await findReach(sql, request.id);
  // Where everybody is asked, or a channel, nobody in particular stops being asked.
  if (reach?.scope !== 'named') return true;
  const reached = await reachedBy(sql, request.id);
  const asked = (await deps.judging.approversOf(sql, request)).filter(
    (person) => person.id !== by.id && (reached.has(person.id) || person.id === to?.id),
  );
  return couldMeet(request, await approvalsOf(sql, request), asked);
}

const told = (words: string): Told => ({ became: 'ignored', words });
const ignored = (words: string) => ({ kind: 'ignored' as const, words });

async function recordRefusal(deps: DelegatingDeps, request: StoredRequest, by: Principal): Promise<void> {
  await deps.db.transaction((tx) =>
    deps.audit.append(tx, {
      type: 'approval.refused',
      turn: request.turn,
      request: request.id,
      principal: by.id,
      data: { digest: request.digest, decision: 'delegate' },
    }),
  );
}

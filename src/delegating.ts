/**
 * Handing a request over: by somebody who is asked and may approve, to somebody who may. It gives nobody a right; policy
 * is asked again when that person decides.
 */
import {
  addReached,
  dropReached,
  findReach,
  pendingByPrefix,
  reachedBy,
} from './approval/escalation-store.ts';
import { couldMeet, waitsForApproval, wouldCount } from './approval/needs.ts';
import { approvalsOf, findRequest, lockRequest } from './approval/requests.ts';
import { tellWhereItStands } from './calling.ts';
import type { Directory } from './model/ports.ts';
import type { Principal } from './model/principal.ts';
import type { StoredRequest } from './model/request.ts';
import { askedToApprove, putCard } from './operators.ts';
import type { Reaching, ReachingDeps } from './reaching.ts';
import { putAgain, say, threadAt } from './reply/messages.ts';
import type { Sql } from './store/database.ts';

export type DelegatingDeps = Pick<
  ReachingDeps,
  'db' | 'audit' | 'judging' | 'deliverer' | 'surfaces' | 'titleOf' | 'nameOf' | 'queueAsking'
> & { directory: Directory; reaching: Reaching };

/** `refused`: this person may not, which is recorded. `ignored`: nothing is wrong with them, and nothing was changed. */
type Answer = { kind: 'done' } | { kind: 'refused' | 'ignored'; words: string };
/** What became of it, for the person who wrote it; `refused`: they may not. */
type Told = { words: string; refused: boolean };

const NO_SUCH = 'There is no request of that id that waits for approval.';

/**
 * `wanted` is an id or how it begins, `toWords` an id of the directory or a person's whole name; both untrusted.
 * Answers what became of it in words for the person who wrote it.
 */
export async function delegate(
  deps: DelegatingDeps,
  by: Principal,
  wanted: string,
  toWords: string,
): Promise<Told> {
  const [id, another] = await pendingByPrefix(deps.db, wanted.toLowerCase());
  const request = id === undefined ? null : await findRequest(deps.db, id);
  if (another !== undefined) return told('More than one request begins so; write more of its id.');
  if (request === null || !waitsForApproval(request)) return told(NO_SUCH);
  const to = await personOf(deps.directory, toWords);
  const first = await judge(deps, deps.db, request, by, to);
  if (first.kind === 'refused') await recordRefusal(deps, request, by);
  if (first.kind !== 'done') return { words: first.words, refused: first.kind === 'refused' };
  if (to === null) return told(NO_SUCH);
  // Opening a conversation asks a platform, which no transaction waits for.
  const places = await deps.reaching.directPlaces([to]);
  return deps.db.transaction(async (tx) => {
    const current = await lockRequest(tx, request.id);
    if (current === null || !waitsForApproval(current)) return told(NO_SUCH);
    const again = await judge(deps, tx, current, by, to);
    if (again.kind !== 'done') return { words: again.words, refused: again.kind === 'refused' };
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
    return told(
      isNeeded
        ? `${to.name} is asked too. You stay asked: without you too few could be reached.`
        : `${to.name} is asked now. You can still decide yourself.`,
    );
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
  if (by.id === request.requester)
    return { kind: 'refused', words: 'You asked for this yourself: who decides is not yours to say.' };
  const verdict = await deps.judging.mayApprove(sql, by, request);
  if (!verdict.allowed) return { kind: 'refused', words: verdict.reasons.join(' ') };
  const approvers = await deps.judging.approversOf(sql, request);
  if (!(await deps.reaching.isTheirs(sql, request, by.id)))
    return { kind: 'refused', words: 'You are not asked about this one, so you cannot hand it over.' };
  const approvals = await approvalsOf(sql, request);
  const approved = new Set(approvals.map((it) => it.approver));
  if (approved.has(by.id)) return ignored('You have approved this already: nothing is left to hand over.');
  if (to === null) return ignored('I know nobody of that name. Write: delegate REQUEST-ID to PERSON');
  if (to.id === by.id) return ignored('That is you, and you can decide it yourself.');
  if (!approvers.some((person) => person.id === to.id))
    return ignored(`${to.name} may not approve this, so nothing was handed over.`);
  if (approved.has(to.id)) return ignored(`${to.name} has approved this already.`);
  if (!wouldCount(request, approvals, to))
    return ignored(
      `An approval of ${to.name} would add nothing to what is there, so nothing was handed over.`,
    );
  if ((await reachedBy(sql, request.id)).has(to.id))
    return ignored(`${to.name} is asked already, so nothing was handed over.`);
  return { kind: 'done' };
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

const told = (words: string): Told => ({ words, refused: false });
const ignored = (words: string): Answer => ({ kind: 'ignored', words });

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

/** By id, else by the whole name where it is only one person's. */
async function personOf(directory: Directory, words: string): Promise<Principal | null> {
  const wanted = words.trim().replace(/^@/, '').toLowerCase();
  const people = await directory.people();
  const byId = people.find((person) => person.id === wanted);
  const byName = people.filter((person) => person.name.toLowerCase() === wanted);
  return byId ?? (byName.length === 1 ? byName[0]! : null);
}

/**
 * Reaching the right people while nobody decides: who is asked first, who is reminded, who is next. Nothing here lets
 * anybody approve, and nobody is asked whom policy would not let approve at that moment.
 */
import {
  narrowed,
  newlyAsked,
  type Route,
  routeFor,
  stepAt,
  type Target,
  targetInWords,
  targetsFrom,
} from './approval/escalation.ts';
import {
  addReached,
  beginReach,
  endReach,
  findReach,
  reachedBy,
  type Scope,
  settleScope,
  takeStep,
  widen,
} from './approval/escalation-store.ts';
import { approvalsOf, findRequest, lockRequest } from './approval/requests.ts';
import type { AuditLog } from './audit/log.ts';
import { threadBelowCard } from './below-card.ts';
import { AppError } from './errors.ts';
import type { PrincipalId, RequestId, ThreadId } from './model/ids.ts';
import type { Principal } from './model/principal.ts';
import type { StoredRequest } from './model/request.ts';
import type { Place } from './model/turn.ts';
import type { OnCall } from './oncall/port.ts';
import { type AskingDeps, type Audience, reachablePlaces } from './operators.ts';
import { say, threadAt } from './reply/messages.ts';
import type { Sql, Tx } from './store/database.ts';

export type ReachingDeps = Omit<AskingDeps, 'audienceOf'> & {
  audit: AuditLog;
  onCall: OnCall;
  routes: readonly Route[];
  now(): Date;
  /** Queues the step of this round, so many seconds from now. */
  queueStep(
    tx: Tx,
    request: RequestId,
    at: { round: number; step: number },
    afterSeconds: number,
  ): Promise<void>;
  /** Puts the card where those are who are asked by now, as durably as the first time. */
  queueAsking(tx: Tx, request: RequestId): Promise<void>;
  /** A schedule or a platform that cannot be asked: operators should know; the request goes on. */
  troubled(error: unknown, what: string): void;
};

export type Reaching = ReturnType<typeof createReaching>;

const NO_CHANNELS = { slack: null, teams: null };

export function createReaching(deps: ReachingDeps) {
  /** Null: it cannot be read, and everybody is better than nobody. */
  const onCallNow = async (schedule: string): Promise<PrincipalId[] | null> => {
    try {
      return await deps.onCall.whoIsOnCall(schedule, deps.now());
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      deps.troubled(error, schedule);
      return null;
    }
  };

  const reachable = (audience: Audience): Promise<Place[]> =>
    reachablePlaces(deps.surfaces(), audience, deps.troubled);

  const directPlaces = async (people: readonly Principal[]): Promise<Place[]> =>
    (await reachable({ people, channels: NO_CHANNELS })).filter((place) => place.direct);

  /** Those whom a chat platform can call; without one, everybody reads what waits for them in the workspace. */
  const callable = async (people: readonly Principal[]): Promise<Principal[]> => {
    if (deps.surfaces().length === 0) return [...people];
    const found = await Promise.all(people.map(async (person) => (await directPlaces([person])).length > 0));
    return people.filter((_, index) => found[index]);
  };

  const firstAsked = async (
    route: Route,
    request: StoredRequest,
    approvers: readonly Principal[],
  ): Promise<{ scope: Scope; people: Principal[] }> => {
    if (route.schedule !== null) {
      const onCall = await onCallNow(route.schedule);
      const called = approvers.filter((person) => onCall?.includes(person.id));
      const people = onCall && narrowed(onCall, await callable(called), request.obligations.approvals);
      return people ? { scope: 'named', people } : { scope: 'everybody', people: [] };
    }
    const { channels } = route;
    const isNamed = channels.slack !== null || channels.teams !== null;
    const places = isNamed ? await reachable({ people: [], channels }) : [];
    return { scope: places.length > 0 ? 'channel' : 'everybody', people: [] };
  };

  /** Whom this request is put to directly. Settled at the first asking of a round, and kept. */
  const audienceOf = async (request: StoredRequest, approvers: readonly Principal[]): Promise<Audience> => {
    const route = routeFor(deps.routes, request);
    const channels = route?.channels ?? NO_CHANNELS;
    const reach = await findReach(deps.db, request.id);
    if (route === null || reach === null || request.state !== 'pending')
      return { people: approvers, channels };
    if (reach.scope === null) {
      const { scope, people } = await firstAsked(route, request, approvers);
      const ids = people.map((person) => person.id);
      await deps.db.transaction((tx) => settleScope(tx, request.id, reach.round, scope, ids));
    }
    const settled = await findReach(deps.db, request.id);
    if (settled?.scope === 'everybody') return { people: approvers, channels };
    const reached = await reachedBy(deps.db, request.id);
    return { people: approvers.filter((person) => reached.has(person.id)), channels };
  };

  /** Those who may approve and have not; who has approved is left in peace. */
  const stillWanted = async (request: StoredRequest): Promise<Principal[]> => {
    const approved = new Set((await approvalsOf(deps.db, request)).map((it) => it.approver));
    const approvers = await deps.judging.approversOf(deps.db, request);
    return approvers.filter((person) => !approved.has(person.id));
  };

  const queueNext = async (
    tx: Tx,
    request: StoredRequest,
    route: Route,
    at: { round: number; step: number },
  ): Promise<void> => {
    const next = stepAt(route, at.step);
    if (next === null) return;
    const before = at.step === 0 ? 0 : (stepAt(route, at.step - 1)?.afterSeconds ?? 0);
    // From now and not from the asking: after a long stop people still get the time between two steps.
    const afterSeconds = next.afterSeconds - before;
    const { inTime } = await tx.one<{ inTime: boolean }>(
      `select clock_timestamp() + make_interval(secs => $2) < $1::timestamptz as "inTime"`,
      [request.expiresAt, afterSeconds],
    );
    if (inTime) await deps.queueStep(tx, request.id, at, afterSeconds);
  };

  /** Whom the escalation of this number adds: of the first target that reaches somebody new. */
  const nextPeople = async (
    route: Route,
    to: number,
    request: StoredRequest,
    approvers: readonly Principal[],
    everybodyIsAsked: boolean,
  ): Promise<{ target: Target; people: Principal[] } | null> => {
    if (everybodyIsAsked) return null;
    const reached = await reachedBy(deps.db, request.id);
    for (const target of targetsFrom(route, to)) {
      const onCall = target.kind === 'schedule' ? ((await onCallNow(target.id)) ?? []) : [];
      const meant = newlyAsked(target, approvers, reached, onCall);
      const people = target.kind === 'everybody' ? meant : await callable(meant);
      if (people.length > 0) return { target, people };
    }
    return null;
  };

  return {
    audienceOf,
    onCallNow,
    directPlaces,

    /** In the transaction that asks: a new round of its plan. A request without a route has none. */
    async begin(tx: Tx, id: RequestId): Promise<void> {
      const request = await findRequest(tx, id);
      if (request?.state !== 'pending') return;
      const route = routeFor(deps.routes, request);
      if (route === null) return endReach(tx, id);
      const round = await beginReach(tx, id);
      await queueNext(tx, request, route, { round, step: 0 });
    },

    /** Everybody who counts as asked: only they may hand it over. */
    async askedNow(sql: Sql, request: StoredRequest, approvers: readonly Principal[]): Promise<Principal[]> {
      const reach = await findReach(sql, request.id);
      if (reach?.scope !== 'named') return [...approvers];
      const reached = await reachedBy(sql, request.id);
      return approvers.filter((person) => reached.has(person.id));
    },

    /** One step of a round, once: a reminder, or the next are asked. What came to an end meanwhile is left alone. */
    async step(id: RequestId, at: { round: number; step: number }): Promise<void> {
      const request = await findRequest(deps.db, id);
      const reach = await findReach(deps.db, id);
      if (request?.state !== 'pending' || reach?.round !== at.round || reach.step !== at.step) return;
      const route = routeFor(deps.routes, request);
      const planned = route && stepAt(route, at.step);
      if (route === null || planned === null) return;
      const approvers = await stillWanted(request);
      const audience = await audienceOf(request, approvers);
      const isEverybody = (await findReach(deps.db, id))?.scope === 'everybody';
      const next =
        planned.kind === 'escalate'
          ? await nextPeople(route, planned.to, request, approvers, isEverybody)
          : null;
      const places = next === null ? await reachable(audience) : [];
      await deps.db.transaction(async (tx) => {
        const current = await lockRequest(tx, id);
        if (!(await takeStep(tx, id, at.round, at.step))) return;
        if (current?.state !== 'pending' || (await isOver(tx, current))) return;
        if (next === null) await remind(tx, current, places);
        else await escalate(tx, current, next);
        await queueNext(tx, current, route, { round: at.round, step: at.step + 1 });
      });
    },
  };

  /** A few words below the card; a card is put nowhere anew. */
  async function remind(tx: Tx, request: StoredRequest, places: readonly Place[]) {
    const text = `Reminder: ${deps.nameOf(request.requester)} still waits for a decision on "${deps.titleOf(request.action)}" (${request.id.slice(0, 8)}). The card is above.`;
    for (const place of places) {
      const thread = await threadBelowCard(tx, deps.surfaces(), await threadAt(tx, place), request.id);
      if (thread !== null)
        await say(tx, deps.deliverer, { thread, turn: null, text, authorship: 'system', calls: true });
    }
  }

  async function escalate(
    tx: Tx,
    request: StoredRequest,
    { target, people }: { target: Target; people: readonly Principal[] },
  ): Promise<void> {
    const ids = people.map((person) => person.id);
    await deps.audit.append(tx, {
      type: 'approval.escalated',
      turn: request.turn,
      request: request.id,
      data: { digest: request.digest, target: targetInWords(target), to: ids },
    });
    if (target.kind === 'everybody') await widen(tx, request.id);
    await addReached(tx, request.id, ids, 'escalated');
    const names = people.map((person) => person.name).join(', ');
    await tellWhereItStands(
      tx,
      deps,
      request,
      `Nobody has decided on "${deps.titleOf(request.action)}" (${request.id.slice(0, 8)}) yet. Now ${names} ${people.length === 1 ? 'is' : 'are'} asked too.`,
      [],
    );
    await deps.queueAsking(tx, request.id);
  }
}

/** Says something below the card wherever approvers were asked, and where the requester asked, but for some conversations. */
export async function tellWhereItStands(
  tx: Tx,
  deps: Pick<ReachingDeps, 'deliverer' | 'surfaces'>,
  request: StoredRequest,
  text: string,
  except: readonly ThreadId[],
): Promise<void> {
  const rows = await tx.query<{ thread: ThreadId }>(
    'select thread from messages where request = $1 and turn is null order by serial',
    [request.id],
  );
  for (const { thread } of rows.filter((row) => !except.includes(row.thread))) {
    const below = (await threadBelowCard(tx, deps.surfaces(), thread, request.id)) ?? thread;
    await say(tx, deps.deliverer, { thread: below, turn: null, text, authorship: 'system', calls: true });
  }
  await say(tx, deps.deliverer, { thread: request.thread, turn: request.turn, text, authorship: 'system' });
}

/** By the database's clock: what is over but not marked so yet reminds nobody. */
async function isOver(tx: Tx, request: StoredRequest): Promise<boolean> {
  const { over } = await tx.one<{ over: boolean }>('select $1::timestamptz <= clock_timestamp() as over', [
    request.expiresAt,
  ]);
  return over;
}

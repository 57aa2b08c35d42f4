/**
 * Reaching the right people while nobody decides: who is asked first, who is reminded, who is next. Nothing here lets
 * anybody approve, and nobody is asked whom policy would not let approve at that moment.
 */
import { narrowed, newlyAsked, type Route, routeFor, stepAt, targetsFrom } from './approval/escalation.ts';
import {
  beginReach,
  endReach,
  everReachedBy,
  findReach,
  narrowlyAsked,
  reachedBy,
  type Scope,
  settleScope,
  takeStep,
} from './approval/escalation-store.ts';
import { couldMeet, waitsForApproval, wouldCount } from './approval/needs.ts';
import { approvalsOf, findRequest, lockRequest } from './approval/requests.ts';
import { askToo, type CallingDeps, remind, type Wider } from './calling.ts';
import { AppError } from './errors.ts';
import type { PrincipalId, RequestId } from './model/ids.ts';
import type { Principal } from './model/principal.ts';
import type { StoredRequest } from './model/request.ts';
import type { Place } from './model/turn.ts';
import type { OnCall } from './oncall/port.ts';
import { type AskingDeps, type Audience, reachablePlaces } from './operators.ts';
import type { Sql, Tx } from './store/database.ts';

export type ReachingDeps = Omit<AskingDeps, 'audienceOf'> &
  CallingDeps & {
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
    wanted: readonly Principal[],
  ): Promise<{ scope: Scope; people: Principal[] }> => {
    if (route.schedule !== null) {
      const onCall = await onCallNow(route.schedule);
      const called = await callable(wanted.filter((person) => onCall?.includes(person.id)));
      const people = onCall && narrowed(onCall, called, request, await approvalsOf(deps.db, request));
      return people ? { scope: 'named', people } : { scope: 'everybody', people: [] };
    }
    const { channels } = route;
    const isNamed = channels.slack !== null || channels.teams !== null;
    const places = isNamed ? await reachable({ people: [], channels }) : [];
    return { scope: places.length > 0 ? 'channel' : 'everybody', people: [] };
  };

  /** Those whose approval would count for what is missing; who has approved, or could add nothing, is left in peace. */
  const wantedOf = async (
    request: StoredRequest,
    approvers: readonly Principal[],
  ): Promise<readonly Principal[]> => {
    if (request.state !== 'pending') return approvers;
    const approvals = await approvalsOf(deps.db, request);
    return approvers.filter((person) => wouldCount(request, approvals, person));
  };

  /** Whom this request is put to directly. Settled at the first asking of a round, and kept. */
  const audienceOf = async (request: StoredRequest, approvers: readonly Principal[]): Promise<Audience> => {
    const wanted = await wantedOf(request, approvers);
    const route = routeFor(deps.routes, request);
    const channels = route?.channels ?? NO_CHANNELS;
    const reach = await findReach(deps.db, request.id);
    if (route === null || reach === null || request.state !== 'pending') return { people: wanted, channels };
    if (reach.scope === null) {
      const { scope, people } = await firstAsked(route, request, wanted);
      const ids = people.map((person) => person.id);
      await deps.db.transaction((tx) => settleScope(tx, request.id, reach.round, scope, ids));
    }
    const settled = await findReach(deps.db, request.id);
    if (settled?.scope === 'everybody') return { people: wanted, channels };
    const reached = await reachedBy(deps.db, request.id);
    return { people: wanted.filter((person) => reached.has(person.id)), channels };
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
    wanted: readonly Principal[],
  ): Promise<Wider | null> => {
    const reached = await reachedBy(deps.db, request.id);
    for (const target of targetsFrom(route, to)) {
      const onCall = target.kind === 'schedule' ? ((await onCallNow(target.id)) ?? []) : [];
      const meant = newlyAsked(target, wanted, reached, onCall);
      const people = target.kind === 'everybody' ? meant : await callable(meant);
      if (people.length > 0) return { because: 'undecided', target, people };
    }
    return null;
  };

  /** Everybody else who may approve; null where nobody else could. */
  const everybodyElse = async (
    request: StoredRequest,
    wanted: readonly Principal[],
    because: Wider['because'],
  ): Promise<Wider | null> => {
    const reached = await reachedBy(deps.db, request.id);
    const people = wanted.filter((person) => !reached.has(person.id));
    return people.length === 0 ? null : { because, target: { kind: 'everybody' }, people };
  };

  /** The same where those who are asked cannot meet what is missing any more; null where they can. */
  const whereTooFew = async (request: StoredRequest, wanted: readonly Principal[]): Promise<Wider | null> => {
    const reached = await reachedBy(deps.db, request.id);
    const asked = wanted.filter((person) => reached.has(person.id));
    if (couldMeet(request, await approvalsOf(deps.db, request), asked)) return null;
    return everybodyElse(request, wanted, 'too_few');
  };

  /** Whom a named request still reaches: those with a direct message in which its card was not given up. */
  const stillReached = async (
    request: StoredRequest,
    wanted: readonly Principal[],
    lost: Place,
  ): Promise<Principal[]> => {
    const reached = await reachedBy(deps.db, request.id);
    const given = [lost.container, ...(await lostContainers(deps.db, request.id))];
    const isStill = async (person: Principal): Promise<boolean> =>
      (await directPlaces([person])).some(({ container }) => !given.includes(container));
    const asked = wanted.filter((person) => reached.has(person.id));
    const still = await Promise.all(asked.map(isStill));
    return asked.filter((_, index) => still[index]);
  };

  /** Asks everybody now, in a round that is still this one. `isOver`: its plan takes no step more. */
  const widenIn = async (
    tx: Tx,
    id: RequestId,
    round: number,
    everybody: Wider | null,
    isOver: boolean,
  ): Promise<void> => {
    const current = await lockRequest(tx, id);
    const reach = await findReach(tx, id);
    if (current === null || reach?.round !== round || !(await isStillAsked(tx, current))) return;
    if (everybody !== null && reach.scope !== 'everybody') await askToo(tx, deps, current, everybody);
    if (!isOver) return;
    await endReach(tx, id);
    // The route's channel may not be where it is asked without one.
    await deps.queueAsking(tx, id);
  };
  const widenNow = (id: RequestId, round: number, everybody: Wider | null, isOver: boolean): Promise<void> =>
    deps.db.transaction((tx) => widenIn(tx, id, round, everybody, isOver));

  /** Its plan is gone before its time: those whom it would have come to in the end are asked now. */
  const endPlan = async (request: StoredRequest, round: number): Promise<void> => {
    const wanted = await wantedOf(request, await deps.judging.approversOf(deps.db, request));
    await widenNow(request.id, round, await everybodyElse(request, wanted, 'rerouted'), true);
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

    /** Whether it is, or was before they handed it over, this person's to decide: only then may they hand it over. */
    async isTheirs(sql: Sql, request: StoredRequest, person: PrincipalId): Promise<boolean> {
      const reach = await findReach(sql, request.id);
      return reach?.scope !== 'named' || (await everReachedBy(sql, request.id)).has(person);
    },

    /**
     * Its card cannot be put in that place. Asks platforms, if need be; what it answers asks everybody, where without that place
     * too few would be asked.
     */
    async otherwise(id: RequestId, lost: Place): Promise<(tx: Tx) => Promise<void>> {
      const request = await findRequest(deps.db, id);
      const reach = await findReach(deps.db, id);
      if (request === null || !waitsForApproval(request)) return nothing;
      if (reach?.scope !== (lost.direct ? 'named' : 'channel')) return nothing;
      const wanted = await wantedOf(request, await deps.judging.approversOf(deps.db, request));
      if (lost.direct) {
        const still = await stillReached(request, wanted, lost);
        if (couldMeet(request, await approvalsOf(deps.db, request), still)) return nothing;
      }
      const everybody = await everybodyElse(request, wanted, 'unreachable');
      return (tx) => widenIn(tx, id, reach.round, everybody, false);
    },

    /** One step of a round, once: a reminder, or the next are asked. What came to an end meanwhile is left alone. */
    async step(id: RequestId, at: { round: number; step: number }): Promise<void> {
      const request = await findRequest(deps.db, id);
      const reach = await findReach(deps.db, id);
      if (request === null || !waitsForApproval(request)) return;
      if (reach?.round !== at.round || reach.step !== at.step) return;
      const route = routeFor(deps.routes, request);
      const planned = route && stepAt(route, at.step);
      if (route === null || planned === null) return endPlan(request, at.round);
      const approvers = await deps.judging.approversOf(deps.db, request);
      const wanted = await wantedOf(request, approvers);
      const audience = await audienceOf(request, approvers);
      const scope = (await findReach(deps.db, id))?.scope;
      let next = scope === 'named' ? await whereTooFew(request, wanted) : null;
      if (next === null && planned.kind === 'escalate' && scope !== 'everybody')
        next = await nextPeople(route, planned.to, request, wanted);
      const places = next === null ? await reachable(audience) : [];
      await deps.db.transaction(async (tx) => {
        const current = await lockRequest(tx, id);
        if (!(await takeStep(tx, id, at.round, at.step))) return;
        if (current === null || !(await isStillAsked(tx, current))) return;
        if (next === null) await remind(tx, deps, current, places);
        else await askToo(tx, deps, current, next);
        await queueNext(tx, current, route, { round: at.round, step: at.step + 1 });
      });
    },

    /**
     * After a start or a reload: where those who are asked lost the right meanwhile, or the route is gone, everybody is
     * asked at once and not only at the next step, which there may never be.
     */
    async recheck(): Promise<void> {
      for (const id of await narrowlyAsked(deps.db)) {
        const request = await findRequest(deps.db, id);
        const reach = await findReach(deps.db, id);
        if (request === null || reach === null || !waitsForApproval(request)) continue;
        if (routeFor(deps.routes, request) === null) await endPlan(request, reach.round);
        else if (reach.scope === 'named') {
          const wanted = await wantedOf(request, await deps.judging.approversOf(deps.db, request));
          await widenNow(id, reach.round, await whereTooFew(request, wanted), false);
        }
      }
    },
  };
}

const nothing = async (): Promise<void> => undefined;

/** Where the card with which somebody was asked about a request could not be shown. */
async function lostContainers(sql: Sql, request: RequestId): Promise<string[]> {
  const rows = await sql.query<{ container: string }>(
    `select t.container from messages m join threads t on t.id = m.thread
     where m.request = $1 and m.turn is null and m.undeliverable is not null`,
    [request],
  );
  return rows.map((row) => row.container);
}

/** By the database's clock too: what is over but not marked so yet reminds nobody. */
async function isStillAsked(tx: Tx, request: StoredRequest): Promise<boolean> {
  if (!waitsForApproval(request)) return false;
  const { over } = await tx.one<{ over: boolean }>('select $1::timestamptz <= clock_timestamp() as over', [
    request.expiresAt,
  ]);
  return !over;
}

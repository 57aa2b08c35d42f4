/**
 * The approval machine against a model, on PostgreSQL with a real audit log: whatever people click, in whatever order,
 * the row, the approvals and the newest entries are what the model says.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideInTransaction, type Judge } from '../../src/approval/decisions.ts';
import { approvalsOf } from '../../src/approval/requests.ts';
import type { PrincipalId } from '../../src/model/ids.ts';
import type { ApprovalNeed, RequestState } from '../../src/model/request.ts';
import type { DecisionKind } from '../../src/model/turn.ts';
import {
  alice,
  bob,
  carol,
  dave,
  entriesOf,
  erin,
  NO_OBLIGATIONS,
  readRequest,
  type sampleRequest,
  storeRequest,
  testLog,
} from '../support/core.ts';
import { useDatabase } from '../support/database.ts';
import { fillsEveryNeed } from './brute-force.ts';

const database = useDatabase();
const { audit } = testLog();

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  [bob]: ['oncall'],
  [carol]: ['oncall', 'leads'],
  [dave]: [],
  [erin]: ['leads'],
};

type Model = {
  state: RequestState;
  effect: 'read' | 'write';
  confirmed: boolean;
  given: PrincipalId[];
  isOver: boolean;
  isForbidden: boolean;
  needs: readonly ApprovalNeed[];
};
type Real = { id: ReturnType<typeof sampleRequest>['id']; digest: string; judge: Judge };

/** The entry types that one click must leave; moves the model on. */
function expected(model: Model, person: PrincipalId, decision: DecisionKind, isCurrent: boolean): string[] {
  const entries: string[] = [];
  if (model.isOver && (model.state === 'pending' || model.state === 'approved')) {
    model.state = 'expired';
    entries.push('request.expired');
  }
  const isOwn = decision === 'confirm' || decision === 'cancel';
  const mayAtAll = isOwn ? person === alice : person !== alice && GROUPS[person]!.length > 0;
  if (!mayAtAll) return [...entries, 'approval.refused'];
  if (!isCurrent) return [...entries, 'approval.ignored'];
  if (decision === 'cancel') {
    if (model.state !== 'pending' && model.state !== 'approved') return [...entries, 'approval.ignored'];
    model.state = 'cancelled';
    return [...entries, 'request.cancelled'];
  }
  if (model.state !== 'pending') return [...entries, 'approval.ignored'];
  if (decision === 'deny') {
    model.state = 'denied';
    return [...entries, 'approval.denied'];
  }
  const isEarly = decision === 'approve' && model.effect === 'write' && !model.confirmed;
  const isDouble = decision === 'confirm' ? model.confirmed : model.given.includes(person);
  if (isEarly || isDouble) return [...entries, 'approval.ignored'];
  if (model.isForbidden) {
    model.state = 'denied';
    return [...entries, 'decision.made'];
  }
  if (decision === 'confirm') model.confirmed = true;
  else model.given.push(person);
  const people = model.given.map((id) => ({ id, groups: GROUPS[id]! }));
  const isConfirmed = model.effect === 'read' || model.confirmed;
  if (isConfirmed && fillsEveryNeed(model.needs, people)) model.state = 'approved';
  return [...entries, decision === 'confirm' ? 'request.confirmed' : 'approval.given'];
}

class Click implements fc.AsyncCommand<Model, Real> {
  readonly person: PrincipalId;
  readonly decision: DecisionKind;
  readonly isCurrent: boolean;
  constructor(person: PrincipalId, decision: DecisionKind, isCurrent: boolean) {
    this.person = person;
    this.decision = decision;
    this.isCurrent = isCurrent;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    const before = await entriesOf(database.db, real.id);
    const was = { state: model.state, confirmed: model.confirmed, given: model.given.length };
    const types = expected(model, this.person, this.decision, this.isCurrent);
    const ruling = await database.db.transaction((tx) =>
      decideInTransaction(
        tx,
        { audit, judge: real.judge },
        {
          key: crypto.randomUUID(),
          request: real.id,
          principal: this.person,
          decision: this.decision,
          digest: this.isCurrent ? real.digest : 'f'.repeat(64),
          reason: 'because',
        },
      ),
    );
    const request = await readRequest(database.db, real.id);
    const approvals = await approvalsOf(database.db, request);
    const written = (await entriesOf(database.db, real.id)).slice(before.length);
    expect(written.map((entry) => entry.type)).toEqual(types);
    expect(written.every((entry) => entry.data?.digest === request.digest)).toBe(true);
    expect(request.state).toBe(model.state);
    expect(request.confirmedAt !== null).toBe(model.confirmed);
    expect(approvals.map((approval) => approval.approver).sort()).toEqual([...model.given].sort());
    expect(approvals.every((approval) => approval.approver !== request.requester)).toBe(true);
    if (ruling.kind === 'ignored' || ruling.kind === 'refused') {
      expect(ruling.message).not.toBe('');
      expect([model.confirmed, model.given.length]).toEqual([was.confirmed, was.given]);
      expect(model.state === was.state || ruling.expiredNow).toBe(true);
    }
  }
  toString(): string {
    return `${this.person} ${this.decision}${this.isCurrent ? '' : ' (outdated)'}`;
  }
}

class TimePasses implements fc.AsyncCommand<Model, Real> {
  check(model: Readonly<Model>): boolean {
    return !model.isOver;
  }
  async run(model: Model, real: Real): Promise<void> {
    model.isOver = true;
    // The database's clock is the only one that counts; it is the request's end that is moved to before it.
    await database.db.query(
      "update requests set expires_at = clock_timestamp() - interval '1 ms' where id = $1",
      [real.id],
    );
  }
  toString(): string {
    return 'time passes';
  }
}

class PolicyChanges implements fc.AsyncCommand<Model, Real> {
  check(): boolean {
    return true;
  }
  async run(model: Model): Promise<void> {
    model.isForbidden = !model.isForbidden;
  }
  toString(): string {
    return 'policy changes';
  }
}

const people = fc.constantFrom(alice, bob, carol, dave, erin);
const needs = fc
  .record({
    oncall: fc.integer({ min: 0, max: 2 }),
    leads: fc.integer({ min: 0, max: 2 }),
    anybody: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ oncall, leads, anybody }): ApprovalNeed[] =>
    [
      { group: 'oncall', quorum: oncall },
      { group: 'leads', quorum: leads },
      { group: null, quorum: anybody },
    ].filter((need) => need.quorum > 0),
  );
const click = fc
  .tuple(
    fc.oneof({ weight: 1, arbitrary: fc.constant(alice) }, { weight: 3, arbitrary: people }),
    fc.oneof(
      { weight: 3, arbitrary: fc.constant('confirm' as const) },
      { weight: 6, arbitrary: fc.constant('approve' as const) },
      { weight: 1, arbitrary: fc.constant('deny' as const) },
      { weight: 1, arbitrary: fc.constant('cancel' as const) },
    ),
    fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  )
  .map(([person, decision, isCurrent]) => new Click(person, decision, isCurrent));
const commands = fc.commands(
  [click, click, click, click, fc.constant(new TimePasses()), fc.constant(new PolicyChanges())],
  { maxCommands: 14 },
);

test('whatever people click, nothing is approved without its quorum, and every click leaves its entry', async () => {
  await fc.assert(
    fc.asyncProperty(needs, fc.constantFrom('read', 'write'), commands, async (asked, effect, clicks) => {
      // A read that needs nobody is never pending.
      fc.pre(effect === 'write' || asked.length > 0);
      const request = await storeRequest(database.db, {
        effect,
        obligations: { ...NO_OBLIGATIONS, approvals: asked },
      });
      const model: Model = {
        state: 'pending',
        effect,
        confirmed: false,
        given: [],
        isOver: false,
        isForbidden: false,
        needs: asked,
      };
      const judge: Judge = {
        mayApprove: async (_tx, person) => ({
          allowed: GROUPS[person]!.length > 0,
          reasons: ['No group of yours may approve it.'],
          groups: [...GROUPS[person]!],
        }),
        stillPermitted: async () => ({
          allowed: !model.isForbidden,
          reasons: ['The rules have changed.'],
          policies: ['new'],
        }),
        couldAskFor: async () => true,
      };
      await fc.asyncModelRun(
        () => ({ model, real: { id: request.id, digest: request.digest, judge } }),
        clicks,
      );
    }),
    { numRuns: 60 },
  );
}, 120_000);

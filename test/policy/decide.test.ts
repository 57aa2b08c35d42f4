import { describe, expect, it } from 'vitest';
import type { Risk } from '../../src/model/request.ts';
import { createPolicy } from '../../src/policy/decide.ts';
import {
  alice,
  bob,
  CHECKS,
  carol,
  context,
  dave,
  erin,
  job,
  MONDAY,
  PEOPLE,
  permit,
  person,
  QUEUE,
  RELEASE,
  rules,
  shipped,
} from './fixtures.ts';

const ci = (risk: Risk = 'medium') => context({ risk, connector: 'runner' });

describe('the shipped rules', () => {
  const policy = shipped();
  it('let every employee open a ticket at once', () => {
    for (const principal of PEOPLE) {
      const decision = policy.decide({
        principal,
        action: 'ticket.create',
        resource: QUEUE,
        context: context(),
        people: PEOPLE,
      });
      expect(decision).toMatchObject({
        allowed: true,
        code: 'allowed',
        policies: ['employees-open-tickets'],
      });
      expect(decision.obligations).toEqual({
        approvals: [],
        stepup: null,
        isolation: null,
        expiresSeconds: 28_800,
      });
    }
  });

  it('let alice ask for checks with one approval and for release with two', () => {
    const one = policy.decide({
      principal: alice,
      action: 'ci.trigger',
      resource: CHECKS,
      context: ci(),
      people: PEOPLE,
    });
    expect(one.obligations.approvals).toEqual([{ group: 'oncall', quorum: 1 }]);
    const two = policy.decide({
      principal: alice,
      action: 'ci.trigger',
      resource: RELEASE,
      context: ci('high'),
      people: PEOPLE,
    });
    expect(two.allowed).toBe(true);
    expect(two.obligations).toMatchObject({
      approvals: [{ group: 'oncall', quorum: 2 }],
      isolation: 'kernel-lite',
    });
    expect(two.reasons.join(' ')).toContain('Needs 2 approvals from ONCALL (oncall).');
  });

  it('let bob ask for checks, which carol may then approve and bob may not', () => {
    const decision = policy.decide({
      principal: bob,
      action: 'ci.trigger',
      resource: CHECKS,
      context: ci(),
      people: PEOPLE,
    });
    expect(decision).toMatchObject({ allowed: true, evidence: { approvers: ['carol'] } });
  });

  it('tell bob at once that release has only one other approver, and that alice could ask', () => {
    const decision = policy.decide({
      principal: bob,
      action: 'ci.trigger',
      resource: RELEASE,
      context: ci('high'),
      people: PEOPLE,
    });
    expect(decision).toMatchObject({ allowed: false, code: 'nobody_could_approve' });
    expect(decision.reasons.join(' ')).toContain('only one other approver exists: Carol');
    expect(decision.reasons.join(' ')).toContain('Alice could ask for it instead.');
  });

  it('deny dave with the group that may, some of its members and its contact', () => {
    const decision = policy.decide({
      principal: dave,
      action: 'ci.trigger',
      resource: CHECKS,
      context: ci(),
      people: PEOPLE,
    });
    expect(decision).toMatchObject({ allowed: false, code: 'no_permit', policies: [] });
    expect(decision.reasons).toEqual([
      'No rule lets Dave use ci.trigger on Job web/checks.',
      'Members of ENGINEERS (engineers) may: ask Alice, Bob or Carol, or about joining engineers@example.com.',
    ]);
  });

  it('deny dave with only those members who could ask for the same', () => {
    const denied = { action: 'ci.trigger', resource: RELEASE, context: ci('high'), people: PEOPLE };
    const { reasons } = policy.decide({ ...denied, principal: dave });
    expect(reasons[1]).toBe(
      'Members of ENGINEERS (engineers) may: ask Alice, or about joining engineers@example.com.',
    );
  });

  it('deny with the way to join where nobody else could, and with an operator where joining would not help', () => {
    const denied = { action: 'ci.trigger', resource: RELEASE, context: ci('high'), principal: dave };
    const words = (people: typeof PEOPLE) => policy.decide({ ...denied, people }).reasons[1];
    expect(words([bob, carol, dave])).toBe(
      'Members of ENGINEERS (engineers) may, but no other was found; ask about joining engineers@example.com.',
    );
    expect(words([bob, dave])).toBe(
      'Nobody else was found who may; an operator can change the rules or the groups.',
    );
  });

  it('deny with the people whom a rule names where it names no group', () => {
    const only = rules(`@id("a") @description("Alice.") @approval("none")
      permit (principal == Person::"alice", action == Action::"ticket.create", resource);`);
    const denied = { action: 'ticket.create', resource: QUEUE, context: context(), people: PEOPLE };
    expect(only.decide({ ...denied, principal: dave }).reasons[1]).toBe(
      'Alice may; they or an operator can say more.',
    );
  });

  it('deny everything governed under the kill switch, and say who can lift it', () => {
    const decision = policy.decide({
      principal: alice,
      action: 'ticket.create',
      resource: QUEUE,
      context: context({ killed: true }),
      people: PEOPLE,
    });
    expect(decision).toMatchObject({ allowed: false, code: 'kill_switch', policies: ['kill-switch'] });
    expect(decision.reasons.join(' ')).toMatch(
      /The kill switch is on.*Members of OPERATORS \(operators\) may: ask Erin/,
    );
  });

  it('tell an operator that the kill switch is theirs to lift', () => {
    const killed = { action: 'ticket.create', resource: QUEUE, context: context({ killed: true }) };
    const { reasons } = policy.decide({ ...killed, principal: erin, people: PEOPLE });
    expect(reasons.at(-1)).toBe('Erin may lift it.');
  });

  it('record what the engine was given', () => {
    const { evidence } = policy.decide({
      principal: dave,
      action: 'ticket.create',
      resource: QUEUE,
      context: context(),
      people: PEOPLE,
    });
    expect(evidence).toMatchObject({
      policyDigest: policy.loaded.digest,
      principal: { type: 'Person', id: 'dave' },
      context: { killed: false, tainted: false, risk: 'low', connector: 'desk' },
      entities: [{ uid: { type: 'Person', id: 'dave' }, parents: [{ type: 'Group', id: 'employees' }] }, {}],
      decision: 'allow',
      errors: [],
    });
  });

  it('let operators and nobody else stop, read and erase, the kill switch on or off', () => {
    for (const action of ['kill', 'readAudit', 'erase'] as const) {
      expect(PEOPLE.filter((one) => policy.may(one, action))).toEqual([erin]);
    }
    expect(policy.mayInWords(dave, 'kill').reasons.join(' ')).toContain('ask Erin');
  });
});

describe('fetched content', () => {
  const policy = shipped();
  it.each([
    ['low', []],
    ['medium', [{ group: null, quorum: 1 }]],
    ['high', [{ group: null, quorum: 1 }]],
  ] as const)('at %s risk needs %j of a ticket that needs nobody otherwise', (risk, approvals) => {
    const decision = policy.decide({
      principal: alice,
      action: 'ticket.create',
      resource: QUEUE,
      context: context({ tainted: true, risk }),
      people: PEOPLE,
    });
    expect(decision.allowed).toBe(true);
    expect(decision.obligations.approvals).toEqual(approvals);
  });
  it('adds nothing where an approval is needed anyway, nor to a read', () => {
    const trigger = policy.decide({
      principal: alice,
      action: 'ci.trigger',
      resource: CHECKS,
      context: context({ tainted: true, risk: 'high' }),
      people: PEOPLE,
    });
    expect(trigger.obligations.approvals).toEqual([{ group: 'oncall', quorum: 1 }]);
    const resource = { type: 'CiRun', id: '1', attributes: { connector: 'runner' } };
    const read = policy.decide({
      principal: alice,
      action: 'ci.status',
      resource,
      context: context({ tainted: true, risk: 'high' }),
      people: PEOPLE,
    });
    expect(read.obligations.approvals).toEqual([]);
  });
  it('is refused at once where no second person could approve', () => {
    const decision = policy.decide({
      principal: dave,
      action: 'ticket.create',
      resource: QUEUE,
      context: context({ tainted: true, risk: 'high' }),
      people: [alice, dave],
    });
    expect(decision).toMatchObject({ allowed: false, code: 'nobody_could_approve' });
    expect(decision.reasons.join(' ')).toContain('no other approver exists');
  });
});

describe('what cannot be beyond doubt is denied', () => {
  it('a step-up, until passkeys exist', () => {
    const policy = rules(permit('ticket.create', '@approval("none") @stepup("passkey")'));
    const decision = policy.decide({
      principal: dave,
      action: 'ticket.create',
      resource: QUEUE,
      context: context(),
      people: PEOPLE,
    });
    expect(decision).toMatchObject({
      allowed: false,
      code: 'stepup_unavailable',
      obligations: { stepup: 'passkey' },
    });
    expect(decision.reasons[0]).toContain('passkey');
  });
  it('an action that is not governed', () => {
    const decision = shipped().decide({
      principal: erin,
      action: 'kill',
      resource: { type: 'System', id: 'countersign', attributes: {} },
      context: context(),
      people: PEOPLE,
    });
    expect(decision).toMatchObject({ allowed: false, code: 'policy_error' });
  });
  it('an environment outside its closed set, which "not production" would let through', () => {
    const decision = shipped().decide({
      principal: alice,
      action: 'ci.trigger',
      resource: job('release', 'prod'),
      context: ci(),
      people: PEOPLE,
    });
    expect(decision).toMatchObject({ allowed: false, code: 'policy_error' });
  });
  it.each([
    [
      'an attribute that the schema does not know',
      { ...QUEUE, attributes: { connector: 'desk', extra: true } },
    ],
    ['an attribute that is missing', { ...QUEUE, attributes: {} }],
    ['another type of resource', CHECKS],
  ])('%s', (_name, resource) => {
    const decision = shipped().decide({
      principal: alice,
      action: 'ticket.create',
      resource,
      context: context(),
      people: PEOPLE,
    });
    expect(decision).toMatchObject({ allowed: false, code: 'policy_error' });
    expect(decision.reasons).toEqual([
      'The rules could not be evaluated, so nothing is allowed. Please tell OPERATORS (operators).',
    ]);
  });
  it('what a forbid names, with its reason', () => {
    const policy = rules(
      `${permit('ticket.create', '@approval("none")')}
      @id("freeze") @description("No tickets during the freeze.") @reason("The desk is frozen.")
      forbid (principal, action == Action::"ticket.create", resource);`,
    );
    const decision = policy.decide({
      principal: dave,
      action: 'ticket.create',
      resource: QUEUE,
      context: context(),
      people: PEOPLE,
    });
    expect(decision).toMatchObject({ allowed: false, code: 'forbidden', policies: ['freeze'] });
    expect(decision.reasons).toEqual([
      'The desk is frozen. Forbidden by the rule "No tickets during the freeze." (freeze).',
    ]);
  });
});

describe('who may approve', () => {
  const policy = shipped();
  const request = (requester: typeof alice, changes = {}) => ({
    id: '11111111-1111-4111-8111-111111111111' as never,
    requester: requester.id,
    action: 'ci.trigger',
    risk: 'medium' as const,
    tainted: false,
    resource: CHECKS,
    ...changes,
  });
  const may = (principal: typeof alice, of: ReturnType<typeof request>, people = PEOPLE) =>
    createPolicy(policy.loaded, () => people).mayApprove(principal, of, ci());

  it('on call may, with the groups that may count', () => {
    expect(may(carol, request(bob))).toMatchObject({
      allowed: true,
      policies: ['oncall-approves-ci'],
      groups: carol.groups,
    });
  });
  it('the requester never may, even by rules that let everybody approve', () => {
    const answer = may(bob, request(bob));
    expect(answer).toMatchObject({
      allowed: false,
      code: 'forbidden',
      policies: ['nobody-approves-their-own'],
      groups: [],
    });
    const open = rules(
      '@id("all") @description("All approve.") permit (principal, action == Action::"approve", resource);',
    );
    expect(open.mayApprove(bob, request(bob), ci()).allowed).toBe(false);
    expect(open.mayApprove(dave, request(bob), ci()).allowed).toBe(true);
  });
  it('others may not, and are told who may', () => {
    const answer = may(alice, request(bob));
    expect(answer).toMatchObject({ allowed: false, code: 'no_permit' });
    expect(answer.reasons).toEqual([
      'No rule lets Alice approve this request.',
      'Members of ONCALL (oncall) may: ask Carol, or about joining oncall@example.com.',
    ]);
  });
  it('those are who may approve this very request, not whom the head of some rule names', () => {
    const words = (changes = {}) => may(dave, request(alice, changes)).reasons.join(' ');
    expect(words()).toContain('ask Bob or Carol,');
    expect(words()).not.toContain('Erin');
    expect(words({ coRequesters: [bob.id] })).toContain('ask Carol,');
  });
  it('nor whose approval would add nothing to what this request still needs', () => {
    const words = (group: string | null, given: (typeof alice)[] = []) =>
      may(
        dave,
        request(alice, { tainted: true, wanted: { needs: [{ group, quorum: 2 }], given } }),
      ).reasons.slice(1);
    const operators =
      'Members of OPERATORS (operators) may: ask Erin, or about joining operators@example.com.';
    const oncall = (names: string) =>
      `Members of ONCALL (oncall) may: ask ${names}, or about joining oncall@example.com.`;
    expect(words(null)).toEqual([oncall('Bob or Carol'), operators]);
    expect(words('oncall')).toEqual([oncall('Bob or Carol')]);
    expect(words('oncall', [bob])).toEqual([oncall('Carol')]);
    expect(may(dave, request(alice, { wanted: null })).reasons).toEqual([
      'No rule lets Dave approve this request.',
    ]);
  });
  it('nobody may while the kill switch is on', () => {
    const answer = policy.mayApprove(carol, request(bob), { ...ci(), killed: true });
    expect(answer).toMatchObject({ allowed: false, code: 'kill_switch' });
  });
  it('nobody may once the requester has left the directory', () => {
    expect(may(carol, request(bob), [alice, carol]).allowed).toBe(false);
  });
  it('operators may approve what outside text may have shaped, unless its risk is low', () => {
    const tainted = { action: 'ticket.create', resource: QUEUE, tainted: true };
    expect(may(erin, request(dave, { ...tainted, risk: 'medium' })).allowed).toBe(true);
    expect(may(erin, request(dave, { ...tainted, risk: 'low' })).allowed).toBe(false);
  });
  it('everybody who could count is found at once', () => {
    const found = (group: string | null, of: ReturnType<typeof request>) => [
      ...policy.approvers([{ group, quorum: 1 }], of, ci()),
    ];
    expect(found('oncall', request(bob))).toEqual(['carol']);
    expect(found('oncall', request(alice))).toEqual(['bob', 'carol']);
    expect(found('operators', request(alice))).toEqual([]);
    expect(found(null, request(dave, { tainted: true, risk: 'high' }))).toEqual(['bob', 'carol', 'erin']);
    expect(found('oncall', request(person('gone', 'engineers')))).toEqual([]);
  });
  it('a rule finds the groups of the requester', () => {
    const strict =
      rules(`@id("a") @description("All approve.") permit (principal, action == Action::"approve", resource);
      @id("b") @description("Not for operators.") @reason("Operators ask elsewhere.")
      forbid (principal, action == Action::"approve", resource) when { resource.requester in Group::"operators" };`);
    const asked = (requester: typeof alice) => strict.mayApprove(carol, request(requester), ci()).allowed;
    expect([asked(erin), asked(dave)]).toEqual([false, true]);
  });
});

describe('what the planner is shown', () => {
  const policy = shipped();
  const candidates = [
    { action: 'ci.trigger', resources: [CHECKS, RELEASE] },
    { action: 'ticket.create', resources: [QUEUE] },
  ];
  it('is what a person could possibly use', () => {
    const tickets = ['ticket.create', 'ticket.comment', 'ticket.close', 'ticket.status'];
    expect(policy.possible(dave, candidates, new Date(MONDAY.now))).toEqual(expect.arrayContaining(tickets));
    expect(policy.possible(dave, candidates, new Date(MONDAY.now))).not.toContain('ci.trigger');
    expect(policy.possible(alice, candidates, new Date(MONDAY.now))).toEqual(
      expect.arrayContaining([...tickets, 'ci.trigger', 'ci.status']),
    );
    expect(policy.possible(person('mallory'), candidates, new Date(MONDAY.now))).toEqual([]);
  });
  it('leaves out an action that none of the candidates lets them use', () => {
    const only = rules(permit('ci.trigger', '@approval("none")', 'resource.environment == "test"'));
    expect(only.possible(dave, candidates, new Date(MONDAY.now))).toEqual(['ci.trigger']);
    expect(
      only.possible(dave, [{ action: 'ci.trigger', resources: [RELEASE] }], new Date(MONDAY.now)),
    ).toEqual([]);
  });
  it('keeps an action that is allowed at some risk or taint only', () => {
    const only = rules(
      permit('ticket.create', '@approval("none")', 'context.risk == "high" && context.tainted'),
    );
    expect(only.possible(dave, candidates, new Date(MONDAY.now))).toEqual(['ticket.create']);
  });
});

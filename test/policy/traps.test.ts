/** What Cedar does that would fail open, each proved closed here. */
import { describe, expect, it } from 'vitest';
import { applies, ask } from '../../src/policy/engine.ts';
import { governedQuestion } from '../../src/policy/question.ts';
import { context, dave, folderOf, load, PEOPLE, permit, QUEUE, rules, shipped } from './fixtures.ts';

const input = {
  principal: dave,
  action: 'ticket.create',
  resource: QUEUE,
  context: context(),
  people: PEOPLE,
};
/** Validates, and overflows when it is evaluated: the one error that types cannot rule out. */
const ERRING = `@id("errs") @description("Errs.") @reason("Errs.")
forbid (principal, action == Action::"ticket.create", resource) when { 9223372036854775807 + 1 > 0 };`;

describe('Cedar', () => {
  it('skips a forbid that errs and answers allow; we deny and say which rule failed', () => {
    const decision = rules(permit('ticket.create', '@approval("none")') + ERRING).decide(input);
    expect(decision).toMatchObject({ allowed: false, code: 'policy_error', evidence: { decision: 'deny' } });
    expect(decision.reasons[0]).toContain('"errs" could not be evaluated');
  });

  it('errs on a missing context attribute, which the request validation refuses', () => {
    const question = governedQuestion(dave, 'ticket.create', QUEUE, context());
    const { killed: _left, ...rest } = question.context;
    expect(ask(shipped().loaded, { ...question, context: rest }).allowed).toBe(false);
  });

  it('knows nothing of a principal that is not among the entities, which gives no rights', () => {
    const question = governedQuestion(dave, 'ticket.create', QUEUE, context());
    const resourceOnly = question.entities.filter((entity) =>
      JSON.stringify(entity.uid).includes('TicketQueue'),
    );
    expect(ask(shipped().loaded, { ...question, entities: resourceOnly }).allowed).toBe(false);
  });

  it('fails on a policy set that it does not know, which we deny', () => {
    const question = governedQuestion(dave, 'ticket.create', QUEUE, context());
    const answer = ask({ ...shipped().loaded, digest: 'never-prepared' }, question);
    expect(answer).toMatchObject({ allowed: false, policies: [] });
    expect(answer.errors).not.toEqual([]);
  });

  it('keeps sets apart across reloads: an old decider answers by its own rules, a new one by the new', () => {
    const before = rules(permit('ticket.create', '@approval("none")'));
    const after = rules(permit('ticket.create', '@approval("none")', '', 'operators'));
    expect([before.decide(input).allowed, after.decide(input).allowed, before.decide(input).allowed]).toEqual(
      [true, false, true],
    );
  });

  it('names no permit in a denial; explanations ask each rule by itself', () => {
    const policy = shipped();
    const question = governedQuestion(dave, 'ticket.create', QUEUE, context({ killed: true }));
    const opened = policy.loaded.policies.get('employees-open-tickets');
    expect(ask(policy.loaded, question).policies).toEqual(['kill-switch']);
    expect(opened && applies(opened, policy.loaded, question)).toBe(true);
  });
});

describe('the built-in rules', () => {
  it('hold without any file', () => {
    const loaded = load(folderOf({}));
    expect([...loaded.policies.keys()]).toEqual(['kill-switch', 'nobody-approves-their-own']);
  });
  it('cannot be replaced by a file that takes their id', () => {
    const folder = folderOf({
      'a.cedar':
        '@id("kill-switch") @description("d") permit (principal, action == Action::"ci.status", resource);',
    });
    expect(() => load(folder)).toThrow(/a\.cedar:1: the id "kill-switch" is taken/);
  });
});

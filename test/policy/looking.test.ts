import { describe, expect, it } from 'vitest';
import { createPolicy } from '../../src/policy/decide.ts';
import { MAX_QUESTIONS } from '../../src/policy/looking.ts';
import type { Person } from '../../src/policy/question.ts';
import { alice, CHECKS, context, dave, folderOf, load, permit, person, QUEUE } from './fixtures.ts';

/** Looked up once for each question, by its action. */
class Declared extends Map<string, ReadonlySet<string>> {
  readonly asked: string[] = [];
  override get(action: string) {
    this.asked.push(action);
    return super.get(action);
  }
}

/** These rules over everybody of a large group, and the action of each question that is put to the engine. */
function counted(text: string, people: readonly Person[]) {
  const loaded = load(folderOf({ 'rules.cedar': text }));
  const declared = new Declared(loaded.contextAttributes);
  const policy = createPolicy({ ...loaded, contextAttributes: declared }, () => people);
  return { policy, people, asked: declared.asked };
}

const ENGINEERS = Array.from({ length: 300 }, (_, index) => person(`engineer-${index}`, 'engineers'));
const EVERYBODY = [dave, ...ENGINEERS];
const ENGINEERS_APPROVE = `@id("approve") @description("Engineers approve.")
  permit (principal in Group::"engineers", action == Action::"approve", resource);\n`;
const FREEZE = `@id("freeze") @description("A freeze.") @reason("Nothing is approved now.")
  forbid (principal, action == Action::"approve", resource);\n`;
const JOBS = permit('ci.trigger', '@approval("engineers")', '', 'engineers');

describe('a denial in a large company', () => {
  const question = { action: 'ci.trigger', resource: CHECKS, context: context({ connector: 'runner' }) };

  it('looks for who can help with a limited number of questions, and then names nobody', () => {
    const { policy, people, asked } = counted(JOBS + ENGINEERS_APPROVE + FREEZE, EVERYBODY);
    const denied = policy.decide({ ...question, principal: dave, people });
    expect(denied.code).toBe('no_permit');
    expect(denied.reasons).toEqual([
      'No rule lets Dave use ci.trigger on Job web/checks.',
      'Who else may would take too long to find out; an operator can say more.',
    ]);
    const approvals = asked.filter((action) => action === 'approve').length;
    expect(approvals).toBeGreaterThan(0);
    expect(approvals).toBeLessThanOrEqual(MAX_QUESTIONS);
  });

  it('does so where nobody could approve, too', () => {
    const { policy, people, asked } = counted(JOBS + ENGINEERS_APPROVE + FREEZE, EVERYBODY);
    const denied = policy.decide({ ...question, principal: ENGINEERS[0]!, people });
    expect(denied.code).toBe('nobody_could_approve');
    const before = asked.length;
    expect(denied.reasons[1]).toBe(
      'Who else could ask for it would take too long to find out; an operator can say more.',
    );
    const approvals = asked.slice(before).filter((action) => action === 'approve').length;
    expect(approvals).toBeLessThanOrEqual(MAX_QUESTIONS);
  });

  it('asks nothing more until somebody reads its words, and then once', () => {
    const { policy, people, asked } = counted(JOBS + ENGINEERS_APPROVE, EVERYBODY);
    const denied = policy.decide({ ...question, principal: dave, people });
    expect(denied.allowed).toBe(false);
    expect(asked).not.toContain('approve');
    expect(denied.reasons[1]).toContain('ask Engineer-0, Engineer-1 or Engineer-2,');
    expect(asked).toContain('approve');
    const read = asked.length;
    expect(denied.reasons).toHaveLength(2);
    expect(asked).toHaveLength(read);
  });

  it('names the group that it found where its members would be too many questions', () => {
    const late = person('late', 'security');
    const nearly = ENGINEERS.slice(0, MAX_QUESTIONS - 10).map(({ id }) => person(id, 'security'));
    const one = `${permit('ci.trigger', '@approval("security")', '', 'engineers')}
      @id("approve") @description("Security approves.")
      permit (principal in Group::"security", action == Action::"approve", resource);
      @id("late") @description("Only one.") @reason("Somebody else does.")
      forbid (principal, action == Action::"approve", resource) unless { principal == Person::"late" };`;
    const { policy, people } = counted(one, [dave, alice, ...nearly, late]);
    expect(policy.decide({ ...question, principal: dave, people }).reasons[1]).toBe(
      'Members of ENGINEERS (engineers) may; ask about joining engineers@example.com.',
    );
  });

  it('finds whoever may among a hundred who may not', () => {
    const others = ENGINEERS.slice(0, 100);
    const able = person('able', 'engineers');
    const one = `@id("able") @description("Able.") @approval("none")
      permit (principal, action == Action::"ticket.create", resource) when { principal == Person::"able" };`;
    const { policy, people } = counted(one, [dave, ...others, able]);
    const denied = { action: 'ticket.create', resource: QUEUE, context: context(), principal: dave, people };
    expect(policy.decide(denied).reasons[1]).toBe('Able may; they or an operator can say more.');
  });
});

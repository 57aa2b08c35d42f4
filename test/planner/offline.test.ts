import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/action.ts';
import { plannerTool } from '../../src/planner/schema.ts';
import { askOf, inviteAction, proposalOf, say, textOf, tools } from './sample-tools.ts';

const CHECKS = { repo: 'web', ref: 'main', job: 'checks', inputs: {} };
const RELEASE = { ...CHECKS, job: 'release' };

describe('typed commands', () => {
  it.each([
    'ci trigger repo=web ref=main job=checks',
    'ci.trigger job=checks ref=main repo=web',
    '  CI Trigger repo="web" ref=\'main\' job=“checks”  ',
  ])('%j is a confirmed proposal', (text) => {
    expect(proposalOf(say(text))).toEqual({
      action: 'ci.trigger',
      arguments: CHECKS,
      provenance: { repo: 'typed', ref: 'typed', job: 'typed', inputs: 'default' },
      typed: true,
    });
  });

  it('reads quotes, escapes and named values', () => {
    const plan = say(
      'ci trigger repo=web ref=main job=release inputs.version=1.2 inputs.note="a \\"b\\" c=d"',
    );
    expect(proposalOf(plan)?.arguments.inputs).toEqual({ version: '1.2', note: 'a "b" c=d' });
    expect(proposalOf(say('ticket create title="VPN down"'))?.arguments.title).toBe('VPN down');
  });

  it.each([
    ['ticket create titel="VPN down"', 'titel is not a field'],
    ['ci trigger repo=web ref=main job="two words"', 'job does not have the form'],
    ['ci trigger repo=web repo=api ref=main job=checks', 'repo is given twice'],
    ['ticket status ticket=five', 'ticket must be a whole number'],
    ['ticket create title="VPN', 'title has a quote that is not closed'],
    ['ticket create title="VPN\ndown"', 'title is not right. A title is one line.'],
    ['ticket create title=VPN down', 'word outside of any field'],
    ['ticket create title=VPN priority=urgent', 'priority must be one of low, normal, high'],
    ['ticket create title=VPN __proto__=1', '__proto__ is not a field'],
  ])('%j is answered with what is wrong and the usage', (text, problem) => {
    const answer = textOf(say(text));
    expect(answer).toContain(problem);
    expect(answer).toContain('It is written `');
  });

  it('asks for what is missing, and the answered command still needs a confirmation', () => {
    const ask = askOf(say('ci trigger repo=web job=checks'));
    expect(ask.missing).toEqual(['ref']);
    const proposal = proposalOf(say('main', ask));
    expect(proposal).toMatchObject({ arguments: CHECKS, typed: false });
    expect(proposal?.provenance).toMatchObject({ repo: 'typed', ref: 'quoted' });
  });

  it('take the one thing that is needed without its name', () => {
    const status = { action: 'ticket.status', arguments: { ticket: 5 }, typed: true };
    expect(proposalOf(say('ticket status 5'))).toMatchObject(status);
    expect(proposalOf(say('Ticket.Status 5'))).toMatchObject({ provenance: { ticket: 'typed' } });
  });

  it.each(['ticket status five', 'ticket status 5 please', 'ticket create printer', 'ci trigger checks'])(
    'and are nothing else: %j is plain words',
    (text) => {
      const plan = say(text);
      expect(plan.kind === 'proposals' && plan.proposals.some(({ typed }) => typed)).toBe(false);
    },
  );

  it('explains itself', () => {
    expect(textOf(say('help'))).toContain('Open a ticket');
    expect(textOf(say('help'))).toContain('report: what looks wrong');
    expect(textOf(say('help ci trigger'))).toContain('ci trigger repo=… ref=… job=… [inputs.NAME=…]');
    expect(textOf(say('vault read path=x'))).toContain('no such command');
  });
});

describe('plain words', () => {
  it.each([
    ['the VPN is down for the Berlin office, please open a ticket', 'the VPN is down for the Berlin office'],
    ['Open a ticket: The printer is on fire!', 'The printer is on fire!'],
    ['hi, could you please create a ticket "VPN down"? thanks', 'VPN down'],
    ['My laptop does not start. Can you open a ticket?', 'My laptop does not start'],
    ['please file an issue: login on staging fails', 'login on staging fails'],
  ])('%j opens a ticket in the words of the person', (text, title) => {
    expect(proposalOf(say(text))).toEqual({
      action: 'ticket.create',
      arguments: { title, body: '', priority: 'normal' },
      provenance: { title: 'quoted', body: 'default', priority: 'default' },
      typed: false,
    });
    expect(text).toContain(title);
  });

  it.each([
    ['run the checks of web on main', CHECKS],
    ['Please run the checks for web on main.', CHECKS],
    ['could you trigger checks on main for web?', CHECKS],
    ['run the release pipeline for web on main', RELEASE],
    ['start the release job of the web repo on feature/login-2', { ...RELEASE, ref: 'feature/login-2' }],
  ])('%j proposes a run that is not confirmed yet', (text, args) => {
    expect(proposalOf(say(text))).toMatchObject({ action: 'ci.trigger', arguments: args, typed: false });
  });

  it.each([
    ['run the release pipeline for web', ['ref']],
    ['run the checks on main', ['repo']],
    ['run the checks', ['repo', 'ref']],
    ['open a ticket', ['title']],
  ])('%j asks for %j', (text, missing) => {
    expect(askOf(say(text)).missing).toEqual(missing);
  });

  it('reads', () => {
    expect(proposalOf(say('what is the status of ticket #12?'))).toMatchObject({
      action: 'ticket.status',
      arguments: { ticket: 12 },
    });
    expect(proposalOf(say('comment on ticket 7: restarted, works again'))).toMatchObject({
      arguments: { ticket: 7, text: 'restarted, works again' },
    });
  });

  it('answers with what this person can ask for when nothing fits', () => {
    const answer = textOf(say('what is the meaning of life', null, tools.slice(1, 2)));
    expect(answer).toContain('<title>, please open a ticket');
    expect(answer).not.toContain('ci trigger');
    expect(textOf(say('run along'.repeat(3)))).toContain('did not understand');
  });

  it('asks which one when two actions fit equally', () => {
    const twin = { ...tools[1]!, name: 'incident.create', title: 'Declare an incident' };
    expect(textOf(say('open a ticket: VPN down', null, [...tools, twin]))).toContain('Which one');
  });
});

describe('the answer to a question', () => {
  const ask = () => askOf(say('run the checks'));

  it.each([
    'web on main',
    'repo web, ref main',
    'web main',
    'on main for web',
    'repo=web ref=main',
    'it is web on main please',
  ])('%j completes the proposal', (text) => {
    expect(proposalOf(say(text, ask()))).toMatchObject({ arguments: CHECKS, typed: false });
  });

  it('goes field by field', () => {
    const next = askOf(say('web', ask()));
    expect(next).toMatchObject({ arguments: { repo: 'web', job: 'checks' }, missing: ['ref'] });
    expect(proposalOf(say('on main', next))).toMatchObject({ arguments: CHECKS });
  });

  it('takes several in the order of the schema', () => {
    const empty = askOf(say('ci trigger'));
    expect(proposalOf(say('web on main checks', empty))).toMatchObject({ arguments: CHECKS });
  });

  it('takes prose whole', () => {
    const title = 'on main the build says: repo web is gone';
    expect(proposalOf(say(title, askOf(say('open a ticket'))))?.arguments.title).toBe(title);
  });

  it.each(['never mind', 'Cancel.', 'no, forget it', 'cancel that'])('%j ends it', (text) => {
    expect(textOf(say(text, ask()))).toContain('Nothing was done');
  });

  it('gives way to another request or command', () => {
    expect(proposalOf(say('open a ticket: VPN down', ask()))?.action).toBe('ticket.create');
    expect(proposalOf(say('ticket status ticket=4', ask()))?.action).toBe('ticket.status');
    expect(textOf(say('help', ask()))).toContain('You can ask for');
  });

  it('asks again when the answer cannot be one', () => {
    const again = say('what do you mean by that, I do not know what a repo is?', ask());
    expect(again).toMatchObject({ kind: 'ask', ask: { missing: ['repo', 'ref'] } });
  });

  it('drops a question about an action that this person no longer has', () => {
    expect(textOf(say('web', ask(), tools.slice(1)))).toContain('did not understand');
  });
});

describe('whatever is said', () => {
  const pieces = fc.constantFrom(
    ...[
      'run',
      'the',
      'checks',
      'of',
      'web',
      'on',
      'main',
      'open a ticket:',
      'ci',
      'trigger',
      'repo=web',
      'ref=',
      '"',
      "'",
    ],
    ...[
      'ticket',
      'status',
      '#5',
      'help',
      'please',
      '{title}',
      '__proto__=1',
      'constructor',
      '\u202e',
      '\u0000',
      '=',
      '.',
    ],
  );
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(pieces, { maxLength: 25 }).map((all) => all.join(' ')),
  );

  it('proposes only what is among the tools, with arguments that pass, and never throws', () => {
    fc.assert(
      fc.property(texts, fc.subarray(tools), fc.boolean(), (text, known, asked) => {
        const plan = say(text, asked ? askOf(say('run the checks')) : null, known);
        if (plan.kind === 'ask') return known.some((tool) => tool.name === plan.ask.action);
        if (plan.kind !== 'proposals') return plan.kind === 'answer' && plan.text.length > 0;
        return plan.proposals.every((proposal) =>
          known.some((tool) => tool.name === proposal.action && tool.parse(proposal.arguments).ok),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('a proposal from plain words holds nothing that the person did not say', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const plan = say(text);
        if (plan.kind !== 'proposals') return true;
        return plan.proposals.every((proposal) =>
          Object.entries(proposal.arguments).every(
            ([name, value]) => proposal.provenance[name] !== 'quoted' || text.includes(String(value)),
          ),
        );
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    'run ',
    'run the checks of ',
    'a=" ',
    '"',
    'please ',
    'on main ',
    'open a ticket ',
    'x',
    '= ',
    '\u202e ',
  ])('takes 40,000 characters of %j in its stride', (piece) => {
    const text = piece.repeat(Math.ceil(40_000 / piece.length));
    const before = process.threadCpuUsage();
    expect(['answer', 'ask', 'proposals']).toContain(say(text, askOf(say('open a ticket'))).kind);
    // Linear work takes some milliseconds; anything quadratic takes many seconds. What others do meanwhile does not count.
    const { user, system } = process.threadCpuUsage(before);
    expect(user + system).toBeLessThan(2_000_000);
  });
});

describe('a list', () => {
  const known = [plannerTool(inviteAction as unknown as Action)];
  const sayOf = (text: string, ask: Parameters<typeof say>[1] = null) => say(text, ask, known);
  const argumentsOf = (text: string) => proposalOf(sayOf(text))?.arguments;

  it('is typed as its name again for each item', () => {
    const command = 'meeting invite guests=alice guests=bob rooms=4 rooms=5 notes="a, b" notes="c"';
    const args = { guests: ['alice', 'bob'], rooms: [4, 5], notes: ['a, b', 'c'] };
    expect(argumentsOf(command)).toEqual(args);
    expect(argumentsOf('meeting invite guests=alice')).toEqual({ guests: ['alice'], notes: [] });
    expect(argumentsOf('meeting invite alice')).toEqual({ guests: ['alice'], notes: [] });
  });

  it.each([
    [
      'meeting invite guests=a rooms=two',
      'rooms must be one or more, each a whole number, such as rooms=… rooms=…',
    ],
    ['meeting invite guests=a guests=b guests=c guests=d', 'guests is too large: at most 3'],
    ['meeting invite guests=a guests="b c"', 'guests.1 does not have the form'],
  ])('%j is answered with what is wrong and the usage', (text, problem) => {
    const answer = textOf(sayOf(text));
    expect(answer).toContain(problem);
    expect(answer).toContain('`meeting invite guests=… [guests=…] [rooms=…] [rooms=…]');
  });

  it('is asked for, and answered one a line', () => {
    const plan = sayOf('meeting invite rooms=4');
    expect(plan).toMatchObject({ question: 'Invite people: What is the guests (one a line)?' });
    const ask = askOf(plan);
    expect(proposalOf(sayOf('alice\nbob', ask))).toMatchObject({
      arguments: { guests: ['alice', 'bob'], rooms: [4] },
    });
    expect(askOf(sayOf('alice and bob', ask)).missing).toEqual(['guests']);
  });
});

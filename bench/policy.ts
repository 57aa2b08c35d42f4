/** What one answer of the rules takes, beside the same rules written as a function. */
import { chmodSync, cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRules, type Rules, SHIPPED_POLICIES } from '../src/house.ts';
import type { Principal } from '../src/model/principal.ts';
import type { Resource } from '../src/model/request.ts';
import type { Bench, Context } from './bench.ts';
import { localConfig, temporaryFolder } from './installation.ts';
import { tableOf, takeTurns, timed } from './measure.ts';

const MORE_POLICIES = 100;
/** Decisions that make one measurement: a single one is shorter than the clock's own noise. */
const BATCH = 20;
/** A function call is some thousand times shorter. */
const FUNCTION_BATCH = 100_000;
const ROUNDS = { rounds: 200, withinMs: 15_000, warmUp: 5 };
const US_PER_MS = 1000;

/** The shipped rules for opening a ticket and triggering CI, as somebody would write them without an engine. */
function plainFunction(principal: Principal, action: string, resource: Resource): string[] | null {
  if (action === 'ticket.create') return principal.groups.includes('employees') ? [] : null;
  if (action === 'ci.trigger' && principal.groups.includes('engineers'))
    return resource.attributes.environment === 'production' ? ['oncall', 'oncall'] : ['oncall'];
  return null;
}

/** The shipped folder and as many more permits, each for a group of the directory and a case that does not occur. */
function withMorePolicies(context: Context): string {
  const folder = join(temporaryFolder(context), 'policies');
  cpSync(SHIPPED_POLICIES, folder, { recursive: true });
  const more = Array.from(
    { length: MORE_POLICIES },
    (_, index) => `@id("team-${index}-triggers-ci")
@description("Operators may trigger job ${index}.")
@approval("oncall")
permit (principal in Group::"operators", action == Action::"ci.trigger", resource)
when { resource.job == "job-${index}" && resource.environment == "staging" };
`,
  );
  writeFileSync(join(folder, 'more.cedar'), more.join('\n'));
  for (const name of ['', 'more.cedar']) chmodSync(join(folder, name), name === '' ? 0o755 : 0o644);
  return folder;
}

/** An ordinary morning. */
const MONDAY = { now: '2026-01-05T10:00:00.000Z', weekday: 1, hour: 10 };

function asker(rules: Rules, principal: Principal, people: readonly Principal[]) {
  return (action: string, resource: Resource) => {
    const { allowed } = rules.policy().decide({
      principal,
      action,
      resource,
      context: { killed: false, tainted: false, risk: 'medium', connector: 'bench', time: MONDAY },
      people,
    });
    return allowed ? allowed : null;
  };
}

export const policy: Bench = {
  name: 'policy',
  about: 'one policy decision, beside the same rules as a plain function',
  async run(context) {
    const config = localConfig(context);
    const shipped = loadRules(config);
    const large = loadRules({ ...config, policiesFolder: withMorePolicies(context) });
    const people = await shipped.directory.people();
    const alice = people.find(({ id }) => id === 'alice')!;
    const cases = shipped.catalogue.candidates();
    const casesOf = (action: string) => cases.find((it) => it.action === action)!.resources;
    const queue = casesOf('ticket.create')[0]!;
    const production = casesOf('ci.trigger').find((it) => it.attributes.environment === 'production')!;
    /** Kept, so that no call can be left out as useless. */
    let last: unknown;
    const perDecision = async (size: number, decide: () => unknown): Promise<number> => {
      const ms = await timed(() => {
        for (let count = 0; count < size; count += 1) last = decide();
      });
      if (last === null) throw new Error('it should be allowed');
      return (ms * US_PER_MS) / size;
    };
    const [askShipped, askLarge] = [asker(shipped, alice, people), asker(large, alice, people)];
    const measured = await takeTurns(
      [
        {
          what: 'plain function',
          once: () => perDecision(FUNCTION_BATCH, () => plainFunction(alice, 'ci.trigger', production)),
        },
        {
          what: 'ticket.create, shipped policies',
          once: () => perDecision(BATCH, () => askShipped('ticket.create', queue)),
        },
        {
          what: 'ci.trigger in production, shipped policies',
          once: () => perDecision(BATCH, () => askShipped('ci.trigger', production)),
        },
        {
          what: `ticket.create, ${MORE_POLICIES} more policies`,
          once: () => perDecision(BATCH, () => askLarge('ticket.create', queue)),
        },
        {
          what: `ci.trigger in production, ${MORE_POLICIES} more policies`,
          once: () => perDecision(BATCH, () => askLarge('ci.trigger', production)),
        },
      ],
      ROUNDS,
    );
    return [
      tableOf('One decision', 'µs', 'plain function', measured, [
        'A decision for ci.trigger also finds out whether enough people could approve it, which asks the rules again for each of them.',
        `p99 is of batches of ${BATCH}.`,
      ]),
    ];
  },
};

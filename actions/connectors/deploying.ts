/** What is shown and pinned of a promotion or a rollback, alike for every deployment connector. Runs in the sandbox. */
import type { Refusal, Tools } from '../../src/action.ts';
import type { Preview } from '../../src/model/request.ts';
import { saidThere, text } from './answer.ts';
import type { Args } from './ci-runs.ts';
import { type Between, called, type DeploymentSystem, short } from './deployed.ts';
import { type Plan, planOf, type Standing } from './deployment-plan.ts';
import { inSentence } from './ticket-words.ts';

/** Bound into the digest, and looked up again before it runs: whatever came in between stops it. */
const pinnedOf = ({
  environment,
  standing: { newest, current },
  commit,
  origin,
}: Plan): Record<string, string> => ({
  commit,
  environment: environment.name,
  newest: newest?.id ?? 'none',
  current: current === null ? 'none' : `${current.id} ${current.commit}`,
  ...(origin === null ? {} : { origin: origin.id }),
});

const quote = (title: string): string => `“${inSentence(title)}”`;
const commits = (count: number): string => `${count} commit${count === 1 ? '' : 's'}`;

function distance({ ahead, behind }: Between): string {
  if (behind === 0) return commits(ahead);
  if (ahead === 0) return `back by ${commits(behind)}`;
  return `${commits(ahead)} more and ${behind} fewer`;
}

function changes(label: string, from: string, to: string, between: Between | null): Preview['facts'] {
  const span = `from ${short(from)} to ${short(to)}`;
  if (between === null) return [{ label, value: `${span}; they cannot be compared` }];
  const { ahead, titles, link } = between;
  const more = ahead > titles.length ? [`and ${ahead - titles.length} more`] : [];
  return [
    { label, value: `${distance(between)}, ${span}` },
    ...(titles.length === 0 ? [] : [saidThere('Commits', [...titles.map(quote), ...more].join('\n'))]),
    ...(link === '' ? [] : [saidThere('Compare', link)]),
  ];
}

function stands({ newest, current }: Standing): Preview['facts'] {
  const now =
    current === null
      ? 'nothing that the assistant knows of'
      : `${called(current)}${current.by === '' ? '' : `, deployed by ${inSentence(current.by)}`}`;
  const last =
    newest === null || newest.id === current?.id ? [] : [saidThere('Last attempt', called(newest))];
  return [saidThere('Runs now', now), ...last];
}

/** A rollback takes commits away: they are counted from where it leads to. */
async function compared(
  system: DeploymentSystem,
  operation: 'promote' | 'rollback',
  { environment, standing: { current }, commit }: Plan,
  tools: Tools,
): Promise<Preview['facts']> {
  if (current === null || current.commit === '' || current.commit === commit) return [];
  const isPromotion = operation === 'promote';
  const [from, to] = isPromotion ? [current.commit, commit] : [commit, current.commit];
  const between = await system.between(from, to, environment, tools);
  return changes(isPromotion ? 'Changes' : 'Takes back', from, to, between);
}

/** What a promotion or a rollback would do, or why it cannot be done. */
export async function previewOf(
  system: DeploymentSystem,
  operation: 'promote' | 'rollback',
  args: Args,
  tools: Tools,
): Promise<Preview | Refusal> {
  const plan = await planOf(system, operation, args, tools);
  if ('refused' in plan) return plan;
  const { commit, origin, standing: now, environment } = plan;
  const { service, name, from } = environment;
  const ref = text(args, 'ref');
  return {
    summary:
      operation === 'promote'
        ? `Deploy ${short(commit)} of ${service} to ${name}, through ${system.name}.`
        : `Roll ${service} in ${name} back to ${short(commit)}, through ${system.name}.`,
    facts: [
      { label: 'Service', value: service },
      { label: 'Environment', value: name },
      { label: 'Commit', value: ['', commit].includes(ref) ? commit : `${commit} (${ref} now)` },
      ...(origin === null
        ? []
        : [{ label: operation === 'promote' ? `Runs in ${from}` : 'Ran here as', value: called(origin) }]),
      ...stands(now),
      ...(await compared(system, operation, plan, tools)),
    ],
    pinned: pinnedOf(plan),
  };
}

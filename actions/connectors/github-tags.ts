/**
 * The tags that runs on GitHub Actions start on: made for one request, and only good as long as nobody else can move them. Whether
 * a ruleset sees to that is looked up (docs.github.com, "REST API endpoints for rules"). Runs in the sandbox.
 */
import type { EgressRule, EgressValues, Refusal, Tools } from '../../src/action.ts';
import type { Json, Preview } from '../../src/model/request.ts';
import { type Fields, isFields, text } from './answer.ts';
import { texts } from './ci-described.ts';
import { GITHUB as ACTIONS } from './github-actions-runs.ts';
import type { GithubPlace } from './github-commit.ts';
import { type Answer, listOf, read, readList, readRule, type System } from './json-call.ts';

/** A folder of tags that a ruleset can keep for the assistant's account. */
export const TAGS = 'countersign';
export const tagOf = (mark: string): string => `${TAGS}/${mark}`;

/** As GitHub answers where a tag cannot be made ("Create a reference"; the words of a rule are in its message). */
export const TAGGING: System = {
  ...ACTIONS,
  refusals: {
    ...ACTIONS.refusals,
    403: [
      'upstream_forbidden',
      'GitHub does not let the assistant make its tag there: its account needs "Contents: write", and "Workflows: write" as well for a commit whose workflow files are not those of the default branch.',
    ],
    422: [
      'upstream_rejected',
      'GitHub does not make the tag for this run: the commit is not there any more, or the tag is there already.',
    ],
  },
  explain: (status, body) =>
    status === 422 && /rule violation/i.test(text(body, 'message'))
      ? [
          'tag_protected',
          `A ruleset of that repository keeps tags ${TAGS}/** from the assistant's account: somebody who looks after the repository must add it to those who may bypass it.`,
        ]
      : (ACTIONS.explain?.(status, body) ?? null),
};

/** Patterns under which every tag of ours falls: GitHub matches as fnmatch does with FNM_PATHNAME, so `refs/tags/**` is none of them. */
const COVERING: ReadonlySet<string> = new Set([
  '~ALL',
  'refs/tags/**/*',
  `refs/tags/${TAGS}/*`,
  `refs/tags/${TAGS}/**`,
  `refs/tags/${TAGS}/**/*`,
]);
/** What nobody else may do with such a tag: with any one of them, a run could start on another commit than the approved one. */
const KEPT = ['creation', 'update', 'deletion'] as const;
/** Active rulesets for tags that are looked at. */
const RULESETS_LOOKED_AT = 20;
const RULESETS = '/repos/{owner}/{repo}/rulesets';
const LIST = { includes_parents: 'true', targets: 'tag', per_page: '100' };

/** Reads of the rulesets for tags; their numbers only GitHub tells. */
export function rulesetRules(fill: (values: EgressValues) => Record<string, string>): EgressRule[] {
  return [
    readRule(ACTIONS, RULESETS, { fill, query: () => LIST }),
    readRule(ACTIONS, `${RULESETS}/{ruleset}`, { fill, free: { ruleset: 'number' } }),
  ];
}

/** Whether it stands over every tag of ours. An exclusion that may be about them counts as one that is. */
function covers(ruleset: Fields): boolean {
  const conditions = isFields(ruleset.conditions) ? ruleset.conditions : {};
  const names = isFields(conditions.ref_name) ? conditions.ref_name : {};
  const folder = `refs/tags/${TAGS}/`;
  const mayMean = (pattern: string): boolean => {
    const [literal = ''] = pattern.split(/[*?[~]/);
    return literal.startsWith(folder) || folder.startsWith(literal);
  };
  return (
    text(ruleset, 'enforcement') === 'active' &&
    text(ruleset, 'target') === 'tag' &&
    texts(names.include).some((pattern) => COVERING.has(pattern)) &&
    !texts(names.exclude).some(mayMean)
  );
}

/** The names of the active rulesets that together keep our tags for those who may bypass them; none where they do not. */
async function protectors({ owner, repo }: GithubPlace, tools: Tools): Promise<Answer<string[]>> {
  const path = ['repos', owner, repo, 'rulesets'];
  const listed = await readList(tools, ACTIONS, path, LIST);
  if (!listed.ok) return listed;
  const all = Array.isArray(listed.value) ? listed.value.filter(isFields) : [];
  const active = all.filter((one) => one.target === 'tag' && one.enforcement === 'active');
  const kept = new Map<string, string>();
  for (const { id } of active.slice(0, RULESETS_LOOKED_AT)) {
    const answer = await read(tools, ACTIONS, [...path, String(id)]);
    if (!answer.ok) return answer;
    if (!covers(answer.value)) continue;
    for (const rule of listOf(answer.value, 'rules'))
      kept.set(text(rule, 'type'), text(answer.value, 'name'));
  }
  const names = KEPT.map((what) => kept.get(what) ?? '');
  return { ok: true, value: names.includes('') ? [] : [...new Set(names)] };
}

const isAccepted = (settings: Json): boolean => isFields(settings) && settings.unprotected_tags === true;

/** What is shown of the tag that the run starts on. A run of production has none that anybody else could move. */
export async function tagFacts(
  environment: string,
  place: GithubPlace,
  tools: Tools,
): Promise<Preview['facts'] | Refusal> {
  const through = { label: 'Through', value: 'a tag made for this request at that commit' };
  if (environment !== 'production') return [through];
  const fact = (value: string) => [through, { label: 'Tag protected by', value }];
  if (isAccepted(tools.settings)) return fact('nobody has looked: an operator accepts it unprotected');
  const answer = await protectors(place, tools);
  const where = `${place.owner}/${place.repo}`;
  if (!answer.ok)
    return {
      refused: `Whether a ruleset of ${where} protects tags ${TAGS}/** cannot be looked up: ${answer.failure.result.message}`,
    };
  if (answer.value.length > 0) return fact(answer.value.join(', '));
  return {
    refused: `No ruleset of ${where} keeps tags ${TAGS}/** for the assistant's account (creation, update and deletion), so others could move the tag that a run of production starts on. Somebody who looks after the repository must add one.`,
  };
}

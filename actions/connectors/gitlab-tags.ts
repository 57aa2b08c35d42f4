/**
 * Starting a pipeline on exactly one commit. GitLab starts one on a branch or a tag, never on a commit (docs.gitlab.com, "Pipelines
 * API"), and no branch stands for the commit that runs in another environment: so a tag is made for the request, at the pinned
 * commit, and the pipeline starts there. The tag carries the execution's mark, by which it is found again. Runs in the sandbox.
 */
import type { EgressValues, Operation } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type Fields, failed, isFields, text } from './answer.ts';
import type { Args } from './ci-runs.ts';
import { COMMIT } from './github-commit.ts';
import { GITLAB } from './gitlab-errors.ts';
import { filledProject, pathIn, projectFor, projectRule } from './gitlab-pipelines.ts';
import { start, started, trigger } from './gitlab-trigger.ts';
import { readList, type System, write, writeRule } from './json-call.ts';

/** Tags that a pattern can protect (`countersign-*`); a slash would be two segments of an address. */
export const tagOf = (mark: string): string => `countersign-${mark}`;

/** As GitLab answers where a tag cannot be made (docs.gitlab.com, "Tags API"; its own words: Tags::CreateService). */
const TAGGING: System = {
  ...GITLAB,
  refusals: {
    ...GITLAB.refusals,
    400: [
      'upstream_rejected',
      'GitLab does not make the tag for this run: the commit is not there any more, or the tag is there already.',
    ],
    403: [
      'upstream_forbidden',
      "GitLab does not let the assistant's account make its tag there: it must be a developer of the project, and among those who may create the protected tags countersign-*.",
    ],
  },
  explain: (status, body) => {
    if (status === 400 && /not allowed to create this tag|protected tag/i.test(text(body, 'message')))
      return TAGGING.refusals[403] ?? null;
    return status === 400 ? null : (GITLAB.explain?.(status, body) ?? null);
  },
};

type About = Pick<EgressValues, 'mark' | 'pinned'>;

/** Null while no commit is pinned, so that no tag can be made. */
const tagBody = ({ mark, pinned }: About): Fields | null =>
  COMMIT.test(pinned.commit ?? '') ? { tag_name: tagOf(mark), ref: pinned.commit ?? '' } : null;

const where = ({ args, settings }: EgressValues): string => projectFor(args, settings);
const accountOf = (settings: Json): string => (isFields(settings) ? text(settings, 'account') : '');
/** A push of the tag may start a pipeline of its own: ours is the one that the API started. */
const onTag = ({ mark, settings }: Pick<EgressValues, 'mark' | 'settings'>) => ({
  ref: tagOf(mark),
  username: accountOf(settings),
  source: 'api',
  per_page: '20',
});

/** The trigger of the same, on a tag of its own; `args.ref` is that tag. */
export const triggerOnTag: Operation = {
  ...trigger,
  egress: [
    ...trigger.egress,
    writeRule(GITLAB, '/api/v4/projects/{project}/repository/tags', {
      fill: (values) => (tagBody(values) === null ? {} : filledProject(where)(values)),
      body: tagBody,
    }),
    writeRule(GITLAB, '/api/v4/projects/{project}/repository/tags/{tag}', {
      method: 'DELETE',
      fill: filledProject(where, { tag: ({ mark }) => tagOf(mark) }),
      body: () => null,
    }),
    projectRule(where, '/pipelines', onTag),
  ],
  // The tag and the start; and the tag away again where GitLab does not start it.
  writes: 3,
  run: async (args, tools) => {
    const tag = tagBody(tools);
    if (tag === null) return failed('not_pinned', 'No commit is pinned for this run.');
    const tags = pathIn(projectFor(args, tools.settings), 'repository', 'tags');
    const tagged = await write(tools, TAGGING, tags, tag);
    if (!tagged.ok) return tagged.failure;
    const begun = await start(args, tools);
    if (begun.kind !== 'failed') return begun;
    // It did not start: the tag is for nothing.
    const removed = await write(tools, GITLAB, [...tags, tagOf(tools.mark)], null, 'DELETE');
    if (removed.ok) return begun;
    const { code, message } = begun.result;
    return failed(
      code,
      `${message} The tag ${tagOf(tools.mark)} was made and could not be taken away again.`,
    );
  },
  reconcile: async (args: Args, tools) => {
    const path = pathIn(projectFor(args, tools.settings), 'pipelines');
    const answer = await readList(tools, GITLAB, path, onTag(tools));
    const all = answer.ok && Array.isArray(answer.value) ? answer.value.filter(isFields) : [];
    const found = all.find(
      (one) =>
        text(one, 'ref') === tagOf(tools.mark) &&
        text(one, 'source') === 'api' &&
        text(one, 'sha') === tools.pinned.commit,
    );
    return found === undefined
      ? { kind: 'cannot_tell' }
      : { kind: 'happened', outcome: started(args, String(found.id)) };
  },
};

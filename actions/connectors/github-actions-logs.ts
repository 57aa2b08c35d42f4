/**
 * What jobs of GitHub Actions printed (docs.github.com, "Download job logs for a workflow run"): GitHub answers with a redirect
 * to a store of files, which the broker follows where the operator lists that store. Runs in the sandbox.
 */
import { stripVTControlCharacters } from 'node:util';
import type { EgressRule, Tools } from '../../src/action.ts';
import { type Fields, text } from './answer.ts';
import { forEachRepository } from './ci-described.ts';
import { GITHUB, githubPlace } from './github-actions-runs.ts';
import type { GithubPlace } from './github-commit.ts';
import { readRule, readText } from './json-call.ts';

/** Jobs whose output one reading takes. */
export const LOGS = 10;
/** Of each of them, from its end. */
const LOG_CHARACTERS = 8_000;
/** Four bytes a character at most, and the time that GitHub puts before each line. */
const LOG_BYTES = 8 * LOG_CHARACTERS;

/** In whichever repository of the settings the run is; which jobs it has only GitHub tells. */
export const logRules: EgressRule[] = forEachRepository((place) =>
  readRule(GITHUB, '/repos/{owner}/{repo}/actions/jobs/{job}/logs', {
    fill: (values) => githubPlace(place(values) ?? {}) ?? {},
    free: { job: 'number' },
    fileElsewhere: true,
    endBytes: LOG_BYTES,
  }),
);

/** What GitHub's own pages show in its place: lines without their time, groups by their titles. */
function readable(log: string): string {
  return stripVTControlCharacters(log)
    .replaceAll('\r\n', '\n')
    .replaceAll(/^\uFEFF?\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+Z ?/gm, '')
    .replaceAll(/^##\[endgroup\].*\n?/gm, '')
    .replaceAll(/^##\[(?:group|command|section)\]/gm, '')
    .replaceAll(/^##\[(debug|notice|warning|error)\]/gm, '$1: ')
    .trimEnd();
}

async function readLog(tools: Tools, { owner, repo }: GithubPlace, job: Fields): Promise<string> {
  if (job.status !== 'completed')
    return '(It is still running: GitHub tells what it printed once it has ended.)';
  const answer = await readText(tools, GITHUB, [
    'repos',
    owner,
    repo,
    'actions',
    'jobs',
    String(job.id),
    'logs',
  ]);
  if (answer.ok) return readable(answer.value).slice(-LOG_CHARACTERS);
  switch (answer.failure.result.code) {
    case 'redirect':
      return '(GitHub keeps what it printed at a place that the assistant may not read; an operator can list it: docs/connectors.md, "Files that lie elsewhere".)';
    case 'not_found':
      return '(GitHub has no output of it, or no longer.)';
    default:
      return '(What it printed cannot be shown here.)';
  }
}

/** The end of what each of these jobs printed, under its name; of the last of them where there are many. */
export async function readLogs(tools: Tools, place: GithubPlace, jobs: readonly Fields[]): Promise<string[]> {
  const parts: string[] = [];
  for (const job of jobs.slice(-LOGS)) {
    // A skipped job printed nothing.
    if (text(job, 'conclusion') === 'skipped') continue;
    parts.push(`\n== ${text(job, 'name')} ==`, await readLog(tools, place, job));
  }
  return parts;
}

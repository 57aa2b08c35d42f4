/** What the fake GitHub Actions covers, checked by a test against what it implements. What is not here, it answers with 404. */
export const COVERAGE = {
  routes: [
    'DELETE /repos/{}/git/refs/tags/{}',
    'GET /repos/{}/actions/jobs/{}/logs',
    'GET /repos/{}/actions/runs/{}',
    'GET /repos/{}/actions/runs/{}/jobs',
    'GET /repos/{}/actions/workflows/{}',
    'GET /repos/{}/actions/workflows/{}/runs',
    'GET /repos/{}/commits',
    'POST /repos/{}/actions/runs/{}/cancel',
    'POST /repos/{}/actions/runs/{}/rerun',
    'POST /repos/{}/actions/workflows/{}/dispatches',
    'POST /repos/{}/git/refs',
  ],
  checks: [
    'bearer token',
    'a start on a branch or a tag only; inputs that the workflow does not declare',
    'a start with and without its run in the answer',
    'the log of a job that has ended as a redirect to another server, signed; 404 before',
    'tags: made once, at a commit that is there',
    'jobs and runs by page, 100 at most, with a Link header',
    'a run that waits for the approval of its environment, and goes on then',
    'a cancelled run that has ended is 409; one that goes on runs not again, 403',
    'the primary rate limit as 403 without a time',
  ],
} as const;

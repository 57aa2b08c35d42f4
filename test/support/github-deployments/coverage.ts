/** What the fake of GitHub's deployments covers, checked by a test against what it implements. What is not here, it answers with 404. */
export const COVERAGE = {
  routes: [
    'GET /repos/{}/actions/workflows/{}',
    'GET /repos/{}/commits',
    'GET /repos/{}/compare/{}',
    'GET /repos/{}/deployments',
    'GET /repos/{}/deployments/{}/statuses',
    'GET /repos/{}/rulesets',
    'GET /repos/{}/rulesets/{}',
    'POST /repos/{}/deployments',
  ],
  checks: [
    'bearer token',
    'deployments of one environment, newest first, by page with a Link header',
    'a ref that is not there is 422; a required context that has not passed is 409',
    'a merge is tried where it was not switched off, and answered with 202',
    'statuses newest first; a success makes the earlier ones inactive, outside production',
    'compared commits by page, oldest first; files with the first page only',
    'the primary rate limit as 403 without a time',
  ],
} as const;

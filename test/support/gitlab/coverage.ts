/** What the fake GitLab covers, checked by a test against what it implements. What is not here, it answers with 404. */
export const COVERAGE = {
  routes: [
    'GET /api/v4/projects/42/jobs/{}/trace',
    'GET /api/v4/projects/42/pipelines',
    'GET /api/v4/projects/42/pipelines/{}',
    'GET /api/v4/projects/42/pipelines/{}/jobs',
    'GET /api/v4/projects/42/pipelines/{}/variables',
    'GET /api/v4/projects/42/repository/commits',
    'POST /api/v4/projects/42/pipeline',
    'POST /api/v4/projects/42/pipelines/{}/cancel',
  ],
  checks: [
    'private token',
    'a start on a branch only; 400 where rules leave no job',
    'variables of a pipeline for whoever started it, 403 for others',
    'jobs by page, the newest first, with x-next-page',
    'job logs with sections and colours',
    '429 in plain text with Retry-After',
  ],
} as const;

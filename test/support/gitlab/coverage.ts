/** What the fake GitLab covers, checked by a test against what it implements. What is not here, it answers with 404. */
export const COVERAGE = {
  routes: [
    'DELETE /api/v4/projects/42/repository/tags/{}',
    'GET /api/v4/projects/42/deployments',
    'GET /api/v4/projects/42/jobs/{}/trace',
    'GET /api/v4/projects/42/pipelines',
    'GET /api/v4/projects/42/pipelines/{}',
    'GET /api/v4/projects/42/pipelines/{}/jobs',
    'GET /api/v4/projects/42/pipelines/{}/variables',
    'GET /api/v4/projects/42/repository/commits',
    'GET /api/v4/projects/42/repository/compare',
    'POST /api/v4/projects/42/pipeline',
    'POST /api/v4/projects/42/pipelines/{}/cancel',
    'POST /api/v4/projects/42/repository/tags',
  ],
  checks: [
    'private token',
    'a start on a branch or a tag only; 400 where rules leave no job',
    'variables of a pipeline for whoever started it, 403 for others',
    'jobs by page, the newest first, with x-next-page',
    'tags made once, at a commit that is there, for whom a protected tag lets; pushed ones with a pipeline of their own',
    'deployments of one environment, the newest first, with those of jobs that nobody has begun',
    'compared commits, the oldest first, one way at a time',
    'job logs with sections and colours',
    '429 in plain text with Retry-After',
  ],
} as const;

/** What the fake PagerDuty covers, checked by a test against what it implements. What is not here, it answers with 404. */
export const COVERAGE = {
  routes: [
    'GET /incidents',
    'GET /incidents/:id',
    'GET /incidents/:id/notes',
    'GET /oncalls',
    'GET /services/:id',
    'POST /incidents',
    'POST /incidents/:id/notes',
    'PUT /incidents/:id',
  ],
  errors: ['forbidden', 'invalid', 'limited', 'notFound', 'taken', 'unauthorized'],
  checks: [
    'Authorization: Token token=; From of a user with every write',
    'incidents by incident_key, 25 at most; one open incident of a key and service',
    'services that are disabled; a second resolution refused',
    'rules of a service that change what is opened',
    'who is on call, in no order; notes in either order',
    'errors with code, message and errors; 429 with ratelimit-reset, and every other refusal, on demand',
  ],
} as const;

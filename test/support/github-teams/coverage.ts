/** What the fake organisation covers, checked by a test against what it implements. What is not here, it answers with 404. */
export const COVERAGE = {
  routes: [
    'DELETE /orgs/:org/teams/:team/memberships/:login',
    'GET /orgs/:org/memberships/:login',
    'GET /orgs/:org/teams/:team',
    'GET /orgs/:org/teams/:team/memberships/:login',
    'PUT /orgs/:org/teams/:team/memberships/:login',
  ],
  checks: [
    'Authorization: Bearer',
    'members of the organisation, 404 for whoever is none; pending in a team for whoever is not in the organisation',
    'writes that are answered with 502, done or not; reads after them refused',
    '401, 403 with retry-after, 404, 422 and every other refusal, on demand',
  ],
} as const;

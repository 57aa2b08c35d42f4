/** What the fake Zendesk covers, checked by a test against what it implements. What is not here, it answers with 404. */
export const COVERAGE = {
  routes: [
    'GET /api/v2/tickets',
    'GET /api/v2/tickets/:id',
    'GET /api/v2/tickets/:id/comments',
    'POST /api/v2/tickets',
    'PUT /api/v2/tickets/:id',
  ],
  errors: [
    'APIRateLimitExceeded',
    'ClosedTicket',
    'CouldNotAuthenticate',
    'Forbidden',
    'IdempotentRequestError',
    'InternalError',
    'InvalidRecord',
    'NotFound',
    'UpdateConflict',
  ],
  checks: [
    'basic credentials with an API token',
    'required text and its length; names of fields; values of status and priority',
    'idempotency key of a creation: the same answer again, 400 for another body, forgotten on demand',
    'tickets by external_id, which need not be unique',
    'a requester and a submitter who are there; by default the requester is the author of the first text',
    'triggers that change what is opened; is_public by the texts of a ticket',
    'closed tickets take no change; light agents write internally only',
    'comments by cursor, both orders, 100 a page, with users beside them',
    'plain_body as Zendesk makes it of html_body: joined spaces, entities, lines',
    'Liquid placeholders are filled in, Markdown is not: html_body alone is taken',
    '429 with Retry-After, and every other refusal, on demand',
  ],
} as const;

/** What the fake ServiceNow covers, checked by a test against what it implements. What is not here, it answers with 404. */
export const COVERAGE = {
  routes: [
    'GET /api/now/table/:table',
    'GET /api/now/table/incident/:id',
    'PATCH /api/now/table/incident/:id',
    'POST /api/now/table/incident',
  ],
  errors: [
    'AclException',
    'BusinessRule',
    'Conflict',
    'DataPolicy',
    'InvalidInput',
    'NoRecord',
    'RateLimit',
    'ServerError',
    'UserNotAuthenticated',
  ],
  checks: [
    'basic credentials',
    'encoded queries: equality, IN, ORDERBYDESC; a condition on a field that is not there is left out',
    'sysparm_fields, sysparm_display_value (all, true, absent), sysparm_exclude_reference_link, sysparm_limit, sysparm_offset',
    'X-Total-Count',
    'columns cut off at their length; fields that an account may not write left out without a word',
    'journal fields as rows of sys_journal_field, hidden from accounts without the right, and as one text; [code] becomes HTML',
    'a data policy: resolved only with a resolution code and notes',
    '429 with Retry-After and X-RateLimit headers, and every other refusal, on demand',
  ],
} as const;

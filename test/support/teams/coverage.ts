/**
 * What the fake Bot Connector covers, checked by a test against what it implements. What is not here, the fake does
 * not do: it answers 404.
 */
export const COVERAGE = {
  routes: [
    'GET /v3/conversations/:conversation/members/:member',
    'GET /v3/conversations/:conversation/pagedmembers',
    'POST /v3/conversations',
    'POST /v3/conversations/:conversation/activities',
    'PUT /v3/conversations/:conversation/activities/:activity',
  ],
  errors: [
    'ActivityNotFoundInConversation',
    'Authorization has been denied for this request.',
    'BadArgument',
    'BadRequest',
    'BadSyntax',
    'BotNotInConversationRoster',
    'ContentStreamNotAllowed',
    'ConversationNotFound',
    'ForbiddenOperationException',
    'MemberNotFoundInConversation',
    'MessageSizeTooBig',
    'Throttled',
  ],
  elements: [
    'Container',
    'Input.ChoiceSet',
    'Input.Number',
    'Input.Text',
    'RichTextBlock',
    'TextBlock',
    'TextRun',
  ],
  activities: [
    'adaptiveCard/action',
    'conversationUpdate',
    'installationUpdate',
    'message',
    'message/submitAction',
  ],
  checks: [
    'bearer token of ours on every call',
    'shape of activities: text or one Adaptive Card 1.5, a verb in every Action.Execute and a fallback',
    'size of a message: 28 KB, counted in UTF-16',
    'membership: a conversation without the app is 403, one that is not there 404',
    'one personal chat a person, the same at every request',
    'answers that grow: personal chats only, one a chat, in order, each with all that was sent before, one a second, two minutes',
    'at most 7 sends a second to one conversation (429), and 429 with Retry-After on demand',
    'tokens for what it sends, with any claim changed',
  ],
} as const;

/**
 * What the fake Slack covers, checked by a test against what it implements. What is not here, the fake does not do:
 * it answers `unknown_method`, or the driver has no such function.
 */
export const COVERAGE = {
  methods: [
    'apps.connections.open',
    'auth.test',
    'chat.postEphemeral',
    'chat.postMessage',
    'chat.update',
    'conversations.open',
    'users.info',
  ],
  blocks: ['actions', 'context', 'divider', 'header', 'rich_text', 'section'],
  errors: [
    'cannot_dm_bot',
    'cant_update_message',
    'channel_not_found',
    'invalid_auth',
    'invalid_blocks',
    'is_archived',
    'message_not_found',
    'missing_scope',
    'msg_blocks_too_long',
    'msg_too_long',
    'no_text',
    'not_allowed_token_type',
    'not_authed',
    'not_in_channel',
    'ratelimited',
    'socket_mode_disabled',
    'thread_not_found',
    'unknown_method',
    'user_not_found',
  ],
  deliveries: ['block_actions', 'event_callback', 'slash_command'],
  checks: [
    'token and scopes of the manifest',
    'subscriptions, interactivity and commands of the manifest',
    'required text, its length, block shapes, block count, total text',
    '429 with Retry-After and 5xx on demand',
    'signature over the raw bytes, with any clock',
    'Socket Mode: one address for one socket, ten at most, envelopes over any of them, retries, refreshes, cut lines',
    'retries with x-slack-retry-num and x-slack-retry-reason after anything but 2xx within 3 s',
  ],
} as const;

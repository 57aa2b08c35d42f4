/** Slack, over HTTP or by Socket Mode. */
import type { SlackConfig } from '../../adapters/slack/adapter.ts';
import { type Environment, type Secret, urlOf } from './environment.ts';
import type { ConfigFile } from './file.ts';
import { configInvalid } from './invalid.ts';

/** Null where no variable of Slack is given; in part fails. */
export function slackOf(secret: Secret, env: Environment, file: ConfigFile): SlackConfig | null {
  const botToken = secret('SLACK_BOT_TOKEN');
  const signingSecret = secret('SLACK_SIGNING_SECRET');
  const appToken = secret('SLACK_APP_TOKEN');
  if (botToken === null && signingSecret === null && appToken === null) return null;
  if (botToken === null) {
    const given = appToken === null ? 'SLACK_SIGNING_SECRET' : 'SLACK_APP_TOKEN';
    return configInvalid(`SLACK_BOT_TOKEN is missing: ${given} is given, and Slack needs both.`);
  }
  if (signingSecret === null && appToken === null)
    return configInvalid(
      'SLACK_SIGNING_SECRET is missing: SLACK_BOT_TOKEN is given, and Slack needs both (or SLACK_APP_TOKEN for Socket Mode).',
    );
  return {
    botToken,
    signingSecret,
    appToken,
    apiUrl: urlOf('SLACK_API_URL', env.SLACK_API_URL)?.href ?? null,
    approvalsChannel: file.slack.approvals_channel ?? null,
    operatorsChannel: file.slack.operators_channel ?? null,
  };
}

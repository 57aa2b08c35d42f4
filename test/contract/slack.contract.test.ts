import { channelContract } from './channel-contract.ts';
import { slackChannel } from './slack-channel.ts';

channelContract('Slack', slackChannel);

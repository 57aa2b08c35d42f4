import { channelContract } from './channel-contract.ts';
import { teamsChannel } from './teams-channel.ts';

channelContract('Teams', teamsChannel);

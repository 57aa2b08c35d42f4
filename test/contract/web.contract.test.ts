import { channelContract } from './channel-contract.ts';
import { webChannel } from './web-channel.ts';

channelContract('Workspace', webChannel);

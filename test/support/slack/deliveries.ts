/** What Slack sends, as the manifest lets it: events, button presses, slash commands. */
import { BOT_USER, type FakeMessage, TEAM, type Workspace } from './workspace.ts';

export type Manifest = {
  features: { slash_commands: { command: string }[] };
  oauth_config: { scopes: { bot: string[] } };
  settings: {
    event_subscriptions: { bot_events: string[] };
    interactivity: { is_enabled: boolean };
    socket_mode_enabled: boolean;
  };
};
export type SayOptions = { thread?: string; attachments?: unknown[] };

export class Deliveries {
  readonly #manifest: Manifest;
  readonly #workspace: Workspace;
  #serial = 0;

  constructor(manifest: Manifest, workspace: Workspace) {
    this.#manifest = manifest;
    this.#workspace = workspace;
  }

  /** `text` as on the wire, escaped. */
  event(user: string, text: string, channel: string, ts: string, options: SayOptions = {}) {
    const direct = channel.startsWith('D');
    return {
      token: 'unused',
      team_id: TEAM,
      api_app_id: 'A0COUNTERSIGN',
      type: 'event_callback',
      event_id: `Ev0${this.#next()}`,
      event_time: Math.floor(Date.now() / 1000),
      is_ext_shared_channel: false,
      authorizations: [{ enterprise_id: null, team_id: TEAM, user_id: BOT_USER, is_bot: true }],
      event: {
        type: direct ? 'message' : 'app_mention',
        ...(direct ? { channel_type: 'im' } : {}),
        user,
        text,
        ts,
        channel,
        team: this.#workspace.users.get(user)?.team ?? TEAM,
        event_ts: ts,
        ...(options.thread === undefined ? {} : { thread_ts: options.thread }),
        ...(options.attachments === undefined ? {} : { attachments: options.attachments }),
      },
    };
  }

  click(user: string, message: FakeMessage, action: string) {
    if (!this.#manifest.settings.interactivity.is_enabled) throw new Error('interactivity is off');
    const buttons = message.blocks.flatMap((block) => (block.type === 'actions' ? block.elements : []));
    const button = buttons.find((candidate) => candidate.action_id === action);
    if (button === undefined) throw new Error(`there is no button ${action}`);
    const { channel, ts, thread } = message;
    return {
      type: 'block_actions',
      api_app_id: 'A0COUNTERSIGN',
      team: { id: TEAM, domain: 'acme' },
      enterprise: null,
      is_enterprise_install: false,
      user: {
        id: user,
        username: user.toLowerCase(),
        team_id: this.#workspace.users.get(user)?.team ?? TEAM,
      },
      trigger_id: `${this.#next()}.${this.#next()}.t`,
      container: {
        type: 'message',
        message_ts: ts,
        channel_id: channel,
        is_ephemeral: false,
        ...(thread === null ? {} : { thread_ts: thread }),
      },
      channel: { id: channel, name: 'any' },
      message: { type: 'message', user: BOT_USER, ts, text: message.text },
      actions: [{ ...button, block_id: 'b', action_ts: this.#workspace.nextTs() }],
    };
  }

  command(user: string, text: string, channel = this.#workspace.directWith(user)) {
    const [declared] = this.#manifest.features.slash_commands;
    if (declared === undefined) throw new Error('the manifest declares no command');
    return {
      command: declared.command,
      text,
      user_id: user,
      team_id: this.#workspace.users.get(user)?.team ?? TEAM,
      team_domain: 'acme',
      channel_id: channel,
      channel_name: 'any',
      api_app_id: 'A0COUNTERSIGN',
      is_enterprise_install: 'false',
      trigger_id: `${this.#next()}.${this.#next()}.t`,
    };
  }

  #next(): string {
    this.#serial += 1;
    return String(this.#serial).padStart(8, '0');
  }
}

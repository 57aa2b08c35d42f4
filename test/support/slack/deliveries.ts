/** What Slack sends, as the manifest lets it: events, button presses, slash commands. */
import { inputsOf, type SlackBlock } from './block-schema.ts';
import { BOT_USER, type FakeMessage, type FakeView, TEAM, type Workspace } from './workspace.ts';

export type Manifest = {
  features: { slash_commands: { command: string }[]; shortcuts: { callback_id: string; type: string }[] };
  oauth_config: { scopes: { bot: string[] } };
  settings: {
    event_subscriptions: { bot_events: string[] };
    interactivity: { is_enabled: boolean };
    socket_mode_enabled: boolean;
  };
};
/** A trigger opens a dialog for three seconds. */
const TRIGGER_WITHIN_MS = 3_000;

/** `files`: names of what a person attaches. */
export type SayOptions = { thread?: string; attachments?: unknown[]; files?: string[] };

export class Deliveries {
  readonly #manifest: Manifest;
  readonly #workspace: Workspace;
  #serial = 0;
  /** Where a file's content would be had. */
  filesUrl = 'http://127.0.0.1:9/files-pri/';

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
        ...(options.files === undefined ? {} : this.#shared(user, direct, options.files)),
      },
    };
  }

  /**
   * A person's message reads otherwise now (docs.slack.dev, `message_changed`): in a direct message the change is told, with how it
   * read before; a channel's mention comes anew, as an event of its own. `by` null: nobody edited it, as where Slack shows what a link
   * leads to.
   */
  changed(
    message: Pick<FakeMessage, 'channel' | 'ts' | 'user' | 'thread' | 'text'>,
    text: string,
    by: string | null,
  ) {
    const { channel, ts, user, thread, text: before } = message;
    const now = this.event(user, text, channel, ts, thread === null ? {} : { thread });
    const edited = by === null ? {} : { edited: { user: by, ts: this.#workspace.nextTs() } };
    if (!channel.startsWith('D')) return { ...now, event: { ...now.event, ...edited } };
    const { channel: _channel, channel_type: _type, event_ts: _at, ...same } = now.event;
    const event = {
      type: 'message',
      subtype: 'message_changed',
      hidden: true,
      channel,
      channel_type: 'im',
      ts: this.#workspace.nextTs(),
      message: { ...same, ...edited },
      previous_message: { ...same, text: before },
    };
    return { ...now, event };
  }

  /**
   * What a message that shares files has besides (docs.slack.dev, `message.file_share` and the file object): only a `message` has a
   * subtype, a mention has the files alone.
   */
  #shared(user: string, direct: boolean, names: readonly string[]) {
    const files = names.map((name) => {
      const id = `F0${this.#next()}`;
      const url = `${this.filesUrl}${TEAM}-${id}`;
      return {
        id,
        name,
        title: name,
        mimetype: 'text/plain',
        filetype: 'text',
        mode: 'hosted',
        size: 12,
        user,
        is_external: false,
        url_private: url,
        url_private_download: `${url}/download`,
      };
    });
    return { ...(direct ? { subtype: 'file_share', display_as_bot: false } : {}), upload: false, files };
  }

  /** Presses a button of a message, or one of the feedback buttons by `good` or `bad`. */
  click(user: string, message: FakeMessage, action: string) {
    const { channel, ts, thread } = message;
    // A root that was answered names itself.
    const root = thread ?? (this.#workspace.hasReplies(channel, ts) ? ts : undefined);
    return {
      type: 'block_actions',
      ...this.#from(user),
      trigger_id: this.#trigger(user),
      container: {
        type: 'message',
        message_ts: ts,
        channel_id: channel,
        is_ephemeral: false,
        ...(thread === null ? {} : { thread_ts: thread }),
      },
      channel: { id: channel, name: 'any' },
      message: {
        type: 'message',
        user: BOT_USER,
        ts,
        text: message.text,
        ...(root === undefined ? {} : { thread_ts: root }),
      },
      actions: [{ ...elementOf(message.blocks, action), block_id: 'b', action_ts: this.#workspace.nextTs() }],
    };
  }

  /** Presses a button on the Home tab, the `nth` of that name. */
  clickHome(user: string, action: string, nth = 0) {
    const home = this.#workspace.homes.get(user);
    if (home === undefined) throw new Error('this person has no Home tab');
    const blocks = home.blocks.filter(
      (block) => block.type === 'actions' && block.elements.some((it) => it.action_id === action),
    );
    return {
      type: 'block_actions',
      ...this.#from(user),
      trigger_id: this.#trigger(user),
      container: { type: 'view', view_id: 'V0HOME' },
      view: { id: 'V0HOME', type: 'home' },
      actions: [
        { ...elementOf(blocks.slice(nth), action), block_id: 'b', action_ts: this.#workspace.nextTs() },
      ],
    };
  }

  /** Sends a dialog with these values, by field; a choice's is one of its options. */
  submission({ id, user, view }: FakeView, values: Record<string, string>) {
    const state = inputsOf(view).map(({ block_id: block, element }) => {
      const value = values[String(block).replace(/^field:/, '')] ?? null;
      const options = element.type === 'static_select' ? element.options : null;
      const chosen = options?.find((it) => it.value === value) ?? null;
      if (options !== null && value !== null && chosen === null)
        throw new Error(`there is no option ${value}`);
      const typed = options === null ? { value } : { selected_option: chosen };
      return [block, { [element.action_id]: { type: element.type, ...typed } }];
    });
    return {
      type: 'view_submission',
      ...this.#from(user),
      trigger_id: this.#trigger(user),
      view: { ...view, id, state: { values: Object.fromEntries(state) } },
    };
  }

  shortcut(user: string, name: string, message?: Pick<FakeMessage, 'channel' | 'ts' | 'user' | 'text'>) {
    const type = message === undefined ? 'global' : 'message';
    if (!this.#manifest.features.shortcuts.some((it) => it.callback_id === name && it.type === type))
      throw new Error(`the manifest declares no shortcut ${name}`);
    const base = { ...this.#from(user), callback_id: name, trigger_id: this.#trigger(user) };
    if (message === undefined) return { type: 'shortcut', ...base };
    const { channel, ...rest } = message;
    return { type: 'message_action', ...base, channel: { id: channel, name: 'any' }, message: rest };
  }

  /** An event that is no message. */
  happening(event: Record<string, unknown>) {
    const { bot_events } = this.#manifest.settings.event_subscriptions;
    if (!bot_events.includes(String(event.type))) throw new Error(`not subscribed: ${event.type}`);
    return {
      team_id: TEAM,
      api_app_id: 'A0COUNTERSIGN',
      type: 'event_callback',
      event_id: `Ev0${this.#next()}`,
      event_time: Math.floor(Date.now() / 1000),
      event,
    };
  }

  #from(user: string) {
    if (!this.#manifest.settings.interactivity.is_enabled) throw new Error('interactivity is off');
    return {
      api_app_id: 'A0COUNTERSIGN',
      team: { id: TEAM, domain: 'acme' },
      enterprise: null,
      is_enterprise_install: false,
      user: {
        id: user,
        username: user.toLowerCase(),
        team_id: this.#workspace.users.get(user)?.team ?? TEAM,
      },
    };
  }

  #trigger(user: string): string {
    const trigger = `${this.#next()}.${this.#next()}.t`;
    const lateMs = this.#workspace.clockMs + TRIGGER_WITHIN_MS;
    this.#workspace.triggers.set(trigger, { user, lateMs });
    return trigger;
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
      trigger_id: this.#trigger(user),
    };
  }

  #next(): string {
    this.#serial += 1;
    return String(this.#serial).padStart(8, '0');
  }
}

function elementOf(blocks: readonly SlackBlock[], action: string): Record<string, unknown> {
  for (const block of blocks) {
    if (block.type === 'actions') {
      const button = block.elements.find((it) => it.action_id === action);
      if (button !== undefined) return button;
    }
    const [feedback] = block.type === 'context_actions' ? block.elements : [];
    if (feedback !== undefined && (action === 'good' || action === 'bad')) {
      const { action_id, type, positive_button: up, negative_button: down } = feedback;
      return { action_id, type, value: (action === 'good' ? up : down).value };
    }
  }
  throw new Error(`there is no button ${action}`);
}

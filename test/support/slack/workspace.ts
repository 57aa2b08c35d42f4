/** The state of a pretended workspace: people, channels, messages. */
import type { SlackBlock, SlackHome, SlackModal } from './block-schema.ts';

export type FakeMessage = {
  channel: string;
  ts: string;
  thread: string | null;
  user: string;
  text: string;
  blocks: SlackBlock[];
  /** How often chat.update rewrote it. */
  edits: number;
};
export type FakeUser = {
  id: string;
  name: string;
  team: string;
  guest: boolean;
  /** What Slack says of them otherwise, in its own words. */
  described?: Record<string, unknown>;
};
export type FakeChannel = { id: string; members: Set<string>; direct: boolean; archived: boolean };

/** A dialog that a person has before them. */
export type FakeView = { id: string; user: string; view: SlackModal };
/** What one person alone is shown. */
export type Whispered = {
  channel: string;
  user: string;
  text: string;
  blocks: SlackBlock[];
  thread: string | null;
};

/** Longest wait for anything to be shown, in milliseconds: a sandboxed run on a busy machine of two cores. */
export const PATIENCE_MS = 60_000;

export const TEAM = 'T0ACME';
export const BOT_USER = 'U0COUNTERSIGN';
export const BOT_ID = 'B0COUNTERSIGN';

export class Workspace {
  readonly users = new Map<string, FakeUser>();
  readonly channels = new Map<string, FakeChannel>();
  readonly views: FakeView[] = [];
  readonly homes = new Map<string, SlackHome>();
  readonly whispers: Whispered[] = [];
  /** Who may open a dialog with it, each once, and from when on it is too late (`clockMs`). */
  readonly triggers = new Map<string, { user: string; lateMs: number }>();
  /** Slack's own time, as far as anything runs out by it; only a test lets it pass. */
  clockMs = 0;
  readonly prompts = new Map<string, unknown>();
  /** By channel and thread. */
  readonly sessions = new Map<string, string>();
  readonly #messages: FakeMessage[] = [];
  readonly #byTs = new Map<string, FakeMessage>();
  readonly #listeners = new Set<() => void>();
  #serial = 0;

  constructor() {
    this.addUser(BOT_USER);
  }

  addUser(id: string, more: Partial<FakeUser> = {}): void {
    this.users.set(id, { id, name: id.toLowerCase(), team: TEAM, guest: false, ...more });
  }

  addChannel(id: string, members: readonly string[] = [BOT_USER]): FakeChannel {
    const channel = { id, members: new Set(members), direct: id.startsWith('D'), archived: false };
    this.channels.set(id, channel);
    return channel;
  }

  /** The direct message between the app and a person; made when first asked for. */
  directWith(user: string): string {
    const id = `D0${user.slice(1)}`;
    if (!this.channels.has(id)) this.addChannel(id, [user, BOT_USER]);
    return id;
  }

  /** Unique and rising, as Slack's are within a channel. */
  nextTs(): string {
    this.#serial += 1;
    return `1790000000.${String(this.#serial).padStart(6, '0')}`;
  }

  add(message: Omit<FakeMessage, 'ts' | 'edits'>): FakeMessage {
    const added = { ...message, ts: this.nextTs(), edits: 0 };
    this.#messages.push(added);
    this.#byTs.set(added.ts, added);
    this.#changed();
    return added;
  }

  find(channel: string, ts: string): FakeMessage | undefined {
    const message = this.#byTs.get(ts);
    return message?.channel === channel ? message : undefined;
  }

  /** Whether a thread is active: somebody answered in it. */
  hasReplies(channel: string, root: string): boolean {
    return this.#messages.some((message) => message.channel === channel && message.thread === root);
  }

  rewrite(message: FakeMessage, change: Pick<FakeMessage, 'text' | 'blocks'>): void {
    Object.assign(message, change, { edits: message.edits + 1 });
    this.#changed();
  }

  /** Somebody deletes it. */
  remove({ ts }: Pick<FakeMessage, 'ts'>): void {
    this.#messages.splice(
      this.#messages.findIndex((message) => message.ts === ts),
      1,
    );
    this.#byTs.delete(ts);
    this.#changed();
  }

  /** A stream has gone on; that is no edit. */
  grow(message: FakeMessage, blocks: SlackBlock[]): void {
    message.blocks = blocks;
    this.#changed();
  }

  /** Copies, oldest first: what a client shows does not change under a test's hands. */
  messages(channel?: string): FakeMessage[] {
    return structuredClone(
      this.#messages.filter((message) => channel === undefined || message.channel === channel),
    );
  }

  /** Resolves as soon as `holds`, which is asked again after every change. */
  until(holds: () => boolean, timeoutMs = PATIENCE_MS): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#listeners.delete(look);
        reject(
          new Error(`Slack never came to show it. It shows: ${JSON.stringify(this.#messages, null, 1)}`),
        );
      }, timeoutMs);
      const look = () => {
        if (!holds()) return;
        clearTimeout(late);
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** Something besides messages changed. */
  touch(): void {
    this.#changed();
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

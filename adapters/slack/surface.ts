/** Slack as a surface: where messages are shown, rewritten in place, and approvals asked. */

import { AppError } from '../../src/errors.ts';
import type { Delivered, Message } from '../../src/model/card.ts';
import type { AccountFacts, ChatAccount } from '../../src/model/links.ts';
import type { Streaming, Surface } from '../../src/model/ports.ts';
import type { Principal } from '../../src/model/principal.ts';
import type { Place } from '../../src/model/turn.ts';
import type { Memory } from '../../src/surface/memory.ts';
import type { Clock, PacedQueue } from '../../src/surface/paced-queue.ts';
import type { Agent } from './agent.ts';
import { rich, section, text as words } from './blocks.ts';
import type { Posted, SlackClient, SlackMessage, SlackUser } from './client.ts';
import type { Line } from './command.ts';
import { type Log, nameOf } from './log.ts';
import type { Self } from './parse.ts';
import type { Rendered } from './render-card.ts';
import { renderMessage } from './render-message.ts';
import { completeStream, SlackStream, StreamBudget } from './stream.ts';
import type { Threads } from './threads.ts';

export type SurfaceParts = {
  client: SlackClient;
  queue: PacedQueue;
  clock: Pick<Clock, 'now'>;
  memory: Memory;
  agent: Pick<Agent, 'answered'>;
  threads: Threads;
  self: () => Self;
  /** The workspace of a channel of ours. @throws AppError `platform_unavailable` where nobody has told us yet. */
  teamOf: (channel: string) => Promise<string>;
  approvalsChannel: string | null;
  operatorsChannel: string | null;
  log: Log;
};

/** Longer than any request stays open. */
const CONTINUED_TTL_MS = 7 * 24 * 3_600_000;
/** People whose direct message is known, before the oldest is looked up again. */
const DIRECTS_MAX = 10_000;

export class SlackSurface implements Surface {
  readonly platform = 'slack';
  readonly #parts: SurfaceParts;
  readonly #directs = new Map<string, string>();
  readonly #budget = new StreamBudget();

  /** In direct messages only: of what grows in a channel, all but one reader would see the beginning and no more. */
  readonly streaming: Streaming = {
    begin: (place, noted) => {
      if (!place.direct || place.thread === '') return null;
      return new SlackStream({ ...this.#parts, budget: this.#budget }, place, (posted) =>
        noted(handle(posted, place.thread)),
      );
    },
    complete: async (place, begun, message) => {
      const posted = { channel: begun.container, ts: parts(begun).ts };
      const delivered = await completeStream(
        this.#parts,
        { handle: begun, posted },
        { update: () => this.update(begun, message), post: () => this.post(place, message) },
      );
      void this.#parts.agent.answered(place);
      return delivered;
    },
  };

  constructor(parts: SurfaceParts) {
    this.#parts = parts;
  }

  /**
   * @throws AppError `platform_unavailable`, `ephemeral_unavailable`: try again later; `config_invalid`: when an operator has
   * mended it; `not_found`, `not_allowed`, `upstream_failed`: trying again changes nothing.
   */
  async post(
    place: Place,
    message: Message,
    begun?: (delivered: Delivered) => Promise<void>,
  ): Promise<Delivered | null> {
    const rendered = renderMessage(message);
    if (rendered === null) return null;
    const whispered = await this.#whisper(place, message, rendered);
    if (whispered !== null) {
      void this.#parts.agent.answered(place);
      return whispered;
    }
    // Nobody can decide before everything that is decided on can be read.
    const early = rendered.rest.length === 0 ? whole(rendered) : rendered.blocks;
    const posted = await this.#send({
      channel: place.container,
      text: rendered.text,
      blocks: early,
      ...(place.thread === '' ? {} : { thread: place.thread }),
      // Slack tells only those who follow a thread of what is written there; in a direct message it tells the one who reads it.
      ...(message.calls && place.thread !== '' && !place.direct ? { broadcast: true } : {}),
    });
    const delivered = handle(posted, place.thread);
    if (rendered.rest.length > 0) await begun?.(delivered);
    await this.#continue(delivered, rendered);
    if (rendered.rest.length > 0 && rendered.actions !== null) await this.#rewrite(delivered, rendered);
    // Not waited for: the sooner it is noted that this was shown, the less a crash repeats.
    void this.#parts.agent.answered(place);
    return delivered;
  }

  /** Null where it is for everybody, or where Slack cannot show it to one person alone: then all may read it. */
  async #whisper(
    place: Place,
    { onlyFor }: Message,
    { text, blocks, rest }: Rendered,
  ): Promise<Delivered | null> {
    if (onlyFor?.platform !== 'slack' || place.direct) return null;
    const { client, queue, log, threads } = this.#parts;
    // In a thread that nobody answered in, Slack would show it to nobody at all.
    const thread = (await threads.isActive(place)) ? { thread: place.thread } : {};
    const whisper = (part: { text: string; blocks: SlackMessage['blocks'] }): Promise<Posted> => {
      const message = { channel: place.container, text: part.text, blocks: part.blocks, ...thread };
      return queue.enqueue(place.container, null, () => client.postEphemeral(onlyFor.user, message));
    };
    try {
      // Without buttons: nobody decides on a refusal, and what is pressed there has no thread.
      const { channel, ts } = await whisper({ text, blocks });
      for (const part of rest) await whisper(part);
      return { platform: 'slack', container: channel, message: `${WHISPERED}${ts}` };
    } catch (error) {
      if (!(error instanceof AppError) || !UNREACHABLE.has(error.code)) throw error;
      log.info({ code: 'slack_whisper_refused' }, 'Slack shows this to nobody alone');
      return null;
    }
  }

  async update(delivered: Delivered, message: Message): Promise<void> {
    // Slack rewrites nothing that one person alone was shown.
    if (delivered.message.startsWith(WHISPERED)) return;
    const rendered = renderMessage(message);
    if (rendered === null) return;
    await this.#continue(delivered, rendered);
    await this.#rewrite(delivered, rendered);
  }

  threadOf(delivered: Delivered): string {
    return parts(delivered).thread;
  }

  async approvalPlaces(approvers: readonly Principal[], channel: string | null = null): Promise<Place[]> {
    const { approvalsChannel, self } = this.#parts;
    const shared = channel ?? approvalsChannel;
    const places = shared === null ? [] : [this.#place(shared)];
    const accounts = approvers.flatMap((approver) => approver.accounts);
    for (const account of accounts) {
      if (account.platform !== 'slack' || account.team !== self().team) continue;
      const direct = await this.#directOf(account.user);
      if (direct !== null) places.push(this.#place(direct));
    }
    return places;
  }

  /** The direct message with a person, as a place without a thread. */
  async direct(user: string): Promise<Place> {
    return this.#place(await this.#direct(user));
  }

  async operatorsPlace(): Promise<Place | null> {
    const { operatorsChannel, teamOf } = this.#parts;
    return operatorsChannel === null ? null : this.#place(operatorsChannel, await teamOf(operatorsChannel));
  }

  /** @throws AppError as `post` does; `config_invalid` where the app may not ask (`users:read`). */
  async factsOf(account: ChatAccount): Promise<AccountFacts | null> {
    if (account.platform !== 'slack') return null;
    const { client, queue, self } = this.#parts;
    const { user, team } = account;
    const said = await queue.enqueue(`describe:${user}`, null, () => client.describe(user));
    const isOurs = team === self().team && said.team_id === team && said.id === user;
    return {
      name: said.real_name || said.name || '',
      standing: isOurs && isMember(said) ? 'member' : 'outsider',
    };
  }

  /**
   * A direct message of its own for what came without one: the answer's thread begins with this line. It waits for nothing that
   * is to be said in that conversation. @throws AppError `conflict` where it is not wanted any more.
   */
  async openThread(user: string, line: Line, wanted: () => boolean): Promise<Place> {
    const { client, queue } = this.#parts;
    const channel = await this.#direct(user);
    const posted = await queue.enqueue(`begin:${user}`, null, async () => {
      if (!wanted()) throw new AppError('conflict', 'Nobody waits for this any more.');
      return client.post({ channel, ...line });
    });
    return { ...this.#place(posted.channel), thread: posted.ts };
  }

  /** One sentence of ours to one person, about a press that came to nothing; never fails, as it is a courtesy and not stored. */
  async tell(user: string, pressed: Place | null, sentence: string): Promise<void> {
    const { client, queue, threads, log } = this.#parts;
    try {
      const place = pressed ?? (await this.direct(user));
      const isSeen = place.thread !== '' && (place.direct || (await threads.isActive(place)));
      const message = {
        channel: place.container,
        text: sentence,
        blocks: [rich(section(words(sentence)))],
        ...(isSeen ? { thread: place.thread } : {}),
      };
      await queue.enqueue(place.container, null, () =>
        place.direct ? client.post(message) : client.postEphemeral(user, message),
      );
    } catch (error) {
      log.warn(
        { code: 'slack_unsaid', error: nameOf(error) },
        'a press came to nothing, and that was not said',
      );
    }
  }

  async rewriteThread({ container, thread }: Place, line: Line): Promise<void> {
    const { client, queue } = this.#parts;
    await queue.enqueue(container, thread, () => client.update(thread, { channel: container, ...line }));
  }

  #place(container: string, tenant = this.#parts.self().team): Place {
    const direct = container.startsWith('D');
    return { platform: 'slack', tenant, container, thread: '', direct };
  }

  /** Null where this person cannot be written to: the others are asked all the same. */
  async #directOf(user: string): Promise<string | null> {
    try {
      return await this.#direct(user);
    } catch (error) {
      if (!(error instanceof AppError) || !UNREACHABLE.has(error.code)) throw error;
      this.#parts.log.warn({ code: 'slack_approver_unreachable', user }, 'an approver cannot be written to');
      return null;
    }
  }

  async #direct(user: string): Promise<string> {
    const known = this.#directs.get(user);
    if (known !== undefined) return known;
    const { client, queue } = this.#parts;
    const channel = await queue.enqueue(`open:${user}`, null, () => client.openDirect(user));
    const oldest = this.#directs.keys().next();
    if (this.#directs.size >= DIRECTS_MAX && !oldest.done) this.#directs.delete(oldest.value);
    this.#directs.set(user, channel);
    return channel;
  }

  async #send(message: SlackMessage): Promise<Posted> {
    const { client, queue, threads } = this.#parts;
    const posted = await queue.enqueue(message.channel, null, () => client.post(message));
    if (message.thread !== undefined) threads.note(message.channel, message.thread);
    return posted;
  }

  async #rewrite(delivered: Delivered, rendered: Rendered): Promise<void> {
    const { client, queue } = this.#parts;
    const { ts } = parts(delivered);
    const message = { channel: delivered.container, text: rendered.text, blocks: whole(rendered) };
    await queue.enqueue(delivered.container, ts, () => client.update(ts, message));
  }

  /** Posts in the thread what the message could not hold and what is not there yet. */
  async #continue(delivered: Delivered, { rest }: Rendered): Promise<void> {
    if (rest.length === 0) return;
    const { memory } = this.#parts;
    const name = `slack:continued:${delivered.container}:${delivered.message}`;
    const there = new Set((await memory.get(name))?.split(' '));
    for (const { key, text, blocks } of rest) {
      if (there.has(key)) continue;
      await this.#send({ channel: delivered.container, text, blocks, thread: parts(delivered).thread });
      there.add(key);
      await memory.set(name, [...there].join(' '), CONTINUED_TTL_MS);
    }
  }
}

/** The handle of what one person alone was shown. */
const WHISPERED = 'whispered ';
const UNREACHABLE = new Set(['not_found', 'not_allowed', 'upstream_failed']);

function whole({ blocks, actions }: Rendered): SlackMessage['blocks'] {
  return actions === null ? blocks : [...blocks, actions];
}

/** `ts` of the message, and its thread's root where that is another: `1767225600.000200@1767225600.000100`. */
function handle({ channel, ts }: Posted, thread: string): Delivered {
  return { platform: 'slack', container: channel, message: thread === '' ? ts : `${ts}@${thread}` };
}

function parts({ message }: Delivered): { ts: string; thread: string } {
  const [ts = message, thread = ts] = message.split('@');
  return { ts, thread };
}

/** Slack must say of each that it is not so. */
const isMember = (user: SlackUser): boolean =>
  user.deleted === false &&
  user.is_bot === false &&
  user.is_restricted === false &&
  user.is_ultra_restricted === false &&
  // Only said of people of other organisations.
  user.is_stranger !== true;

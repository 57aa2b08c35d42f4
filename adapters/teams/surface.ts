/** Teams as a surface: where messages are shown, rewritten in place, and approvals asked. */

import { AppError } from '../../src/errors.ts';
import type { Delivered, Message } from '../../src/model/card.ts';
import type { AccountFacts, ChatAccount } from '../../src/model/links.ts';
import type { Streaming, Surface } from '../../src/model/ports.ts';
import type { Principal } from '../../src/model/principal.ts';
import type { Place } from '../../src/model/turn.ts';
import type { Memory } from '../../src/surface/memory.ts';
import type { Clock, PacedQueue } from '../../src/surface/paced-queue.ts';
import type { Address, Connector, TeamsMember } from './connector.ts';
import { adaptiveCard } from './elements.ts';
import { handle, parts } from './handle.ts';
import type { Log } from './log.ts';
import { joinConversation } from './parse.ts';
import type { References } from './references.ts';
import { type Content, contentOf, type RenderedMessage, renderMessage } from './render-message.ts';
import { completeStream, Shown, TeamsStream } from './stream.ts';

export type SurfaceParts = {
  connector: Connector;
  queue: PacedQueue;
  /** For answers that grow: slower, and never in the way of messages. */
  streams: PacedQueue;
  clock: Clock;
  memory: Memory;
  references: References;
  /** Null in local mode: the tenant is whatever the Playground calls its own. */
  tenant: string | null;
  /** Where a conversation is reached that nobody has written from yet. */
  serviceUrl: string;
  /** True when Teams asks for each person's own view of a card. */
  personal: boolean;
  approvalsConversation: string | null;
  operatorsConversation: string | null;
  /** Whose personal chat this is has pressed Stop on an answer that grew there. */
  stopped(place: Place): Promise<void>;
  log: Log;
};

/** Longer than any request stays open. */
const CONTINUED_TTL_MS = 7 * 24 * 3_600_000;
const UNREACHABLE = new Set(['not_found', 'not_allowed', 'upstream_failed']);

export class TeamsSurface implements Surface {
  readonly platform = 'teams';
  readonly #parts: SurfaceParts;
  readonly #shown = new Shown();

  /** In personal chats only: Teams takes it nowhere else. */
  readonly streaming: Streaming = {
    begin: (place, noted) => {
      if (!place.direct) return null;
      const to = () => this.#address(place.tenant, place.container, place.thread);
      return new TeamsStream(
        { ...this.#parts, shown: this.#shown },
        place.container,
        to,
        (id) => noted(handle(place, place.thread, id)),
        () => this.#parts.stopped(place),
      );
    },
    complete: async (place, begun, message) => {
      const rendered = this.#render(place.container, message);
      if (rendered === null) return begun;
      const to = await this.#address(place.tenant, place.container, place.thread);
      const { byModel, summary } = rendered;
      const text = message.text === '' ? summary : message.text;
      return completeStream(
        { ...this.#parts, shown: this.#shown },
        { to, id: parts(begun).id, handle: begun, text, byModel },
        { update: () => this.update(begun, message), post: () => this.post(place, message) },
      );
    },
  };

  constructor(parts: SurfaceParts) {
    this.#parts = parts;
  }

  /**
   * @throws AppError `platform_unavailable`: try again later; `config_invalid`: when an operator has mended it; `not_found`,
   * `not_allowed`, `upstream_failed`: trying again changes nothing.
   */
  async post(
    place: Place,
    message: Message,
    begun?: (delivered: Delivered) => Promise<void>,
  ): Promise<Delivered | null> {
    const rendered = this.#render(place.container, message);
    if (rendered === null) return null;
    // Nobody can decide before everything that is decided on can be read.
    const full = rendered.rest.length === 0;
    const to = await this.#address(place.tenant, place.container, place.thread);
    const id = await this.#send(to, this.#content(message, rendered, full));
    // A message of no thread in a channel begins one; elsewhere there are none.
    const begins = place.thread === '' && isChannel(place.container);
    const delivered = handle(place, begins ? id : place.thread, id);
    if (!full) await begun?.(delivered);
    await this.#continue(delivered, rendered);
    if (!full && rendered.actions.length > 0) await this.#rewrite(delivered, message, rendered);
    return delivered;
  }

  async update(delivered: Delivered, message: Message): Promise<void> {
    const rendered = this.#render(delivered.container, message);
    if (rendered === null) return;
    await this.#continue(delivered, rendered);
    await this.#rewrite(delivered, message, rendered);
  }

  threadOf(delivered: Delivered): string {
    return parts(delivered).thread;
  }

  async approvalPlaces(approvers: readonly Principal[], channel: string | null = null): Promise<Place[]> {
    const { approvalsConversation, tenant } = this.#parts;
    const shared = channel ?? approvalsConversation;
    const places: Place[] = [];
    if (shared !== null && tenant !== null) places.push(placeAt(tenant, shared, false));
    for (const account of approvers.flatMap((approver) => approver.accounts)) {
      if (account.platform !== 'teams' || (tenant !== null && account.tenant.toLowerCase() !== tenant))
        continue;
      const chat = await this.#personalChat(account.tenant.toLowerCase(), account.user.toLowerCase());
      if (chat !== null) places.push(placeAt(account.tenant.toLowerCase(), chat, true));
    }
    return places;
  }

  async operatorsPlace(): Promise<Place | null> {
    const { operatorsConversation, tenant } = this.#parts;
    return operatorsConversation === null || tenant === null
      ? null
      : placeAt(tenant, operatorsConversation, false);
  }

  /** Asked where the account has written, so that Teams knows whom we mean. @throws AppError as `post` does. */
  async factsOf(account: ChatAccount, place: Place): Promise<AccountFacts | null> {
    if (account.platform !== 'teams') return null;
    const { connector, queue } = this.#parts;
    const to = await this.#address(place.tenant, place.container, place.thread);
    const said = await queue.enqueue(`describe:${account.user}`, null, () =>
      connector.member(to, account.user),
    );
    return { name: said.name ?? '', standing: isMember(said, account) ? 'member' : 'outsider' };
  }

  /** Null where this person cannot be written to: the others are asked all the same. */
  async #personalChat(tenant: string, user: string): Promise<string | null> {
    const { references, connector, queue, serviceUrl, log } = this.#parts;
    const known = await references.personal(tenant, user);
    if (known !== null) return known.conversation;
    try {
      const conversation = await queue.enqueue(`open:${user}`, null, () =>
        connector.openPersonal(serviceUrl, tenant, user),
      );
      await references.set({ tenant, conversation, serviceUrl, person: user });
      return conversation;
    } catch (error) {
      if (!(error instanceof AppError) || !UNREACHABLE.has(error.code)) throw error;
      log.warn({ code: 'teams_approver_unreachable', user }, 'an approver cannot be written to');
      return null;
    }
  }

  async #address(tenant: string, container: string, thread: string): Promise<Address> {
    const { references, serviceUrl } = this.#parts;
    const known = await references.get(tenant, container);
    return {
      serviceUrl: known?.serviceUrl ?? serviceUrl,
      conversation: joinConversation(container, thread),
    };
  }

  /** Where several people read, each has their own view for what only some may do; underneath stands what all may. */
  #render(container: string, message: Message): RenderedMessage | null {
    return renderMessage(message, this.#parts.personal && isShared(container) ? 'all' : 'one');
  }

  #content(message: Message, rendered: RenderedMessage, full: boolean): Content {
    return contentOf(message, rendered, { full, personal: this.#parts.personal });
  }

  /** One line a conversation, whichever of its threads it goes to: Teams counts them together. */
  #send(to: Address, content: Content): Promise<string> {
    const { connector, queue } = this.#parts;
    return queue.enqueue(lineOf(to), null, () => connector.post(to, content));
  }

  async #rewrite(delivered: Delivered, message: Message, rendered: RenderedMessage): Promise<void> {
    const { connector, queue } = this.#parts;
    const { tenant, thread, id } = parts(delivered);
    // What began its thread was posted outside of it, and is found there.
    const to = await this.#address(tenant, delivered.container, thread === id ? '' : thread);
    const content = this.#content(message, rendered, true);
    await queue.enqueue(lineOf(to), id, () => connector.update(to, id, content));
  }

  /** Posts after the message, in its thread where there is one, what it could not hold and what is not there yet. */
  async #continue(delivered: Delivered, { rest, byModel }: RenderedMessage): Promise<void> {
    if (rest.length === 0) return;
    const { memory } = this.#parts;
    const { tenant, thread } = parts(delivered);
    const to = await this.#address(tenant, delivered.container, thread);
    const name = `teams:continued:${delivered.container}:${delivered.message}`;
    const there = new Set((await memory.get(name))?.split(' '));
    for (const { key, summary, body } of rest) {
      if (there.has(key)) continue;
      await this.#send(to, { card: adaptiveCard(body), summary, byModel, continues: true });
      there.add(key);
      await memory.set(name, [...there].join(' '), CONTINUED_TTL_MS);
    }
  }
}

function placeAt(tenant: string, container: string, direct: boolean): Place {
  return { platform: 'teams', tenant, container, thread: '', direct };
}

/** Ids of channels and of group chats both begin with `19:`; only channels, old and new, have these endings. */
function isChannel(container: string): boolean {
  return /@thread\.(?:tacv2|skype)$/.test(container);
}

/** A group chat or a channel; a personal chat's id begins with `a:`. */
function isShared(container: string): boolean {
  return container.startsWith('19:');
}

function lineOf({ conversation }: Address): string {
  return conversation.split(';')[0] ?? conversation;
}

/** What Entra puts into the name of whom another tenant vouches for. */
const GUEST_MARK = '#EXT#';

/** Teams must say that it is so: a guest has an object id in our tenant as well. */
function isMember(said: TeamsMember, account: Extract<ChatAccount, { platform: 'teams' }>): boolean {
  const { userRole, tenantId, aadObjectId, userPrincipalName } = said;
  return (
    userRole === 'user' &&
    tenantId?.toLowerCase() === account.tenant.toLowerCase() &&
    aadObjectId?.toLowerCase() === account.user.toLowerCase() &&
    userPrincipalName !== undefined &&
    !userPrincipalName.toUpperCase().includes(GUEST_MARK)
  );
}

/**
 * The calls of the Bot Connector that we make, with Teams' errors by our codes.
 * learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference
 */
import { z } from 'zod';
import { AppError } from '../../src/errors.ts';
import { RateLimited } from '../../src/surface/paced-queue.ts';
import { decodeJson } from './json.ts';
import { CALL_TIMEOUT_MS, DEFAULT_RETRY_AFTER_MS } from './limits.ts';
import type { Content } from './render-message.ts';
import { AI_ENTITY } from './render-message.ts';
import type { Tokens } from './tokens.ts';

/** A conversation and where its connector is. */
export type Address = { serviceUrl: string; conversation: string };

/** A person has pressed Stop while an answer grew: Teams takes no more of it. */
export class AnswerStopped extends AppError {
  constructor(cause: Error) {
    super('not_allowed', 'Somebody has stopped this answer in Teams.', { cause });
  }
}

const SECONDS = /^[0-9]{1,9}$/;
const Posted = z.object({ id: z.string().min(1) });
/** What is missing says nothing: then nobody is taken for one of our own. */
const Member = z.object({
  name: z.string().optional(),
  aadObjectId: z.string().optional(),
  tenantId: z.string().optional(),
  userPrincipalName: z.string().optional(),
  /** `user`, `guest`, `anonymous`. */
  userRole: z.string().optional(),
});
export type TeamsMember = z.infer<typeof Member>;
/** Of several refusals of a stream by this code, only the words tell which it was; Teams has spelled them both ways. */
const Stopped = z.object({
  error: z.object({
    code: z.literal('ContentStreamNotAllowed'),
    message: z.string().regex(/cancell?ed by (?:the )?user/i),
  }),
});

export class Connector {
  readonly #tokens: Tokens | null;
  readonly #botId: string;

  /** `tokens` null: local mode, where the Playground asks for none. */
  constructor(tokens: Tokens | null, appId: string) {
    this.#tokens = tokens;
    this.#botId = `28:${appId}`;
  }

  /** The id of the new message. */
  async post(to: Address, content: Content): Promise<string> {
    return this.#call('POST', to.serviceUrl, activitiesOf(to), activityOf(content));
  }

  async update(to: Address, message: string, content: Content): Promise<void> {
    const path = `${activitiesOf(to)}/${encodeURIComponent(message)}`;
    await this.#request('PUT', to.serviceUrl, path, { ...activityOf(content), id: message });
  }

  /** Begins an answer that grows, with words of ours; the id of the stream, and of the message that it becomes. */
  async startStream(to: Address, status: string): Promise<string> {
    const info = { streamType: 'informative', streamSequence: 1 };
    return this.#call('POST', to.serviceUrl, activitiesOf(to), typing(status, info));
  }

  /** `text` is everything so far. */
  async growStream(to: Address, at: { id: string; sequence: number; text: string }): Promise<void> {
    const info = { streamId: at.id, streamType: 'streaming', streamSequence: at.sequence };
    await this.#request('POST', to.serviceUrl, activitiesOf(to), typing(at.text, info));
  }

  /** The last of a stream: a message from here on. */
  async endStream(to: Address, id: string, last: { text: string; byModel: boolean }): Promise<void> {
    const info = { type: 'streaminfo', streamId: id, streamType: 'final' };
    const label = last.byModel ? [AI_ENTITY] : [];
    await this.#request('POST', to.serviceUrl, activitiesOf(to), {
      type: 'message',
      text: last.text,
      textFormat: 'plain',
      entities: [info, ...label],
    });
  }

  /** What Teams says of a member of a conversation, by their Entra object id. */
  async member({ serviceUrl, conversation }: Address, user: string): Promise<TeamsMember> {
    const path = `v3/conversations/${encodeURIComponent(conversation)}/members/${encodeURIComponent(user)}`;
    const parsed = Member.safeParse(await this.#request('GET', serviceUrl, path));
    if (parsed.success) return parsed.data;
    throw notUnderstood(parsed.error);
  }

  /** The personal chat with somebody of the tenant, opened if need be: Teams answers the same one every time. */
  async openPersonal(serviceUrl: string, tenant: string, user: string): Promise<string> {
    return this.#call('POST', serviceUrl, 'v3/conversations', {
      isGroup: false,
      bot: { id: this.#botId },
      members: [{ id: user }],
      tenantId: tenant,
      channelData: { tenant: { id: tenant } },
    });
  }

  async #call(method: 'POST', serviceUrl: string, path: string, body: object): Promise<string> {
    const answer = await this.#request(method, serviceUrl, path, body);
    const parsed = Posted.safeParse(answer);
    if (parsed.success) return parsed.data.id;
    throw notUnderstood(parsed.error);
  }

  async #request(
    method: 'GET' | 'POST' | 'PUT',
    serviceUrl: string,
    path: string,
    body?: object,
  ): Promise<unknown> {
    const token = this.#tokens === null ? null : await this.#tokens();
    const base = serviceUrl.endsWith('/') ? serviceUrl : `${serviceUrl}/`;
    let response: Response;
    try {
      response = await fetch(base + path, {
        method,
        headers: {
          'content-type': 'application/json; charset=utf-8',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // Our token goes where a token of Teams told us to, and nowhere else.
        redirect: 'error',
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
    } catch (cause) {
      throw new AppError('platform_unavailable', 'Teams cannot be reached at the moment.', { cause });
    }
    const text = await response.text();
    if (!response.ok) throw refusal(response, text);
    return decodeJson(text);
  }
}

const activitiesOf = ({ conversation }: Address): string =>
  `v3/conversations/${encodeURIComponent(conversation)}/activities`;

const typing = (text: string, info: object): object => ({
  type: 'typing',
  text,
  textFormat: 'plain',
  entities: [{ type: 'streaminfo', ...info }],
});

function activityOf(content: Content): object {
  const shown =
    'card' in content
      ? { attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', content: content.card }] }
      : { text: content.text, textFormat: 'plain' };
  const citations = 'card' in content ? content.citations : undefined;
  const cited = citations === undefined ? {} : { text: citations.text, textFormat: 'plain' };
  const entity = citations === undefined ? AI_ENTITY : { ...AI_ENTITY, citation: citations.claims };
  const label = content.byModel ? { entities: [entity] } : {};
  // What is judged is the answer, once: its continuations are no messages of their own.
  const asks = content.byModel && content.continues !== true;
  const judged = asks ? { channelData: { feedbackLoop: { type: 'default' } } } : {};
  return { type: 'message', summary: content.summary, ...shown, ...cited, ...label, ...judged };
}

/** Teams' own words stay in `cause`, for the operator; people read ours. */
function refusal(response: Response, text: string): Error {
  const cause = new Error(`${response.status} ${text.slice(0, 300)}`);
  switch (response.status) {
    case 429:
      return new RateLimited(retryAfterMs(response.headers));
    case 401:
      return new AppError('config_invalid', 'Teams refuses our token; check MicrosoftAppId and its tenant.', {
        cause,
      });
    case 403:
      if (Stopped.safeParse(decodeJson(text)).success) return new AnswerStopped(cause);
      return new AppError('not_allowed', 'The app may not write there; add it to the team, chat or person.', {
        cause,
      });
    case 404:
      return new AppError('not_found', 'That conversation or message is not there any more.', { cause });
    case 408:
    case 412:
      return later(cause);
    default:
      return response.status >= 500
        ? later(cause)
        : new AppError('upstream_failed', 'Teams refused the message.', { cause });
  }
}

const notUnderstood = (cause: Error): AppError =>
  new AppError('upstream_failed', 'Teams gave an answer that we do not understand.', { cause });

const later = (cause: Error): AppError =>
  new AppError('platform_unavailable', 'Teams does not take messages at the moment.', { cause });

/** `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), which is one of the clock by which the answer is dated. */
export function retryAfterMs(headers: Headers): number {
  const header = headers.get('retry-after') ?? '';
  const askedMs = SECONDS.test(header)
    ? Number(header) * 1_000
    : Date.parse(header) - (Date.parse(headers.get('date') ?? '') || Date.now());
  return Number.isNaN(askedMs) ? DEFAULT_RETRY_AFTER_MS : Math.max(DEFAULT_RETRY_AFTER_MS, askedMs);
}

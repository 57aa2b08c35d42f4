/**
 * The gate's first half: a delivery becomes a stored turn, once, before it is acknowledged. Everything in it is
 * untrusted. Pasted secrets are masked here, before anything is stored, logged or sent to a model.
 */
import type { AuditLog } from '../audit/log.ts';
import { AppError } from '../errors.ts';
import type { PrincipalId } from '../model/ids.ts';
import { MessageId, newId, ThreadId, TurnId } from '../model/ids.ts';
import type { Account, Identification } from '../model/principal.ts';
import type { Content, Delivery, Place } from '../model/turn.ts';
import type { Database, Tx } from '../store/database.ts';

/** Longest text of one message, in UTF-16 units: several pages, far below what would choke a card or a model. */
export const MESSAGE_MAX_CHARACTERS = 12_000;
/** What a title shows of the first message. */
const TITLE_CHARACTERS = 80;
/** What is kept of a message that is too long, so that its thread shows which one was meant. */
const EXCERPT_CHARACTERS = 200;

export type Screened = { text: string; found: string[] };

export type IntakeDeps = {
  db: Database;
  audit: AuditLog;
  identify(account: Account): Promise<Identification>;
  /** Masks secrets and makes control characters visible; pure. */
  screen(text: string): Screened;
  enqueueTurn(tx: Tx, turn: TurnId): Promise<void>;
};

export type Received = { turn: TurnId; thread: ThreadId; duplicate: boolean };

/**
 * Stores a delivery. A repeated key answers with the first one's turn and changes nothing.
 * Errors: `too_long` and `empty_text` for the local workspace, which shows them at once; on a chat platform the
 * turn is stored all the same and answered with the sentence.
 */
export async function receive(deps: IntakeDeps, delivery: Delivery): Promise<Received> {
  const problem = problemOf(delivery.content);
  if (problem && delivery.account.platform === 'web') throw new AppError(problem.code, problem.message);
  const identity = await deps.identify(delivery.account);
  const principal = identity.kind === 'known' ? identity.principal.id : null;
  const { content, found } = screenContent(
    deps.screen,
    problem ? excerpt(delivery.content) : delivery.content,
  );

  return deps.db.transaction(async (tx) => {
    const thread = await upsertThread(tx, delivery.place, principal, content);
    const turn = newId(TurnId);
    const inserted = await tx.maybe<{ id: TurnId }>(
      `insert into turns (id, delivery_key, thread, account, content, principal, problem)
       values ($1, $2, $3, $4, $5, $6, $7) on conflict (delivery_key) do nothing returning id`,
      [
        turn,
        delivery.key,
        thread,
        JSON.stringify(delivery.account),
        // What a stranger wrote is not kept: nobody's key could seal it, and nobody will act on it.
        JSON.stringify(
          principal === null && content.kind === 'message' ? { ...content, text: '', fetched: [] } : content,
        ),
        principal,
        problem?.message ?? null,
      ],
    );
    if (!inserted) {
      const first = await tx.one<{ id: TurnId; thread: ThreadId }>(
        'select id, thread from turns where delivery_key = $1',
        [delivery.key],
      );
      return { turn: first.id, thread: first.thread, duplicate: true };
    }
    await recordArrival(deps, tx, { turn, thread, principal, content, found, delivery });
    await deps.enqueueTurn(tx, turn);
    return { turn, thread, duplicate: false };
  });
}

async function recordArrival(
  deps: IntakeDeps,
  tx: Tx,
  arrival: {
    turn: TurnId;
    thread: ThreadId;
    principal: PrincipalId | null;
    content: Content;
    found: string[];
    delivery: Delivery;
  },
): Promise<void> {
  const { turn, thread, principal, content, found, delivery } = arrival;
  await deps.audit.append(tx, {
    type: 'turn.received',
    turn,
    ...(principal === null ? {} : { principal }),
    data: { platform: delivery.place.platform, kind: content.kind, identified: principal !== null },
    ...(principal === null || content.kind === 'decision'
      ? {}
      : { sealed: { person: principal, content: wordsOf(content) } }),
  });
  if (found.length > 0) {
    await deps.audit.append(tx, {
      type: 'turn.screened',
      turn,
      ...(principal === null ? {} : { principal }),
      data: { masked: found },
    });
  }
  if (principal !== null && content.kind !== 'decision') {
    await tx.query(
      `insert into messages (id, thread, turn, author, authorship, text) values ($1, $2, $3, $4, 'person', $5)`,
      [newId(MessageId), thread, turn, principal, shownAs(content)],
    );
  }
  if (found.length > 0 && principal !== null) {
    await tx.query(
      `insert into messages (id, thread, turn, author, authorship, text) values ($1, $2, $3, null, 'system', $4)`,
      [
        newId(MessageId),
        thread,
        turn,
        `I masked what looked like a secret (${[...new Set(found)].join(', ')}) before storing your message. Treat it as leaked: change it where it is used.`,
      ],
    );
  }
}

async function upsertThread(
  tx: Tx,
  place: Place,
  owner: PrincipalId | null,
  content: Content,
): Promise<ThreadId> {
  const row = await tx.one<{ id: ThreadId }>(
    `insert into threads (id, platform, tenant, container, thread, direct, owner, title)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (platform, tenant, container, thread) do update set updated_at = clock_timestamp(),
       title = case when threads.title = '' then excluded.title else threads.title end
     returning id`,
    [
      // The web has no thread ids of its own: there the place names ours.
      place.platform === 'web' ? ThreadId.parse(place.thread) : newId(ThreadId),
      place.platform,
      place.tenant,
      place.container,
      place.thread,
      place.direct,
      owner,
      content.kind === 'decision' || owner === null ? '' : shownAs(content).slice(0, TITLE_CHARACTERS),
    ],
  );
  return row.id;
}

function problemOf(content: Content): { code: 'too_long' | 'empty_text'; message: string } | null {
  const length = content.kind === 'message' ? content.text.length : JSON.stringify(content).length;
  if (length > MESSAGE_MAX_CHARACTERS) {
    return {
      code: 'too_long',
      message: `That is ${length.toLocaleString('en')} characters; I read at most ${MESSAGE_MAX_CHARACTERS.toLocaleString('en')}. Please say it shorter, or in parts.`,
    };
  }
  if (content.kind === 'message' && content.text.trim() === '') {
    return {
      code: 'empty_text',
      message: 'There were no words in that message. Write what you need, or "help".',
    };
  }
  return null;
}

function excerpt(content: Content): Content {
  switch (content.kind) {
    case 'message':
      return { kind: 'message', text: content.text.slice(0, EXCERPT_CHARACTERS), fetched: [] };
    case 'form':
      return { ...content, arguments: {} };
    case 'decision':
      return { kind: 'decision', rendering: content.rendering, decision: content.decision };
  }
}

/** Masks every string a person or a platform put in; keys and ids are ours. */
function screenContent(
  screen: (text: string) => Screened,
  content: Content,
): { content: Content; found: string[] } {
  const found: string[] = [];
  const clean = (text: string): string => {
    const screened = screen(text);
    found.push(...screened.found);
    return screened.text;
  };
  switch (content.kind) {
    case 'message':
      return {
        content: { ...content, text: clean(content.text), fetched: content.fetched.map(clean) },
        found,
      };
    case 'form':
      return {
        content: { ...content, arguments: deepClean(content.arguments, clean) as Record<string, unknown> },
        found,
      };
    case 'decision':
      return {
        content: content.reason === undefined ? content : { ...content, reason: clean(content.reason) },
        found,
      };
  }
}

function deepClean(value: unknown, clean: (text: string) => string): unknown {
  if (typeof value === 'string') return clean(value);
  if (Array.isArray(value)) return value.map((item) => deepClean(item, clean));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [clean(key), deepClean(item, clean)]),
    );
  }
  return value;
}

function wordsOf(
  content: Exclude<Content, { kind: 'decision' }>,
): { text: string } | { action: string; arguments: string } {
  return content.kind === 'message'
    ? { text: content.text }
    : { action: content.action, arguments: JSON.stringify(content.arguments) };
}

function shownAs(content: Exclude<Content, { kind: 'decision' }>): string {
  if (content.kind === 'message') return content.text;
  const pairs = Object.entries(content.arguments).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `${content.action} ${pairs.join(' ')}`;
}

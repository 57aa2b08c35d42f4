/** What the client asks of its own server. */
import type { Form, Message, Taker } from '../../../src/model/card.ts';
import type { LinkPage } from '../../../src/model/links.ts';
import type {
  AuditRow,
  Operations,
  ReportRow,
  RequestPage,
  ThreadSummary,
} from '../../../src/model/ports.ts';
import type { DecisionKind } from '../../../src/model/turn.ts';

export type Person = { id: string; name: string; groups: string[] };
/** `csrf` is there where people sign in: then `people` is the one who did. */
export type Session = { people: Person[]; startAs: string; desk: boolean; links?: boolean; csrf?: string };
export type ActionHint = { name: string; title: string; description: string; examples: string[] };
export type Ticket = {
  number: number;
  title: string;
  status: string;
  requester: string;
  createdAt: string;
  description?: string;
  priority?: string;
  comments: { author: string; text: string; at: string }[];
};
export type AuditPage = { rows: AuditRow[]; limit: number };
export type Said = { turn: string; thread: string };

/** The paths that can be read, and what they answer. */
export type Reads = {
  '/actions': ActionHint[];
  '/threads': ThreadSummary[];
  '/mine': Message[];
  '/waiting': Message[];
  '/operations': Operations;
  '/reports': ReportRow[];
  '/greeting': { text: string | null };
  '/desk': Ticket[];
  '/links': LinkPage;
} & { [path: `/threads/${string}`]: Message[] } & { [path: `/requests/${string}`]: RequestPage } & {
  [path: `/forms/${string}`]: Form;
} & { [path: `/edit-forms/${string}`]: { form: Form; digest: string } } & {
  [path: `/takers/${string}`]: { people: Taker[]; digest: string };
} & {
  [path: `/turns/${string}`]: { thread: string; settled: boolean };
} & {
  [path: `/answering/${string}`]: { turn: string | null };
} & {
  [path: `/audit${string}`]: AuditPage;
};

/** An answer that is none: `code` is the server's, or `offline` when it did not answer at all. */
export class Failure extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export type Api = {
  person: string;
  /** `watches`: nobody asked for it, something changed; that keeps no session alive. */
  read<P extends keyof Reads & string>(path: P, signal?: AbortSignal, watches?: boolean): Promise<Reads[P]>;
  /** The same key acts once: a retry after a lost answer sends it again. */
  say(text: string, thread: string | null, key: string): Promise<Said>;
  /** `at`: the conversation, and the message of ours in which the form stands; null: neither. */
  submit(
    action: string,
    given: Record<string, unknown>,
    at: { thread: string; message: string } | null,
    key: string,
  ): Promise<Said>;
  /** Drops what is being worked on in a conversation, and cancels what was asked for there. */
  stop(thread: string): Promise<void>;
  decide(request: string, decision: DecisionKind, digest: string, reason: string | null): Promise<void>;
  /** Changes what a pending request asks for, as it stood under this digest. */
  edit(request: string, given: Record<string, unknown>, digest: string): Promise<void>;
  /** The first contact was read. */
  greeted(): Promise<void>;
  /** Hands a request over, as it stood under this digest; answers what became of it, in words. */
  handOver(request: string, to: string, digest: string): Promise<string>;
  /** Says what this person thinks of an answer of a model; `words` may be empty. */
  judge(
    judgement: { thread: string; message: string; positive: boolean; words: string },
    key: string,
  ): Promise<void>;
  /** A code that links a chat account; it is shown once. */
  newLinkCode(): Promise<{ code: string }>;
  /** Yes or no to the account that sent it. */
  answerLink(question: string, yes: boolean): Promise<void>;
  removeLink(link: string): Promise<void>;
  /** The raw stream of changes. */
  changes(signal: AbortSignal): Promise<Response>;
  /** Ends the session; answers where to go. */
  signOut(): Promise<string>;
};

const ROOT = '/api/workspace';

/** Nobody is signed in any more. */
export const isOver = (error: unknown): boolean =>
  error instanceof Failure && error.code === 'sign_in_needed';

async function call(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(ROOT + path, { ...init, cache: 'no-store' });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Failure('offline', 'Countersign does not answer. Is it still running?');
  }
  if (response.ok) return response;
  const told = (await response.json().catch(() => null)) as {
    error?: { code: string; message: string };
  } | null;
  throw new Failure(
    told?.error?.code ?? 'offline',
    told?.error?.message ?? 'Countersign did not answer properly.',
  );
}

export async function readSession(): Promise<Session> {
  return (await call('/session', {})).json();
}

const WATCHING = { 'X-Countersign-Background': '1' };

/**
 * Everything is asked as `person`; the server decides what that means. `csrf` is the session's, where people sign in; `ended` hears
 * that it is over, whatever was asked.
 */
export function apiAs(person: string, csrf: string | undefined, ended: () => void): Api {
  const ask: typeof call = async (path, init) => {
    try {
      return await call(path, init);
    } catch (error) {
      if (isOver(error)) ended();
      throw error;
    }
  };
  const headers = {
    'X-Countersign-As': person,
    ...(csrf === undefined ? {} : { 'X-Countersign-CSRF': csrf }),
  };
  const send = async (path: string, body: object, key: string) =>
    ask(path, {
      method: 'POST',
      headers: { ...headers, 'Content-Type': 'application/json', 'Idempotency-Key': key },
      body: JSON.stringify(body),
    });
  const inThread = (thread: string | null) => (thread === null ? {} : { thread });
  return {
    person,
    read: async (path, signal, watches = false) => {
      const init = { headers: watches ? { ...headers, ...WATCHING } : headers, signal: signal ?? null };
      return (await ask(path, init)).json();
    },
    say: async (text, thread, key) => (await send('/messages', { text, ...inThread(thread) }, key)).json(),
    submit: async (action, given, at, key) =>
      (await send('/forms', { action, arguments: given, ...at }, key)).json(),
    stop: async (thread) => {
      await send(`/threads/${thread}/stops`, {}, crypto.randomUUID());
    },
    decide: async (request, decision, digest, reason) => {
      const body = { decision, digest, ...(reason === null ? {} : { reason }) };
      await send(`/requests/${request}/decisions`, body, crypto.randomUUID());
    },
    edit: async (request, given, digest) => {
      await send(`/requests/${request}/edits`, { arguments: given, digest }, crypto.randomUUID());
    },
    greeted: async () => {
      await send('/greeted', {}, crypto.randomUUID());
    },
    handOver: async (request, to, digest) => {
      const answer = await send(`/requests/${request}/hand-overs`, { to, digest }, crypto.randomUUID());
      return ((await answer.json()) as { words: string }).words;
    },
    judge: async ({ thread, message, positive, words }, key) => {
      const body = { message, positive, ...(words.trim() === '' ? {} : { words }) };
      await send(`/threads/${thread}/judgements`, body, key);
    },
    newLinkCode: async () => (await send('/links/codes', {}, crypto.randomUUID())).json(),
    answerLink: async (question, yes) => {
      await send(`/links/questions/${question}`, { yes }, crypto.randomUUID());
    },
    removeLink: async (link) => {
      await send(`/links/${link}/removal`, {}, crypto.randomUUID());
    },
    changes: (signal) => ask('/changes', { headers: { ...headers, ...WATCHING }, signal }),
    signOut: async () => {
      const answer = await send('/sign-out', {}, crypto.randomUUID());
      return ((await answer.json()) as { next: string }).next;
    },
  };
}

export const messageOf = (error: unknown): string =>
  error instanceof Failure ? error.message : 'Something went wrong in this page. Please reload it.';

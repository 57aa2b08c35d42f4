/**
 * What a server answered, before the SDK reads it: of a stream of events only the answer to what we asked, and a few of the
 * requests that it makes of us, which the broker then refuses and records. Runs in the sandbox; all of it is untrusted.
 */
import { isFields } from './answer.ts';

/** Requests of one answer that are refused one by one; a server that asks more is not worth an entry each. */
const MAX_REFUSED = 3;
const MAX_METHOD_CHARS = 60;

export type Heard = {
  /** The answer to what was asked, and what the server asks of us. */
  messages: unknown[];
  /** True where the answer is among them. */
  answered: boolean;
  /** Methods that the server asked of us, fit to stand in a sentence. */
  asked: string[];
};

/** `id`: of the request that this is the answer to; null for a notification, which has none. */
export function hear(contentType: string, text: string, id: number | null): Heard {
  const all = /^\s*text\/event-stream\b/i.test(contentType) ? eventsOf(text) : listOf(parse(text));
  const messages = all.filter(isFields);
  const answer = messages.find((one) => id !== null && one.id === id && !('method' in one));
  const asked = messages
    // A ping asks whether we are there; nobody waits for that any more.
    .filter((one) => typeof one.method === 'string' && 'id' in one && one.method !== 'ping')
    .slice(0, MAX_REFUSED);
  return {
    messages: answer === undefined ? asked : [...asked, answer],
    answered: answer !== undefined,
    asked: asked.map(({ method }) =>
      String(method)
        .replace(/[^\x20-\x7e]/g, '?')
        .slice(0, MAX_METHOD_CHARS),
    ),
  };
}

/** Events of a stream that has ended (https://html.spec.whatwg.org/multipage/server-sent-events.html), those of `message`. */
function eventsOf(text: string): unknown[] {
  return text
    .replace(/^\ufeff/, '')
    .split(/(?:\r\n|\r|\n){2}/)
    .flatMap((event) => {
      const lines = event.split(/\r\n|\r|\n/).map((line) => /^([^:]*):? ?(.*)$/s.exec(line) ?? []);
      const of = (name: string) =>
        lines.filter(([, field]) => field === name).map(([, , value = '']) => value);
      const kind = of('event').at(-1) ?? 'message';
      const data = of('data').join('\n');
      return kind === 'message' && data !== '' ? listOf(parse(data)) : [];
    });
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

/** What is not JSON is no message; whoever waits for one finds none. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

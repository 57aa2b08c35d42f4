/** A door in front of a real system: it writes calls down, refuses one where a test says so, and passes everything else on. */
import type http from 'node:http';
import { onLoopback, textOf } from '../on-loopback.ts';
import type { Reply } from './wire.ts';

export type Call = { method: string; path: string; body: string };
export type Front = {
  /** For refusals on demand: how the system refuses with that status. */
  refusal: (status: number) => Reply;
  /** Whose credentials pass; a system that takes any credential for somebody's is made stricter here. */
  isKnown?: (authorization: string) => boolean;
  /** What of an answer is told otherwise than the system tells it; the answer itself where nothing is. */
  retold?: (call: Call, body: unknown) => unknown;
};

/** About the connection or the length of the body, which are the door's own. */
const OWN_HEADERS = ['connection', 'content-length', 'content-encoding', 'keep-alive', 'transfer-encoding'];

export async function startFront(
  target: string,
  { refusal, isKnown = () => true, retold = (_call, body) => body }: Front,
) {
  const calls: Call[] = [];
  const refusing: Reply[] = [];

  async function answer(request: http.IncomingMessage): Promise<Reply> {
    const call = { method: request.method ?? 'GET', path: request.url ?? '/', body: await textOf(request) };
    calls.push(call);
    const refused = refusing.shift();
    if (refused !== undefined) return refused;
    const { authorization = '', accept = '*/*' } = request.headers;
    if (!isKnown(authorization)) return refusal(401);
    const response = await fetch(new URL(call.path, target), {
      method: call.method,
      headers: { authorization, accept, 'content-type': 'application/json' },
      redirect: 'manual',
      ...(call.body === '' ? {} : { body: call.body }),
    });
    const headers = Object.fromEntries([...response.headers].filter(([name]) => !OWN_HEADERS.includes(name)));
    const body = await response.text();
    return {
      status: response.status,
      headers,
      body: body === '' ? undefined : retold(call, JSON.parse(body)),
    };
  }

  const server = await onLoopback(async (request, response) => {
    const { status, body, headers } = await answer(request);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body === undefined ? '' : JSON.stringify(body));
  });
  return {
    baseUrl: server.baseUrl,
    calls,
    refuseNext: (reply: number | Reply): void =>
      void refusing.push(typeof reply === 'number' ? refusal(reply) : reply),
    stop: server.stop,
  };
}

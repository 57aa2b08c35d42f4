/** What the pretended CI systems share at the wire: a real HTTP server on loopback, JSON or text, refusals on demand. */
import type http from 'node:http';
import { fieldsOf, onLoopback } from './on-loopback.ts';

export type Asked = {
  method: string;
  path: string;
  /** The groups of the route's pattern. */
  at: string[];
  query: URLSearchParams;
  headers: http.IncomingHttpHeaders;
  body: Record<string, unknown>;
};
/** A text is sent as plain text, anything else as JSON; `cut` takes the call and ends the connection without an answer. */
export type Reply = { status: number; body?: unknown; headers?: Record<string, string>; cut?: boolean };
export type Route = readonly [method: string, pattern: RegExp, handle: (asked: Asked) => Reply];

/** `GET /projects/{}/jobs`: a pattern with its groups left out, innermost first. */
function shapeOf(pattern: RegExp): string {
  let shape = pattern.source.replaceAll('\\/', '/').replace(/^\^|\$$/g, '');
  for (let before = ''; before !== shape; ) {
    before = shape;
    shape = shape.replace(/\([^()]*\)/g, '{}');
  }
  return shape;
}

export async function startWire(
  routes: readonly Route[],
  vendor: {
    /** A refusal where the credential is none. */
    authorize: (headers: http.IncomingHttpHeaders) => Reply | null;
    missing: Reply;
  },
) {
  const calls: Asked[] = [];
  const planned: { method: string; reply: Reply | 'cut after' }[] = [];

  function answer(asked: Asked): Reply {
    calls.push(asked);
    const index = planned.findIndex(({ method }) => method === asked.method);
    const [plan] = index === -1 ? [] : planned.splice(index, 1);
    if (plan !== undefined && plan.reply !== 'cut after') return plan.reply;
    const reply = vendor.authorize(asked.headers) ?? routed(asked);
    return plan === undefined ? reply : { ...reply, cut: true };
  }
  function routed(asked: Asked): Reply {
    for (const [method, pattern, handle] of routes) {
      const found = method === asked.method ? pattern.exec(asked.path) : null;
      if (found) return handle({ ...asked, at: found.slice(1).map(decodeURIComponent) });
    }
    return vendor.missing;
  }

  const server = await onLoopback(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://wire');
    const { method = 'GET', headers } = request;
    const body = await fieldsOf(request);
    const reply = answer({ method, path: url.pathname, at: [], query: url.searchParams, headers, body });
    if (reply.cut) return void response.destroy();
    const isText = typeof reply.body === 'string';
    const type = isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8';
    response.writeHead(reply.status, { 'content-type': type, ...reply.headers });
    response.end(reply.body === undefined ? '' : isText ? reply.body : JSON.stringify(reply.body));
  });
  return {
    baseUrl: server.baseUrl,
    calls,
    /** What it implements, for the list of what it covers. */
    routes: routes.map(([method, pattern]) => `${method} ${shapeOf(pattern)}`).sort(),
    /** How many calls of a method have come. */
    count: (method: string): number => calls.filter((call) => call.method === method).length,
    /** The next call of this method is answered like this; `cut after`: it is done, and its answer lost. */
    plan: (method: string, reply: Reply | 'cut after'): void => void planned.push({ method, reply }),
    stop: server.stop,
  };
}
export type Wire = Awaited<ReturnType<typeof startWire>>;

/** One page of a list by `page` and `per_page`, and whether another follows. */
export function paged<T>(all: readonly T[], query: URLSearchParams, most = 100) {
  const size = Math.min(Number(query.get('per_page') ?? '30'), most);
  const page = Number(query.get('page') ?? '1');
  return {
    items: all.slice((page - 1) * size, page * size),
    next: page * size < all.length ? page + 1 : null,
  };
}

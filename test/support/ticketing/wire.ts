/**
 * What the pretended ticket systems share at the wire: routes, authorization, refusals on demand. Each is a real HTTP server on
 * loopback; what it does not implement it answers as its vendor answers an address that is not there.
 */
import type http from 'node:http';
import { fieldsOf, onLoopback } from '../on-loopback.ts';

export type Reply = { status: number; body?: unknown; headers?: Record<string, string> };
export type Asked = {
  method: string;
  path: string;
  /** By the names in braces of the route. */
  at: Record<string, string>;
  query: URLSearchParams;
  headers: http.IncomingHttpHeaders;
  body: Record<string, unknown>;
  /** Whom the credential belongs to. */
  account: string;
};
export type Routes<F> = Readonly<Record<string, (fake: F, asked: Asked) => Reply>>;

/** What a vendor says of what it refuses, in its own shape. */
export type Vendor = {
  account: (authorization: string) => string | null;
  /** For refusals on demand, and for 401 and 404 of the wire itself. */
  refusal: (status: number) => Reply;
};

function matched(route: string, method: string, path: string): Record<string, string> | null {
  const [verb, pattern = ''] = route.split(' ');
  const wanted = pattern.split('/');
  const parts = path.split('/');
  if (verb !== method || wanted.length !== parts.length) return null;
  const at: Record<string, string> = {};
  for (const [index, want] of wanted.entries()) {
    const part = decodeURIComponent(parts[index] ?? '');
    if (want.startsWith(':')) at[want.slice(1)] = part;
    else if (want !== part) return null;
  }
  return at;
}

export async function startWire<F>(fake: F, routes: Routes<F>, vendor: Vendor) {
  const calls: Omit<Asked, 'at'>[] = [];
  const refusing: Reply[] = [];

  function answer(asked: Omit<Asked, 'at' | 'account'>): Reply {
    const account = vendor.account(asked.headers.authorization ?? '');
    calls.push({ ...asked, account: account ?? '' });
    const refused = refusing.shift();
    if (refused !== undefined) return refused;
    if (account === null) return vendor.refusal(401);
    for (const [route, handle] of Object.entries(routes)) {
      const at = matched(route, asked.method, asked.path);
      if (at !== null) return handle(fake, { ...asked, at, account });
    }
    return vendor.refusal(404);
  }

  const server = await onLoopback(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://wire');
    const { status, body, headers } = answer({
      method: request.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: await fieldsOf(request),
    });
    response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8', ...headers });
    response.end(body === undefined ? '' : JSON.stringify(body));
  });
  return {
    baseUrl: server.baseUrl,
    calls,
    /** The next call is answered like this, whatever it is; a number: as the vendor refuses with that status. */
    refuseNext: (reply: number | Reply): void =>
      void refusing.push(typeof reply === 'number' ? vendor.refusal(reply) : reply),
    stop: server.stop,
  };
}
export type Wire = Awaited<ReturnType<typeof startWire>>;

/** Basic credentials of an account, as the broker sends them. */
export const basic = (user: string, secret: string): string =>
  `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;

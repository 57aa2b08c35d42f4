/**
 * Who may talk to us at all. Local mode: the browser of this machine, on a page of ours. Signed in: a browser at PUBLIC_URL.
 *
 * Local mode has no sign-in, so a page of another site that the person visits is the attacker: it can send
 * requests to loopback, and by DNS rebinding it can even read the answers. The Host header defeats rebinding,
 * Origin and Sec-Fetch-Site defeat the rest. (contracts.md, "Local mode"; Fetch Metadata, W3C.)
 */
import type { Request, RequestHandler, Response } from 'express';
import { AppError } from '../../src/errors.ts';

/** Where we can be reached: the bound port, known once the server listens, and the operator's PUBLIC_URL. */
export type Whereabouts = { port: () => number; publicUrl: string | null };

/** What the guard looks at. `hosts` holds every Host header, because two of them are an attack. */
export type Asked = {
  method: string;
  /** Without the query. */
  path: string;
  hosts: readonly string[];
  origin: string | undefined;
  fetchSite: string | undefined;
  fetchMode: string | undefined;
  fetchDest: string | undefined;
};

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'];
/** What programs ask, never a page. Routes do not mind the case. */
const NO_PAGES = /^\/api(?:\/|$)/i;
const DEFAULT_PORTS: Record<string, string> = { 'http:': '80', 'https:': '443' };

/** Every `scheme//host[:port]` that is us, lower case, with and without a default port. */
export function ourOrigins(port: number, publicUrl: string | null): URL[] {
  const origins = LOOPBACK_NAMES.map((name) => new URL(`http://${name}:${port}`));
  return publicUrl === null ? origins : [...origins, new URL(publicUrl)];
}

function hostForms(origin: URL): string[] {
  if (origin.port !== '') return [origin.host];
  return [origin.host, `${origin.host}:${DEFAULT_PORTS[origin.protocol]}`];
}

/** Null when the Host header is exactly one and ours; otherwise a sentence. */
export function foreignHost(asked: Asked, origins: readonly URL[]): string | null {
  const [host, ...more] = asked.hosts;
  const known = origins.flatMap(hostForms);
  if (host !== undefined && more.length === 0 && known.includes(host.toLowerCase())) return null;
  return 'This address is not one that Countersign answers to. Open it at the address that its start printed.';
}

/** Null when the request can only come from a page of ours or from no page at all; otherwise a sentence. */
export function foreignPage(asked: Asked, origins: readonly URL[]): string | null {
  if (
    asked.origin !== undefined &&
    !origins.some((origin) => origin.origin === asked.origin?.toLowerCase())
  ) {
    return 'Requests from pages of another origin are refused.';
  }
  if (asked.fetchSite?.toLowerCase() !== 'cross-site') return null;
  // A link from another site to a page of ours: the other site learns nothing, and GET changes nothing.
  const isTopLevelPage =
    asked.method === 'GET' &&
    !NO_PAGES.test(asked.path) &&
    asked.fetchMode === 'navigate' &&
    asked.fetchDest === 'document';
  return isTopLevelPage ? null : 'Requests that another site makes are refused.';
}

/** Null when a change comes from a page of ours, which it must say. (OWASP: verifying the origin with standard headers) */
function foreignChange(asked: Asked, ours: URL): string | null {
  if (asked.method === 'GET' || asked.method === 'HEAD') return null;
  return asked.origin === ours.origin ? null : 'Changes are accepted from pages of this address only.';
}

function headersOf(request: Request): Asked {
  return {
    method: request.method,
    path: request.baseUrl + request.path,
    hosts: request.headersDistinct.host ?? [],
    origin: request.get('origin'),
    fetchSite: request.get('sec-fetch-site'),
    fetchMode: request.get('sec-fetch-mode'),
    fetchDest: request.get('sec-fetch-dest'),
  };
}

/**
 * Refuses with 403 `forbidden_origin` what local mode does not serve.
 * @param checks `host` for `/healthz`, `/readyz` and `/metrics`, which machines read; `all` for everything else.
 */
export function guardLocal(where: Whereabouts, checks: 'host' | 'all' = 'all'): RequestHandler {
  return (request, response, next) => {
    const asked = headersOf(request);
    const origins = ourOrigins(where.port(), where.publicUrl);
    const problem = foreignHost(asked, origins) ?? (checks === 'all' ? foreignPage(asked, origins) : null);
    if (problem === null) return next();
    refuse(response, problem);
  };
}

/** With sign-in there is one address, PUBLIC_URL; everything else is refused with 403 `forbidden_origin`. */
export function guardSignedIn(publicUrl: URL): RequestHandler {
  return (request, response, next) => {
    const asked = headersOf(request);
    const problem =
      foreignHost(asked, [publicUrl]) ?? foreignPage(asked, [publicUrl]) ?? foreignChange(asked, publicUrl);
    if (problem === null) return next();
    refuse(response, problem);
  };
}

function refuse(response: Response, problem: string): void {
  const refusal = new AppError('forbidden_origin', problem);
  response.status(refusal.status).json({ error: { code: refusal.code, message: refusal.message } });
}

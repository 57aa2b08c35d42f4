/** Serving the built client: its pages under a strict policy, its assets for ever. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import express, { type RequestHandler, Router } from 'express';
import { sayOff } from './about.ts';

/** Stands in the built page where each response puts its own nonce. */
export const NONCE_PLACEHOLDER = 'NONCE-OF-THIS-RESPONSE';
/** Bytes of a nonce: 128 bits, as CSP 3 asks. */
const NONCE_BYTES = 16;
/** Assets are named by their content, so a browser may keep them for a year. */
const KEPT_FOR_EVER = 'public, max-age=31536000, immutable';

/** The client's own routes; every other path is somebody else's. */
const PAGES = [
  '/',
  '/new/:action',
  '/threads',
  '/threads/:id',
  '/waiting',
  '/mine',
  '/requests/:id',
  '/desk',
  '/audit',
  '/operations',
  '/link',
];

/**
 * What our pages may do: run our script, talk to us, nothing else. Trusted Types turn every markup sink into an
 * error, but for the one policy `default` of the client, which lets style sheets pass and refuses any `<`.
 */
function pagePolicy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "require-trusted-types-for 'script'",
    'trusted-types default',
  ].join('; ');
}

/** For whatever is not a page: were it ever shown as one, it could do nothing. */
const NOTHING_ALLOWED = "default-src 'none'; frame-ancestors 'none'";

/** Headers of every answer of this adapter. */
export const secureHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'Content-Security-Policy': NOTHING_ALLOWED,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'X-Frame-Options': 'DENY',
    'Cache-Control': 'no-store',
  });
  next();
};

/** Pages and assets from `clientFolder`, which `buildClient` filled. `gate` stands before the pages; assets are nobody's secret. */
export function pages(
  clientFolder: string,
  gate: RequestHandler = (_request, _response, next) => next(),
): Router {
  const router = Router();
  router.use(
    '/assets',
    express.static(join(clientFolder, 'assets'), {
      index: false,
      cacheControl: false,
      setHeaders: (response) => response.setHeader('Cache-Control', KEPT_FOR_EVER),
    }),
    (_request, response) => {
      response.status(404).type('text').send('There is no such file.');
    },
  );
  router.get(PAGES, gate, async (_request, response) => {
    const page = await readFile(join(clientFolder, 'index.html'), 'utf8');
    const nonce = randomBytes(NONCE_BYTES).toString('base64');
    response.set('Content-Security-Policy', pagePolicy(nonce));
    response.type('html').send(page.replaceAll(NONCE_PLACEHOLDER, nonce));
  });
  return router;
}

/** What the pages answer where there is no sign-in: a platform is configured and no issuer. */
export function pagesOff(): Router {
  const router = Router();
  router.get('/', (_request, response) => sayOff(response));
  router.get([...PAGES], (_request, response) => {
    response
      .status(404)
      .type('text')
      .send(
        'The web workspace is off: sign-in (OIDC) is not configured. Talk to Countersign in your chat.\n',
      );
  });
  return router;
}

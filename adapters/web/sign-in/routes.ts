/** Signing in and out: `/sign-in`, its callback, `/signed-out`, and `POST /api/workspace/sign-out`. */
import { type Request, type Response, Router, urlencoded } from 'express';
import { AppError } from '../../../src/errors.ts';
import type { Assistant } from '../../../src/model/ports.ts';
import type { SignedIn } from '../caller.ts';
import {
  giveSession,
  giveTransaction,
  sessionCookie,
  takeSession,
  takeTransaction,
  transactionCookie,
} from './cookies.ts';
import { askToSignIn, leadTo, sayFailed, sayInactive, saySignedOut, sayUnknown } from './page.ts';
import type { Provider } from './provider.ts';
import type { Sessions } from './sessions.ts';
import { beginTransaction, pathOfOurs, readTransaction } from './transaction.ts';

export type SignIn = {
  /** Where browsers reach us: the only Host and Origin there is. */
  publicUrl: URL;
  provider: Provider;
  sessions: Sessions;
  now(): Date;
  log: { warn(fields: object, message: string): void };
};

const CALLBACK = '/sign-in/callback';
/** Largest sign-in form, in bytes: one path. */
const MAX_FORM_BYTES = 4 * 1024;

const OVER =
  'This sign-in is over: it took longer than ten minutes, was finished before, or began in another browser.';

/** For operators: the library's words for what did not hold, outermost first. They quote no token. */
function reasonsOf(error: AppError): string {
  const reasons: string[] = [];
  for (let cause = error.cause; cause instanceof Error && reasons.length < 4; cause = cause.cause)
    reasons.push(cause.message);
  return reasons.join(': ');
}

/** The routes that anybody may ask for; the guard has seen Host and Origin before. */
export function signInRoutes(assistant: Assistant, signIn: SignIn): Router {
  const { provider, sessions, publicUrl, now, log } = signIn;
  const router = Router();
  const failed = (response: Response, error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    log.warn({ code: error.code, detail: reasonsOf(error) }, 'a sign-in failed');
    sayFailed(response, error.status, error.message);
  };

  router.get('/sign-in', (request, response) => {
    askToSignIn(response, pathOfOurs(request.query.to), provider.host);
  });

  // Nothing is stored yet, so no token guards it; the guard let our own pages through only.
  router.post(
    '/sign-in',
    urlencoded({ extended: false, limit: MAX_FORM_BYTES }),
    async (request, response) => {
      const { to } = (request.body ?? {}) as { to?: unknown };
      const transaction = beginTransaction(pathOfOurs(to), now());
      try {
        const url = await provider.authorizationUrl(new URL(CALLBACK, publicUrl.origin).href, transaction);
        giveTransaction(response, transaction.cookie);
        leadTo(response, url);
      } catch (error) {
        failed(response, error);
      }
    },
  );

  router.get(CALLBACK, async (request, response) => {
    const transaction = readTransaction(transactionCookie(request), now());
    // Whatever comes of it, this sign-in is over in this browser.
    takeTransaction(response);
    if (transaction === null) return sayFailed(response, 400, OVER);
    try {
      const account = await provider.exchange(new URL(request.originalUrl, publicUrl.origin), transaction);
      // Whoever was signed in here before is not any more, and no id from before lives on.
      const earlier = sessionCookie(request);
      if (earlier !== undefined) {
        await sessions.end(earlier);
        takeSession(response);
      }
      const found = await assistant.identify({ platform: 'web', ...account });
      if (found.kind === 'unknown') return sayUnknown(response, account);
      if (found.kind === 'inactive') return sayInactive(response);
      const id = await sessions.begin({ ...account, principal: found.principal.id }, transaction.hash);
      if (id === null) return sayFailed(response, 400, OVER);
      giveSession(response, id);
      response.redirect(303, transaction.returnTo);
    } catch (error) {
      failed(response, error);
    }
  });

  router.get('/signed-out', async (_request, response) => {
    const back = new URL('/signed-out', publicUrl.origin).href;
    // The session here is over whether or not the provider answers.
    const endSession = await provider.endSessionUrl(back).catch((error: unknown) => {
      log.warn({ code: (error as { code?: string }).code }, 'the provider’s sign-out cannot be offered');
      return null;
    });
    saySignedOut(response, { host: provider.host, endSession });
  });

  return router;
}

/** Ends the session of whoever asks; what follows is the page `/signed-out`. */
export function signOut(whoIsSignedIn: (request: Request) => Promise<SignedIn>, sessions: Sessions) {
  return async (request: Request, response: Response) => {
    const { session } = await whoIsSignedIn(request);
    await sessions.end(session);
    takeSession(response);
    response.json({ next: '/signed-out' });
  };
}

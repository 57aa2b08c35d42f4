/** `/api/workspace/links`: linking chat accounts to oneself, for whoever is signed in. */
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { AppError } from '../../src/errors.ts';
import type { AccountLinking, SignedInAs } from '../../src/model/links.ts';
import { bodyOf } from './body.ts';
import type { SignedIn } from './caller.ts';

const AnswerBody = z.strictObject({ yes: z.boolean() });
const NoBody = z.strictObject({});

/** The routes, relative to `/api/workspace/links`; bodies are parsed and the browser is guarded before them. */
export function linkApi(
  linking: AccountLinking,
  whoIsSignedIn: (request: Request) => Promise<SignedIn>,
): Router {
  const router = Router();
  type Answer = (by: SignedInAs, request: Request) => Promise<unknown>;
  const answer = (run: Answer) => async (request: Request, response: Response) => {
    response.json((await run(signedInAs(await whoIsSignedIn(request)), request)) ?? {});
  };

  router.get(
    '/',
    answer((by) => linking.page(by)),
  );
  router.post(
    '/codes',
    answer((by, request) => {
      bodyOf(NoBody, request);
      return linking.begin(by);
    }),
  );
  router.post(
    '/questions/:id',
    answer((by, request) => linking.answer(by, idIn(request, 'question'), bodyOf(AnswerBody, request).yes)),
  );
  router.post(
    '/:id/removal',
    answer((by, request) => {
      bodyOf(NoBody, request);
      return linking.remove(by, idIn(request, 'link'));
    }),
  );
  return router;
}

function signedInAs({ principal, account }: SignedIn): SignedInAs {
  if (account.platform !== 'web') throw new Error('nobody signs in by a chat account');
  return { principal: principal.id, issuer: account.issuer, subject: account.subject };
}

function idIn(request: Request, what: string): string {
  const id = z.uuid().safeParse(request.params.id);
  if (id.success) return id.data;
  throw new AppError('not_found', `There is no such ${what}.`);
}

/** The web adapter: local mode's API, the workspace's API, its pages and its sign-in, as one Express router. */
import { type RequestHandler, Router } from 'express';
import { AppError } from '../../src/errors.ts';
import type { AccountLinking } from '../../src/model/links.ts';
import type { WorkspaceAssistant } from '../../src/model/ports.ts';
import { aboutPages } from './about.ts';
import { jsonOnly } from './body.ts';
import { chosenPerson, signedInPerson } from './caller.ts';
import { everything } from './changes.ts';
import { answerFailure, type WebLog } from './failure.ts';
import { guardLocal, guardSignedIn, type Whereabouts } from './guard.ts';
import { linkApi } from './link-api.ts';
import { localApi } from './local-api.ts';
import { pages, pagesOff, secureHeaders } from './pages.ts';
import { takeSession } from './sign-in/cookies.ts';
import { type SignIn, signInRoutes, signOut } from './sign-in/routes.ts';
import { csrfTokenOf } from './sign-in/sessions.ts';
import { type Desk, workspaceApi } from './workspace-api.ts';

/**
 * `local`: anybody at this machine may be any sample person, first `startAs`; the page of the built-in desk, null where it is not
 * the ticketing connector, shows every ticket without asking policy, so it is there alone. `signed-in`: whoever the identity
 * provider and the directory say; `linking` absent where nobody may link chat accounts of their own. `off`: nobody may see anything.
 */
export type WebMode =
  | { kind: 'local'; startAs: string; desk: Desk | null }
  | { kind: 'signed-in'; signIn: SignIn; linking?: AccountLinking }
  | { kind: 'off' };

export type WebAdapter = Whereabouts & {
  assistant: WorkspaceAssistant;
  mode: WebMode;
  /** Absolute path of what `buildClient` wrote. */
  clientFolder: string;
  log: WebLog;
};

/**
 * Routes `/`, `/privacy` and `/terms`, the client's pages and assets, `/api/workspace`, in local mode `/api/local`, and with sign-in `/sign-in`. Mount it
 * at the root, after `/healthz`, `/readyz`, `/metrics` and the platforms' own routes, and without a body parser before it.
 */
export function createWebAdapter(web: WebAdapter): Router {
  const router = Router();
  router.use(secureHeaders);
  switch (web.mode.kind) {
    case 'off':
      return router.use(aboutPages(), pagesOff());
    case 'local':
      localRoutes(router, web, web.mode);
      break;
    case 'signed-in':
      signedInRoutes(router, web, web.mode);
      break;
  }
  router.use(answerFailure(web.log));
  return router;
}

const noSuchAddress: RequestHandler = () => {
  throw new AppError('not_found', 'There is no such address.');
};

function localRoutes(
  router: Router,
  web: WebAdapter,
  { startAs, desk }: Extract<WebMode, { kind: 'local' }>,
): void {
  const { assistant } = web;
  router.use(guardLocal(web), aboutPages());
  router.get('/api/workspace/session', async (_request, response) => {
    const people = await assistant.people();
    response.json({
      people: people.map(({ id, name, groups }) => ({ id, name, groups })),
      startAs,
      desk: desk !== null,
    });
  });
  router.use('/api/local', ...jsonOnly(), localApi(assistant));
  router.use(
    '/api/workspace',
    ...jsonOnly(),
    workspaceApi(assistant, chosenPerson(assistant), everything, desk),
  );
  router.use('/api', noSuchAddress);
  router.use(pages(web.clientFolder));
}

function signedInRoutes(
  router: Router,
  web: WebAdapter,
  { signIn, linking }: Extract<WebMode, { kind: 'signed-in' }>,
): void {
  const { assistant } = web;
  const whoIsSignedIn = signedInPerson(assistant, signIn.sessions);
  router.use(guardSignedIn(signIn.publicUrl), aboutPages());
  router.use(signInRoutes(assistant, signIn));
  router.get('/api/workspace/session', async (request, response) => {
    const { principal, session } = await whoIsSignedIn(request);
    const me = { id: principal.id, name: principal.name, groups: principal.groups };
    response.json({
      people: [me],
      startAs: me.id,
      desk: false,
      links: linking !== undefined,
      csrf: csrfTokenOf(session),
    });
  });
  const json = jsonOnly();
  router.post('/api/workspace/sign-out', ...json, signOut(whoIsSignedIn, signIn.sessions));
  const sees = assistant.sees.bind(assistant);
  if (linking) router.use('/api/workspace/links', ...json, linkApi(linking, whoIsSignedIn));
  router.use('/api/workspace', ...json, workspaceApi(assistant, whoIsSignedIn, sees, null));
  router.use('/api', noSuchAddress);
  router.use(pages(web.clientFolder, toSignIn(whoIsSignedIn)));
}

/** Whoever opens a page without a session is asked to sign in, and then sees that page. */
function toSignIn(whoIsSignedIn: ReturnType<typeof signedInPerson>): RequestHandler {
  return async (request, response, next) => {
    try {
      await whoIsSignedIn(request);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'sign_in_needed') throw error;
      // Whatever the browser holds, it names no session any more.
      takeSession(response);
      return response.redirect(303, `/sign-in?to=${encodeURIComponent(request.path)}`);
    }
    next();
  };
}

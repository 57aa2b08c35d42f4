/** The web adapter: local mode's API, the workspace's API and its pages, as one Express router. */
import { Router } from 'express';
import { AppError } from '../../src/errors.ts';
import type { Assistant } from '../../src/model/ports.ts';
import { jsonOnly } from './body.ts';
import { chosenPerson } from './caller.ts';
import { answerFailure, type WebLog } from './failure.ts';
import { guardLocal, type Whereabouts } from './guard.ts';
import { localApi } from './local-api.ts';
import { pages, pagesOff, secureHeaders } from './pages.ts';
import { type Desk, workspaceApi } from './workspace-api.ts';

/** `local`: anybody at this machine may be any sample person, first `startAs`. `off`: nobody may see anything. */
export type WebMode = { kind: 'local'; startAs: string } | { kind: 'off' };

export type WebAdapter = Whereabouts & {
  assistant: Assistant;
  mode: WebMode;
  /** Absolute path of what `buildClient` wrote. */
  clientFolder: string;
  /** The built-in desk, where it is the ticketing connector; null hides its page. */
  desk: Desk | null;
  log: WebLog;
};

/**
 * Routes `/`, the client's pages and assets, `/api/workspace` and, in local mode, `/api/local`. Mount it at the root,
 * after `/healthz`, `/readyz`, `/metrics` and the platforms' own routes, and without a body parser before it.
 */
export function createWebAdapter(web: WebAdapter): Router {
  const router = Router();
  const { assistant, mode, desk } = web;
  router.use(secureHeaders);
  if (mode.kind === 'off') return router.use(pagesOff());

  router.use(guardLocal(web));
  router.get('/api/workspace/session', async (_request, response) => {
    const people = await assistant.people();
    response.json({
      people: people.map(({ id, name, groups }) => ({ id, name, groups })),
      startAs: mode.startAs,
      desk: desk !== null,
    });
  });
  router.use('/api/local', ...jsonOnly(), localApi(assistant));
  router.use('/api/workspace', ...jsonOnly(), workspaceApi(assistant, chosenPerson(assistant), desk));
  router.use('/api', () => {
    throw new AppError('not_found', 'There is no such address.');
  });
  router.use(pages(web.clientFolder));
  router.use(answerFailure(web.log));
  return router;
}

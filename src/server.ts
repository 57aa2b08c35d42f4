/** The HTTP face of the process: health, metrics, and whatever routes the adapters bring. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { AppError } from './errors.ts';
import type { Metrics } from './metrics.ts';

export type Check = {
  name: string;
  ok: boolean;
  code: string /** False: shown, but does not make the whole unready. */;
  decides: boolean;
};

/** `/healthz`, `/readyz` and `/metrics`; no secrets, no addresses. */
export function mountHealth(
  app: Express,
  deps: {
    guard: RequestHandler;
    checks(): Promise<Check[]>;
    metrics: Metrics;
    beforeScrape(): Promise<void>;
  },
): void {
  app.disable('x-powered-by');
  app.get('/healthz', deps.guard, (_request, response) => {
    response.json({ alive: true });
  });
  app.get('/readyz', deps.guard, async (_request, response) => {
    const checks = await deps.checks();
    const ready = checks.every((check) => check.ok || !check.decides);
    response
      .status(ready ? 200 : 503)
      .json({ ready, checks: checks.map(({ name, ok, code }) => ({ name, ok, code })) });
  });
  app.get('/metrics', deps.guard, async (_request, response) => {
    await deps.beforeScrape();
    response.type(deps.metrics.registry.contentType).send(await deps.metrics.registry.metrics());
  });
}

export function newApp(): Express {
  return express();
}

/** What nobody serves, and what failed before anybody could answer: JSON, and never a stack. */
export function mountEnd(app: Express, failed: (error: unknown) => void): void {
  app.use((_request, response) => {
    response.status(404).json({ error: { code: 'not_found', message: 'There is no such address.' } });
  });
  const answerFailure: ErrorRequestHandler = (error, _request, response, next) => {
    failed(error);
    if (response.headersSent) return next(error);
    const known = error instanceof AppError ? error : null;
    response.status(known?.status ?? 500).json({
      error: {
        code: known?.code ?? 'internal',
        message: known?.message ?? 'Something went wrong on our side.',
      },
    });
  };
  app.use(answerFailure);
}

/** Errors: `port_in_use` with what to do. */
export async function listen(
  app: Express,
  host: string,
  port: number,
): Promise<{ server: Server; port: number }> {
  const server = createServer(app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new AppError(
              'port_in_use',
              `Port ${port} is taken. Choose another one: PORT=${port + 1} npm start`,
              { cause: error },
            )
          : error,
      );
    });
    server.listen(port, host, resolve);
  });
  return { server, port: (server.address() as AddressInfo).port };
}

/** Stops taking connections and drops the open ones: live updates never end by themselves. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

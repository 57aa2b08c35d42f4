/** How a failure leaves over HTTP: `{error: {code, message}}`, in words that we wrote. */
import type { ErrorRequestHandler } from 'express';
import { z } from 'zod';
import { AppError } from '../../src/errors.ts';

/** The part of pino that this adapter writes to. */
export type WebLog = { error(fields: object, message: string): void };

/** What Express's body parser throws; `type` is its closed list of reasons. */
const BodyError = z.looseObject({ type: z.string(), status: z.number() });

const UNREADABLE = new AppError('malformed', 'The body is not valid JSON.');
const BODY_FAILURES: Record<string, AppError> = {
  'entity.too.large': new AppError('too_long', 'This is too long.'),
  'encoding.unsupported': new AppError('not_json', 'Send the body as plain JSON, not compressed.'),
  'charset.unsupported': new AppError('not_json', 'Send the body as JSON in UTF-8.'),
};

/** The failure as one of ours, or null when it is a defect. */
function expected(error: unknown): AppError | null {
  if (error instanceof AppError) return error;
  if (error instanceof URIError) return new AppError('malformed', 'The address is not well formed.');
  const body = BodyError.safeParse(error);
  if (!body.success || body.data.status >= 500) return null;
  return BODY_FAILURES[body.data.type] ?? UNREADABLE;
}

/** Answers every failure of the routes before it; a defect is logged with its stack and told without it. */
export function answerFailure(log: WebLog): ErrorRequestHandler {
  return (error, request, response, next) => {
    if (response.headersSent) return next(error);
    const known = expected(error);
    if (known === null)
      log.error({ err: error, method: request.method, path: request.path }, 'request failed');
    response.status(known?.status ?? 500).json({
      error: {
        code: known?.code ?? 'internal',
        message: known?.message ?? 'Something went wrong on our side. Nothing was lost; please try again.',
      },
    });
  };
}

/**
 * The way in over HTTP: verify the bytes, parse them, then hand what they mean to the core. Slack is told 2xx only once
 * it is stored; anything else makes it send again (events) or tell the person (buttons, commands).
 */
import type { ServerResponse } from 'node:http';
import { ExpressReceiver } from '@slack/bolt';
import express, { type Application, type Request, type Response } from 'express';
import { AppError } from '../../src/errors.ts';
import { type Act, type DispatchParts, dispatch } from './dispatch.ts';
import { BODY_MAX_BYTES } from './limits.ts';
import { boltLogger, type Log, nameOf } from './log.ts';
import { ENDPOINT } from './needs.ts';
import { decodeBody, FORM, isForm, isHandshake, type Parsed, parsePayload } from './parse.ts';
import { verifySignature } from './verify.ts';

export type ReceiveParts = DispatchParts & {
  app: Application;
  signingSecret: string;
  /** Milliseconds since the epoch: what signatures are dated by. */
  now: () => number;
};

/** Said with a 503; Slack has its own times (at once, a minute, five minutes), whoever stands between may heed it. */
const RETRY_AFTER_SECONDS = 5;

/** What was parsed travels with the request, through Bolt's context, to the listener that acts. */
type Carrier = Request & { rawBody?: Buffer; slack?: Parsed };

/** Puts the endpoint on the application. No body parser may run before it. */
export function listen(parts: ReceiveParts, act: Act): void {
  const { app, log } = parts;
  app.post(ENDPOINT, express.raw({ type: () => true, limit: BODY_MAX_BYTES }), (req, res, next) => {
    if (admit(req, res, parts)) next();
  });
  const receiver = new ExpressReceiver({
    app,
    signingSecret: parts.signingSecret,
    endpoints: ENDPOINT,
    // The answer waits for the listener: acknowledged means stored.
    processBeforeResponse: true,
    customPropertiesExtractor: (req) => ({ slack: (req as unknown as Carrier).slack }),
    logger: boltLogger(log),
    processEventErrorHandler: async ({ error, response }) => refuse(response, error, log),
    unhandledRequestHandler: ({ response }) => {
      log.warn({ code: 'slack_late' }, 'a delivery could not be stored before Slack stopped waiting');
      comeBack(response);
    },
  });
  dispatch(receiver, act, parts);
}

/** What is not stored is not acknowledged. False: nothing is, later either. */
function refuse(response: ServerResponse, error: unknown, log: Log): false {
  if (error instanceof AppError && error.status === 503) {
    log.warn({ code: error.code }, 'a delivery was refused, to be sent again');
    comeBack(response);
    return false;
  }
  log.error({ code: 'slack_failed', error: nameOf(error) }, 'a delivery could not be handled');
  if (!response.headersSent) response.writeHead(500).end();
  return false;
}

function comeBack(response: ServerResponse): void {
  if (!response.headersSent) response.writeHead(503, { 'retry-after': String(RETRY_AFTER_SECONDS) }).end();
}

/** True where Bolt may go on; otherwise the answer was given here. */
function admit(req: Carrier, res: Response, { signingSecret, self: who, now, log }: ReceiveParts): boolean {
  if (!Buffer.isBuffer(req.body)) {
    log.error(
      { code: 'slack_body_unreadable' },
      'a body was missing, or was parsed before it could be verified',
    );
    res.sendStatus(400);
    return false;
  }
  const verified = verifySignature({
    secret: signingSecret,
    body: req.body,
    signature: req.get('x-slack-signature'),
    timestamp: req.get('x-slack-request-timestamp'),
    nowMs: now(),
  });
  if (!verified.ok) {
    log.warn({ code: `slack_${verified.code}` }, 'a request was not signed by Slack');
    res.sendStatus(401);
    return false;
  }
  const self = who();
  const body = decodeBody(req.body.toString('utf8'), req.get('content-type'));
  if (self === null && !isHandshake(body)) {
    log.warn({ code: 'slack_not_started' }, 'Slack sent something before we were ready');
    comeBack(res);
    return false;
  }
  const parsed: Parsed = self === null ? { kind: 'handshake' } : parsePayload(body, self);
  if (parsed.kind === 'ignored') {
    log.info({ code: `slack_ignored_${parsed.code}` }, 'a payload of Slack is not for us');
    res.sendStatus(200);
    return false;
  }
  // Bolt knows a form by this exact name only, and checks the signature once more, on these same bytes.
  if (isForm(req.get('content-type'))) req.headers['content-type'] = FORM;
  req.rawBody = req.body;
  req.slack = parsed;
  return true;
}

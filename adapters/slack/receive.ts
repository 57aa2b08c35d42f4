/**
 * The way in over HTTP: verify the bytes, parse them, then hand what they mean to the core. Slack is told 2xx only once
 * it is stored; anything else makes it send again (events) or tell the person (buttons, commands).
 */
import { ExpressReceiver } from '@slack/bolt';
import express, { type Application, type Request, type Response } from 'express';
import { type Act, type DispatchParts, dispatch } from './dispatch.ts';
import { BODY_MAX_BYTES } from './limits.ts';
import { boltLogger } from './log.ts';
import { ENDPOINT } from './needs.ts';
import { decodeBody, FORM, isForm, type Parsed, parsePayload } from './parse.ts';
import { verifySignature } from './verify.ts';

export type ReceiveParts = DispatchParts & {
  app: Application;
  signingSecret: string;
  /** Milliseconds since the epoch: what signatures are dated by. */
  now: () => number;
};

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
  });
  dispatch(receiver, act, parts);
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
  if (self === null) {
    log.warn({ code: 'slack_not_started' }, 'Slack sent something before we were ready');
    res.sendStatus(503);
    return false;
  }
  const parsed = parsePayload(decodeBody(req.body.toString('utf8'), req.get('content-type')), self);
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

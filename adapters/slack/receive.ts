/**
 * The way in: verify the bytes, parse them, then hand a delivery to the core. Slack is told 2xx only once the
 * delivery is stored; anything else makes it send again (events) or tell the person (buttons, commands).
 */
import { App, ExpressReceiver } from '@slack/bolt';
import express, { type Application, type Request, type Response } from 'express';
import type { Assistant } from '../../src/model/ports.ts';
import type { Delivery } from '../../src/model/turn.ts';
import { commandPlacer, type OpenThread } from './command.ts';
import { BODY_MAX_BYTES } from './limits.ts';
import { boltLogger, type Log } from './log.ts';
import { BUTTONS, COMMAND, ENDPOINT, EVENTS } from './needs.ts';
import { decodeBody, FORM, isForm, type Parsed, parsePayload, type Self } from './parse.ts';
import { verifySignature } from './verify.ts';

export type ReceiveParts = {
  app: Application;
  assistant: () => Assistant;
  signingSecret: string;
  botToken: string;
  /** Null until `auth.test` has answered: nothing can be told apart before. */
  self: () => Self | null;
  openThread: OpenThread;
  /** Milliseconds since the epoch: what signatures are dated by. */
  now: () => number;
  /** Milliseconds that only ever rise: what waiting is measured by. */
  elapsed: () => number;
  log: Log;
};

/** What was parsed travels with the request, through Bolt's context, to the listener that acts. */
type Carrier = Request & { rawBody?: Buffer; slack?: Parsed };

/** Puts the endpoint on the application. No body parser may run before it. */
export function listen(parts: ReceiveParts): void {
  const { app, log } = parts;
  app.post(ENDPOINT, express.raw({ type: () => true, limit: BODY_MAX_BYTES }), (req, res, next) => {
    if (admit(req, res, parts)) next();
  });
  const logger = boltLogger(log);
  const receiver = new ExpressReceiver({
    app,
    signingSecret: parts.signingSecret,
    endpoints: ENDPOINT,
    // The answer waits for the listener: acknowledged means stored.
    processBeforeResponse: true,
    customPropertiesExtractor: (req) => ({ slack: (req as unknown as Carrier).slack }),
    logger,
  });
  const { botToken } = parts;
  const slack = new App({
    receiver,
    // Who we are is known from the start; authorizing an event must not need the network.
    authorize: async () => ({ botToken, ...(parts.self() === null ? {} : { botId: parts.self()!.bot }) }),
    // Ours and other bots' messages were told apart by the parser already.
    ignoreSelf: false,
    convoStore: false,
    logger,
  });
  const place = commandPlacer(parts.openThread, parts.elapsed);
  for (const { type } of EVENTS) slack.event(type, ({ context }) => act(context.slack, parts, place));
  for (const button of BUTTONS) {
    slack.action(button, async ({ context, ack }) => {
      await act(context.slack, parts, place);
      await ack();
    });
  }
  slack.command(COMMAND, async ({ context, ack }) => {
    await act(context.slack, parts, place);
    await ack({ response_type: 'ephemeral', text: 'The answer is in our direct message.' });
  });
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

async function act(parsed: Parsed | undefined, parts: ReceiveParts, place: ReturnType<typeof commandPlacer>) {
  switch (parsed?.kind) {
    case 'delivery':
      return store(parts, parsed.delivery);
    case 'command':
      return store(parts, await place(parsed.command, parsed.text));
    default:
      throw new Error('Bolt dispatched something that the parser did not');
  }
}

async function store({ assistant, log }: ReceiveParts, delivery: Delivery): Promise<void> {
  const { turn, duplicate } = await assistant().receive(delivery);
  log.info({ code: duplicate ? 'slack_duplicate' : 'slack_received', turn }, 'a delivery is stored');
}

/** Reading what a browser sent: JSON only, bounded, checked by a schema. */
import { json, type Request, type RequestHandler } from 'express';
import type { z } from 'zod';
import { AppError } from '../../src/errors.ts';

/** Longest reason, of a denial or of a judgement, in UTF-16 units: the former is shown on the card. */
const MAX_REASON_UNITS = 2_000;
/** Largest body, in bytes: room for 40,000 characters as six-byte escapes, so that the core can say what is too long. */
const MAX_BODY_BYTES = 256 * 1024;
/** Longest `Idempotency-Key`, in characters: fits a delivery's key of 300 with the person before it. */
const MAX_KEY_LENGTH = 200;

const JSON_TYPE = /^application\/json\s*(;|$)/i;

/** Parses JSON bodies; another type of body on a changing request is 415, so that no HTML form can reach us. */
export function jsonOnly(): RequestHandler[] {
  // JSON of any kind: that it is none of the expected shape is for the schemas to say.
  const parse = json({ limit: MAX_BODY_BYTES, type: () => true, inflate: false, strict: false });
  return [
    (request, _response, next) => {
      if (request.method !== 'GET' && !JSON_TYPE.test(request.get('content-type') ?? '')) {
        throw new AppError('not_json', 'Send the body as application/json.');
      }
      next();
    },
    parse,
  ];
}

/** The body in the schema's shape. Throws `malformed`, naming the first wrong field. */
export function bodyOf<S extends z.ZodType>(schema: S, request: Request): z.output<S> {
  const parsed = schema.safeParse(request.body);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.join('.') || 'the body';
  throw new AppError('malformed', `The request does not have the expected shape: see ${field}.`);
}

/** A message's text. Throws `empty_text`; what is too long the core decides, the same on every platform. */
export function checkedText(text: string): string {
  if (text.trim() === '') throw new AppError('empty_text', 'There is no text in this message.');
  return text;
}

/** Why somebody denied, or judged so. Throws `too_long`. */
export function checkedReason(reason: string | undefined): string | undefined {
  if (reason !== undefined && reason.length > MAX_REASON_UNITS) {
    throw new AppError(
      'too_long',
      `This reason is too long: at most ${MAX_REASON_UNITS} characters are kept.`,
    );
  }
  return reason?.trim() === '' ? undefined : reason;
}

/**
 * The delivery's unique key. A client that retries sends `Idempotency-Key`; the person is part of the key, so
 * that nobody can swallow another person's message by guessing theirs.
 */
export function deliveryKey(request: Request, principal: string): string {
  const given = request.get('idempotency-key');
  if (given === undefined) return `web:${crypto.randomUUID()}`;
  if (given === '' || given.length > MAX_KEY_LENGTH) {
    throw new AppError('malformed', `An Idempotency-Key has 1 to ${MAX_KEY_LENGTH} characters.`);
  }
  return `web:${principal}:${given}`;
}

/** A path parameter or query value as an id of `schema`; null when it is none, which callers answer with 404. */
export function idOf<S extends z.ZodType>(schema: S, value: unknown): z.output<S> | null {
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : null;
}

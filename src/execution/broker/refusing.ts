/** How a refusal is told to the action code, and what is recorded of it. The code that asked is untrusted. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BrokerRefusal } from './call.ts';
import { HOST_HEADER, REFUSED_HEADER, SENT_HEADER } from './headers.ts';
import type { EgressRefused } from './refusal.ts';
import type { Scan } from './searchable.ts';

/** What is kept of a refused call's address, in characters. */
const MAX_RECORDED_CHARS = 200;

/** Our sentence for the action code, in the shape that GitHub's errors have too. */
export function refuse(response: ServerResponse, refusal: EgressRefused): void {
  if (response.headersSent || response.destroyed) return;
  const body = JSON.stringify({ message: refusal.message, code: refusal.reason, detail: refusal.detail });
  response.writeHead(refusal.answerStatus, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    [REFUSED_HEADER]: refusal.reason,
    [SENT_HEADER]: refusal.sent ? 'yes' : 'no',
    ...(refusal.retryAfterSeconds === null ? {} : { 'retry-after': String(refusal.retryAfterSeconds) }),
  });
  response.end(body);
}

/** Percent-codes read where they can be; the rest stays. */
const decoded = (text: string): string =>
  text.replace(/%[0-7][0-9a-f]/gi, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));

/** What untrusted code wrote, made fit for the log: short, printable, without a secret. */
function printable(text: string, scan: Scan): string {
  // The whole is searched, as a cut could leave half of a secret that nobody recognises.
  const plain = decoded(text);
  if ([text, plain, plain.replaceAll('/', '')].some((form) => scan(form) !== null)) return '[masked]';
  return text.slice(0, MAX_RECORDED_CHARS).replace(/[^\x20-\x7e]/g, '?');
}

export function refusalEntry(
  request: IncomingMessage,
  refusal: EgressRefused,
  attempt: number,
  scan: Scan,
): BrokerRefusal {
  const host = request.headers[HOST_HEADER];
  return {
    method: printable(request.method ?? '', scan),
    host: printable(typeof host === 'string' ? host : '', scan),
    path: printable((request.url ?? '').split('?')[0] ?? '', scan),
    code: refusal.reason,
    detail: refusal.detail === null ? null : printable(refusal.detail, scan),
    sent: refusal.sent,
    attempt,
  };
}

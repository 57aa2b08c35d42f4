/** Slack's side of the wire: signs what it sends, waits 3 s, and sends events again. */
import { createHmac } from 'node:crypto';

export type Sent = { status: number | 'timeout'; body: string; retryAfter?: string | null; attempts: number };
export type SendOptions = {
  /** Seconds since the epoch that the signature claims; now by default. */
  timestamp?: number;
  /** Signs with another secret. */
  secret?: string;
  /** Headers that replace or, when null, remove ours. */
  headers?: Record<string, string | null>;
};

/** Slack retries an event at once, after a minute and after five; here in a fraction of that. */
export const RETRY_DELAYS_MS: readonly number[] = [0, 20, 100];
export const ANSWER_WITHIN_MS = 3_000;

export class Sender {
  readonly #url: string;
  readonly #secret: string;
  readonly #answerWithinMs: number;

  constructor(url: string, secret: string, answerWithinMs: number = ANSWER_WITHIN_MS) {
    this.#url = url;
    this.#secret = secret;
    this.#answerWithinMs = answerWithinMs;
  }

  /** Once, whatever the answer. */
  async once(body: string, contentType: string, options: SendOptions = {}): Promise<Sent> {
    const timestamp = String(options.timestamp ?? Math.floor(Date.now() / 1000));
    const secret = options.secret ?? this.#secret;
    const signature = `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`;
    const headers = new Headers({
      'content-type': contentType,
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': signature,
    });
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      if (value === null) headers.delete(name);
      else headers.set(name, value);
    }
    try {
      const signal = AbortSignal.timeout(this.#answerWithinMs);
      const response = await fetch(this.#url, { method: 'POST', body, headers, signal });
      return {
        status: response.status,
        body: await response.text(),
        retryAfter: response.headers.get('retry-after'),
        attempts: 1,
      };
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'TimeoutError') throw error;
      return { status: 'timeout', body: '', attempts: 1 };
    }
  }

  /** An event, again and again as Slack would until it is acknowledged. */
  async event(payload: unknown): Promise<Sent> {
    const body = JSON.stringify(payload);
    let sent = await this.once(body, 'application/json');
    for (const [index, delayMs] of RETRY_DELAYS_MS.entries()) {
      if (typeof sent.status === 'number' && sent.status >= 200 && sent.status < 300) return sent;
      const reason = sent.status === 'timeout' ? 'http_timeout' : 'http_error';
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      const headers = { 'x-slack-retry-num': String(index + 1), 'x-slack-retry-reason': reason };
      const again = await this.once(body, 'application/json', { headers });
      sent = { ...again, attempts: index + 2 };
    }
    return sent;
  }

  /** A form, once: Slack does not repeat commands and clicks. */
  form(fields: Record<string, string>): Promise<Sent> {
    return this.once(new URLSearchParams(fields).toString(), 'application/x-www-form-urlencoded');
  }
}

/** Slack's side of the wire: signs what it sends, waits for the answer until it gives up, and sends events again. */
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
/**
 * Slack itself gives up after 3 s. That is no measure for a busy machine: here a test says when (`giveUp`), and this only ends what hangs.
 */
export const GIVES_UP_AFTER_MS = 60_000;

export class Sender {
  readonly #url: string;
  readonly #secret: string;
  readonly #waiting = new Set<AbortController>();

  constructor(url: string, secret: string) {
    this.#url = url;
    this.#secret = secret;
  }

  /** Slack waits no longer for any answer that has not come yet. */
  giveUp(): void {
    for (const waiting of this.#waiting) waiting.abort();
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
    const waiting = new AbortController();
    const late = setTimeout(() => waiting.abort(), GIVES_UP_AFTER_MS);
    this.#waiting.add(waiting);
    try {
      const response = await fetch(this.#url, { method: 'POST', body, headers, signal: waiting.signal });
      return {
        status: response.status,
        body: await response.text(),
        retryAfter: response.headers.get('retry-after'),
        attempts: 1,
      };
    } catch (error) {
      if (!waiting.signal.aborted) throw error;
      return { status: 'timeout', body: '', attempts: 1 };
    } finally {
      clearTimeout(late);
      this.#waiting.delete(waiting);
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

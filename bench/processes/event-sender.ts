/**
 * Slack's side of a steady stream, in a process of its own: each event leaves when it is due, whatever became of those
 * before it, and its latency counts from then on. What waited here because an app was slow would otherwise not be measured
 * (coordinated omission). Reads a `Stream` from stdin, prints `Delivery[]` once every event has its answer.
 */
import { createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

export type Stream = { url: string; secret: string; perSecond: number; bodies: string[] };
export type Delivery = {
  /** When it was due, in milliseconds since the epoch. */
  dueMs: number;
  /** How much after that it left, and was answered. */
  leftMs: number;
  doneMs: number;
  /** Null: no answer at all. */
  status: number | null;
};

/** Longer than Slack waits (3 s), so that what is late is measured and not cut off. */
const GIVE_UP_MS = 10_000;
/** From having read everything to the first event. */
const LEAD_MS = 50;

const { url, secret, perSecond, bodies } = JSON.parse(await text(process.stdin)) as Stream;
const agent = new Agent({ keepAlive: true });
const intervalMs = 1_000 / perSecond;
const startMs = performance.now() + LEAD_MS;

function headersOf(body: string): Record<string, string | number> {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signature = createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex');
  return {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-slack-request-timestamp': timestamp,
    'x-slack-signature': `v0=${signature}`,
  };
}

function send(body: string): Promise<number | null> {
  return new Promise((resolve) => {
    const sent = request(url, { method: 'POST', agent, headers: headersOf(body) }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? null));
      response.on('error', () => resolve(null));
    });
    sent.on('error', () => resolve(null));
    sent.setTimeout(GIVE_UP_MS, () => sent.destroy());
    sent.end(body);
  });
}

async function deliver(body: string, index: number): Promise<Delivery> {
  const due = startMs + index * intervalMs;
  const leftMs = performance.now() - due;
  const status = await send(body);
  return { dueMs: performance.timeOrigin + due, leftMs, doneMs: performance.now() - due, status };
}

const deliveries: Promise<Delivery>[] = [];
await new Promise<void>((resolve) => {
  const sendDue = (): void => {
    while (deliveries.length < bodies.length) {
      const waitMs = startMs + deliveries.length * intervalMs - performance.now();
      if (waitMs > 0) {
        setTimeout(sendDue, waitMs);
        return;
      }
      deliveries.push(deliver(bodies[deliveries.length]!, deliveries.length));
    }
    resolve();
  };
  sendDue();
});
process.stdout.write(JSON.stringify(await Promise.all(deliveries)));
agent.destroy();

/** Socket Mode, Slack's side: sockets that the app opens, envelopes over any of them, again until acknowledged. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { GIVES_UP_AFTER_MS, RETRY_DELAYS_MS, type Sent } from './sender.ts';

export type EnvelopeType = 'events_api' | 'interactive' | 'slash_commands';

/** As Slack's documentation says. */
const SOCKETS_MAX = 10;

export class Sockets {
  readonly #http: Server = createServer();
  readonly #wss = new WebSocketServer({ server: this.#http });
  readonly #open = new Set<WebSocket>();
  readonly #waiting = new Map<string, { acknowledged(payload: unknown): void; gaveUp(): void }>();
  readonly #listeners = new Set<() => void>();
  readonly #tickets = new Set<string>();
  #serial = 0;

  private constructor() {
    this.#wss.on('connection', (socket, request) => {
      // Each address opens one socket, once.
      if (!this.#tickets.delete(request.url ?? '') || this.#open.size >= SOCKETS_MAX)
        return socket.terminate();
      this.#open.add(socket);
      socket.on('close', () => {
        this.#open.delete(socket);
        this.#changed();
      });
      socket.on('message', (raw) => {
        const { envelope_id: id, payload } = JSON.parse(String(raw)) as {
          envelope_id: string;
          payload?: unknown;
        };
        this.#waiting.get(id)?.acknowledged(payload);
      });
      const hello = {
        type: 'hello',
        num_connections: this.#open.size,
        connection_info: { app_id: 'A0COUNTERSIGN' },
      };
      socket.send(JSON.stringify(hello));
      this.#changed();
    });
  }

  static async listen(): Promise<Sockets> {
    const sockets = new Sockets();
    await new Promise<void>((resolve) => sockets.#http.listen(0, '127.0.0.1', resolve));
    return sockets;
  }

  async close(): Promise<void> {
    for (const socket of this.#wss.clients) socket.terminate();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }

  /** What `apps.connections.open` answers. */
  ticket(): string {
    const path = `/link/?ticket=${crypto.randomUUID()}`;
    this.#tickets.add(path);
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}${path}`;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Resolves as soon as this many are open. */
  until(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.#open.size !== count) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** Slack moves the app elsewhere: the app closes the socket and opens another. */
  refresh(): void {
    for (const socket of this.#open)
      socket.send(JSON.stringify({ type: 'disconnect', reason: 'refresh_requested' }));
  }

  /** The lines are cut; none of them counts as open from now on. */
  cut(): void {
    const cut = [...this.#open];
    this.#open.clear();
    for (const socket of cut) socket.terminate();
  }

  /** Slack waits no longer for any acknowledgement that has not come yet. */
  giveUp(): void {
    for (const { gaveUp } of [...this.#waiting.values()]) gaveUp();
  }

  /** Over one of the sockets, in turn; events again until acknowledged, the others once. */
  async deliver(type: EnvelopeType, payload: unknown): Promise<Sent> {
    let sent = await this.#over(type, payload, 0);
    if (type !== 'events_api') return sent;
    for (const [index, delayMs] of RETRY_DELAYS_MS.entries()) {
      if (sent.status === 200) return sent;
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      sent = { ...(await this.#over(type, payload, index + 1)), attempts: index + 2 };
    }
    return sent;
  }

  /** The same over every open socket at once. */
  everywhere(type: EnvelopeType, payload: unknown): Promise<Sent[]> {
    return Promise.all([...this.#open].map((socket) => this.#send(socket, type, payload, 0)));
  }

  #over(type: EnvelopeType, payload: unknown, attempt: number): Promise<Sent> {
    const open = [...this.#open];
    const socket = open[this.#serial % open.length];
    if (socket === undefined) return Promise.resolve({ status: 'timeout', body: '', attempts: 1 });
    return this.#send(socket, type, payload, attempt);
  }

  #send(socket: WebSocket, type: EnvelopeType, payload: unknown, attempt: number): Promise<Sent> {
    this.#serial += 1;
    const id = `envelope-${this.#serial}`;
    const retried = attempt === 0 ? {} : { retry_attempt: attempt, retry_reason: 'timeout' };
    const envelope = {
      type,
      envelope_id: id,
      payload,
      accepts_response_payload: type !== 'events_api',
      ...retried,
    };
    return new Promise((resolve) => {
      const end = (sent: Sent) => {
        clearTimeout(late);
        this.#waiting.delete(id);
        socket.off('close', cut);
        resolve(sent);
      };
      const cut = () => end({ status: 'timeout', body: '', attempts: 1 });
      const late = setTimeout(cut, GIVES_UP_AFTER_MS);
      socket.once('close', cut);
      this.#waiting.set(id, {
        acknowledged: (body) =>
          end({ status: 200, body: body === undefined ? '' : JSON.stringify(body), attempts: 1 }),
        gaveUp: cut,
      });
      socket.send(JSON.stringify(envelope));
    });
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

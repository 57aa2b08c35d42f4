/**
 * A pretended Chat Completions server that streams what a test scripts (platform.openai.com/docs/api-reference/chat-streaming),
 * and can be held in the middle of an answer until the test lets it go on. What needs no holding uses aimock.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Round = {
  says?: string;
  /** Held here, after `says`, until `go()`. */
  holds?: true;
  /** Said after that. */
  rest?: string;
  /** Held once more after that, until `go()`. */
  holdsAgain?: true;
  calls?: { name: string; arguments: object };
};

/** Characters of one part. */
const PART = 7;

export class ModelServer {
  readonly #server: Server;
  readonly #rounds: Round[] = [];
  #go: (() => void) | null = null;
  #break: (() => void) | null = null;
  /** How often it was asked. */
  asked = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString('utf8');
      });
      request.on('end', () => {
        this.asked += 1;
        const round = this.#rounds.shift() ?? { says: 'There is nothing more to say.' };
        if (JSON.parse(body).stream) void this.#answer(round, response);
        else whole(round, response);
      });
    });
  }

  static async start(): Promise<ModelServer> {
    const model = new ModelServer();
    await new Promise<void>((resolve) => model.#server.listen(0, '127.0.0.1', resolve));
    return model;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** What it answers next, one for each time it is asked. */
  script(...rounds: Round[]): void {
    this.#rounds.splice(0, this.#rounds.length, ...rounds);
  }

  /** Whether it stands still in the middle of an answer. */
  get isHeld(): boolean {
    return this.#go !== null;
  }

  go(): void {
    this.#go?.();
  }

  /** Ends the connection in the middle of the answer that is held. */
  breakOff(): void {
    this.#break?.();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(round: Round, response: ServerResponse): Promise<void> {
    const { says = '', holds, rest = '', holdsAgain, calls } = round;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const say = (text: string) => {
      for (let at = 0; at < text.length; at += PART) send(response, { content: text.slice(at, at + PART) });
    };
    const held = () =>
      new Promise<void>((resolve) => {
        const goOn = () => {
          this.#go = null;
          resolve();
        };
        this.#go = goOn;
        this.#break = () => response.destroy();
        response.on('close', () => (this.#go === goOn ? goOn() : resolve()));
      });
    say(says);
    if (holds) await held();
    if (response.destroyed) return;
    say(rest);
    if (holdsAgain) await held();
    if (response.destroyed) return;
    if (calls) {
      const made = { name: calls.name, arguments: JSON.stringify(calls.arguments) };
      send(response, { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: made }] });
    }
    send(response, {}, calls ? 'tool_calls' : 'stop');
    response.end('data: [DONE]\n\n');
  }
}

/** For whoever does not ask for a stream: nothing is held. */
function whole({ says = '', rest = '', calls }: Round, response: ServerResponse): void {
  const made = calls && { name: calls.name, arguments: JSON.stringify(calls.arguments) };
  const message = {
    role: 'assistant',
    content: says + rest,
    ...(made ? { tool_calls: [{ id: 'call_1', type: 'function', function: made }] } : {}),
  };
  const choices = [{ index: 0, message, finish_reason: made ? 'tool_calls' : 'stop' }];
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion', model: 'pinned', choices }));
}

function send(response: ServerResponse, delta: object, finish: string | null = null): void {
  const chunk = {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_790_000_000,
    model: 'pinned',
    choices: [{ index: 0, delta, finish_reason: finish }],
  };
  response.write(`data: ${JSON.stringify(chunk)}\n\n`);
}

/**
 * The parts of `Headers` and `Response` that connectors and official SDKs use, without loading Node's own,
 * which take as long to load as Node takes to start.
 */
export class DoorHeaders {
  readonly #values = new Map<string, string>();
  readonly #cookies: string[] = [];

  constructor(init?: HeadersInit | DoorHeaders) {
    if (!init) return;
    const entries = Symbol.iterator in init ? init : Object.entries(init);
    for (const [name, value] of entries as Iterable<[string, string]>) this.append(name, value);
  }

  append(name: string, value: string): void {
    const key = name.toLowerCase();
    if (key === 'set-cookie') this.#cookies.push(String(value));
    const before = this.#values.get(key);
    this.#values.set(key, before === undefined ? String(value) : `${before}, ${value}`);
  }

  set(name: string, value: string): void {
    this.#values.set(name.toLowerCase(), String(value));
  }

  delete(name: string): void {
    this.#values.delete(name.toLowerCase());
  }

  get(name: string): string | null {
    return this.#values.get(name.toLowerCase()) ?? null;
  }

  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }

  getSetCookie(): string[] {
    return [...this.#cookies];
  }

  forEach(each: (value: string, name: string) => void): void {
    for (const [name, value] of this) each(value, name);
  }

  entries(): MapIterator<[string, string]> {
    return this.#values.entries();
  }

  keys(): MapIterator<string> {
    return this.#values.keys();
  }

  values(): MapIterator<string> {
    return this.#values.values();
  }

  [Symbol.iterator](): MapIterator<[string, string]> {
    return this.entries();
  }

  /** As they stand in a request's head. */
  lines(): string[] {
    return [...this.#values].map(([name, value]) => `${name}: ${value}`);
  }
}

export class DoorResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: DoorHeaders;
  readonly url: string;
  readonly redirected = false;
  readonly type = 'basic';
  bodyUsed = false;
  readonly #bytes: Buffer;

  constructor(status: number, statusText: string, headers: DoorHeaders, url: string, bytes: Buffer) {
    this.status = status;
    this.statusText = statusText;
    this.headers = headers;
    this.url = url;
    this.#bytes = bytes;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  /** As a stream, by Node's own `Response`: loaded only for whoever asks. */
  get body(): ReadableStream | null {
    return new Response(new Uint8Array(this.#take())).body;
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(this.#take());
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async bytes(): Promise<Uint8Array> {
    return new Uint8Array(this.#take());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return new Uint8Array(this.#take()).buffer;
  }

  async blob(): Promise<Blob> {
    return new Blob([new Uint8Array(this.#take())], { type: this.headers.get('content-type') ?? '' });
  }

  clone(): DoorResponse {
    if (this.bodyUsed) throw new TypeError('The body was read already.');
    return new DoorResponse(this.status, this.statusText, this.headers, this.url, this.#bytes);
  }

  #take(): Buffer {
    if (this.bodyUsed) throw new TypeError('The body was read already.');
    this.bodyUsed = true;
    return this.#bytes;
  }
}

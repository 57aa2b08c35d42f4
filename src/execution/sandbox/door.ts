/**
 * `fetch` for code inside the sandbox: HTTP/1.1 over the inherited descriptor 3, one request after the other,
 * with nothing but reads and writes of that descriptor. Node's own `fetch` and `node:http` cost 25 ms to load,
 * as much as starting Node, and both want sockets. The peer is our own egress broker, so what is read here is
 * well-formed by construction; the broker trusts nothing of what is written.
 */
import { read, write } from 'node:fs';
import { DoorHeaders, DoorResponse } from './door-response.ts';

const DOOR = 3;
/** The broker's name on the wire; whom a request is for stands in `x-egress-host`. */
const BROKER = 'broker';
const READ_BYTES = 64 * 1024;
/** More than the broker ever sends as a head; bounds a peer gone wrong. */
const MAX_HEAD_BYTES = 256 * 1024;
const STATUS_WITHOUT_BODY = new Set([204, 205, 304]);

type Sent = { method: string; url: URL; headers: DoorHeaders; body: Uint8Array | null };

let queue: Promise<unknown> = Promise.resolve();
let broken = false;
let buffered: Buffer = Buffer.alloc(0);

/** Like `fetch`, but never follows a redirect, and takes bodies that are text or bytes. */
export async function doorFetch(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const sent = await requestOf(input, init);
  init.signal?.throwIfAborted();
  const turn = queue.then(() => exchange(sent));
  queue = turn.catch(() => undefined);
  return (await untilAborted(turn, init.signal)) as unknown as Response;
}

/** Whoever aborts stops waiting; the request itself may have left, which the broker records. */
function untilAborted<T>(turn: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return turn;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    turn.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

async function requestOf(input: string | URL | Request, init: RequestInit): Promise<Sent> {
  const from = typeof input === 'string' || input instanceof URL ? null : input;
  const url = new URL(from ? from.url : (input as string | URL));
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new TypeError('Only http and https addresses can be asked for.');
  }
  const headers = new DoorHeaders(init.headers ?? from?.headers);
  const given = init.body ?? (from?.body ? new Uint8Array(await from.arrayBuffer()) : null);
  const body = bytesOf(given);
  if (typeof given === 'string' && !headers.has('content-type')) {
    headers.set('content-type', 'text/plain;charset=UTF-8');
  }
  if (given instanceof URLSearchParams && !headers.has('content-type')) {
    headers.set('content-type', 'application/x-www-form-urlencoded;charset=UTF-8');
  }
  return { method: (init.method ?? from?.method ?? 'GET').toUpperCase(), url, headers, body };
}

function bytesOf(body: RequestInit['body']): Uint8Array | null {
  if (body === null || body === undefined) return null;
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof URLSearchParams) return Buffer.from(body.toString());
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  throw new TypeError('A body here is text or bytes.');
}

async function exchange(sent: Sent): Promise<DoorResponse> {
  if (broken) throw new TypeError('fetch failed: the door is closed');
  try {
    await writeAll(headOf(sent));
    if (sent.body?.length) await writeAll(sent.body);
    return await readResponse(sent);
  } catch (cause) {
    broken = true;
    throw new TypeError('fetch failed', { cause });
  }
}

const LINE_BREAK = /[\r\n\0]/;

function headOf({ method, url, headers, body }: Sent): Buffer {
  headers.set('host', BROKER);
  headers.set('x-egress-host', url.host);
  headers.set('x-egress-scheme', url.protocol.slice(0, -1));
  headers.set('accept-encoding', 'identity');
  headers.delete('connection');
  headers.delete('transfer-encoding');
  if (body !== null) headers.set('content-length', String(body.length));
  const lines = [`${method} ${url.pathname}${url.search} HTTP/1.1`, ...headers.lines()];
  if (lines.some((line) => LINE_BREAK.test(line))) throw new TypeError('A header holds a line break.');
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

async function readResponse(sent: Sent): Promise<DoorResponse> {
  for (;;) {
    const head = await readUntil('\r\n\r\n', MAX_HEAD_BYTES);
    const [statusLine = '', ...lines] = head.split('\r\n');
    const [, status, statusText = ''] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(statusLine) ?? [];
    if (status === undefined) throw new Error('The answer is not HTTP.');
    const code = Number(status);
    // Interim answers (1xx) come before the real one.
    if (code < 200) continue;
    const headers = new DoorHeaders();
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
    }
    if (headers.get('connection')?.toLowerCase() === 'close') broken = true;
    const bare = sent.method === 'HEAD' || STATUS_WITHOUT_BODY.has(code);
    const body = bare ? Buffer.alloc(0) : await readBody(headers);
    return new DoorResponse(code, statusText, headers, sent.url.href, body);
  }
}

async function readBody(headers: DoorHeaders): Promise<Buffer> {
  if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') return readChunks();
  const length = headers.get('content-length');
  if (length !== null) return readExactly(Number(length));
  // Neither length nor chunks: the body ends with the connection, and so does the door.
  broken = true;
  while (await fill());
  return take(buffered.length);
}

async function readChunks(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (;;) {
    const size = Number.parseInt(await readUntil('\r\n', MAX_HEAD_BYTES), 16);
    if (!Number.isSafeInteger(size) || size < 0) throw new Error('A chunk has no size.');
    if (size === 0) break;
    chunks.push(await readExactly(size));
    await readUntil('\r\n', 2);
  }
  while ((await readUntil('\r\n', MAX_HEAD_BYTES)) !== '');
  return Buffer.concat(chunks);
}

async function readUntil(end: string, maxBytes: number): Promise<string> {
  for (;;) {
    const at = buffered.indexOf(end);
    if (at >= 0) {
      const text = take(at).toString('latin1');
      take(end.length);
      return text;
    }
    if (buffered.length > maxBytes) throw new Error('The answer has no end.');
    if (!(await fill())) throw new Error('The door was closed.');
  }
}

async function readExactly(length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let missing = length;
  while (missing > 0) {
    if (buffered.length === 0 && !(await fill())) throw new Error('The door was closed.');
    const chunk = take(Math.min(missing, buffered.length));
    chunks.push(chunk);
    missing -= chunk.length;
  }
  return Buffer.concat(chunks);
}

function take(length: number): Buffer {
  const taken = buffered.subarray(0, length);
  buffered = buffered.subarray(length);
  return taken;
}

/** False at the end of the stream. */
function fill(): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const bytes = Buffer.allocUnsafe(READ_BYTES);
    read(DOOR, bytes, 0, READ_BYTES, null, (error, count) => {
      if (error) return reject(error);
      if (count > 0) buffered = Buffer.concat([buffered, bytes.subarray(0, count)]);
      return resolve(count > 0);
    });
  });
}

function writeAll(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (from: number): void => {
      write(DOOR, bytes, from, bytes.length - from, null, (error, count) => {
        if (error) reject(error);
        else if (from + count < bytes.length) next(from + count);
        else resolve();
      });
    };
    next(0);
  });
}

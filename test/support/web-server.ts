/** Serves the web adapter on a free port of loopback, for its tests. */
import { type IncomingHttpHeaders, request as send } from 'node:http';
import express from 'express';
import { createWebAdapter, type WebAdapter } from '../../adapters/web/router.ts';
import type { Desk } from '../../adapters/web/workspace-api.ts';
import { onLoopback } from './on-loopback.ts';

export type Served = {
  port: number;
  url: string;
  logged: string[];
  dropConnections(): void;
  close(): Promise<void>;
};

export async function serveWeb({
  desk = null,
  ...web
}: Pick<WebAdapter, 'assistant'> & Partial<WebAdapter> & { desk?: Desk | null }): Promise<Served> {
  const logged: string[] = [];
  let port = 0;
  const app = express();
  app.use(
    createWebAdapter({
      mode: { kind: 'local', startAs: 'alice', desk },
      publicUrl: null,
      port: () => port,
      clientFolder: '/nonexistent',
      log: { error: (_fields, message) => logged.push(message) },
      ...web,
    }),
  );
  const server = await onLoopback(app);
  port = server.port;
  return {
    port,
    url: server.baseUrl,
    logged,
    dropConnections: server.dropConnections,
    close: server.stop,
  };
}

export type Answer = { status: number; headers: IncomingHttpHeaders; text: string; body: unknown };

/** One request with exactly these headers; `fetch` would not let a test forge Host or Sec-Fetch-Site. */
export function ask(
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string | string[]>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = send(
      { host: '127.0.0.1', port, path, method: options.method ?? 'GET', headers: options.headers ?? {} },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          const isJson = response.headers['content-type']?.includes('json') === true;
          const body: unknown = isJson ? JSON.parse(text) : null;
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body });
        });
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}

/** A JSON POST as a script would send it. */
export const post = (port: number, path: string, body: unknown, headers: Record<string, string> = {}) =>
  ask(port, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { guardLocal } from '../../../adapters/web/guard.ts';
import { NONCE_PLACEHOLDER } from '../../../adapters/web/pages.ts';
import { WebAssistant } from '../../support/web-assistant.ts';
import { ask, type Served, serveWeb } from '../../support/web-server.ts';

let folder: string;
let server: Served;
const start = async (rest: object = {}) => {
  server = await serveWeb({ assistant: new WebAssistant(), clientFolder: folder, ...rest });
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-pages-'));
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'index.html'), `<style nonce="${NONCE_PLACEHOLDER}"></style>`);
  await writeFile(join(folder, 'assets/app-1.js'), 'export {};');
  await writeFile(join(folder, 'logo.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => server.close());

describe('a page', () => {
  it('comes with a policy that allows our own script only, and a nonce of its own', async () => {
    await start();
    const [first, second] = [await ask(server.port, '/'), await ask(server.port, '/requests/x')];
    const nonceOf = (text: string) => /nonce="([^"]+)"/.exec(text)?.[1];
    expect(nonceOf(first.text)).toMatch(/^[A-Za-z0-9+/]{22}==$/);
    expect(nonceOf(first.text)).not.toBe(nonceOf(second.text));
    expect(first.headers['content-security-policy']).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonceOf(first.text)}'; connect-src 'self'; ` +
        "img-src 'self' data:; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; " +
        "require-trusted-types-for 'script'; trusted-types default",
    );
    expect(first.headers['cache-control']).toBe('no-store');
  });

  it('is guarded like everything else, but may be linked to', async () => {
    await start();
    const link = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    };
    expect((await ask(server.port, '/', { headers: link })).status).toBe(200);
    // What is no page is not, wherever it stands.
    expect((await ask(server.port, '/api/local/people', { headers: link })).status).toBe(403);
    expect((await ask(server.port, '/api/local/people')).status).toBe(200);
    expect((await ask(server.port, '/', { headers: { ...link, 'sec-fetch-dest': 'iframe' } })).status).toBe(
      403,
    );
    expect((await ask(server.port, '/', { headers: { host: 'evil.example' } })).status).toBe(403);
  });

  it('carries the headers of the house on every answer', async () => {
    await start();
    for (const path of ['/', '/assets/app-1.js', '/logo.svg', '/api/local/people', '/api/nothing']) {
      const { headers } = await ask(server.port, path);
      expect(headers, path).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers['content-security-policy'], path).toContain("frame-ancestors 'none'");
    }
  });

  it('keeps assets for ever and answers 404 for what is not there', async () => {
    await start();
    const asset = await ask(server.port, '/assets/app-1.js');
    expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect((await ask(server.port, '/assets/none.js')).status).toBe(404);
    expect((await ask(server.port, '/assets/..%2findex.html')).status).not.toBe(200);
    expect((await ask(server.port, '/nothing')).status).toBe(404);
  });
});

describe('without sign-in', () => {
  it('says in a sentence that the pages are off, and has no local API', async () => {
    await start({ mode: { kind: 'off' } });
    const page = await ask(server.port, '/waiting');
    expect([page.status, page.text]).toEqual([404, expect.stringContaining('The web workspace is off')]);
    expect((await ask(server.port, '/api/local/people')).status).toBe(404);
    expect((await ask(server.port, '/api/workspace/me')).status).toBe(404);
  });
});

describe('guardLocal for machines', () => {
  it('checks Host only', async () => {
    await start();
    const app = express().use(
      guardLocal({ port: () => port, publicUrl: null }, 'host'),
      (_request, response) => {
        response.send('ok');
      },
    );
    const listening = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => listening.once('listening', resolve));
    const { port } = listening.address() as { port: number };
    expect((await ask(port, '/healthz', { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(200);
    expect((await ask(port, '/healthz', { headers: { host: 'evil.example' } })).status).toBe(403);
    listening.close();
  });
});

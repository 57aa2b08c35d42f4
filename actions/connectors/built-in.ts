/** How connectors speak to the built-in systems: JSON both ways, errors as `{code, message}` in our own words. */
import type { Tools } from '../../src/action.ts';
import { type Fields, isFields, refusedBy, text, unclear } from './answer.ts';

export type Answer = { ok: true; fields: Fields } | { ok: false; code: string; message: string };

async function ask(tools: Tools, system: string, url: string, init: RequestInit): Promise<Answer> {
  const response = await tools.fetch(url, init);
  const refused = refusedBy((name) => response.headers.get(name));
  if (refused !== null) {
    if (refused.sent) throw unclear(system, refused.reason);
    return { ok: false, code: refused.reason, message: `The call to ${system} was refused before it left.` };
  }
  if (response.status >= 500) throw unclear(system, String(response.status));
  const body: unknown = await response.json();
  if (!isFields(body)) throw unclear(system, 'not JSON');
  if (response.ok) return { ok: true, fields: body };
  return { ok: false, code: text(body, 'code') || 'rejected', message: text(body, 'message') };
}

export function read(tools: Tools, system: string, url: string): Promise<Answer> {
  return ask(tools, system, url, { method: 'GET' });
}

/** Sends a write with this execution's key: the built-in systems do it once, however often it comes. */
export function write(tools: Tools, system: string, url: string, body: Fields): Promise<Answer> {
  return ask(tools, system, url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': tools.idempotencyKey },
    body: JSON.stringify(body),
  });
}

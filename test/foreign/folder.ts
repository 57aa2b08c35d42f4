/** Folders of actions as authors have them, in the machine's folder for temporary things. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach } from 'vitest';

const made: string[] = [];

/** Removed after the test. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'own-actions-'));
  made.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

export function removeFolders(): void {
  afterEach(() => {
    for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
}

/** A small action that reads; `head` stands before it, `more` replaces fields of it. */
export function sourceOf(head: string, more = ''): string {
  return `${head}
import { defineAction, done, z } from 'countersign/action';
export const action = defineAction({
  name: 'lamp.look',
  title: 'Look at the lamp',
  description: 'Says whether the lamp is on.',
  examples: ['is the lamp on'],
  system: 'the lamp',
  input: z.strictObject({}),
  effect: 'read',
  risk: 'low',
  resource: { type: 'Lamp', id: 'lamp' },
  egress: { look: { method: 'GET', host: 'lamp.example', path: '/lamp' } },
  idempotency: 'natural',
  preview: async () => ({ summary: 'Look at the lamp.' }),
  run: async () => done('It is on.'),
  ${more}
});
`;
}

/** What a kill switch may name of an operator's own actions, on the command line too. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { outsideNames } from '../../src/foreign/outside.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kill-names-'));
  mkdirSync(join(home, 'own'), { mode: 0o700 });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));
const config = () => ({ folder: join(home, 'own'), reviewed: join(home, 'reviewed.json'), assign: {} });
const names = () => outsideNames(config(), { production: false });

it('names each action of the folder, reviewed or not, and its connector', () => {
  writeFileSync(join(home, 'own', 'memo.add.ts'), 'export {};\n');
  expect(names()).toEqual({ actions: ['memo.add'], connectors: ['outside-memo.add'] });
  expect(outsideNames(null, { production: true })).toEqual({ actions: [], connectors: [] });
});

it('knows nothing where the files are broken, so that nobody is kept from stopping something', () => {
  writeFileSync(join(home, 'reviewed.json'), '{', { mode: 0o600 });
  expect(names()).toBeNull();
});

import { hkdfSync } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadKeys, newMasterKey, newSigningKey } from '../../src/audit/keys.ts';

let dataDir = '';
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'countersign-keys-'));
});
afterEach(async () => {
  await rm(dataDir, { recursive: true });
});

describe('keys', () => {
  test('are made at the first start, readable by the owner only, and are the same at the next', async () => {
    const first = await loadKeys({ dataDir, make: true });
    const second = await loadKeys({ dataDir, make: true });
    expect(first.made).toHaveLength(2);
    expect(second.made).toEqual([]);
    expect(second.macKey).toEqual(first.macKey);
    expect(second.signer.vkey).toBe(first.signer.vkey);
    expect(first.signer.name).toMatch(/^countersign-[0-9a-f]{8}$/);
    for (const path of first.made) expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(dataDir)).toHaveLength(2);
  });

  test('are the same for two first starts at once', async () => {
    const [one, two] = await Promise.all([
      loadKeys({ dataDir, make: true }),
      loadKeys({ dataDir, make: true }),
    ]);
    expect(one.macKey).toEqual(two.macKey);
    expect(one.signer.vkey).toBe(two.signer.vkey);
  });

  test('given ones win, and then nothing is made', async () => {
    const masterKey = newMasterKey();
    const keys = await loadKeys({ dataDir, masterKey, signingKey: newSigningKey(), make: true });
    const mac = hkdfSync('sha256', Buffer.from(masterKey, 'base64'), '', 'countersign/audit-mac/v1', 32);
    expect(keys.macKey).toEqual(Buffer.from(mac));
    expect(keys.wrapKey).not.toEqual(keys.macKey);
    expect(await readdir(dataDir)).toEqual([]);
  });

  test('are not made where that is not allowed', async () => {
    await expect(loadKeys({ dataDir, make: false })).rejects.toMatchObject({ code: 'key_invalid' });
    expect(await readdir(dataDir)).toEqual([]);
  });

  test('a file that others could read is tightened', async () => {
    const { made } = await loadKeys({ dataDir, make: true });
    await Promise.all(made.map((path) => chmod(path, 0o644)));
    await loadKeys({ dataDir, make: true });
    for (const path of made) expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test.each([
    ['MASTER_KEY', { masterKey: Buffer.alloc(31, 7).toString('base64') }],
    ['MASTER_KEY', { masterKey: Buffer.alloc(32, 255).toString('base64url') }],
    ['AUDIT_SIGNING_KEY', { signingKey: `PRIVATE+KEY+x+00000000+${Buffer.alloc(33, 1).toString('base64')}` }],
  ])('a wrong %s is named and never shown', async (variable, given) => {
    const [secret = ''] = Object.values(given);
    const failure = await loadKeys({ dataDir, make: true, ...given }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'key_invalid', message: expect.stringContaining(variable) });
    expect(String(failure)).not.toContain(secret);
  });

  test('a damaged file stops the start instead of being replaced', async () => {
    const { made } = await loadKeys({ dataDir, make: true });
    const path = made[0] ?? '';
    await writeFile(path, 'damaged\n');
    await expect(loadKeys({ dataDir, make: true })).rejects.toMatchObject({ code: 'key_invalid' });
    expect(await readFile(path, 'utf8')).toBe('damaged\n');
  });
});

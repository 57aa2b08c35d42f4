/** A small tmpfs as data folder: what a full disk looks like, and that nothing half-made is taken for good. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { layoutOf } from '../../src/store/embedded/folder.ts';
import { startEmbedded } from '../../src/store/embedded.ts';
import { openDatabase } from '../../src/store/postgres.ts';

const mounted: string[] = [];
const options = { log: () => undefined };

function mountSmall(megabytes: number): string | null {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-small-'));
  const { status } = spawnSync(
    'mount',
    ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'tmpfs', folder],
    { stdio: 'ignore' },
  );
  if (status === 0) mounted.push(folder);
  else rmSync(folder, { recursive: true });
  return status === 0 ? folder : null;
}

function grow(folder: string, megabytes: number): void {
  spawnSync('mount', ['-o', `remount,size=${megabytes}m`, folder]);
}

function unmountAll(): void {
  for (const folder of mounted.splice(0)) {
    spawnSync('umount', [folder]);
    rmSync(folder, { recursive: true, force: true });
  }
}

const canMount = mountSmall(1) !== null;
unmountAll();

describe.skipIf(!canMount)('a full disk (needs the right to mount)', () => {
  afterEach(unmountAll);

  test.each([1, 8, 24])(
    'of %i MB at the first start is an error by code that leaves no cluster behind',
    async (megabytes) => {
      const dataFolder = mountSmall(megabytes)!;
      await expect(startEmbedded({ dataFolder, ...options })).rejects.toMatchObject({ code: 'disk_full' });
      expect(existsSync(layoutOf(dataFolder).cluster)).toBe(false);
      grow(dataFolder, 200);
      const server = await startEmbedded({ dataFolder, ...options });
      await server.stop();
    },
  );

  test('in the middle of work is an error by code; what was committed is there once there is space', async () => {
    const dataFolder = mountSmall(72)!;
    const server = await startEmbedded({ dataFolder, ...options });
    const database = openDatabase({ url: server.ownerUrl, onError: () => undefined });
    await database.query('CREATE TABLE filler (id int PRIMARY KEY, text text)');
    let kept = 0;
    const fill = async () => {
      for (;;) {
        // Random, so that PostgreSQL cannot compress it.
        await database.query(
          `INSERT INTO filler SELECT $1, string_agg(md5(random()::text), '') FROM generate_series(1, 16384)`,
          [kept],
        );
        kept += 1;
      }
    };
    const problem = await fill().catch((error: unknown) => error);
    // A full table is PostgreSQL's 53100; a full log stops the server.
    expect(problem).toBeInstanceOf(AppError);
    expect(['disk_full', 'database_unavailable']).toContain((problem as AppError).code);
    await database.close();
    await server.stop();
    grow(dataFolder, 300);
    const again = await startEmbedded({ dataFolder, ...options });
    const reopened = openDatabase({ url: again.ownerUrl, onError: () => undefined });
    expect(await reopened.one('SELECT count(*) AS rows FROM filler')).toEqual({ rows: kept });
    await reopened.close();
    await again.stop();
  });
});

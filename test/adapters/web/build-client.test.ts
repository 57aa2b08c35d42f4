import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildClient } from '../../../adapters/web/build-client.ts';
import { NONCE_PLACEHOLDER } from '../../../adapters/web/pages.ts';

let parent: string;
let outFolder: string;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'countersign-build-'));
  outFolder = join(parent, 'web');
});
afterAll(() => rm(parent, { recursive: true }));

describe('building the client', () => {
  it('builds where there is nothing, and leaves nothing else behind', async () => {
    const there: boolean[] = [];
    const onBuild = () => there.push(existsSync(outFolder));
    expect(await buildClient({ outFolder, onBuild })).toEqual({ built: true });
    // It was said once, before.
    expect(there).toEqual([false]);
    expect(await readdir(parent)).toEqual(['web']);
    expect(process.env.NODE_ENV).toBe('test');
  });

  it('does nothing while the sources are the same', async () => {
    const before = (await stat(join(outFolder, 'index.html'))).mtimeMs;
    const onBuild = () => expect.fail('nothing is built');
    expect(await buildClient({ outFolder, onBuild })).toEqual({ built: false });
    expect((await stat(join(outFolder, 'index.html'))).mtimeMs).toBe(before);
  });

  it('builds again when it was made of other sources', async () => {
    await writeFile(join(outFolder, 'sources.sha256'), 'of another day');
    await writeFile(join(outFolder, 'left-over.js'), '');
    expect(await buildClient({ outFolder })).toEqual({ built: true });
    expect(await readdir(outFolder)).not.toContain('left-over.js');
  });

  it('is done by several starts at once as by one', async () => {
    await writeFile(join(outFolder, 'sources.sha256'), 'of another day');
    const starts = await Promise.allSettled(Array.from({ length: 3 }, () => buildClient({ outFolder })));
    expect(starts).toEqual(Array(3).fill({ status: 'fulfilled', value: { built: true } }));
    expect(await readdir(parent)).toEqual(['web']);
    expect(await buildClient({ outFolder })).toEqual({ built: false });
  });

  it('asks nobody but ourselves: no other host, no inline script, every tag with the nonce', async () => {
    const page = await readFile(join(outFolder, 'index.html'), 'utf8');
    expect(page).not.toMatch(/https?:\/\//);
    expect(page).not.toMatch(/<script(?![^>]*\bsrc=)/);
    const tags = page.match(/<(script|style|link rel="stylesheet")[^>]*>/g) ?? [];
    expect(tags.length).toBeGreaterThan(1);
    for (const tag of tags) expect(tag).toContain(`nonce="${NONCE_PLACEHOLDER}"`);
  });
});

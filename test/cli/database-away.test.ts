import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { linesOf, makePlace, said } from './cli.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const MENDS = /does not answer at the moment\. Look at DATABASE_URL.*npx countersign doctor/;

const place = makePlace();
afterAll(() => place.remove());
const url = async (): Promise<string> => `postgres://someone:sesame@127.0.0.1:${await freePort()}/x`;

describe('where the database does not answer', () => {
  it.each([['migrate'], ['audit key'], ['links list'], ['kill status']])(
    '%s says what to look at, and shows no password',
    async (words) => {
      const env = { COUNTERSIGN_DATA: place.data, DATABASE_URL: await url() };
      const { exit, stderr } = await said(words.split(' '), env);
      expect({ exit, stderr }).toMatchObject({ exit: 1, stderr: expect.stringMatching(MENDS) });
      expect(stderr).not.toContain('sesame');
    },
  );

  it('a program is told the same', async () => {
    const env = { COUNTERSIGN_DATA: place.data, DATABASE_URL: await url() };
    const { stderr } = await said(['kill', 'status', '--json'], env);
    expect(linesOf(stderr)).toMatchObject([
      { error: { code: 'database_unavailable', message: expect.stringMatching(MENDS) } },
    ]);
  });

  it('the start says it too', async () => {
    const { PATH = '' } = process.env;
    const child = spawn(process.execPath, [MAIN], {
      cwd: place.folder,
      env: { PATH, COUNTERSIGN_DATA: place.data, DATABASE_URL: await url(), LOG_LEVEL: 'silent' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [words, [exit]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect({ exit, words }).toMatchObject({ exit: 1, words: expect.stringMatching(MENDS) });
    expect(words).not.toMatch(/^ +at /m);
  });
});

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32, inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { buildPackage, NO_APP, problemsOf } from '../../../adapters/teams/app/build.ts';
import { colorIcon, outlineIcon } from '../../../adapters/teams/app/icons.ts';
import { COMMANDS, SCOPES } from '../../../adapters/teams/needs.ts';
import { APP } from '../../support/teams/fake-connector.ts';

const built = (appId = APP, publicUrl: string | null = null) => buildPackage({ appId, publicUrl });

/** Reads an archive by its central directory, as Teams does. */
function entriesOf(archive: Buffer): Map<string, Buffer> {
  const end = archive.length - 22;
  expect(archive.readUInt32LE(end)).toBe(0x06054b50);
  const entries = new Map<string, Buffer>();
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [crc, size, nameLength, offset] = [16, 24, 28, 42].map((field, index) =>
      index === 2 ? archive.readUInt16LE(at + field) : archive.readUInt32LE(at + field),
    ) as [number, number, number, number];
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    const start = offset + 30 + archive.readUInt16LE(offset + 26) + archive.readUInt16LE(offset + 28);
    const data = archive.subarray(start, start + size);
    expect(crc32(data)).toBe(crc);
    entries.set(name, data);
    at += 46 + nameLength;
  }
  return entries;
}

describe('the app package', () => {
  test('holds the manifest and both icons, and is the same every time', () => {
    const { archive, manifest } = built();
    const entries = entriesOf(archive);
    expect([...entries.keys()]).toEqual(['manifest.json', 'color.png', 'outline.png']);
    expect(JSON.parse(entries.get('manifest.json')!.toString('utf8'))).toEqual(manifest);
    expect(built().archive.equals(archive)).toBe(true);
  });

  test('carries the id and the address of this installation', () => {
    const { manifest } = built(APP.toUpperCase(), 'https://countersign.acme.example/');
    expect(manifest).toMatchObject({ id: APP, bots: [{ botId: APP }] });
    expect(JSON.stringify(manifest)).toContain('https://countersign.acme.example/privacy');
    expect(JSON.stringify(manifest)).not.toContain('countersign.example.com');
  });

  test.each([
    ['an id that is none', 'countersign', null],
    ['an address that Teams does not take', APP, 'http://127.0.0.1:3000'],
  ])('is not made for %s', (_name, appId, publicUrl) => {
    expect(() => built(appId, publicUrl)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  test.each([
    ['without either', '', '', ['MicrosoftAppId is not set', 'PUBLIC_URL is not set']],
    ['without an address', APP, '', ['PUBLIC_URL is not set']],
    ['with both', APP, 'https://countersign.acme.example', []],
  ])('is made by its command, which says what makes it none for upload: %s', (_name, id, url, warnings) => {
    const cwd = mkdtempSync(path.join(tmpdir(), 'teams-package-'));
    const command = path.resolve('adapters/teams/app/package.ts');
    const options = ['--app-id', id, '--public-url', url];
    const { stdout, stderr } = spawnSync(process.execPath, [command, ...options], { cwd, encoding: 'utf8' });
    rmSync(cwd, { recursive: true });
    expect(stdout).toBe('dist/countersign-teams.zip\n');
    const said = stderr.split('\n').filter((line) => line !== '');
    expect(said).toEqual(warnings.map((words) => expect.stringContaining(words)));
  });

  test("fits Microsoft's schema, which bites", () => {
    const { manifest } = built(NO_APP);
    expect(problemsOf(manifest)).toEqual([]);
    const [bot] = manifest.bots;
    expect(problemsOf({ ...manifest, bots: [{ ...bot, scopes: ['everywhere'] }] })).not.toEqual([]);
    expect(problemsOf({ ...manifest, name: { short: 'x'.repeat(31), full: 'x' } })).not.toEqual([]);
  });

  test('asks for what the code serves and nothing else', () => {
    const [bot] = built().manifest.bots as {
      scopes: string[];
      commandLists: { scopes: string[]; commands: { title: string }[] }[];
    }[];
    expect(bot?.scopes).toEqual([...SCOPES]);
    expect(bot?.commandLists.flatMap(({ commands }) => commands.map(({ title }) => title))).toEqual([
      ...COMMANDS,
    ]);
    expect(built().manifest).not.toHaveProperty('permissions');
    expect(built().manifest).not.toHaveProperty('authorization');
    expect(built().manifest).not.toHaveProperty('webApplicationInfo');
  });
});

describe('an icon', () => {
  const pixels = (file: Buffer) => {
    const size = file.readUInt32BE(16);
    const length = file.readUInt32BE(33);
    const raw = inflateSync(file.subarray(41, 41 + length));
    const at = (x: number, y: number) => {
      const from = y * (1 + size * 4) + 1 + x * 4;
      return [...raw.subarray(from, from + 4)];
    };
    return { size, at };
  };

  test('in colour is 192 wide and full', () => {
    const { size, at } = pixels(colorIcon());
    expect(size).toBe(192);
    expect(at(0, 0)).toEqual([26, 29, 33, 255]);
    expect(at(96, 60)).toEqual([88, 196, 141, 255]);
  });

  test('in outline is 32 wide, white on nothing', () => {
    const { size, at } = pixels(outlineIcon());
    expect(size).toBe(32);
    const all = Array.from({ length: 32 * 32 }, (_, index) => at(index % 32, Math.floor(index / 32)));
    expect(all.every(([red, green, blue]) => red === 255 && green === 255 && blue === 255)).toBe(true);
    expect(at(0, 0)[3]).toBe(0);
    expect(all.some(([, , , alpha]) => alpha === 255)).toBe(true);
  });
});

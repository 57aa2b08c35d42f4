import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileDirectory, loadDirectory } from '../../src/directory/file.ts';
import { AppError } from '../../src/errors.ts';
import { PrincipalId } from '../../src/model/ids.ts';

const alice = PrincipalId.parse('alice');
const SAMPLES = join(import.meta.dirname, '../../samples/people.yaml');
const GOOD = `groups:
  staff: {title: Staff, contact: desk}
people:
  - id: alice
    name: Alice Adams
    groups: [staff]
    accounts:
      - {platform: slack, enterprise: E0AAA, team: T0AAA, user: U0AAA}
      - {platform: teams, tenant: 11111111-aaaa-4aaa-8aaa-111111111111, oid: 22222222-bbbb-4bbb-8bbb-222222222222}
      - {platform: web, issuer: 'https://login.example.com', subject: '00u1'}
  - id: gone
    name: Gone Green
    active: false
    accounts:
      - {platform: slack, team: T0AAA, user: U0GONE}
`;

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'directory-'));
  file = join(folder, 'people.yaml');
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(text: string, mode = 0o644): string {
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}
const refusal = (text: string, mode?: number, production = false): string => {
  try {
    loadDirectory(write(text, mode), { production });
  } catch (error) {
    if (error instanceof AppError && error.code === 'directory_invalid') return error.message;
    throw error;
  }
  return 'accepted';
};

describe('the directory file', () => {
  it('knows a person by every linked account', async () => {
    const directory = fileDirectory(write(GOOD), { production: false });
    const expected = { kind: 'known', principal: { id: 'alice', name: 'Alice Adams', groups: ['staff'] } };
    const slack = { platform: 'slack', enterprise: 'E0AAA', team: 'T0AAA', user: 'U0AAA' } as const;
    const teams = {
      platform: 'teams',
      tenant: '11111111-AAAA-4aaa-8aaa-111111111111',
      user: '22222222-BBBB-4bbb-8bbb-222222222222',
    } as const;
    const web = { platform: 'web', issuer: 'https://login.example.com', subject: '00u1' } as const;
    for (const account of [slack, teams, web]) {
      expect(await directory.identify(account)).toMatchObject(expected);
    }
  });

  it('does not know the same user id of another workspace, enterprise, tenant or issuer', async () => {
    const directory = fileDirectory(write(GOOD), { production: false, localIssuer: false });
    const strangers = [
      { platform: 'slack', enterprise: 'E0AAA', team: 'T0BBB', user: 'U0AAA' },
      { platform: 'slack', enterprise: null, team: 'T0AAA', user: 'U0AAA' },
      { platform: 'slack', enterprise: 'E0AAA', team: 'T0AAA', user: 'U0BBB' },
      { platform: 'teams', tenant: 'other', user: '22222222-bbbb-4bbb-8bbb-222222222222' },
      { platform: 'web', issuer: 'https://evil.example.com', subject: '00u1' },
      { platform: 'web', issuer: 'local', subject: 'alice' },
    ] as const;
    for (const account of strangers) expect(await directory.identify(account)).toEqual({ kind: 'unknown' });
  });

  it('tells an inactive person from a stranger, and lists them nowhere', async () => {
    const directory = fileDirectory(write(GOOD), { production: false });
    const account = { platform: 'slack', enterprise: null, team: 'T0AAA', user: 'U0GONE' } as const;
    expect(await directory.identify(account)).toEqual({ kind: 'inactive', principal: 'gone' });
    expect(await directory.byId(PrincipalId.parse('gone'))).toBeNull();
    expect((await directory.people()).map((person) => person.id)).toEqual(['alice']);
  });

  it('links local accounts by itself in local mode', async () => {
    const directory = fileDirectory(SAMPLES, { production: false, localIssuer: true });
    const found = await directory.identify({ platform: 'web', issuer: 'local', subject: 'alice' });
    expect(found).toMatchObject({
      kind: 'known',
      principal: { id: 'alice', groups: ['employees', 'engineers'] },
    });
  });

  it('takes over a changed file when told, and keeps the old one when the new one is wrong', async () => {
    const directory = fileDirectory(write(GOOD), { production: false });
    write(GOOD.replace('groups: [staff]', 'groups: []'));
    expect((await directory.byId(alice))?.groups).toEqual(['staff']);
    directory.reload();
    expect((await directory.byId(alice))?.groups).toEqual([]);
    write('people: 1');
    expect(() => directory.reload()).toThrow(AppError);
    expect((await directory.byId(alice))?.groups).toEqual([]);
  });

  it('takes over nothing that whoever depends on it refuses', async () => {
    const directory = fileDirectory(write(GOOD), { production: false });
    write(GOOD.replace('groups: [staff]', 'groups: []'));
    const refuse = () => {
      throw new AppError('policy_invalid', 'a rule names a group that is gone');
    };
    expect(() => directory.reload(refuse)).toThrow('a rule names a group that is gone');
    expect((await directory.byId(alice))?.groups).toEqual(['staff']);
  });

  it('holds the sample people of the contract', async () => {
    const directory = fileDirectory(SAMPLES, { production: false, localIssuer: true });
    const ids = async (group: string) => (await directory.members(group)).map((person) => person.id);
    expect(await ids('employees')).toEqual(['alice', 'bob', 'carol', 'dave', 'erin']);
    expect(await ids('engineers')).toEqual(['alice', 'bob', 'carol']);
    expect(await ids('oncall')).toEqual(['bob', 'carol']);
    expect(await ids('operators')).toEqual(['erin']);
  });
});

describe('a directory file is refused with file, line and reason', () => {
  it.each([
    [
      'an unknown key',
      GOOD.replace('name: Alice', 'nick: al\n    name: Alice'),
      5,
      'nick: is not a known key',
    ],
    ['an unknown group', GOOD.replace('[staff]', '[admins]'), 6, '"admins" is not declared'],
    ['a person listed twice', GOOD.replace('id: gone', 'id: alice'), 11, 'listed twice'],
    ['a name for a Slack id', GOOD.replace('U0AAA', 'alice'), 8, 'not a Slack user id'],
    ['an address for an id', GOOD.replace(/oid: [0-9a-f-]+/, 'oid: al@example.com'), 9, 'not an id'],
    ['a subject with a space', GOOD.replace("'00u1'", "'al example'"), 10, 'not a subject'],
    ['a subject of another script', GOOD.replace("'00u1'", "'аl'"), 10, 'not a subject'],
    ['a subject that is too long', GOOD.replace('00u1', 'a'.repeat(256)), 10, 'not a subject'],
    ['the reserved issuer', GOOD.replace('https://login.example.com', 'local'), 10, 'reserved'],
    ['a reserved group', GOOD.replace('staff: {', 'none: {'), 2, 'reserved'],
    ['a name that hides its order', GOOD.replace('Alice Adams', '"Alice \\u202E Adams"'), 5, 'invisible'],
    ['a key twice', GOOD.replace('name: Alice Adams', 'name: A\n    name: B'), 6, 'unique'],
    ['broken YAML', GOOD.replace('[staff]', '[staff'), 7, ''],
  ])('%s', (_name, text, line, reason) => {
    const message = refusal(text);
    expect(message).toContain(`${file}:${line}: `);
    expect(message).toContain(reason);
  });

  it('a YAML alias', () => {
    const aliased = GOOD.replace('groups: [staff]', 'groups: &g [staff]').replace(
      'active: false',
      'groups: *g',
    );
    expect(refusal(aliased)).toContain('aliases (*name) are not accepted');
  });

  it('an account linked to two people', () => {
    const stolen = GOOD.replace(
      '{platform: slack, team: T0AAA, user: U0GONE}',
      '{platform: slack, enterprise: E0AAA, team: T0AAA, user: U0AAA}',
    );
    expect(refusal(stolen)).toContain(`${file}:15: this account is linked to "alice" already`);
  });
});

describe('who may write the directory file', () => {
  it('refuses a file that others may write, everywhere', () => {
    expect(refusal(GOOD, 0o646)).toContain('may be written by others');
  });
  it('refuses a file that its group may write in production only', () => {
    expect(refusal(GOOD, 0o664)).toBe('accepted');
    expect(refusal(GOOD, 0o664, true)).toContain('may be written by its group');
  });
  it('refuses a folder in which others could replace the file', () => {
    chmodSync(folder, 0o777);
    expect(refusal(GOOD)).toContain(`${folder}: may be written by others`);
  });
  it('says which file is missing', () => {
    expect(() => loadDirectory(join(folder, 'absent.yaml'), { production: false })).toThrow(
      /absent.yaml: does not exist/,
    );
  });
});

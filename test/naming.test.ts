import { describe, expect, it } from 'vitest';
import type { Judging } from '../src/judging.ts';
import type { PrincipalId, RequestId } from '../src/model/ids.ts';
import type { Directory } from '../src/model/ports.ts';
import type { Principal } from '../src/model/principal.ts';
import { personNamed, requestNamed, requestReported } from '../src/naming.ts';
import type { PartDeps } from '../src/part.ts';
import { storeRequest } from './support/core.ts';
import { useDatabase } from './support/database.ts';

const ALICE = 'alice' as PrincipalId;
const BOB = 'bob' as PrincipalId;
/** Nobody may approve: whoever asked for something has a part in it, and nobody else. */
const deps: PartDeps = { judging: {} as Judging, personById: async () => null };

describe('a request named by how its id begins', () => {
  const database = useDatabase();
  const id = (beginning: string) => `${beginning}${crypto.randomUUID().slice(beginning.length)}` as RequestId;
  const stored = (beginning: string, requester: PrincipalId) =>
    storeRequest(database.db, { id: id(beginning), requester });
  const named = (beginning: string, by: PrincipalId) => requestNamed(database.db, deps, beginning, by);

  it('is looked for among those of whoever writes it, and told from more of them', async () => {
    const first = await stored('aaaaaaaa-1', ALICE);
    const other = await stored('aaaaaaaa-2', BOB);
    expect(await named('aaaaaaaa', ALICE)).toEqual({ kind: 'one', request: first.id });
    expect(await named('AAAAAAAA', BOB)).toEqual({ kind: 'one', request: other.id });
    const second = await stored('aaaaaaaa-3', ALICE);
    expect(await named('aaaaaaaa', ALICE)).toEqual({ kind: 'several' });
    expect(await named('aaaaaaaa-3', ALICE)).toEqual({ kind: 'one', request: second.id });
    expect(await named('aaaaaaaa3', ALICE)).toEqual({ kind: 'one', request: second.id });
    expect(await named('aaaaaaaa-2', ALICE)).toEqual({ kind: 'none' });
    expect(await named('aaaaaaab', ALICE)).toEqual({ kind: 'none' });
  });

  it('means by a whole id that one, whosever it is', async () => {
    const { id: whole } = await stored('bbbbbbbb', BOB);
    expect(await named(whole.toUpperCase(), ALICE)).toEqual({ kind: 'one', request: whole });
  });

  it('may be anybody’s where something looks wrong with it, and is none where it could be two', async () => {
    const { id: whole } = await stored('cccccccc-1', BOB);
    expect(await requestReported(database.db, 'cccccccc')).toBe(whole);
    await stored('cccccccc-2', ALICE);
    expect(await requestReported(database.db, 'cccccccc')).toBeNull();
    expect(await requestReported(database.db, whole)).toBe(whole);
    expect(await requestReported(database.db, 'cccccccd')).toBeNull();
  });
});

describe('a person named in a command', () => {
  const person = (id: string, name: string): Principal => ({
    id: id as PrincipalId,
    name,
    groups: [],
    accounts: [],
  });
  const people = [person('bob', 'Bob Brown'), person('carol', 'Carol Clark'), person('c2', 'Carol Clark')];
  const directory = {
    people: async () => people,
    identify: async (account: { user: string }) => {
      const principal = people.find(({ id }) => `U${id}` === account.user);
      return principal === undefined ? { kind: 'unknown' } : { kind: 'known', principal };
    },
  } as unknown as Directory;
  const mention = (words: string, user: string) => ({
    words,
    account: { platform: 'slack' as const, enterprise: null, team: 'T', user },
  });
  const named = async (words: string, ...mentions: ReturnType<typeof mention>[]) =>
    (await personNamed(directory, words, mentions))?.id ?? null;

  it('is found by id, and by the whole name of one person', async () => {
    expect(await named('@Bob')).toBe('bob');
    expect(await named(' bob   brown ')).toBe('bob');
    expect(await named('Carol Clark')).toBeNull();
    expect(await named('Bob B')).toBeNull();
  });

  it('is whom a mention means, whatever it reads', async () => {
    expect(await named('@Ubob', mention('@Ubob', 'Ubob'))).toBe('bob');
    expect(await named('Carol Clark', mention('Carol  Clark', 'Uc2'))).toBe('c2');
    expect(await named('bob', mention('somebody else', 'Ucarol'))).toBe('bob');
  });

  it('is nobody where a mention means somebody unknown, or two of them read the same', async () => {
    expect(await named('Bob Brown', mention('Bob Brown', 'Uanother'))).toBeNull();
    expect(await named('Carol', mention('Carol', 'Ucarol'), mention('Carol', 'Uc2'))).toBeNull();
  });
});

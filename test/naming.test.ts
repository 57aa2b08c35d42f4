import { describe, expect, it } from 'vitest';
import type { Judging } from '../src/judging.ts';
import type { PrincipalId, RequestId } from '../src/model/ids.ts';
import { requestNamed, requestReported } from '../src/naming.ts';
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

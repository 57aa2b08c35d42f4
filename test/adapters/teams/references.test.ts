import { describe, expect, test } from 'vitest';
import { remembering, storedReferences } from '../../../adapters/teams/references.ts';
import { useDatabase } from '../../support/database.ts';
import { memoryReferences } from './harness.ts';

const chat = { tenant: 't1', conversation: 'a:1', serviceUrl: 'https://eu.example/', person: 'p1' };
const database = useDatabase();

describe('the way back', () => {
  test('is kept by the application, and follows where Teams moves it', async () => {
    const references = storedReferences(database.db);
    expect(await references.get('t1', 'a:1')).toBeNull();
    await references.set(chat);
    await references.set({ ...chat, serviceUrl: 'https://us.example/' });
    expect(await references.get('t1', 'a:1')).toEqual({ ...chat, serviceUrl: 'https://us.example/' });
    expect(await references.personal('t1', 'p1')).toMatchObject({ conversation: 'a:1' });
  });

  test('of one tenant or person is nobody else\u2019s', async () => {
    const references = storedReferences(database.db);
    await references.set({ ...chat, conversation: 'a:2', person: 'p2' });
    expect(await references.get('t2', 'a:2')).toBeNull();
    expect(await references.personal('t2', 'p2')).toBeNull();
    expect(await references.personal('t1', 'p3')).toBeNull();
  });
});

test('what is known is not written again; what changed is', async () => {
  const stored = memoryReferences();
  const references = remembering(stored);
  for (let time = 0; time < 5; time += 1) await references.set(chat);
  expect(stored.writes).toBe(1);
  await references.set({ ...chat, serviceUrl: 'https://us.example/' });
  expect(stored.writes).toBe(2);
  expect(await references.get('t1', 'a:1')).toMatchObject({ serviceUrl: 'https://us.example/' });
});

import { expect, test } from 'vitest';
import { openDatabase } from '../../src/store/postgres.ts';
import { asSuperuser, useDatabase as ownDatabase } from '../support/database.ts';

const t = ownDatabase();

/** Hands out what was heard, in order, one at a time. */
function mailbox(): { hear: (payload: string) => void; next: () => Promise<string>; size: () => number } {
  const waiting: string[] = [];
  const takers: ((payload: string) => void)[] = [];
  return {
    hear: (payload) => {
      const taker = takers.shift();
      if (taker === undefined) waiting.push(payload);
      else taker(payload);
    },
    next: async () => waiting.shift() ?? (await new Promise<string>((resolve) => takers.push(resolve))),
    size: () => waiting.length,
  };
}

test('what is notified in a transaction is heard once it commits, in order', async () => {
  const box = mailbox();
  const stop = await t.db.listen('order', box.hear);
  await t.db.transaction(async (tx) => {
    await tx.query(`SELECT pg_notify('order', '1'), pg_notify('order', '2')`);
    await t.db.query(`SELECT pg_notify('order', '0')`);
  });
  expect([await box.next(), await box.next(), await box.next()]).toEqual(['0', '1', '2']);
  await stop();
});

test('what is notified in a transaction that is undone is never heard', async () => {
  const box = mailbox();
  const stop = await t.db.listen('undone', box.hear);
  const failing = t.db.transaction(async (tx) => {
    await tx.query(`NOTIFY undone, 'never'`);
    throw new Error('undone');
  });
  await expect(failing).rejects.toThrow('undone');
  await t.db.query(`NOTIFY undone, 'after'`);
  expect(await box.next()).toBe('after');
  await stop();
});

test('a channel is heard by all its listeners until each stops', async () => {
  const [first, second] = [mailbox(), mailbox()];
  const stopFirst = await t.db.listen('shared', first.hear);
  const stopSecond = await t.db.listen('shared', second.hear);
  await stopFirst();
  await t.db.query(`NOTIFY shared, 'x'`);
  expect(await second.next()).toBe('x');
  expect(first.size()).toBe(0);
  await stopSecond();
});

test('a broken connection comes back, every listener is called once with nothing, and hears again', async () => {
  const database = openDatabase({ url: t.appUrl, onError: () => undefined });
  const box = mailbox();
  await database.listen('again', box.hear);
  const name = new URL(t.appUrl).pathname.slice(1);
  await asSuperuser([
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND query LIKE 'LISTEN "again"%'`,
  ]);
  expect(await box.next()).toBe('');
  await database.query(`NOTIFY again, 'back'`);
  expect(await box.next()).toBe('back');
  await database.close();
});

test('several channels at once are asked for one after the other, as pg 9 will have it', async () => {
  const warnings: string[] = [];
  const note = ({ message }: Error): void => void warnings.push(message);
  process.on('warning', note);
  const box = mailbox();
  const first = await t.db.listen('first', box.hear);
  const stops = await Promise.all(['next', 'after', 'last'].map((channel) => t.db.listen(channel, box.hear)));
  for (const channel of ['first', 'next', 'after', 'last'])
    await t.db.query(`NOTIFY ${channel}, '${channel}'`);
  const heard = [await box.next(), await box.next(), await box.next(), await box.next()];
  expect(heard).toEqual(['first', 'next', 'after', 'last']);
  await Promise.all([first, ...stops].map((stop) => stop()));
  process.off('warning', note);
  expect(warnings).toEqual([]);
});

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import type { Ephemeral } from '../../src/model/ports.ts';
import { memoryEphemeral } from '../../src/store/ephemeral-memory.ts';
import { redisEphemeral } from '../../src/store/ephemeral-redis.ts';
import { freePort } from '../support/free-port.ts';
import { needs } from '../support/needs.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { ephemeralContract } from './ephemeral.contract.ts';

let time = 1_000;
const memory = memoryEphemeral({ now: () => time });
ephemeralContract('memory', {
  ephemeral: () => memory,
  passTime: async (ms) => {
    time += ms;
  },
});

test('memory refuses a duration that is no duration', async () => {
  await expect(memory.set('key', 'value', 0)).rejects.toThrow(RangeError);
  await expect(memory.count('key', Number.NaN)).rejects.toThrow(RangeError);
});

const redisNeed = needs('redis-server');
describe.skipIf(redisNeed.skip)(`Redis ${redisNeed.reason}`, () => {
  let server: TestRedis;
  let redis: Ephemeral;
  beforeAll(async () => {
    server = await startRedis();
    redis = redisEphemeral({ url: server.url, prefix: 'test:', onError: console.error });
  });
  afterAll(async () => {
    await redis.close();
    await server.stop();
  });

  // Redis has no clock that a test could turn: these few milliseconds really pass.
  ephemeralContract('redis', { ephemeral: () => redis, passTime: (ms) => delay(ms + 5) });

  test('a server that stops is an error by code, and works again once it is back', async () => {
    const port = await freePort();
    const first = await startRedis(port);
    const heard: string[] = [];
    const store = redisEphemeral({
      ...{ url: first.url, prefix: 'test:' },
      onError: (error) => heard.push(error.code),
      onBack: () => heard.push('back'),
    });
    await store.set('key', 'value', 60_000);
    await first.stop();
    await expect(store.get('key')).rejects.toMatchObject({ code: 'ephemeral_unavailable' });
    await expect(store.count('key', 1_000)).rejects.toMatchObject({ code: 'ephemeral_unavailable' });
    const second = await startRedis(port);
    await expect
      .poll(() =>
        store.set('key', 'again', 60_000).then(
          () => store.get('key'),
          () => null,
        ),
      )
      .toBe('again');
    // Of the outage it was told once, however often both connections were tried meanwhile.
    await expect.poll(() => heard).toEqual(['ephemeral_unavailable', 'back']);
    await store.close();
    await second.stop();
  });

  test('a server that is not there from the start is told of once, by code', async () => {
    const heard: AppError[] = [];
    const url = `redis://127.0.0.1:${await freePort()}`;
    const store = redisEphemeral({ url, prefix: 'test:', onError: (error) => heard.push(error) });
    // Each of these fails only after the connection was refused again.
    for (let tries = 0; tries < 3; tries += 1) await expect(store.get('key')).rejects.toThrow(AppError);
    await store.close();
    expect(heard).toMatchObject([{ code: 'ephemeral_unavailable', cause: { code: 'ECONNREFUSED' } }]);
  });
});

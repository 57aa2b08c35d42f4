import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
    const store = redisEphemeral({ url: first.url, prefix: 'test:', onError: () => undefined });
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
    await store.close();
    await second.stop();
  });
});

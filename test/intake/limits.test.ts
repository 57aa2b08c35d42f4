import { beforeEach, describe, expect, test } from 'vitest';
import { admitRequest, admitTurn } from '../../src/intake/limits.ts';
import type { Ephemeral } from '../../src/model/ports.ts';
import { memoryEphemeral } from '../../src/store/ephemeral-memory.ts';
import { redisEphemeral } from '../../src/store/ephemeral-redis.ts';
import { alice, bob } from '../support/core.ts';
import { needs } from '../support/needs.ts';
import { startRedis } from '../support/redis.ts';

const LIMITS = { turnsPerMinute: 3, requestsPerActionPerHour: 2 };
let time = 0;
let ephemeral: Ephemeral;
beforeEach(() => {
  time = 1_000_000;
  ephemeral = memoryEphemeral({ now: () => time });
});
const turns = async (count: number, who = alice) => {
  const answers: boolean[] = [];
  for (let n = 0; n < count; n++) answers.push((await admitTurn(ephemeral, LIMITS, who)).ok);
  return answers;
};

test('as many turns as the limit says are admitted, and not one more', async () => {
  expect(await turns(5)).toEqual([true, true, true, false, false]);
});

test('the next minute is a new one', async () => {
  await turns(4);
  time += 59_999;
  expect(await turns(1)).toEqual([false]);
  time += 1;
  expect(await turns(1)).toEqual([true]);
});

test('the answer says how long to wait', async () => {
  await turns(3);
  time += 18_500;
  expect(await admitTurn(ephemeral, LIMITS, alice)).toEqual({
    ok: false,
    message: 'That is more than 3 messages in a short time. Please try again in 42 s.',
  });
});

test("one person's turns are nobody else's", async () => {
  await turns(4);
  expect(await turns(1, bob)).toEqual([true]);
});

test('requests are counted per action, apart from turns', async () => {
  await turns(4);
  const ask = async (action: string) => (await admitRequest(ephemeral, LIMITS, alice, action)).ok;
  expect([await ask('ci.trigger'), await ask('ci.trigger'), await ask('ci.trigger')]).toEqual([
    true,
    true,
    false,
  ]);
  expect(await ask('ticket.create')).toBe(true);
  time += 3_600_000;
  expect(await ask('ci.trigger')).toBe(true);
});

test('many at once pass no limit together', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => admitTurn(ephemeral, LIMITS, alice)));
  expect(answers.filter((answer) => answer.ok)).toHaveLength(3);
});

const redisNeed = needs('redis-server');
describe.skipIf(redisNeed.skip)(`with Redis ${redisNeed.reason}`, () => {
  test('two replicas count the same person together', async () => {
    const server = await startRedis();
    const options = { url: server.url, prefix: 'test:', onError: console.error };
    const [one, other] = [redisEphemeral(options), redisEphemeral(options)];
    const answers: boolean[] = [];
    for (const replica of [one, other, one, other])
      answers.push((await admitTurn(replica, LIMITS, alice)).ok);
    expect(answers).toEqual([true, true, true, false]);
    await one.close();
    await other.close();
    await server.stop();
  });
});

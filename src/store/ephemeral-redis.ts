/** What may vanish, shared by all replicas in Redis 7 or newer. */
import { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { AppError } from '../errors.ts';
import type { Ephemeral } from '../model/ports.ts';

/** A person is waiting: better no counter than a hanging turn. */
const COMMAND_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;

/**
 * One step on the server: counting and starting the window must not come apart, or a crash in between would leave a
 * counter that never ends. The library's own script knows whole seconds only; this one takes its duration as milliseconds.
 * PTTL is negative when the key has no end.
 */
const COUNT = `
local uses = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return {uses, left}`;

type Hear = (message: string) => void;

function unavailable(cause: unknown): AppError {
  return new AppError(
    'ephemeral_unavailable',
    'The short-term store (Redis) does not answer at the moment.',
    { cause, mend: 'Look at REDIS_URL and at the server: Redis 7 or newer, writable.' },
  );
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw unavailable(cause);
  }
}

/**
 * Every key and channel starts with `prefix`. Reconnects by itself; commands fail fast meanwhile. `onError` hears of an outage
 * once, with `ephemeral_unavailable`, and `onBack` when it is over: both connections fail again at every attempt.
 */
export function redisEphemeral(options: {
  url: string;
  prefix: string;
  onError: (error: AppError) => void;
  onBack?: () => void;
}): Ephemeral {
  const away = new Set<Redis>();
  const isAway = (redis: Redis, cause: unknown): void => {
    const isNews = away.size === 0;
    away.add(redis);
    if (isNews) options.onError(unavailable(cause));
  };
  const isBack = (redis: Redis): void => {
    if (away.delete(redis) && away.size === 0) options.onBack?.();
  };
  const connection = () => {
    const redis = new Redis(options.url, {
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: COMMAND_TIMEOUT_MS,
      maxRetriesPerRequest: 1,
      retryStrategy: (tries) => Math.min(FIRST_RETRY_MS * 2 ** tries, LONGEST_RETRY_MS),
    });
    redis.on('error', (cause) => isAway(redis, cause));
    redis.on('ready', () => isBack(redis));
    return redis;
  };
  const commands = connection();
  // A connection that subscribes can do nothing else.
  const subscriber = connection();
  const channels = new Map<string, Set<Hear>>();
  subscriber.on('message', (channel: string, message: string) => {
    for (const hear of channels.get(channel) ?? []) hear(message);
  });
  const key = (kind: 'value' | 'channel', name: string) => `${options.prefix}${kind}:${name}`;
  // Only counts: what the limit is, and what follows from it, is for whoever asked. Keys are `PREFIXcount:NAME`.
  const counter = new RateLimiterRedis({
    storeClient: commands,
    keyPrefix: `${options.prefix}count`,
    points: 0,
    duration: 1,
    customIncrTtlLuaScript: COUNT,
  });

  return {
    get: (name) => guarded(() => commands.get(key('value', name))),
    set: (name, value, ttlMs) =>
      guarded(async () => {
        await commands.set(key('value', name), value, 'PX', ttlMs);
      }),
    delete: (name) =>
      guarded(async () => {
        await commands.del(key('value', name));
      }),
    count: (name, windowMs) =>
      guarded(async () => {
        const { consumedPoints, msBeforeNext } = await counter.penalty(name, 1, { customDuration: windowMs });
        return { uses: consumedPoints, resetMs: msBeforeNext };
      }),
    publish: (channel, message) =>
      guarded(async () => {
        await commands.publish(key('channel', channel), message);
      }),
    subscribe: (name, listener) =>
      guarded(async () => {
        const channel = key('channel', name);
        const hear: Hear = (message) => listener(message);
        const hearers = channels.get(channel) ?? new Set();
        channels.set(channel, hearers.add(hear));
        await subscriber.subscribe(channel);
        return async () => {
          hearers.delete(hear);
          if (hearers.size > 0 || channels.get(channel) !== hearers) return;
          channels.delete(channel);
          await subscriber.unsubscribe(channel).catch((cause) => options.onError(unavailable(cause)));
        };
      }),
    close: async () => {
      commands.disconnect();
      subscriber.disconnect();
    },
  };
}

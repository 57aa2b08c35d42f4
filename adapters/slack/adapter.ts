/** Slack: one endpoint or a few sockets in, one surface out. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Application } from 'express';
import { AppError } from '../../src/errors.ts';
import type { ChatAssistant, Ephemeral, Surface } from '../../src/model/ports.ts';
import { ownMemory } from '../../src/surface/memory.ts';
import { type Clock, PacedQueue, RateLimited } from '../../src/surface/paced-queue.ts';
import { createAgent } from './agent.ts';
import { SlackClient } from './client.ts';
import { createAct, type DispatchParts } from './dispatch.ts';
import { createHome } from './home.ts';
import { PACE } from './limits.ts';
import { boltLogger, type Log } from './log.ts';
import type { Self } from './parse.ts';
import { listen } from './receive.ts';
import { openSockets } from './socket.ts';
import { SlackSurface } from './surface.ts';
import { createThreads } from './threads.ts';

export type SlackConfig = {
  botToken: string;
  /** HTTP mode; null where Slack cannot reach us. */
  signingSecret: string | null;
  /** Socket Mode; null where Slack reaches us. */
  appToken: string | null;
  /** Another API root, GovSlack's for one; null for Slack's own. */
  apiUrl: string | null;
  /** Ids of channels that the app was invited to, e.g. `C0123456789`. */
  approvalsChannel: string | null;
  operatorsChannel: string | null;
};

export type SlackAdapter = {
  surface: Surface;
  /** Asks Slack who we are; until then what arrives is refused, to be sent again. May be tried again where it failed. */
  start(): Promise<void>;
  /** Nothing more is taken from sockets; what is left to say is still said. */
  hangUp(): Promise<void>;
  /** What still waits to be sent is refused with `platform_unavailable`. */
  stop(): Promise<void>;
};

const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    wait(ms, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    }),
};

/**
 * In HTTP mode registers `POST /slack/events` on `app` at once, so the order among routes is the caller's; no body parser may be
 * registered before it. Decides nothing: whatever comes in goes to `assistant().receive`.
 */
export function createSlackAdapter(options: {
  assistant: () => ChatAssistant;
  app: Application;
  config: SlackConfig;
  log: Log;
  ephemeral?: Ephemeral;
  clock?: Clock;
  /** The workspace of a channel where we spoke before, so that operators can be told while Slack is down; null for none. */
  teamOf?: (channel: string) => Promise<string | null>;
}): SlackAdapter {
  const { assistant, app, config, log, ephemeral, clock = systemClock, teamOf = async () => null } = options;
  let self: Self | null = null;
  const whoWeAre = (): Self => {
    if (self === null) throw new AppError('platform_unavailable', 'Slack is not connected yet.');
    return self;
  };
  const client = new SlackClient(config, boltLogger(log));
  const queue = new PacedQueue(clock, PACE);
  const memory = ephemeral ?? ownMemory();
  const threads = createThreads(memory, log);
  const agent = createAgent({ assistant, client, memory, queue, log });
  const home = createHome({ assistant, client, queue, clock, log });
  const surface = new SlackSurface({
    client,
    queue,
    clock,
    memory,
    agent,
    threads,
    self: whoWeAre,
    teamOf: async (channel) => self?.team ?? (await teamOf(channel)) ?? whoWeAre().team,
    approvalsChannel: config.approvalsChannel,
    operatorsChannel: config.operatorsChannel,
    log,
  });
  const parts: DispatchParts = {
    assistant,
    botToken: config.botToken,
    self: () => self,
    ownThread: {
      open: (user, line, wanted) => surface.openThread(user, line, wanted),
      rewrite: (place, line) => surface.rewriteThread(place, line),
    },
    direct: (user) => surface.direct(user),
    tell: (user, pressed, words) => void surface.tell(user, pressed, words),
    client,
    home,
    agent,
    threads,
    log,
  };
  const act = createAct(parts);
  const { signingSecret, appToken, apiUrl } = config;
  if (signingSecret !== null) listen({ ...parts, app, signingSecret, now: () => Date.now() }, act);
  const sockets = appToken === null ? null : openSockets({ ...parts, appToken, apiUrl, clock }, act);
  return {
    surface,
    start: async () => {
      self = await whoAmI(client);
      await sockets?.start();
      home.start();
      log.info({ code: 'slack_connected', team: self.team }, 'Slack is connected');
    },
    hangUp: async () => sockets?.stop(),
    stop: async () => {
      home.stop();
      await sockets?.stop();
      queue.stop();
    },
  };
}

/** @throws AppError `config_invalid` for a token that Slack refuses, `platform_unavailable` otherwise. */
async function whoAmI(client: SlackClient): Promise<Self> {
  try {
    return await client.whoAmI();
  } catch (error) {
    if (!(error instanceof RateLimited)) throw error;
    throw new AppError('platform_unavailable', 'Slack asks to connect later.', { cause: error });
  }
}

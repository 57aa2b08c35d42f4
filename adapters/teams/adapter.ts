/** Teams: one endpoint in, one surface out. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Application, RequestHandler } from 'express';
import { AppError } from '../../src/errors.ts';
import type { ChatAssistant, Ephemeral, Surface } from '../../src/model/ports.ts';
import type { Place } from '../../src/model/turn.ts';
import { ownMemory } from '../../src/surface/memory.ts';
import { type Clock, PacedQueue } from '../../src/surface/paced-queue.ts';
import { Connector } from './connector.ts';
import { PACE } from './limits.ts';
import type { Log } from './log.ts';
import { forgiving } from './memory.ts';
import { splitConversation } from './parse.ts';
import { Guid } from './payloads.ts';
import { listen, type View } from './receive.ts';
import { type References, remembering } from './references.ts';
import { STREAM_PACE } from './stream.ts';
import { TeamsSurface } from './surface.ts';
import { appTokens, type Cloud, type Tokens, tokenCheck } from './tokens.ts';
import { isLoopback } from './verify.ts';
import { createWhispers, whispering } from './whisper.ts';

export type TeamsConfig = {
  /** `MicrosoftAppId`, `MicrosoftAppPassword`, `MicrosoftAppTenantId`; the type is SingleTenant. */
  appId: string;
  password: string;
  tenant: string;
  /**
   * Local mode only, on loopback, for the Agents Playground: nobody proves who they are. Then the three above are
   * empty; otherwise none of them may be.
   */
  unauthenticated: boolean;
  /** Ids of conversations that the app was added to, e.g. `19:...@thread.tacv2`. */
  approvalsConversation: string | null;
  operatorsConversation: string | null;
  /** Where Teams is reached for conversations that nobody has written from yet; null for the public cloud's. */
  serviceUrl: string | null;
  /** Another cloud than the public one; null as a rule. */
  cloud: Cloud | null;
};

export type TeamsAdapter = {
  surface: Surface;
  /** Asks Entra for a token, so that wrong credentials stop the start and not the first answer. */
  start(): Promise<void>;
  /** What still waits to be sent is refused with `platform_unavailable`. */
  stop(): Promise<void>;
};

export type TeamsOptions = {
  assistant: () => ChatAssistant;
  app: Application;
  config: TeamsConfig;
  references: References;
  log: Log;
  ephemeral?: Ephemeral;
  /** Without it everybody sees the same buttons, which are never authority. */
  view?: View;
  /** Runs before anything is read: local mode's guards. */
  guard?: RequestHandler;
  /** How we prove ourselves to Teams, where it is not by the password: a managed identity, a test. */
  tokens?: Tokens;
  clock?: Clock;
};

/** Microsoft's global address of Teams, which forwards to the region of a conversation. */
const SERVICE_URL = 'https://smba.trafficmanager.net/teams/';
/** The Playground's, by its default port. */
const PLAYGROUND_URL = 'http://127.0.0.1:56150/_connector';

const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    wait(ms, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    }),
};

/**
 * Registers `POST /api/messages` on `app` at once, so the order among routes is the caller's; no body parser may be
 * registered before it. Decides nothing: whatever comes in goes to `assistant().receive`.
 * @throws AppError `config_invalid` when the identity is incomplete: an empty app id must never mean "anybody".
 */
export function createTeamsAdapter(options: TeamsOptions): TeamsAdapter {
  const { assistant, app, log, clock = systemClock } = options;
  // Tokens name the app in lower case, however an operator copied it.
  const config = { ...options.config, appId: options.config.appId.toLowerCase() };
  checkConfig(config);
  const { unauthenticated } = config;
  const tokens = unauthenticated ? null : (options.tokens ?? appTokens(config));
  const tenant = unauthenticated ? null : config.tenant.toLowerCase();
  const references = remembering(options.references);
  const queue = new PacedQueue(clock, PACE);
  const memory = options.ephemeral ? forgiving(options.ephemeral, log) : ownMemory();
  const whispers = createWhispers(memory);
  const streams = new PacedQueue(clock, STREAM_PACE);
  const surface = new TeamsSurface({
    connector: new Connector(tokens, config.appId),
    queue,
    streams,
    clock,
    memory,
    references,
    tenant,
    serviceUrl: config.serviceUrl ?? (unauthenticated ? PLAYGROUND_URL : SERVICE_URL),
    // The Playground asks for nobody's own view.
    personal: options.view !== undefined && !unauthenticated,
    approvalsConversation: containerOf(config.approvalsConversation),
    operatorsConversation: containerOf(config.operatorsConversation),
    stopped: (place) => stopAnswers(assistant(), references, place),
    log,
  });
  listen({
    app,
    assistant,
    verify: { tokens: unauthenticated ? null : tokenCheck(config), tenant },
    references,
    view: options.view ?? null,
    whispers,
    guard: options.guard ?? ((_req, _res, next) => next()),
    log,
  });
  return {
    surface: whispering(surface, whispers),
    start: async () => {
      await tokens?.();
      log.info(
        { code: unauthenticated ? 'teams_unauthenticated' : 'teams_connected' },
        'Teams can be answered',
      );
    },
    stop: async () => {
      streams.stop();
      queue.stop();
    },
  };
}

/** Teams does not say who has pressed Stop: in a personal chat there is only one who can. */
async function stopAnswers(assistant: ChatAssistant, references: References, place: Place): Promise<void> {
  const person = (await references.get(place.tenant, place.container))?.person ?? null;
  if (person === null) return;
  const who = await assistant.identify({ platform: 'teams', tenant: place.tenant, user: person });
  if (who.kind === 'known') await assistant.stop(place, who.principal.id, 'answers');
}

function checkConfig({ appId, password, tenant, unauthenticated, serviceUrl }: TeamsConfig): void {
  const wrong = (message: string): never => {
    throw new AppError('config_invalid', message);
  };
  if (unauthenticated) {
    if (appId !== '') wrong('MicrosoftAppId is given: Teams cannot be served unauthenticated with it.');
    if (serviceUrl !== null && !isLoopback(serviceUrl))
      wrong('Unauthenticated, Teams may only be on this machine.');
    return;
  }
  if (!Guid.safeParse(appId).success) wrong('MicrosoftAppId must be the GUID of the app registration.');
  if (password === '') wrong('MicrosoftAppPassword is missing.');
  if (!Guid.safeParse(tenant).success) wrong('MicrosoftAppTenantId must be the GUID of your tenant.');
}

/** A link to a message of a channel may have been copied with it; the channel is meant. */
function containerOf(conversation: string | null): string | null {
  return conversation === null ? null : splitConversation(conversation).container;
}

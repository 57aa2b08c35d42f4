/**
 * The way in without an address of our own: Socket Mode. Slack sends over sockets that we open; what arrives there is
 * from Slack because we connected to Slack, over TLS, with the app's own token. An envelope that is not acknowledged
 * comes again, so nothing is acknowledged before it is stored.
 */
import { type App, type Receiver, type ReceiverEvent, SocketModeReceiver } from '@slack/bolt';
import { AppError } from '../../src/errors.ts';
import type { Clock } from '../../src/surface/paced-queue.ts';
import { type Act, type DispatchParts, dispatch } from './dispatch.ts';
import { CALL_TIMEOUT_MS } from './limits.ts';
import { boltLogger, type Log, nameOf } from './log.ts';
import { type Parsed, parsePayload } from './parse.ts';

export type SocketParts = DispatchParts & { appToken: string; apiUrl: string | null; clock: Clock };
export type Sockets = {
  /** Resolves once every socket is open; tried again, it opens those that are not. @throws AppError `config_invalid`, `platform_unavailable`. */
  start(): Promise<void>;
  /** Nothing more comes in; what is not acknowledged Slack sends to another socket, or again later. */
  stop(): Promise<void>;
};

/** Slack closes each socket every few hours, with a warning: the other one takes what comes meanwhile. It allows ten. */
const SOCKETS = 2;
/** Between attempts to open a socket again: soon at first, as a closed socket is ordinary, then ever less often. */
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 30_000;

/** One way in over several sockets. Which of them a delivery comes by, and how often, changes nothing. */
export function openSockets(parts: SocketParts, act: Act): Sockets {
  const { log, clock } = parts;
  const stopping = new AbortController();
  const sockets = Array.from({ length: SOCKETS }, () => {
    const receiver = socketReceiver(parts);
    dispatch(afterStoring(receiver, log), act, parts);
    return receiver;
  });

  const reopen = async ({ client }: SocketModeReceiver): Promise<void> => {
    for (
      let delayMs = RETRY_FIRST_MS;
      !stopping.signal.aborted;
      delayMs = Math.min(delayMs * 2, RETRY_MAX_MS)
    ) {
      await clock.sleep(delayMs, stopping.signal);
      if (stopping.signal.aborted) return;
      try {
        await client.start();
        return log.info({ code: 'slack_socket_open' }, 'a socket to Slack is open again');
      } catch (error) {
        log.warn(
          { code: 'slack_socket_refused', error: nameOf(error) },
          'a socket to Slack cannot be opened',
        );
      }
    }
  };
  const keepOpen = (socket: SocketModeReceiver): void => {
    let reopening = false;
    socket.client.on('disconnected', () => {
      // An attempt that fails says so twice: once here, once to whoever made it.
      if (reopening || stopping.signal.aborted) return;
      reopening = true;
      log.info({ code: 'slack_socket_closed' }, 'a socket to Slack was closed');
      void reopen(socket).finally(() => {
        reopening = false;
      });
    });
  };

  const kept = new Set<SocketModeReceiver>();
  const open = async (socket: SocketModeReceiver): Promise<void> => {
    if (kept.has(socket)) return;
    await socket.client.start().catch(refuse);
    kept.add(socket);
    keepOpen(socket);
  };

  return {
    async start() {
      const opened = await Promise.allSettled(sockets.map(open));
      const failed = opened.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
      log.info({ code: 'slack_socket_open' }, 'the sockets to Slack are open');
    },
    async stop() {
      stopping.abort();
      await Promise.all(sockets.map((socket) => socket.stop()));
    },
  };
}

function socketReceiver({ appToken, apiUrl, self, log }: SocketParts): SocketModeReceiver {
  return new SocketModeReceiver({
    appToken,
    // Its own way to connect again ends the process when Slack refuses the token; ours does not.
    autoReconnectEnabled: false,
    installerOptions: {
      clientOptions: {
        ...(apiUrl === null ? {} : { slackApiUrl: apiUrl }),
        retryConfig: { retries: 0 },
        rejectRateLimitedCalls: true,
        timeout: CALL_TIMEOUT_MS,
      },
    },
    customPropertiesExtractor: ({ body }) => ({
      slack: self() === null ? undefined : parsePayload(body, self()!),
    }),
    // Never acknowledged where it failed: it comes again.
    processEventErrorHandler: async ({ error }) => {
      log.error({ code: 'slack_bolt_error', error: nameOf(error) }, 'a delivery was not stored');
      return false;
    },
    logger: boltLogger(log),
  });
}

/**
 * Bolt acknowledges events before their listeners run. Over HTTP it has a switch for that; here the acknowledgement is
 * held back until the listeners are through, and let go of where they failed.
 */
function afterStoring(socket: SocketModeReceiver, log: Log): Receiver {
  return {
    init: (app) =>
      socket.init({ processEvent: (event: ReceiverEvent) => inOrder(app, event, log) } as unknown as App),
    start: () => socket.start(),
    stop: () => socket.stop(),
  };
}

async function inOrder(app: App, event: ReceiverEvent, log: Log): Promise<void> {
  const parsed = event.customProperties?.slack as Parsed | undefined;
  if (parsed?.kind === 'ignored') {
    log.info({ code: `slack_ignored_${parsed.code}` }, 'a payload of Slack is not for us');
    return event.ack();
  }
  const held: Parameters<ReceiverEvent['ack']>[] = [];
  await app.processEvent({
    ...event,
    ack: async (...answer) => {
      held.push(answer);
    },
  });
  // A listener's own answer comes after Bolt's empty one.
  const answer = held.at(-1);
  if (answer !== undefined) await event.ack(...answer);
}

/** @throws AppError, always. */
function refuse(error: unknown): never {
  const data = error instanceof Error && 'data' in error ? (error.data as { error?: unknown }) : undefined;
  if (typeof data?.error === 'string' && TOKEN_REFUSED.has(data.error)) {
    throw new AppError(
      'config_invalid',
      'Slack refuses SLACK_APP_TOKEN, or Socket Mode is off for the app.',
      {
        cause: error,
      },
    );
  }
  throw new AppError('platform_unavailable', 'Slack cannot be reached at the moment.', { cause: error });
}

const TOKEN_REFUSED = new Set([
  'invalid_auth',
  'not_authed',
  'not_allowed_token_type',
  'missing_scope',
  'token_revoked',
  'account_inactive',
  'forbidden_team',
  'socket_mode_disabled',
]);

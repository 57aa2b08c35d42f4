/**
 * Platforms are connected one by one and beside everything else: one that is down when we start is tried again until it
 * answers, and keeps neither another platform nor the workspace from working. Operators hear once of each change.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { AppError, type ErrorCode } from './errors.ts';
import { errorFields, type Log } from './log.ts';
import type { Platform } from './model/principal.ts';
import type { Check } from './server.ts';

/** Between attempts: soon at first, then ever less often, as an outage may last for hours. */
const AGAIN_FIRST_MS = 1_000;
const AGAIN_MAX_MS = 60_000;

type Code = ErrorCode | 'not_connected' | 'ok';
type State = { connected: boolean; code: Code };

export function createConnecting(deps: { log: Log; defect(error: unknown, about: object): void }) {
  const { log, defect } = deps;
  const stopping = new AbortController();
  const states = new Map<Platform, State>();

  const became = (platform: Platform, state: State, error?: AppError): void => {
    const before = states.get(platform);
    states.set(platform, state);
    if (before?.code === state.code) return;
    if (state.code === 'ok') log.info({ platform, code: 'platform_connected' }, 'a platform is connected');
    else if (error)
      log.error({ platform, ...errorFields(error) }, 'a platform does not serve us; it is tried again');
  };

  const attempt = async (platform: Platform, start: () => Promise<void>): Promise<AppError | null> => {
    try {
      await start();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (!stopping.signal.aborted) became(platform, { connected: false, code: error.code }, error);
      return error;
    }
    became(platform, { connected: true, code: 'ok' });
    return null;
  };

  return {
    /**
     * The first attempt is awaited, and further ones are made in the background; `connected` is called once one succeeds.
     * @throws AppError `config_invalid` at the first attempt: what an operator must mend stops the start.
     */
    async connect(
      platform: Platform,
      start: () => Promise<void>,
      connected: () => Promise<void>,
    ): Promise<void> {
      states.set(platform, { connected: false, code: 'not_connected' });
      const tellOf = () => connected().catch((error: unknown) => defect(error, { platform }));
      const problem = await attempt(platform, start);
      if (problem === null) return tellOf();
      if (problem.code === 'config_invalid') throw problem;
      const again = async (): Promise<void> => {
        for (let pauseMs = AGAIN_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, AGAIN_MAX_MS)) {
          await wait(pauseMs, undefined, { signal: stopping.signal });
          if ((await attempt(platform, start)) === null) return tellOf();
        }
      };
      again().catch((error: unknown) => {
        if (!stopping.signal.aborted) defect(error, { platform });
      });
    },

    /** What became of a message to a platform: null where it was shown. A platform that refuses us altogether is no longer connected. */
    heard(platform: Platform, problem: AppError | null): void {
      if (!states.get(platform)?.connected) return;
      if (problem === null) became(platform, { connected: true, code: 'ok' });
      else if (problem.code === 'config_invalid')
        became(platform, { connected: true, code: problem.code }, problem);
    },

    /** One for each platform that is configured; none is decisive, as the others go on. */
    checks: (): Check[] =>
      [...states].map(([name, { code }]) => ({ name, ok: code === 'ok', code, decides: false })),

    stop: (): void => stopping.abort(),
  };
}

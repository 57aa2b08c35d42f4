/** Live data: one stream of changes a page, and reads that repeat when a change concerns them. */
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import type { Change } from '../../../src/model/ports.ts';
import { type Api, isOver, messageOf, type Reads } from './api.ts';
import { changesIn } from './event-stream.ts';

/** `everything`: we may have missed changes, so read again. */
export type News = Change | { kind: 'everything' };
type Live = {
  api: Api;
  connected: boolean;
  tell(news: News): void;
  hear(listener: (news: News) => void): () => void;
};

const Context = createContext<Live | null>(null);

/** The gate speaks of a kill switch, or of changes that the server itself may have missed. */
const mayConcernAll = (news: News): boolean => news.kind === 'everything' || news.kind === 'gate';

/** First wait before connecting again, in milliseconds; doubled up to the longest. */
const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8_000;
/** Changes that arrive together are answered by one read, this many milliseconds later. */
const GATHER_MS = 60;

export function useWorkspace(): Live {
  const live = useContext(Context);
  if (live === null) throw new Error('used outside the workspace');
  return live;
}

const wait = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });

export function LiveProvider({ api, children }: { api: Api; children: ReactNode }) {
  const listeners = useRef(new Set<(news: News) => void>());
  const [connected, setConnected] = useState(true);
  const tell = useCallback((news: News) => {
    for (const listener of listeners.current) listener(news);
  }, []);
  const hear = useCallback((listener: (news: News) => void) => {
    listeners.current.add(listener);
    return () => {
      listeners.current.delete(listener);
    };
  }, []);

  useEffect(() => {
    const stop = new AbortController();
    const follow = async () => {
      let waitMs = FIRST_WAIT_MS;
      while (!stop.signal.aborted) {
        try {
          const response = await api.changes(stop.signal);
          setConnected(true);
          waitMs = FIRST_WAIT_MS;
          tell({ kind: 'everything' });
          for await (const change of changesIn(response)) tell(change);
        } catch (error) {
          // Nothing more is told here: the page says that it is over, and what follows is another session.
          if (isOver(error)) return;
          // Lost or refused: what counts is that we are not connected, which the page shows until we are again.
        }
        if (stop.signal.aborted) return;
        setConnected(false);
        await wait(waitMs, stop.signal);
        waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
      }
    };
    void follow();
    return () => stop.abort();
  }, [api, tell]);

  const live = useMemo(() => ({ api, connected, tell, hear }), [api, connected, tell, hear]);
  return <Context value={live}>{children}</Context>;
}

export type Reading<T> = { data: T | null; problem: string | null; reload(): void };

/**
 * Reads `path` now and again whenever `concerns` says so. Older answers never replace newer ones; while it reads
 * again, what was there stays.
 */
export function useLive<P extends keyof Reads & string>(
  path: P,
  concerns: (news: News) => boolean = () => false,
): Reading<Reads[P]> {
  const { api, hear } = useWorkspace();
  const [data, setData] = useState<Reads[P] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const asks = useRef(concerns);
  asks.current = concerns;
  const refreshNow = useRef<() => void>(() => undefined);

  useEffect(() => {
    const stop = new AbortController();
    let isReading = false;
    let isStale = false;
    let watches = false;
    const refresh = async () => {
      isStale = true;
      if (isReading) return;
      isReading = true;
      // What changed while a read failed is read all the same.
      while (isStale && !stop.signal.aborted) {
        isStale = false;
        try {
          const answer = await api.read(path, stop.signal, watches);
          setData(answer);
          setProblem(null);
        } catch (error) {
          if (!stop.signal.aborted) setProblem(messageOf(error));
        }
      }
      isReading = false;
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stopHearing = hear((news) => {
      if (timer !== undefined || !(mayConcernAll(news) || asks.current(news))) return;
      timer = setTimeout(() => {
        timer = undefined;
        watches = true;
        void refresh();
      }, GATHER_MS);
    });
    refreshNow.current = () => {
      watches = false;
      void refresh();
    };
    setData(null);
    setProblem(null);
    void refresh();
    return () => {
      stop.abort();
      stopHearing();
      clearTimeout(timer);
    };
  }, [api, path, hear]);
  return { data, problem, reload: useCallback(() => refreshNow.current(), []) };
}

export const aboutRequests = (news: News): boolean => news.kind === 'request';

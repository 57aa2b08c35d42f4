/** Turns that this page waits for, so that it can say "working on it". */
import { useEffect, useState } from 'react';
import type { Api, Said } from './api.ts';
import { useLive } from './live.tsx';

/** The server waits about this long, in milliseconds; an open answer sooner than that means a person is needed. */
const LONG_LOOK_MS = 20_000;

const waiting = new Map<string, string>();
const STARTED = 'countersign:turn';

export function openTurn({ turn, thread }: Said): void {
  waiting.set(thread, turn);
  dispatchEvent(new Event(STARTED));
}

async function untilAnswered(api: Api, turn: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const startedAt = performance.now();
    const { settled } = await api.read(`/turns/${turn}`, signal);
    if (settled || performance.now() - startedAt < LONG_LOOK_MS) return;
  }
}

/**
 * True while the newest turn of this thread is being worked on, wherever it was begun; `onAnswer` runs when it is answered.
 */
export function useOpenTurn(api: Api, thread: string, onAnswer: () => void): boolean {
  const [turn, setTurn] = useState(waiting.get(thread) ?? null);
  const begun = useLive(
    `/answering/${thread}`,
    (news) => news.kind === 'thread' && news.thread === thread,
  ).data;
  useEffect(() => {
    if (begun?.turn) openTurn({ turn: begun.turn, thread });
  }, [begun, thread]);
  useEffect(() => {
    const look = () => setTurn(waiting.get(thread) ?? null);
    look();
    addEventListener(STARTED, look);
    return () => removeEventListener(STARTED, look);
  }, [thread]);
  useEffect(() => {
    if (turn === null) return;
    const stop = new AbortController();
    const done = () => {
      if (stop.signal.aborted) return;
      if (waiting.get(thread) === turn) waiting.delete(thread);
      setTurn(null);
      onAnswer();
    };
    // An error ends the waiting too: the messages themselves then say what is wrong.
    untilAnswered(api, turn, stop.signal).then(done, done);
    return () => stop.abort();
  }, [api, turn, thread, onAnswer]);
  return turn !== null;
}

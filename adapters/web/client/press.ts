/** What a press or a sent form does, once at a time, and what went wrong with it. */
import { useState } from 'react';
import { messageOf } from './api.ts';

export function usePress() {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const press = async (act: () => Promise<void>) => {
    setBusy(true);
    setProblem(null);
    try {
      await act();
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, problem, press };
}

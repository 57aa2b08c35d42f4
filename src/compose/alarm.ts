/** What operators must know at once: an error in their log, and words where they are told on a platform. */
import type { Fields, Log } from '../log.ts';

/** `told`: what is said to them on platforms, where that is not what the log says. */
export type Alarm = (about: Fields, words: string, told?: string) => void;

/** Raises no error of its own: words that could not be said are a defect, and the log has them. */
export function createAlarm(deps: {
  log: Pick<Log, 'error'>;
  tell(text: string): Promise<void>;
  defect(error: unknown, about: Fields): void;
}): Alarm {
  return (about, words, told = words) => {
    deps.log.error(about, words);
    deps.tell(told).catch((error: unknown) => deps.defect(error, about));
  };
}

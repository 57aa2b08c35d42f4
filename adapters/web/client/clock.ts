import { useEffect, useState } from 'react';

/** How often relative times are said anew, in milliseconds. */
const TICK_MS = 5_000;

/** The present, in milliseconds since 1970, fresh enough for "in 14 minutes". */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Lengths of time as operators write them: `30m`, `4h`, `7d`. */
import { z } from 'zod';

const SECONDS = { m: 60, h: 3_600, d: 86_400 } as const;

/** Parses to whole seconds. */
export const DurationSeconds = z
  .string()
  .regex(/^[1-9]\d{0,4}[mhd]$/, 'is not a length of time such as 30m, 4h or 7d')
  .transform((text) => Number(text.slice(0, -1)) * SECONDS[text.slice(-1) as keyof typeof SECONDS]);

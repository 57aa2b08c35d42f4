import { AppError } from '../../errors.ts';

/** What one look found. */
export type Finding = {
  /** `note`: it works, and there is something to know. `bad`: mend it. */
  state: 'ok' | 'note' | 'bad';
  /** What was looked at. */
  name: string;
  what: string;
  /** How to mend or better it; may be several lines. */
  mend?: string;
};

export const ok = (name: string, what: string): Finding => ({ state: 'ok', name, what });
export const note = (name: string, what: string, mend?: string): Finding => ({
  state: 'note',
  name,
  what,
  ...(mend === undefined ? {} : { mend }),
});
export const bad = (name: string, what: string, mend?: string): Finding => ({
  ...note(name, what, mend),
  state: 'bad',
});

/** A look that fails by itself is a finding too, never the end of the others. */
export async function looking(name: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    const what = error instanceof Error ? error.message : 'failed for an unknown reason';
    return [bad(name, what, (error instanceof AppError && error.mend) || undefined)];
  }
}

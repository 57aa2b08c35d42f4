/** What this adapter needs of the application's logger; codes first, so that they can be counted. */
export type Log = Record<'info' | 'warn' | 'error', (fields: Record<string, unknown>, words: string) => void>;

/** What kind of failure, never its words. */
export function nameOf(what: unknown): string {
  return what instanceof Error ? ('code' in what ? String(what.code) : what.name) : 'unknown';
}

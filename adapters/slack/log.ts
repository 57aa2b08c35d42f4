/** What this adapter needs of the application's logger; codes first, so that they can be counted. */
export type Log = Record<'info' | 'warn' | 'error', (fields: Record<string, unknown>, words: string) => void>;

/**
 * Bolt's logger, quietened: its debug lines hold whole payloads and its errors the vendor's text, so only the
 * level and a code of ours pass.
 */
export function boltLogger(log: Log) {
  const silent = () => undefined;
  return {
    debug: silent,
    info: silent,
    warn: () => log.warn({ code: 'slack_bolt_warning' }, 'Bolt warns'),
    error: (...what: unknown[]) =>
      log.error({ code: 'slack_bolt_error', error: nameOf(what[0]) }, 'Bolt failed'),
    setLevel: silent,
    getLevel: () => 'error' as never,
    setName: silent,
  };
}

/** What kind of failure, never its words. */
export function nameOf(what: unknown): string {
  return what instanceof Error ? ('code' in what ? String(what.code) : what.name) : 'unknown';
}

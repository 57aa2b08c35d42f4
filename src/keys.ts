/** The two keys of an installation, found or made at the right moment only. */
import { type AuditKeys, loadKeys } from './audit/keys.ts';
import type { Config } from './config.ts';
import type { Database } from './store/database.ts';
import { preparePrivateFolder } from './store/embedded/folder.ts';

/**
 * The keys as given, or from the data folder. They are made there only for a log that is empty, and never in production: with
 * other keys than its own, a log can neither be continued nor opened.
 */
export async function openKeys(config: Config, db: Database): Promise<AuditKeys> {
  const { empty } = await db.one<{ empty: boolean }>(
    'select not exists (select from audit_entries) as empty',
  );
  const make = empty && !config.production;
  if (make) preparePrivateFolder(config.dataFolder);
  return loadKeys({
    dataDir: config.dataFolder,
    masterKey: config.masterKey ?? undefined,
    signingKey: config.auditSigningKey ?? undefined,
    make,
  });
}

/** The two secrets of the house: where they are, whether they fit, how to make them, that somebody must keep a copy. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { deriveKeys, loadKeys, newMasterKey, newSigningKey } from '../../audit/keys.ts';
import type { Config } from '../../config.ts';
import { AppError } from '../../errors.ts';
import { bad, type Finding, note, ok } from './finding.ts';

export const HOW_TO_MAKE =
  'MASTER_KEY: openssl rand -base64 32\n' +
  'AUDIT_SIGNING_KEY (with a MASTER_KEY): npx countersign doctor --new-keys\n' +
  'Give each as a variable or as a file (MASTER_KEY_FILE, AUDIT_SIGNING_KEY_FILE).';
const BACK_UP =
  'Back both up apart from the database: without MASTER_KEY nobody can read what people wrote and no entry can be added, without AUDIT_SIGNING_KEY the log goes on under a new name.';

/** Fresh values as lines of an environment file. */
export function freshKeys(): { MASTER_KEY: string; AUDIT_SIGNING_KEY: string } {
  return { MASTER_KEY: newMasterKey(), AUDIT_SIGNING_KEY: newSigningKey() };
}

export async function lookAtKeys(config: Config): Promise<Finding[]> {
  const { masterKey, auditSigningKey, dataFolder } = config;
  const given = [
    masterKey === null ? null : 'MASTER_KEY',
    auditSigningKey === null ? null : 'AUDIT_SIGNING_KEY',
  ];
  try {
    const { signer } =
      masterKey !== null && auditSigningKey !== null
        ? deriveKeys(masterKey, auditSigningKey)
        : await loadKeys({
            dataDir: dataFolder,
            masterKey: masterKey ?? undefined,
            signingKey: auditSigningKey ?? undefined,
            make: false,
          });
    const where = given.map((name) => name ?? null);
    const files = [where[0] === null ? 'master.key' : null, where[1] === null ? 'audit-signing.key' : null];
    const kept = [...where, ...files.map((file) => file && join(dataFolder, file))].filter(
      (part) => part !== null,
    );
    return [
      ok('keys', `${kept.join(' and ')}; checkpoints are signed as ${signer.name}`),
      note('keys', 'they cannot be made again', BACK_UP),
    ];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const isNew = (await stat(join(dataFolder, 'postgres')).catch(() => null)) === null;
    return isNew && config.database === null && given.every((name) => name === null)
      ? [
          note(
            'keys',
            `the first start makes them in ${dataFolder}`,
            `${BACK_UP}\nTo make them yourself:\n${HOW_TO_MAKE}`,
          ),
        ]
      : [bad('keys', error.message, HOW_TO_MAKE)];
  }
}

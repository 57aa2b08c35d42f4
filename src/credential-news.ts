/** What becomes of credentials while we run, told to those who must know: the log, operators, metrics. Never a value. */
import type { AuditLog } from './audit/log.ts';
import type { CredentialNews } from './credentials/credentials.ts';
import type { VaultRefused } from './credentials/vault-answer.ts';
import type { Log } from './log.ts';
import type { Database } from './store/database.ts';

export type CredentialNewsDeps = {
  db: Pick<Database, 'transaction'>;
  audit: AuditLog;
  log: Pick<Log, 'info' | 'warn' | 'error'>;
  /** Says it to the operators. */
  tell(text: string): Promise<void>;
  failed(code: string): void;
  defect(error: unknown): void;
};

export function createCredentialNews(deps: CredentialNewsDeps) {
  function record(...[entry]: [Parameters<AuditLog['append']>[1]]): void {
    deps.db.transaction((tx) => deps.audit.append(tx, entry)).catch(deps.defect);
  }

  return {
    hear(news: CredentialNews): void {
      switch (news.kind) {
        case 'rotated': {
          const { name, variable } = news;
          deps.log.info({ name, variable }, 'a credential was read anew');
          record({ type: 'credential.rotated', data: { name, variable } });
          return;
        }
        case 'kept': {
          const { name, variable, problem } = news;
          const code = 'credential_kept';
          deps.failed(code);
          const said = `The new secret of the credential ${name} is not used: the file of ${variable} ${problem}. What was in force stays in force.`;
          deps.log.error({ code, name, variable }, said);
          record({ type: 'alert.raised', data: { code, name, variable, problem } });
          deps.tell(said).catch(deps.defect);
          return;
        }
        case 'unavailable':
          // Each refused call is an entry of its own.
          deps.failed(news.code);
          deps.log.warn({ name: news.name, code: news.code }, 'a credential cannot be had');
      }
    },
    /** Our own token of Vault was not renewed. */
    vaultFailed(error: VaultRefused): void {
      deps.failed(error.reason);
      deps.log.warn({ code: error.reason }, 'the token for Vault was not renewed; it serves until it ends');
    },
  };
}

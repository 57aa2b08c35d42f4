/** Tokens made for one attempt, as the log tells of them: made, taken back, or an alert where that is not certain. */
import type { GovernedAction } from '../action.ts';
import type { AuditLog } from '../audit/log.ts';
import type { RequestId, TurnId } from '../model/ids.ts';
import type { Database } from '../store/database.ts';
import type { MintedToken, Minting } from './broker/call.ts';
import { expectToken, forgetToken, keepToken, keepTrying, type Sealing } from './minted-tokens.ts';
import type { CallName } from './sandbox/call.ts';

export type TokenEntriesDeps = {
  db: Database;
  audit: AuditLog;
  /** For tokens, until they are taken back. */
  sealing: Sealing;
  troubled(about: { request: RequestId; call: CallName; code: string; detail: string }): void;
  /** What operators should be told now, in our words. Absent where nobody can be. */
  alarmed?(about: { request: RequestId; code: string; message: string }): void;
};
type Spec = { call: CallName; governed: GovernedAction; turn: TurnId; request: RequestId };

/** Never the secret, nor anything made from it. */
export function tokenData({ exact, permissions, ...token }: MintedToken, call: CallName) {
  return { ...token, permissions: { ...permissions }, ...(exact ? {} : { refused: 'not_exact' }), call };
}

export function mintingFor(deps: TokenEntriesDeps, spec: Spec): Minting {
  const about = { turn: spec.turn, request: spec.request };
  return {
    sharedBy: spec.call === 'follow' ? spec.request : null,
    scope: (values) => spec.governed.operation.scope?.(values) ?? null,
    expected: (token) => expectToken(deps.db, { ...about, call: spec.call }, token),
    async notMade(id) {
      await forgetToken(deps.db, id);
    },
    async minted(id, token, secret) {
      const data = tokenData(token, spec.call);
      await deps.db.transaction(async (tx) => {
        await keepToken(tx, id, token, secret, deps.sealing);
        await deps.audit.append(tx, { type: 'credential.minted', ...about, data });
      });
    },
    async revoked(id, token, failure) {
      const data = tokenData(token, spec.call);
      const entry =
        failure === null
          ? ({ type: 'credential.revoked', ...about, data } as const)
          : ({
              type: 'alert.raised',
              ...about,
              data: { ...data, code: 'credential_not_revoked', why: failure },
            } as const);
      let isSaid = false;
      try {
        isSaid = await deps.db.transaction(async (tx) => {
          const was = await (failure === null ? forgetToken : keepTrying)(tx, id);
          // Held for longer than anybody should hold it: another process has taken it back, or told operators.
          if (was === null || (failure !== null && was.told)) return true;
          await deps.audit.append(tx, entry);
          return false;
        });
      } catch (error) {
        // What the run did is recorded; that its token is gone is no reason to call it unknown, and what is left of it is
        // found in its row.
        const detail = error instanceof Error ? error.message : '';
        deps.troubled({ request: spec.request, call: spec.call, code: 'revocation_unrecorded', detail });
      }
      if (failure === null || isSaid) return;
      deps.alarmed?.({
        request: spec.request,
        code: 'credential_not_revoked',
        message: `A token of ${token.name} for ${token.repository} could not be taken back (${failure}). It is tried again until it ends by itself at ${token.expiresAt}.`,
      });
    },
  };
}

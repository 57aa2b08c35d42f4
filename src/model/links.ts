/** Linking a chat account to oneself: what the workspace may ask of the core, and what a platform says of an account. */
import type { PrincipalId } from './ids.ts';
import type { Account } from './principal.ts';

/** An account that can be linked so: the workspace's own is what one signs in with, and only the file names it. */
export type ChatAccount = Exclude<Account, { platform: 'web' }>;

/** What a platform says of an account, when asked: `name` in its words, untrusted. */
export type AccountFacts = {
  name: string;
  /** `outsider`: a guest, a bot, somebody of another workspace or tenant, or switched off there. */
  standing: 'member' | 'outsider';
};

/** Who is signed in to the workspace, and by which account. */
export type SignedInAs = { principal: PrincipalId; issuer: string; subject: string };

export type LinkShown = {
  id: string;
  account: ChatAccount;
  /** As the platform stated it; untrusted. */
  name: string;
  /** RFC 3339. */
  linkedAt: string;
  /** False where the operator's file says otherwise. */
  counts: boolean;
};

export type LinkPage = {
  links: LinkShown[];
  /** A code that nobody has sent yet; the code itself was shown once. */
  waiting: { expiresAt: string } | null;
  /** The account that sent it, and asks to be linked. */
  asking: { id: string; account: ChatAccount; name: string; expiresAt: string } | null;
};

/** Every method acts for whoever is signed in. */
export interface AccountLinking {
  page(by: SignedInAs): Promise<LinkPage>;
  /** A new one-time code, shown once; an earlier one ends. Errors: `rate_limited`, `kill_switch`. */
  begin(by: SignedInAs): Promise<{ code: string; expiresAt: string }>;
  /** Yes or no to the account that asks. Errors: `conflict` where that is over, `kill_switch`. */
  answer(by: SignedInAs, id: string, yes: boolean): Promise<void>;
  /** One's own. Errors: `not_found`. */
  remove(by: SignedInAs, id: string): Promise<void>;
}

/**
 * Linking a chat account to oneself by signing in on both sides: the workspace gives a code, a direct message sends it, and the
 * workspace asks whether the account that sent it is meant. A code that was phished links nothing without that yes, and a yes
 * without the code has nothing to answer.
 */
import { randomUUID } from 'node:crypto';
import type { AuditLog } from './audit/log.ts';
import { accountKey, type DirectoryFile } from './directory/file.ts';
import { linkCounts } from './directory/linked.ts';
import {
  type AccountLink,
  type Asked,
  begunBy,
  claimCode,
  claimedBy,
  dropLink,
  endQuestion,
  keepCode,
  keepLink,
  linkOf,
  linksOf,
  openCode,
} from './directory/links.ts';
import { AppError } from './errors.ts';
import { switchesOn } from './intake/killswitch.ts';
import { admitLinkCode, admitLinkTry } from './intake/limits.ts';
import { hashOfLinkCode, newLinkCode } from './intake/link-code.ts';
import type { StoredTurn } from './intake/turns.ts';
import type { PrincipalId, ThreadId } from './model/ids.ts';
import type { AccountFacts, AccountLinking, ChatAccount } from './model/links.ts';
import type { Directory, Ephemeral, Surface } from './model/ports.ts';
import type { Platform, Principal } from './model/principal.ts';
import { type Deliverer, notify, reply } from './reply/messages.ts';
import { cleanText } from './screening/text.ts';
import type { Database, Sql, Tx } from './store/database.ts';

export type LinkingDeps = Deliverer & {
  db: Database;
  audit: AuditLog;
  ephemeral: Ephemeral;
  directory: Directory;
  /** The operator's file as it is now. */
  file(): DirectoryFile;
  surface(platform: Platform): Surface | null;
  /** For operators: a platform cannot say what it must say of an account. */
  troubled(error: unknown): void;
};

export type Linking = AccountLinking & {
  /** A direct message has sent a code; what it is answered. Errors of status 503: to be tried again. */
  claim(turn: StoredTurn, account: ChatAccount, codeHash: string): Promise<string>;
};

/** Longest name that is kept, in UTF-16 units: as a page shows it. */
const NAME_CHARACTERS = 80;

const WRONG_CODE =
  'That code is not valid, or not any more: it holds for ten minutes, once. Get a new one in the workspace, under "Link a chat account".';
const OUTSIDER =
  'Only accounts of our own people can be linked: yours is a guest, a bot, of another organisation, or switched off. Nothing was linked.';
const CANNOT_TELL =
  'I cannot find out now whose account this is, so nothing was linked. Please try again later, or ask an operator.';
const OVER = 'That question is over. Get a new code, and send it again.';
const LINKED_BEFORE = 'That account is linked already, or the directory knows it. Nothing was changed.';

const asksInWords = (person: Principal): string =>
  `This account now asks to be linked to ${person.name} (${person.id}). Go back to the page that gave you the code, look at the account that it shows, and say yes there within ten minutes. If it was not you who got this code, do nothing: without that yes nothing is linked. Then tell an operator who sent it to you.`;

export function createLinking(deps: LinkingDeps): Linking {
  const { db, audit, ephemeral } = deps;

  /** What stops everything, or this person, stops this too. */
  const whyOff = async (sql: Sql, person: PrincipalId): Promise<string | null> => {
    const found = (await switchesOn(sql)).find(
      (it) => !it.action && !it.connector && (!it.principal || it.principal === person),
    );
    return found === undefined ? null : `Nothing can be linked at the moment: ${found.reason}`;
  };
  const unlessOff = async (sql: Sql, person: PrincipalId): Promise<void> => {
    const off = await whyOff(sql, person);
    if (off !== null) throw new AppError('kill_switch', off);
  };

  /** Null where it was answered why not. */
  const factsOf = async (turn: StoredTurn, account: ChatAccount): Promise<AccountFacts | null> => {
    const surface = deps.surface(account.platform);
    if (surface?.factsOf === undefined) return null;
    try {
      return await surface.factsOf(account, turn.place);
    } catch (error) {
      if (!(error instanceof AppError) || error.status === 503) throw error;
      deps.troubled(error);
      return null;
    }
  };

  return {
    async claim(turn, account, codeHash) {
      const before = await claimedBy(db, turn.id);
      const beforeOf = before && (await deps.directory.byId(before.principal));
      if (beforeOf) return asksInWords(beforeOf);
      const admission = await admitLinkTry(ephemeral, accountKey(account));
      if (!admission.ok) return admission.message;
      const code = await openCode(db, codeHash);
      const person = code && (await deps.directory.byId(code.principal));
      if (code === null || person === null) return WRONG_CODE;
      const off = await whyOff(db, person.id);
      if (off !== null) return off;
      const facts = await factsOf(turn, account);
      if (facts === null) return CANNOT_TELL;
      if (facts.standing !== 'member') return OUTSIDER;
      const name = cleanText(facts.name).slice(0, NAME_CHARACTERS);
      const claimed = await db.transaction(async (tx) => {
        const asked = await claimCode(tx, codeHash, { turn: turn.id, account, name });
        if (asked === null) return false;
        await audit.append(tx, {
          type: 'account.asked',
          turn: turn.id,
          ...entryOf({ id: asked.id, principal: person.id, account, name }),
        });
        await notify(tx, { kind: 'links', principal: person.id });
        return true;
      });
      return claimed ? asksInWords(person) : WRONG_CODE;
    },

    async page(by) {
      const [links, begun] = [await linksOf(db, by.principal), await begunBy(db, by)];
      const expiresAt = begun?.expiresAt.toISOString() ?? '';
      return {
        links: links.map((link) => ({
          id: link.id,
          account: link.account,
          name: link.name,
          linkedAt: link.linkedAt.toISOString(),
          counts: linkCounts(deps.file(), link),
        })),
        waiting: begun !== null && begun.account === null ? { expiresAt } : null,
        asking: begun?.account
          ? { id: begun.id, account: begun.account, name: begun.name ?? '', expiresAt }
          : null,
      };
    },

    async begin(by) {
      await unlessOff(db, by.principal);
      const admission = await admitLinkCode(ephemeral, by.principal);
      if (!admission.ok) throw new AppError('rate_limited', admission.message);
      const code = newLinkCode();
      return db.transaction(async (tx) => {
        const { expiresAt } = await keepCode(tx, by, randomUUID(), hashOfLinkCode(code));
        await notify(tx, { kind: 'links', principal: by.principal });
        return { code, expiresAt: expiresAt.toISOString() };
      });
    },

    async answer(by, id, yes) {
      if (yes) await unlessOff(db, by.principal);
      await db.transaction(async (tx) => {
        const asked = await endQuestion(tx, by, id);
        if (asked === null) throw new AppError('conflict', OVER);
        await notify(tx, { kind: 'links', principal: by.principal });
        if (!yes) return audit.append(tx, { type: 'account.refused', turn: asked.turn, ...entryOf(asked) });
        return link(tx, asked);
      });
    },

    async remove(by, id) {
      const removed = await unlink(deps, id, by.principal, by.principal);
      if (removed === null) throw new AppError('not_found', 'There is no such link of yours.');
    },
  };

  async function link(tx: Tx, asked: Asked): Promise<void> {
    const { account, turn, principal } = asked;
    // Between the message and the yes the operators may have spoken.
    if (deps.file().accounts.has(accountKey(account))) throw new AppError('conflict', LINKED_BEFORE);
    const there = await linkOf(tx, account);
    // Whose it was has left, or lost the sign-in that made it: what counts for nothing keeps nobody out.
    if (there !== null && !linkCounts(deps.file(), there)) {
      await dropLink(tx, there.id, null);
      await recordUnlinked(tx, audit, there, 'directory');
    }
    if (!(await keepLink(tx, asked))) throw new AppError('conflict', LINKED_BEFORE);
    await audit.append(tx, { type: 'account.linked', turn, ...entryOf(asked) });
    const { thread } = await tx.one<{ thread: ThreadId }>('select thread from turns where id = $1', [turn]);
    await reply(tx, deps, {
      thread,
      turn: null,
      principal,
      authorship: 'system',
      text: `This account is linked now: what is said here is said by ${principal}. If that is wrong, tell an operator at once.`,
    });
  }
}

/**
 * Takes a link away at once; null where there is none, or not of `only`. `by` names who did it (`os:root` on the command line).
 */
export async function unlink(
  { db, audit }: { db: Database; audit: AuditLog },
  id: string,
  by: string,
  only: PrincipalId | null,
): Promise<AccountLink | null> {
  return db.transaction(async (tx) => {
    const removed = await dropLink(tx, id, only);
    if (removed === null) return null;
    await recordUnlinked(tx, audit, removed, by);
    await notify(tx, { kind: 'links', principal: removed.principal });
    return removed;
  });
}

async function recordUnlinked(tx: Tx, audit: AuditLog, link: AccountLink, by: string): Promise<void> {
  const { data, ...entry } = entryOf(link);
  await audit.append(tx, { type: 'account.unlinked', ...entry, data: { ...data, by } });
}

/** Ids of an account are about a person, as its name is: sealed with their key. */
const entryOf = (of: { id: string; principal: PrincipalId; account: ChatAccount; name: string }) => ({
  principal: of.principal,
  data: { link: of.id, platform: of.account.platform },
  sealed: { person: of.principal, content: { account: of.account, name: of.name } },
});

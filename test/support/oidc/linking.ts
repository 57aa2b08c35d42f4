/** Linking in memory, for the pages' own tests: it keeps what a page can see of it, and proves nothing about the core. */
import { AppError } from '../../../src/errors.ts';
import type { AccountLinking, ChatAccount, LinkPage, SignedInAs } from '../../../src/model/links.ts';
import type { WebAssistant } from '../web-assistant.ts';

const MINUTE_MS = 60_000;

export function memoryLinking(tell: () => Pick<WebAssistant, 'change'>) {
  const pages = new Map<string, LinkPage>();
  const calls: { did: string; by: SignedInAs }[] = [];
  const inTenMinutes = () => new Date(Date.now() + 10 * MINUTE_MS).toISOString();
  const pageOf = ({ principal }: SignedInAs): LinkPage => {
    const page = pages.get(principal) ?? { links: [], waiting: null, asking: null };
    pages.set(principal, page);
    return page;
  };
  const linking: AccountLinking = {
    page: async (by) => structuredClone(pageOf(by)),
    async begin(by) {
      calls.push({ did: 'begin', by });
      const expiresAt = inTenMinutes();
      Object.assign(pageOf(by), { waiting: { expiresAt }, asking: null });
      tell().change({ kind: 'links', principal: by.principal });
      return { code: 'abcd-efgh-jkmn-pqrs', expiresAt };
    },
    async answer(by, id, yes) {
      calls.push({ did: yes ? 'yes' : 'no', by });
      const page = pageOf(by);
      if (page.asking?.id !== id) throw new AppError('conflict', 'That question is over.');
      const { account, name } = page.asking;
      if (yes) page.links.push({ id, account, name, linkedAt: new Date().toISOString(), counts: true });
      page.asking = null;
    },
    async remove(by, id) {
      calls.push({ did: 'remove', by });
      const page = pageOf(by);
      if (!page.links.some((link) => link.id === id))
        throw new AppError('not_found', 'There is no such link.');
      page.links = page.links.filter((link) => link.id !== id);
    },
  };
  return {
    linking,
    calls,
    /** Somebody sent the code from this account. */
    send(by: SignedInAs, account: ChatAccount, name: string): void {
      const asking = { id: crypto.randomUUID(), account, name, expiresAt: inTenMinutes() };
      Object.assign(pageOf(by), { waiting: null, asking });
      tell().change({ kind: 'links', principal: by.principal });
    },
  };
}

/** What a turn is answered with, and for whose eyes it is. */
import type { StoredTurn } from './intake/turns.ts';
import type { Authorship, Form, Source } from './model/card.ts';
import type { Account, Principal } from './model/principal.ts';

export type Saying = {
  text: string;
  authorship: Exclude<Authorship, 'person'>;
  form?: Form | null;
  sources?: readonly Source[];
  forAsker?: boolean;
};

/** What a command was answered; `refused`: this person may not. */
export type Answered = { words: string; refused: boolean };
export const inWords = (words: string): Answered => ({ words, refused: false });

/** Whoever asked may not, or is not known: where others read along, that is nobody else's concern. */
export const refusal = (text: string): Saying => ({ text, authorship: 'system', forAsker: true });

/** What concerns one person: where others may read it all the same, it says whom it is meant for. */
export function aside({ place }: StoredTurn, { name }: Principal, words: string): Saying {
  return refusal(place.direct ? words : `${name}: ${words}`);
}

/** A question of ours: among others it says besides what an answer takes to reach us. */
export const question = ({ place }: StoredTurn, words: string): string =>
  place.direct ? words : `${words} Mention me when you answer: I hear nothing else here.`;

export const INACTIVE =
  'Your account is switched off in the directory, so I may not do anything for you. Ask an operator if that is a mistake.';

export const LINK_IN_DIRECT =
  'Send a code in a direct message to me and nowhere else: here others read it. Get a new one first.';

/** Whoever is known needs no link. */
export const knownInWords = ({ name, id }: Principal): string =>
  `The directory knows this account already: it is ${name} (${id}). Nothing was linked.`;

/** Denied, and how to be let in; `linksAt`: the page where people link an account of their own, null where they cannot. */
export function strangerInWords(account: Account, linksAt: string | null = null): string {
  const words = `I do not know you, so I may not do anything for you. Ask an operator to add this account to the directory: ${accountInWords(account)}.`;
  return linksAt === null || account.platform === 'web'
    ? words
    : `${words} If you can sign in to the workspace, you can link it yourself: ${linksAt}`;
}

/** Every id of an account. */
export function accountInWords(account: Account): string {
  switch (account.platform) {
    case 'slack':
      return `Slack ${account.enterprise === null ? '' : `organisation ${account.enterprise}, `}workspace ${account.team}, user ${account.user}`;
    case 'teams':
      return `Teams tenant ${account.tenant}, user ${account.user}`;
    case 'web':
      return `${account.issuer}, ${account.subject}`;
  }
}

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

/** Denied, and how to be let in. */
export function strangerInWords(account: Account): string {
  const id =
    account.platform === 'slack'
      ? `Slack ${account.enterprise === null ? '' : `organisation ${account.enterprise}, `}workspace ${account.team}, user ${account.user}`
      : account.platform === 'teams'
        ? `Teams tenant ${account.tenant}, user ${account.user}`
        : `${account.issuer}, ${account.subject}`;
  return `I do not know you, so I may not do anything for you. Ask an operator to add this account to the directory: ${id}.`;
}

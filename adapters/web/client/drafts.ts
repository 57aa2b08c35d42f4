/**
 * What was typed and not sent yet, kept in this tab: a session that ends, or a reload, throws none of it away. It is nobody
 * else's to see: each person has their own, and who signs out, or signs in as another person, leaves none behind.
 */
import { useState } from 'react';
import { useWorkspace } from './live.tsx';

const PREFIX = 'countersign.draft:';
/** No person's id holds a colon. */
const ofPerson = (person: string): string => `${PREFIX}${person}:`;

/** One text that is being written: kept with every letter, as `''` once it is sent or given up. */
export type Draft = { readonly text: string; keep(text: string): void };

/** `place` names what the text is for, with the digest where it is about a request as it stands. */
export function useDraft(place: string): Draft {
  const { api } = useWorkspace();
  return draftAt(ofPerson(api.person) + place);
}

/** A field's text that is also a draft. */
export function useDraftText(place: string): [string, (text: string) => void] {
  const draft = useDraft(place);
  const [text, setText] = useState(draft.text);
  const write = (next: string) => {
    draft.keep(next);
    setText(next);
  };
  return [text, write];
}

function draftAt(key: string): Draft {
  return {
    get text() {
      return sessionStorage.getItem(key) ?? '';
    },
    keep(text) {
      if (text === '') return sessionStorage.removeItem(key);
      try {
        sessionStorage.setItem(key, text);
      } catch (error) {
        // The tab's storage is full: the text is still in its field, and can be sent from there.
        console.warn('a draft could not be kept', error);
      }
    },
  };
}

/** Drops every draft of this tab but this person's; all of them without one. */
export function dropDrafts(but: string | null): void {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(PREFIX) && (but === null || !key.startsWith(ofPerson(but))))
      sessionStorage.removeItem(key);
  }
}

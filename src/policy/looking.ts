/** The look around for people who could help: a courtesy in a denial's words, so it may cost only so many questions. */
import { type Answer, ask, type Question } from './engine.ts';
import type { Person } from './question.ts';
import type { LoadedPolicies } from './types.ts';

export type Asking = (question: Question) => Answer;

/** One look around. What is asked beyond its limit is answered without a conclusion, and so lets nobody do anything. */
export type Look = {
  ask: Asking;
  /** Whether something was left unasked: then nobody found does not mean nobody there. */
  isCutShort(): boolean;
};

/**
 * A question takes some tenths of a millisecond and the process does nothing else meanwhile. Each candidate is a whole
 * decision, in which everybody of a large group may have to be asked about.
 */
export const MAX_QUESTIONS = 200;

/** More names than this are a list that nobody reads. */
export const MAX_NAMES = 3;

const UNASKED: Answer = { allowed: false, policies: [], errors: ['not asked: the look around is over'] };

export function lookAround(loaded: LoadedPolicies): Look {
  let questions = 0;
  return {
    ask(question) {
      questions += 1;
      return questions > MAX_QUESTIONS ? UNASKED : ask(loaded, question);
    },
    isCutShort: () => questions > MAX_QUESTIONS,
  };
}

/** The first few for whom it holds, as far as the look goes. */
export function firstFew(
  look: Look,
  people: readonly Person[],
  holds: (person: Person) => boolean,
): Person[] {
  const found: Person[] = [];
  for (const person of people) {
    if (holds(person)) found.push(person);
    if (found.length === MAX_NAMES || look.isCutShort()) break;
  }
  return found;
}

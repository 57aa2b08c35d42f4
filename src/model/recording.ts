/** What everybody must be able to know of us, in one place: the first answer says it, and so do the pages that anybody may read. */

export const WHAT_I_AM =
  'I am Countersign: I do what you ask for only as far as policy allows, and, where it says so, only after others agreed.';
export const WHAT_I_RECORD =
  'I record what you write, what was decided, and what was done, in a log in which every later change would be found.';
export const FOR_HOW_LONG =
  'What you write is kept until an operator erases it for you; that something was asked and done stays for ever.';
export const OPERATORS_CAN_READ = 'Whoever operates this installation can read what is stored.';
export const HOW_TO_REPORT =
  'Does something look wrong? Please press Report on its card, or write "report:" and what you saw.';
